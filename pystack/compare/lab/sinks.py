"""Where a run is told: on the screen, as a stream, in files. Each takes in scenarios as they end, and at last
the whole.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final, Protocol

from pystack.compare.findings import Entry, Findings
from pystack.compare.report import Report
from pystack.compare.stream import events

WIDTH: Final = 160  # of a report that does not go to a terminal


STANDARD_OUTPUT: Final = "standard output"


class Sink(Protocol):
    """One place where a run is told."""

    name: str

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


class Audience:
    """All sinks of a run. One that cannot take in any more, as a disk is full, is named, and told nothing
    more.
    """

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = list(sinks)
        self.has_failed = False

    def __bool__(self) -> bool:
        return bool(self._sinks)

    def add(self, entry: Entry) -> None:
        """One scenario more."""
        self._tell(lambda sink: sink.add(entry))

    def finish(self, findings: Findings) -> None:
        """The run has ended, or was interrupted."""
        self._tell(lambda sink: sink.finish(findings))

    def _tell(self, what: Callable[[Sink], None]) -> None:
        for sink in tuple(self._sinks):
            try:
                what(sink)
            except BrokenPipeError:
                raise  # whoever reads us has heard enough
            except OSError as error:
                complain_about_output(sink.name, error)
                self._sinks.remove(sink)
                self.has_failed = True


def complain_about_output(name: str, error: OSError) -> None:
    """One line; what still waits for standard output is thrown away, or Python would try again at its end."""
    if name == STANDARD_OUTPUT:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    print(f"pystack: {name} cannot be written: {error.strerror}", file=sys.stderr)


class Screen:
    """For people: a line a scenario at once, what differs at the end."""

    name = STANDARD_OUTPUT

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
        sys.stdout.flush()

    def close(self) -> None:
        """It has nothing of its own."""


class Stream:
    """For programs: one object a line, and nothing else."""

    name = STANDARD_OUTPUT

    def add(self, entry: Entry) -> None:
        for event in events(entry):
            print(json.dumps(event))
        sys.stdout.flush()

    def finish(self, findings: Findings) -> None:
        print(json.dumps(findings.summary.to_json()), flush=True)

    def close(self) -> None:
        """It has nothing of its own."""


class ReportFile:
    """One document, made when all is known. The file is opened at once: what cannot be written is said before
    an hour of playing. Raises OSError.
    """

    def __init__(self, name: str, render: Callable[[Findings], str]) -> None:
        self.name = name
        self._render = render
        self._file = open(name, "w", encoding="utf-8")  # noqa: SIM115 closed by close()

    def add(self, entry: Entry) -> None:
        """It waits for the whole."""

    def finish(self, findings: Findings) -> None:
        self._file.write(self._render(findings))
        self._file.flush()

    def close(self) -> None:
        with suppress(OSError):  # of what finish() could not write, and has told
            self._file.close()
