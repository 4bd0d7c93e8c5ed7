"""`--keep`: a folder with a scenario file for each cause of difference, which `pystack compare lab` plays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from pystack.compare.findings import Findings
from pystack.compare.lab.keep import FolderInUse
from pystack.compare.lab.keep import Keeper as RunKeeper
from pystack.compare.lab.scenario_text import text_of
from pystack.compare.lab.wiring import wiring_of
from pystack.compare.live.examples.example import Example
from pystack.compare.live.examples.outcome import outcome_of
from pystack.compare.live.report import line
from pystack.compare.words import NOTHING, printable


class NoFolder(Exception):
    """Nothing can be kept there; the text says why."""


class Keeper:
    """Writes down an example as soon as there is one, and again when more is known; at the end the report of
    a lab's run. Raises NoFolder.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        try:
            self._run = RunKeeper(folder)
        except FolderInUse as error:
            raise NoFolder(str(error)) from None
        except OSError as error:
            raise NoFolder(f"{error.filename}: {error.strerror}") from None
        self._findings = Findings()

    def file_of(self, example: Example) -> Path:
        """Where it is kept."""
        return self._folder / f"cause-{example.number}.toml"

    def write(self, example: Example) -> None:
        """As much as is known. Raises OSError."""
        topology = example.scenario.topology
        topology = replace(topology, setup=topology.setup + "".join(_unlike(example)))
        scenario = replace(example.scenario, title=example.title, topology=topology)
        comment = "".join(f"# {printable(sentence)}\n" for sentence in _comment(example))
        self.file_of(example).write_text(comment + text_of(scenario), encoding="utf-8")

    def finish(self, examples: Iterable[Example]) -> str:
        """As they were seen live; how to look at them. Raises OSError."""
        places = {}
        for example in examples:
            file = self.file_of(example)
            places[str(file)] = file.name
            wiring = wiring_of(example.reproduction.scenario)
            self._run.add(self._findings.add(outcome_of(example, str(file)), wiring))
        self._run.finish(self._findings, places)
        numbers = self._findings.differences
        last = (
            f"`pystack compare lab {self._folder} --explain N` shows one, N up to {numbers}"
            if numbers
            else ""
        )
        return f"kept in {self._folder}, with report.html" + (f"; {last}" if last else "")

    def close(self) -> None:
        """Let go of the files, finished or not."""
        self._run.close()


def _unlike(example: Example) -> Iterator[str]:
    """What the kernel had and the copy had not, to be tried out."""
    for told in example.changed:
        if told.kernel != NOTHING:
            yield f"# the live kernel has: {printable(told.kernel)}\n"


def _comment(example: Example) -> Iterator[str]:
    """What a setup cannot say: what each side knew, and what is missing here."""
    yield f"{example.cause.cls} {example.cause.text}"
    yield line(example.cause.example)
    yield example.result
    yield from (f"not carried over: {lack}" for lack in example.reproduction.lacks)
    for told in example.state:
        yield f"{told.what}: kernel: {told.kernel}"
        yield f"{told.what}: pystack: {told.pystack}"
