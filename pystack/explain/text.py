"""An explanation as a user reads it: a packet's line as tcpdump prints it, then a stage a line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.page import Look
from pystack.explain.journey import Explanation
from pystack.explain.picture import picture
from pystack.explain.stage import Reason, Stage, Traveller

_PLACE: Final = 17
_INDENT: Final = " " * 4
_WIDEST: Final = 110  # a longer line has its configuration right behind it


def pictures(explanation: Explanation) -> Iterator[str]:
    """Only the ways, drawn."""
    for traveller in explanation.travellers:
        yield from _headline(traveller)
        for line in picture(traveller.path, traveller.passed, explanation.wiring[traveller.netns]):
            yield f"{_INDENT}{line}".rstrip()
        yield f"{_INDENT}= {explanation.end_of(traveller)}"
    yield from _warning(explanation)


def lines(explanation: Explanation, *, detailed: bool = False) -> Iterator[str]:
    """The whole explanation."""
    for traveller in explanation.travellers:
        yield from _headline(traveller)
        mine = [stage for stage in explanation.stages if stage.packet == traveller.number]
        yield from _aligned(list(_stages(mine, traveller.netns, detailed)))
        yield f"{_INDENT}= {explanation.end_of(traveller)}   (path {traveller.path})"
    yield from _warning(explanation)


def _warning(explanation: Explanation) -> Iterator[str]:
    if explanation.is_cut_short:
        yield f"… and more: {len(explanation.travellers)} packets are followed, and this looks like a loop"


def _headline(traveller: Traveller) -> Iterator[str]:
    because = f", because of #{traveller.cause}" if traveller.cause else ""
    where = f" in namespace {traveller.netns}" if traveller.netns else ""
    yield f"#{traveller.number} {traveller.begins}{where}{because}: {packet_line(traveller)}"


def packet_line(traveller: Traveller) -> str:
    """As tcpdump has it, without the time."""
    look = Look(n=2, t=1)
    text = Dissector(look, Names()).text(0, traveller.frame, len(traveller.frame))
    return text.strip().splitlines()[0]


class _Row(NamedTuple):
    text: str
    config: str = ""


def _stages(stages: Iterable[Stage], netns: str, detailed: bool) -> Iterator[_Row]:
    for stage in stages:
        if stage.verbose and not detailed:
            continue
        place = stage.place if stage.netns == netns else f"{stage.netns}/{stage.place}"
        told = stage.told
        changed = f" [{', '.join(stage.changes)}]" if stage.changes else ""
        dropped = f" ({stage.drop})" if stage.drop else ""
        yield _Row(f"{_INDENT}{place:{_PLACE}} {told.text}{dropped}{changed}", told.config)
        for reason in told.reasons:
            yield _Row(f"{_INDENT}{_INDENT}{reason.text}", reason.config)
        if detailed and told.function:
            yield _Row(f"{_INDENT}{_INDENT}Linux: {told.function}")


def reason_lines(reasons: Iterable[Reason]) -> Iterator[str]:
    """Why alone, for those who say the rest by themselves."""
    return _aligned([_Row(f"{_INDENT}{reason.text}", reason.config) for reason in reasons])


def _aligned(rows: Sequence[_Row]) -> Iterator[str]:
    """The lines of configuration in a column of their own."""
    width = max((len(row.text) for row in rows if row.config), default=0)
    for row in rows:
        yield f"{row.text:{min(width, _WIDEST)}}   {row.config}".rstrip()
