"""Two ways of one packet, hop by hop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from pystack.compare.diff import Differ, Difference
from pystack.compare.points import framed
from pystack.compare.records import Frame, Hop, Record
from pystack.compare.words import short_line
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP

COMPARED: Final = 240  # octets of a packet, wherever its probe begins to count
_TYPE: Final = slice(ETH_HLEN - 2, ETH_HLEN)
_IPV4: Final = ETH_P_IP.to_bytes(2, "big")
_ID: Final = slice(ETH_HLEN + 4, ETH_HLEN + 6)
_CHECK: Final = slice(ETH_HLEN + 10, ETH_HLEN + 12)
_NOT_DRAWN: Final = (
    slice(0, _ID.start),
    slice(_ID.stop, _CHECK.start),
    slice(_CHECK.stop, ETH_HLEN + COMPARED),
)


@dataclass(slots=True)
class Verdict:
    """One packet as both sides saw it."""

    number: int
    kernel: list[Hop]
    pystack: list[Hop]
    differences: list[Difference] = field(default_factory=list)
    unplayed: str = ""  # why it was not compared
    path: str = ""
    is_aside: bool = False  # nobody asked about it
    made_here: bool = False  # each side made it by itself

    @property
    def first(self) -> Hop:
        """Where it was first seen, by the kernel if it was."""
        return (self.kernel or self.pystack)[0]

    @property
    def may_go_on(self) -> bool:
        """Whether it is behind on our side: it may wait for a neighbour's answer."""
        return len(self.pystack) < len(self.kernel)

    @property
    def parting(self) -> int:
        """How many hops they have in common before they part."""
        alike = is_same_made if self.made_here else is_same
        pairs = enumerate(zip(self.kernel, self.pystack, strict=False))
        return next((at for at, pair in pairs if not alike(*pair)), min(len(self.kernel), len(self.pystack)))

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return not self.differences and not self.unplayed

    @property
    def words(self) -> str:
        """What kind of packet it is, as tcpdump says it."""
        return short_line(framed(self.first))


@dataclass(slots=True)
class Tally:
    """How many packets there were, and what became of the comparison."""

    same: int = 0
    differ: int = 0
    unplayed: Counter[str] = field(default_factory=Counter)  # by cause
    aside: int = 0  # that nobody asked about
    passed_over: Counter[str] = field(default_factory=Counter)  # that nobody looked at, by reason
    lost: int = 0  # reports of the kernel's that nobody read

    @property
    def compared(self) -> int:
        """Those that went both ways."""
        return self.same + self.differ


class Told(NamedTuple):
    """One thing that both know, or one of them."""

    what: str
    kernel: str
    pystack: str


def differences(kernel: Sequence[Hop], pystack: Sequence[Hop], *, made_here: bool) -> list[Difference]:
    """None if both saw the same bytes at the same places, in the same order.

    `made_here`: each side made the packet itself, and drew its identification.
    """
    alike = is_same_made if made_here else is_same
    if len(kernel) == len(pystack) and all(map(alike, kernel, pystack)):
        return []
    put_in = [] if made_here else [Frame(0, "", "in", framed(kernel[0]))]
    return Differ([*put_in, *_as_one(kernel)], [*put_in, *_as_one(pystack)]).compare().differences


def _as_one(hops: Sequence[Hop]) -> Iterator[Record]:
    """Under the same number on both sides, and as far as probes show it."""
    return (replace(hop, packet=1, data=hop.data[:COMPARED]) for hop in hops)


def is_same(left: Hop, right: Hop) -> bool:
    """Whether the same bytes were seen there."""
    return left.data[:COMPARED] == right.data[:COMPARED] and _is_same_place(left, right)


def is_same_made(left: Hop, right: Hop) -> bool:
    """The same but for the identification that each side drew, and the sum that goes with it."""
    if left.data[:COMPARED] == right.data[:COMPARED]:
        return _is_same_place(left, right)
    theirs, ours = framed(left), framed(right)
    return (
        theirs[_TYPE] == ours[_TYPE] == _IPV4
        and all(theirs[part] == ours[part] for part in _NOT_DRAWN)
        and _sum_of_drawn(theirs) == _sum_of_drawn(ours)
        and _is_same_place(left, right)
    )


def _sum_of_drawn(frame: bytes) -> int:
    """The identification and the sum of the header, which makes up for it."""
    return (int.from_bytes(frame[_ID], "big") + int.from_bytes(frame[_CHECK], "big")) % 0xFFFF


def _is_same_place(left: Hop, right: Hop) -> bool:
    """What NFLOG cannot show (a bridge's ports, in some places) is not held against it."""
    return (
        left.hook == right.hook
        and left.family == right.family
        and left.priority == right.priority
        and left.indev == right.indev
        and left.outdev == right.outdev
        and left.mark == right.mark
        and (left.physin == right.physin or left.physin is None)
        and (left.physout == right.physout or left.physout is None)
    )
