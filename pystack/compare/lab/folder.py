"""What stands beside scenarios: known.toml, the registry of known differences, and pending.txt, what cannot
pass yet.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Final

from pystack.compare.diff import CLASSES
from pystack.compare.known import BadRange, KernelRange, Known
from pystack.compare.lab.nearest import nearest
from pystack.compare.lab.scenario_file import ScenarioError, parse_toml, read_text
from pystack.compare.lab.scenario_source import Path, Source, Table

KNOWN: Final = "known.toml"
PENDING: Final = "pending.txt"
KNOWN_KEYS: Final = ("scenario", "class", "cause", "reason", "kernel")


def folders_of(files: Iterable[str]) -> list[str]:
    """The folders whose registries concern these files: their own and those above."""
    found: dict[str, None] = {}
    for file in files:
        folder, below = os.path.dirname(os.path.abspath(file)), ""
        while folder != below:
            found[folder] = None
            folder, below = os.path.dirname(folder), folder
    return list(found)


def known_differences(folders: Iterable[str]) -> list[Known]:
    """The rows of every known.toml in these folders. Raises ScenarioError with all that is wrong."""
    rows: list[Known] = []
    complaints: list[str] = []
    for file in _registries(folders, KNOWN):
        text = read_text(file)
        source = Source(file, text)
        rows += _known_rows(source, parse_toml(text, file))
        complaints += source.sorted_complaints()
    if complaints:
        raise ScenarioError(complaints)
    return rows


def pending_scenarios(folders: Iterable[str]) -> dict[str, str]:
    """Files that cannot pass yet, by their absolute names, each with what they wait for.

    Lines of `FILE: subject`, `#` comments. Raises ScenarioError with all that is wrong.
    """
    waiting: dict[str, str] = {}
    complaints: list[str] = []
    for file in _registries(folders, PENDING):
        for number, line in enumerate(read_text(file).splitlines(), 1):
            name, _, subject = (part.strip() for part in line.partition("#")[0].partition(":"))
            if not name and not subject:
                continue
            scenario = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(file)), name))
            if fault := _pending_fault(scenario, name, subject, waiting):
                complaints.append(f"{file}:{number}: {fault}")
            waiting[scenario] = subject
    if complaints:
        raise ScenarioError(complaints)
    return waiting


def _pending_fault(scenario: str, name: str, subject: str, waiting: dict[str, str]) -> str:
    if scenario in waiting:
        return f'"{name}" is there twice'
    if not os.path.isfile(scenario):
        folder = os.path.dirname(scenario)
        there = os.listdir(folder) if os.path.isdir(folder) else []
        return f'there is no scenario "{name}"{nearest(os.path.basename(name), there)}'
    return "" if subject else f'"{name}": says not what it waits for'


def _registries(folders: Iterable[str], name: str) -> list[str]:
    """Files of this name, from where we are if they are below."""
    places = [os.path.join(folder, name) for folder in folders]
    here = os.path.join(os.getcwd(), "")
    return [place.removeprefix(here) for place in places if os.path.exists(place)]


def _known_rows(source: Source, table: Table) -> list[Known]:
    source.check_known(table, ("known",))
    return [_known_row(source, row, path) for path, row in source.tables(table, "known")]


def _known_row(source: Source, row: Table, path: Path) -> Known:
    source.check_known(row, KNOWN_KEYS, path)
    scenario, cls, cause, reason, kernel = (source.text(row, key, path) for key in KNOWN_KEYS)
    if cls not in CLASSES:
        source.complain((*path, "class"), f"must be one of {', '.join(CLASSES)}")
    if not reason.strip():
        source.complain((*path, "reason"), "a known difference has a reason")
    try:
        return Known(scenario, cls, cause, reason, KernelRange.parse(kernel))
    except BadRange as error:
        source.complain((*path, "kernel"), str(error))
        return Known(scenario, cls, cause, reason, KernelRange())
