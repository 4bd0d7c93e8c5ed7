"""Where a run is told: on the screen, as a stream, in files. Each takes in scenarios as they end, and at last
the whole.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from typing import Final, Protocol

from pystack.compare.findings import Entry, Findings
from pystack.compare.report import Report
from pystack.compare.stream import events

WIDTH: Final = 160  # of a report that does not go to a terminal


class Sink(Protocol):
    """One place where a run is told."""

    def add(self, entry: Entry) -> None:
        """One scenario more."""

    def finish(self, findings: Findings) -> None:
        """The run has ended, or was interrupted."""

    def close(self) -> None:
        """Let go of files, finished or not."""


def report_here() -> Report:
    """For our standard output: as wide as the terminal, in colours if it is one and nobody minds."""
    if not sys.stdout.isatty():
        return Report(width=WIDTH)
    return Report(width=shutil.get_terminal_size().columns, colours=not os.environ.get("NO_COLOR"))


class Screen:
    """For people: a line a scenario at once, what differs at the end."""

    def __init__(self) -> None:
        self._report = report_here()

    def add(self, entry: Entry) -> None:
        for line in self._report.scenario(entry):
            print(line)
        sys.stdout.flush()

    def finish(self, findings: Findings) -> None:
        for line in self._report.causes(findings.causes()):
            print(line)
        for line in self._report.summary(findings.summary):
            print(line)

    def close(self) -> None:
        """It has nothing of its own."""


class Stream:
    """For programs: one object a line, and nothing else."""

    def add(self, entry: Entry) -> None:
        for event in events(entry):
            print(json.dumps(event))
        sys.stdout.flush()

    def finish(self, findings: Findings) -> None:
        print(json.dumps(findings.summary.to_json()))

    def close(self) -> None:
        """It has nothing of its own."""


class ReportFile:
    """One document, made when all is known. The file is opened at once: what cannot be written is said before
    an hour of playing. Raises OSError.
    """

    def __init__(self, name: str, render: Callable[[Findings], str]) -> None:
        self._render = render
        self._file = open(name, "w", encoding="utf-8")  # noqa: SIM115 closed by close()

    def add(self, entry: Entry) -> None:
        """It waits for the whole."""

    def finish(self, findings: Findings) -> None:
        self._file.write(self._render(findings))

    def close(self) -> None:
        self._file.close()
