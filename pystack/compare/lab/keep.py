"""A run in a folder: to read without playing, to look at with other tools, and to play again.

summary.json                     how many scenarios ended how, and every difference with where it is kept
events.jsonl                     what `--json` prints
kernel.pcapng, pystack.pcapng    all frames and captures, with the path of its packet on each
report.html                      what `--html` writes
scenarios/                       those that differ, with what they need: `pystack compare lab DIR` plays them
"""

from __future__ import annotations

import json
import os
import shutil
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import BinaryIO, Final

from pystack.compare.findings import Entry, Findings
from pystack.compare.html import html
from pystack.compare.lab.folder import folders_of
from pystack.compare.lab.scenario_file import read_text
from pystack.compare.path import PacketPath, packets_of_frames, paths
from pystack.compare.records import Captured, Frame, Record
from pystack.compare.stream import events
from pystack.explain.path_kind import Wiring
from pystack.wire import pcapng
from pystack.wire.pcap import NANOSECONDS

SUMMARY: Final = "summary.json"
EVENTS: Final = "events.jsonl"
REPORT: Final = "report.html"
CAPTURES: Final = ("kernel.pcapng", "pystack.pcapng")
SCENARIOS: Final = "scenarios"
KNOWN: Final = "known.toml"
MICROSECOND: Final = 1000  # between two records in a capture: they have an order, and no time


class FolderInUse(Exception):
    """There is something in the folder already."""


class Keeper:
    """Writes a run down while it goes on. Raises FolderInUse, and OSError where nothing can be written."""

    def __init__(self, folder: str) -> None:
        self.name = folder
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)
        if any(self._folder.iterdir()):
            raise FolderInUse(f"{folder}: is not empty; a run is kept in a folder of its own")
        with ExitStack() as stack:
            self._events = stack.enter_context(open(self._folder / EVENTS, "w", encoding="utf-8"))
            self._captures = [
                _CaptureFile(stack.enter_context(open(self._folder / name, "wb"))) for name in CAPTURES
            ]
            self._files = stack.pop_all()

    def add(self, entry: Entry) -> None:
        """One scenario more."""
        for event in events(entry):
            self._events.write(json.dumps(event) + "\n")
        outcome = entry.outcome
        for capture, records in zip(self._captures, (outcome.kernel, outcome.pystack), strict=True):
            capture.add(outcome.file, records, entry.wiring)

    def finish(self, findings: Findings, places: Mapping[str, str] | None = None) -> None:
        """The sums, the report, and the scenarios that differ, unless these have their `places` already."""
        self._files.close()
        if places is None:
            places = _places([entry.outcome.file for entry in findings.entries if entry.findings])
            self._copy(places)
        (self._folder / REPORT).write_text(html(findings), encoding="utf-8")
        differences = [
            {"n": found.number, "file": found.outcome.file, "kept": places[found.outcome.file]}
            | {"class": found.difference.cls, "step": found.difference.step, "at": found.difference.at}
            | {"cause": found.difference.cause, "known": bool(found.difference.known)}
            for found in findings
        ]
        summary = findings.summary.to_json() | {"differences": differences}
        (self._folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")

    def _copy(self, places: Mapping[str, str]) -> None:
        for source, place in places.items():
            target = self._folder / place
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)

    def close(self) -> None:
        """Let go of the files, finished or not."""
        with suppress(OSError):  # of what could not be written, and was told
            self._files.close()


class _CaptureFile:
    """One side's frames, an interface for each device, a second for each scenario."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._interfaces: dict[str, int] = {}
        self._scenarios = 0
        file.write(pcapng.section_header())

    def add(self, scenario: str, records: Sequence[Record], wiring: Wiring) -> None:
        begin = self._scenarios * NANOSECONDS
        self._scenarios += 1
        by_number = {path.packet: path for path in paths(records, wiring)}
        packets = packets_of_frames(records)
        for place, record in enumerate(records):
            if not isinstance(record, Frame | Captured):
                continue
            device = record.port if isinstance(record, Frame) else record.device
            path = by_number.get(packets.get(place, 0))
            comment = f"{scenario}, step {record.step}" + (f"\n{_told(path)}" if path else "")
            number, time = self._interface(device), begin + place * MICROSECOND
            block = pcapng.packet(number, time, record.data, comment=comment, direction=record.dir)
            self._file.write(block)

    def _interface(self, device: str) -> int:
        if device not in self._interfaces:
            self._interfaces[device] = len(self._interfaces)
            self._file.write(pcapng.interface(device))
        return self._interfaces[device]


def _told(path: PacketPath) -> str:
    return f"packet {path.packet}: {path}\n{path.way}"


def _places(scenarios: Iterable[str]) -> Mapping[str, str]:
    """Where in the folder each scenario goes, and each file that it needs: beside each other as they were."""
    files = list(scenarios)
    needed = [os.path.join(folder, KNOWN) for folder in folders_of(files)]
    sources = [
        *files,
        *(capture for file in files for capture in _captures_of(file)),
        *(known for known in needed if os.path.exists(known)),
    ]
    if not sources:
        return {}
    top = os.path.commonpath([os.path.dirname(os.path.abspath(source)) for source in sources])
    return {source: os.path.join(SCENARIOS, os.path.relpath(source, top)) for source in sources}


def _captures_of(scenario: str) -> list[str]:
    """The capture files whose frames a scenario sends."""
    steps = tomllib.loads(read_text(scenario)).get("step", [])
    names = [step["send"]["pcap"] for step in steps if "pcap" in step.get("send", {})]
    return [os.path.join(os.path.dirname(scenario), name) for name in names if not os.path.isabs(name)]
