"""What the copy answered by itself, until the kernel shows that it does so, too.

Only answers that a host gives at once and every time: to echo requests, and to questions for its addresses.
ICMP errors are limited in rate, and by chance; whoever refuses a connection may be a program.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, MutableMapping
from typing import Final, NamedTuple

from pystack.compare.live.judge import Verdict
from pystack.compare.live.twin import Made
from pystack.compare.records import Hop
from pystack.wire import arp, icmp
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import IPPROTO_ICMP

OVERDUE: Final = 2.0  # seconds: longer than what waits for a neighbour is waited for
_OPERATION: Final = slice(ETH_HLEN + 6, ETH_HLEN + 8)
_REPLY: Final = arp.ARPOP_REPLY.to_bytes(2, "big")


class _Owed(NamedTuple):
    asked: Verdict
    packet: int  # the answer, as the copy counts


class Answers:
    """Of one copy."""

    def __init__(self) -> None:
        self._new: list[_Owed] = []
        self._owed: deque[tuple[float, _Owed]] = deque()  # since when it was waited for

    def note(self, asked: Verdict, made: Iterable[int]) -> None:
        """A packet caused these."""
        self._new.extend(_Owed(asked, packet) for packet in made)

    def forget(self) -> None:
        """The kernel may have answered unheard."""
        self._new.clear()
        self._owed.clear()

    def overdue(self, now: float, awaited: MutableMapping[int, Made]) -> Iterator[list[Hop]]:
        """Those that the kernel has not given for long, to packets that fared alike on both sides.

        The time begins to run here, when all that had been reported was looked at, and not with the packet:
        whoever looks may have been held up.
        """
        self._owed.extend((now, owed) for owed in self._new)
        self._new.clear()
        while self._owed and self._owed[0][0] < now - OVERDUE:
            _, owed = self._owed.popleft()
            made = awaited.get(owed.packet)
            if made is None or owed.asked.is_aside or not owed.asked.is_same or not _is_certain(made.hops[0]):
                continue
            del awaited[owed.packet]
            yield made.hops


def _is_certain(first: Hop) -> bool:
    """Whether a host gives such an answer every time."""
    if (first.family, first.hook) == ("arp", "OUTPUT"):
        return first.data[_OPERATION] == _REPLY
    if (first.family, first.hook) != ("ip", "OUTPUT") or first.data[9] != IPPROTO_ICMP:
        return False
    return first.data[(first.data[0] & 15) * 4] in (icmp.ICMP_ECHOREPLY, icmp.ICMP_TIMESTAMPREPLY)
