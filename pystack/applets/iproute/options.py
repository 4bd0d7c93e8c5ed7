"""The options before the object: `ip -br -4 -n lab …`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pystack.applets.io import Io
from pystack.applets.iproute.printer import Printer
from pystack.applets.iproute.words import Words
from pystack.applets.session import Session


@dataclass(slots=True)
class Options:
    """What was asked for; counts, where an option may stand several times."""

    family: str = ""  # "", inet, inet6, link, bridge
    stats: int = 0
    details: bool = False
    human: bool = False
    iec: bool = False
    oneline: bool = False
    brief: bool = False
    json: bool = False
    pretty: bool = False
    numeric: bool = False
    force: bool = False
    all: bool = False
    color: str = "never"  # always, auto
    batch_file: str | None = None
    max_flush_loops: int = 10

    def printer(self, io: Io) -> Printer:
        """What a listing writes into."""
        color = self.color == "always" or (self.color == "auto" and io.tty)
        return Printer(io.out, json=self.json, pretty=self.pretty, oneline=self.oneline, color=color)


ParseOption = Callable[[str, Words, Options, Session], Session]


def read_options(words: Words, session: Session, parse: ParseOption) -> tuple[Options, Session]:
    """What stands before the object, and the place that `-n` chose; `--` ends it."""
    options = Options()
    while words and words.word.startswith("-"):
        word = words.take()
        if word == "--":
            break
        session = parse(word[1:] if word.startswith("--") else word, words, options, session)
    return options, session
