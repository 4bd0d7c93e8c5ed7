"""What the copy knows of packets that it has judged and will see again at the next hook.

The kernel queues a packet anew at every hook. By what nobody changes on its way (who sent it, its id, its
sequence numbers) it is known for the one that was seen before, and belongs to the same connection.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from pystack.device import Connection, NetDevice
from pystack.netfilter.conntrack.info import IP_CT_IS_REPLY, IP_CT_RELATED, IP_CT_RELATED_REPLY
from pystack.packet import Packet
from pystack.wire import icmp, ipv4
from pystack.wire.icmp import ERROR_TYPES
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

_MOST: Final = 1 << 14
_LOOKED_AT: Final = 60 + 24  # octets: the longest IP header, and what follows
_FRAGMENT: Final = 0x1FFF
_SOURCE, _BOTH_ADDRESSES = slice(12, 16), slice(12, 20)
# Behind the IP header: a sender's port; sequence numbers, flags and window; a length with the first data.
_SAID: Final = {
    IPPROTO_TCP: (slice(0, 2), slice(4, 16)),
    IPPROTO_UDP: (slice(0, 2), slice(4, 6), slice(8, 24)),
    IPPROTO_ICMP: (slice(0, 2), slice(6, 8)),
}
_SAID_ELSEWHERE: Final = (slice(0, 8),)


@dataclass(frozen=True, slots=True)
class Journey:
    """What a packet takes along."""

    ct: Connection | None
    ctinfo: int
    physin: NetDevice | None


class Journeys:
    """Of the packets that were seen last."""

    def __init__(self, *, with_destination: bool, most: int = _MOST) -> None:
        self._most = most
        self._addresses = _BOTH_ADDRESSES if with_destination else _SOURCE
        self._known: OrderedDict[bytes, Journey] = OrderedDict()

    def find(self, packet: bytes) -> Journey | None:
        """What is known of a packet, given from its network header on."""
        return self._known.get(self._key(packet))

    def find_quoted(self, pkt: Packet) -> Journey | None:
        """Of an error that the kernel sends about a packet that was seen: it belongs to the same connection,
        which may be in no table yet.

        Linux: net/netfilter/nf_conntrack_core.c nf_conntrack_attach()
        """
        if pkt.ip is None or pkt.ip.protocol != IPPROTO_ICMP:
            return None
        message = bytes(pkt.data[pkt.transport_header :])
        if not message or message[0] not in ERROR_TYPES:
            return None
        quoted = message[icmp.HEADER_LENGTH :]
        cause = self.find(quoted) if len(quoted) >= ipv4.HEADER_LENGTH else None
        if cause is None or cause.ct is None:
            return None
        is_reply = cause.ctinfo >= IP_CT_IS_REPLY
        return Journey(cause.ct, IP_CT_RELATED if is_reply else IP_CT_RELATED_REPLY, None)

    def note(self, pkt: Packet) -> None:
        """It was judged, and is now as it will be seen again."""
        journey = Journey(pkt.ct, pkt.ctinfo, pkt.physin)
        start = pkt.network_header
        self._known[self._key(bytes(pkt.data[start : start + _LOOKED_AT]))] = journey
        if len(self._known) > self._most:
            self._known.popitem(last=False)

    def _key(self, packet: bytes) -> bytes:
        """IPv4's id, fragment, protocol and addresses; and what the protocol says."""
        start = (packet[0] & 15) * 4
        is_later = int.from_bytes(packet[6:8], "big") & _FRAGMENT
        said = () if is_later else _SAID.get(packet[9], _SAID_ELSEWHERE)
        parts = [packet[start + part.start : start + part.stop] for part in said]
        return b"".join([packet[4:8], packet[9:10], packet[self._addresses], *parts])
