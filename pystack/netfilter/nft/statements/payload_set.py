"""`tcp dport set 80`: octets of a packet are written, and the checksums over them by their difference.

Linux: net/netfilter/nft_payload.c nft_payload_set_eval()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.payload import InnerPayload, LinkPayload, NetworkPayload, Payload, TransportPayload
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire import ipv4, ipv6
from pystack.wire.checksum import ones_sum
from pystack.wire.crc32c import crc32c
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6
from pystack.wire.vlan import TAGGED, tag_length

IPPROTO_SCTP: Final = 132
_UDPLITE: Final = 136
_NO_SUM: Final = 0xFFFF  # Linux writes this for 0, whatever the protocol
_CHECK_AT: Final = {IPPROTO_TCP: 16, IPPROTO_UDP: 6, _UDPLITE: 6, IPPROTO_ICMPV6: 2}
_SCTP_HEADER: Final = 12
_SCTP_CHECK: Final = slice(8, 12)
_TAG_AT: Final = 12
_BEHIND_TAG: Final = 16
_WRITABLE: Final = ((12, 2), (12, 4), (14, 2))  # what of a tag can be written: offset and octets


@dataclass(frozen=True, slots=True)
class Sums:
    """Which checksums a field is part of."""

    at: int | None = None  # where that of its own header stands, from the header's begin
    of_transport: bool = False  # by the pseudo-header
    is_sctp: bool = False


class PayloadSet(Match):
    """Some bits of a packet get a value."""

    __slots__ = ("bits", "place", "shift", "sums", "uses_connections", "value")

    def __init__(self, place: Payload, shift: int, bits: int, value: Expression, sums: Sums) -> None:
        """The octets at `place` are written; the field has so many bits, and `shift` follow behind it. Where
        there are checksums, the octets begin and end with whole words.
        """
        self.place = place
        self.shift = shift
        self.bits = bits
        self.value = value
        self.sums = sums
        self.uses_connections = value.uses_connections

    def __call__(self, view: View) -> bool:
        """Linux: nft_payload_set_eval()"""
        value = self.value(view)
        if value is None or not self._can_write(view):
            return False
        old = self.place(view)
        start = self.place.base(view)
        if old is None or start is None:
            return False
        new = self._merged(old, value)
        _Writer(view, start, self.place, self.sums).write(old, new)
        return True

    def _merged(self, old: bytes, value: bytes) -> bytes:
        mask = ((1 << self.bits) - 1) << self.shift
        field = int.from_bytes(value, "big") << self.shift & mask
        return (int.from_bytes(old, "big") & ~mask | field).to_bytes(len(old), "big")

    def _can_write(self, view: View) -> bool:
        """A tag stands beside the frame in Linux. Linux: nft_payload_set_vlan()"""
        place = self.place
        if not isinstance(place, LinkPayload) or not tag_length(view.pkt.protocol):
            return True
        if place.offset + place.length <= _TAG_AT or place.offset >= _BEHIND_TAG:
            return True
        return (place.offset, place.length) in _WRITABLE


class _Writer:
    """Writes at one place of one packet."""

    def __init__(self, view: View, base: int, place: Payload, sums: Sums) -> None:
        self.view = view
        self.base = base
        self.place = place
        self.sums = sums
        self.data = view.pkt.writable()

    def write(self, old: bytes, new: bytes) -> None:
        """Checksums first: they may be what is written."""
        is_partial = self.view.pkt.offload.needs_checksum
        if not (isinstance(self.place, TransportPayload | InnerPayload) and is_partial):
            if self.sums.at is not None:
                self._mend(self.base + self.sums.at, old, new)
            if self.sums.of_transport:
                self._mend_transport(old, new, is_partial=is_partial)
        start = self.base + self.place.offset
        self.data[start : start + len(new)] = new
        if self.sums.is_sctp and self.view.protocol == IPPROTO_SCTP and not is_partial:
            self._sum_sctp()
        _note(self.view, self.place)

    def _mend(self, at: int, old: bytes, new: bytes) -> None:
        """Linux: nft_payload_csum_inet(), nft_csum_replace()"""
        if at + 2 > len(self.data):
            return
        check = int.from_bytes(self.data[at : at + 2], "big")
        check = (check + ones_sum(old) - ones_sum(new)) % 0xFFFF or _NO_SUM
        self.data[at : at + 2] = check.to_bytes(2, "big")

    def _mend_transport(self, old: bytes, new: bytes, *, is_partial: bool) -> None:
        """Linux: nft_payload_l4csum_update()"""
        view = self.view
        offset = None if view.fragment else _CHECK_AT.get(view.protocol)
        if offset is None:
            return
        at = view.transport + offset
        if view.protocol == IPPROTO_UDP and not any(self.data[at : at + 2]):
            return
        if not is_partial:
            return self._mend(at, old, new)
        owed = int.from_bytes(self.data[at : at + 2], "big")
        owed = (owed - ones_sum(old) + ones_sum(new)) % 0xFFFF or 0xFFFF
        self.data[at : at + 2] = owed.to_bytes(2, "big")

    def _sum_sctp(self) -> None:
        """Linux: nft_payload_csum_sctp()"""
        view = self.view
        segment = bytearray(self.data[view.transport :])
        if view.fragment or len(segment) < _SCTP_HEADER:
            return
        segment[_SCTP_CHECK] = bytes(4)
        self.data[view.transport + 8 : view.transport + 12] = crc32c(segment).to_bytes(4, "little")


def _note(view: View, place: Payload) -> None:
    """What was read out of the packet before has changed with it."""
    pkt = view.pkt
    if isinstance(place, TransportPayload):
        view.forget_ports()
    elif isinstance(place, LinkPayload):
        kind = int.from_bytes(pkt.data[pkt.mac_header + _TAG_AT : pkt.mac_header + _TAG_AT + 2], "big")
        if pkt.protocol in TAGGED and kind in TAGGED:
            pkt.protocol = kind
    elif isinstance(place, NetworkPayload):
        _reread(pkt)
        header = pkt.ip or pkt.ip6
        if header is not None and view.header is header:
            view.saddr, view.daddr = header.saddr, header.daddr


def _reread(pkt: Packet) -> None:
    if pkt.ip is not None:
        header = pkt.ip
        fields = ipv4.HEADER.unpack_from(pkt.data, pkt.network_header)
        _, header.tos, header.tot_len, header.id, header.frag_off, header.ttl, header.protocol = fields[:7]
        header.check, header.saddr, header.daddr = fields[7:]
    elif pkt.ip6 is not None:
        parsed = ipv6.parse(pkt.data, pkt.network_header)
        if isinstance(parsed, ipv6.Ipv6Header):
            pkt.ip6 = parsed
