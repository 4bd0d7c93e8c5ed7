"""One packet's lines held against what pystack printed of it: what differs, is missing, stands elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pystack.compare.align import pair_up
from pystack.compare.log.finding import Fault, Finding
from pystack.compare.log.message import Message
from pystack.compare.log.passage import Passage
from pystack.compare.log.replay import Played, parsed
from pystack.compare.log_lines import Identity, alike_lines


class Said(NamedTuple):
    """A line of the log, or one that pystack printed."""

    text: str
    message: Message | None
    number: int = 0  # in the file

    @property
    def name(self) -> str:
        """Its prefix, or where it was printed."""
        message = self.message
        if message is None:
            return self.text[:40]
        return message.prefix.strip().rstrip(":") or f"the line IN={message.indev} OUT={message.outdev}"


def differences(passage: Passage, played: Played, injected: frozenset[Identity]) -> Iterator[Finding]:
    """Line by line, in the order of the log."""

    def same(line: Said, other: Said) -> bool:
        return alike_lines(line.text, other.text, injected) is not None

    log = [Said(line.text.strip(), line.message, line.number) for line in passage.lines]
    ours = [Said(text.strip(), parsed(text)) for text in played.lines]
    pairs = pair_up(log, ours, same, _is_near)
    alone = [line for line, other in pairs if line is not None and other is None]
    awaited = [other for line, other in pairs if line is None and other is not None]
    for line in alone:
        twin = next((other for other in awaited if same(line, other)), None)
        if twin is None:
            text = f"{line.name}: pystack does not print this line"
            yield Finding(Fault.EXTRA, passage.number, text, line.number, line.name)
        else:
            awaited.remove(twin)
            text = f"{line.name} stands elsewhere: pystack prints it {_behind(twin, ours)}"
            yield Finding(Fault.ORDER, passage.number, text, line.number, line.name)
    for other in awaited:
        yield Finding(Fault.MISSING, passage.number, f"not in the log: {other.text}", about=other.name)
    for mine, its in pairs:
        if mine is not None and its is not None and not same(mine, its):
            words = _words(mine.text, its.text)
            keys = ", ".join(dict.fromkeys((one or other or "").partition("=")[0] for one, other in words))
            text = f"{mine.name} {_told(words)}"
            yield Finding(Fault.FIELD, passage.number, text, mine.number, f"{mine.name} {keys}".strip())


def _is_near(line: Said, other: Said) -> bool:
    if line.message is None or other.message is None:
        return False
    return line.message.place[:2] == other.message.place[:2]


def _behind(twin: Said, ours: Sequence[Said]) -> str:
    at = ours.index(twin)
    return f"behind {ours[at - 1].name}" if at else "first"


def _words(line: str, other: str) -> list[tuple[str | None, str | None]]:
    """The words in which two lines differ."""
    pairs = pair_up(line.split(), other.split(), str.__eq__, _has_same_key)
    return [(mine, its) for mine, its in pairs if mine != its]


def _told(words: Sequence[tuple[str | None, str | None]]) -> str:
    said = (f"says {mine or 'nothing'}, pystack says {its or 'nothing'}" for mine, its in words)
    return "; ".join(said) or "is spaced differently"


def _has_same_key(word: str, other: str) -> bool:
    return word.partition("=")[0] == other.partition("=")[0]
