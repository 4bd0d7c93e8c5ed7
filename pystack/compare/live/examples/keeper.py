"""`--keep`: a folder with a scenario file for each cause of difference, which `pystack compare lab` plays."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from pystack.compare.lab.scenario_text import text_of
from pystack.compare.live.examples.example import Example
from pystack.compare.live.report import line
from pystack.compare.words import NOTHING, printable

_LONGEST_TITLE: Final = 120


class NoFolder(Exception):
    """Nothing can be kept there; the text says why."""


class Keeper:
    """Writes down an example as soon as there is one, and again when more is known. Raises NoFolder."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            is_empty = not any(self._folder.iterdir())
        except OSError as error:
            raise NoFolder(f"{folder}: {error.strerror}") from None
        if not is_empty:
            raise NoFolder(f"{folder}: is not empty; a run is kept in a folder of its own")
        if not os.access(self._folder, os.W_OK | os.X_OK):
            raise NoFolder(f"{folder}: cannot be written into")

    def file_of(self, example: Example) -> Path:
        """Where it is kept."""
        return self._folder / f"cause-{example.number}.toml"

    def write(self, example: Example) -> None:
        """As much as is known. Raises OSError."""
        topology = example.scenario.topology
        topology = replace(topology, setup=topology.setup + "".join(_unlike(example)))
        scenario = replace(example.scenario, title=_title(example), topology=topology)
        comment = "".join(f"# {printable(sentence)}\n" for sentence in _comment(example))
        self.file_of(example).write_text(comment + text_of(scenario), encoding="utf-8")


def _title(example: Example) -> str:
    cause = example.cause
    text, _, _ = cause.text.partition("; ")  # behind it, which rule decided
    return printable(f"compare live: {cause.cls} at {cause.at}: {text}")[:_LONGEST_TITLE]


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
