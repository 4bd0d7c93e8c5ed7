"""TCP conversations by chance, as packets between the router's two stations."""

from __future__ import annotations

from pystack.compare.fuzz import conversations
from pystack.compare.fuzz.conversations import Ends
from pystack.compare.fuzz.dice import Dice
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.wire import ipv4
from tests.frames import datagram
from tests.netfilter.conntrack.talk import ADDRESSES, SERVER


class Conversation:
    """Draws one segment after another."""

    def __init__(self, seed: int) -> None:
        port = 1024 + seed % 60000
        ends = Ends(ADDRESSES[0], port, ADDRESSES[1], SERVER)
        self._talk = conversations.Conversation(Dice(seed), ends, ends.answered())
        self.flow = Tuple(2, ipv4.IPPROTO_TCP, *ADDRESSES, port, SERVER)

    def segment(self) -> tuple[int, bytes]:
        """From which side, and the packet."""
        side, segment = self._talk.segment()
        source, destination = ADDRESSES[side], ADDRESSES[1 - side]
        return side, datagram(segment, ipv4.IPPROTO_TCP, src=source, dst=destination)
