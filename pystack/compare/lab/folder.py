"""What stands beside scenarios: known.toml, the registry of known differences, and pending.txt, what cannot
pass yet.
"""

from __future__ import annotations

import os
import tomllib
from typing import Final

from pystack.compare.known import BadRange, KernelRange, Known
from pystack.compare.lab.nearest import nearest
from pystack.compare.lab.scenario_file import ScenarioError
from pystack.toml_lines import TomlLines

KNOWN_KEYS: Final = ("scenario", "class", "cause", "reason", "kernel")


def known_differences(folders: list[str]) -> list[Known]:
    """The rows of every known.toml in these folders. Raises ScenarioError with all that is wrong."""
    rows: list[Known] = []
    complaints: list[str] = []
    for folder in folders:
        file = os.path.join(folder, "known.toml")
        if os.path.exists(file):
            rows += _read_known(file, complaints)
    if complaints:
        raise ScenarioError(complaints)
    return rows


def _read_known(file: str, complaints: list[str]) -> list[Known]:
    with open(file, encoding="utf-8") as opened:
        text = opened.read()
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        complaints.append(f"{file}: {error}")
        return []
    lines, rows = TomlLines(text), []
    for number, row in enumerate(table.get("known", [])):
        place = f"{file}:{lines.of('known', str(number))}"
        unknown = [key for key in row if key not in KNOWN_KEYS]
        complaints += [f"{place}: unknown key {key}{nearest(key, KNOWN_KEYS)}" for key in unknown]
        if not row.get("reason"):
            complaints.append(f"{place}: a known difference has a reason")
            continue
        try:
            kernels = KernelRange.parse(row.get("kernel", ""))
        except BadRange as error:
            complaints.append(f"{place}: {error}")
            continue
        rows.append(
            Known(row.get("scenario", ""), row.get("class", ""), row.get("cause", ""), row["reason"], kernels)
        )
    return rows


def pending_scenarios(folders: list[str]) -> dict[str, str]:
    """Files that cannot pass yet, each with what they wait for: lines of `FILE: subject`, `#` comments."""
    waiting: dict[str, str] = {}
    for folder in folders:
        file = os.path.join(folder, "pending.txt")
        if not os.path.exists(file):
            continue
        with open(file, encoding="utf-8") as opened:
            for line in opened:
                name, _, subject = line.partition("#")[0].strip().partition(":")
                if name:
                    waiting[os.path.normpath(os.path.join(folder, name.strip()))] = subject.strip()
    return waiting


def folders_of(files: list[str]) -> list[str]:
    """The folders whose registries concern these files: their own and those above."""
    found: list[str] = []
    for file in files:
        folder = os.path.dirname(file) or "."
        while folder not in found:
            found.append(folder)
            parent = os.path.dirname(folder)
            if not parent or parent == folder:
                break
            folder = parent
    return found
