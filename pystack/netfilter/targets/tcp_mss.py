"""`-j TCPMSS`: what a side says about its largest segment is made smaller."""

from __future__ import annotations

from typing import Final

from pystack.netfilter.matches.tcp_mss import MSS
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire.checksum import update16, update32
from pystack.wire.ipv4 import HEADER_LENGTH as IPV4_HEADER
from pystack.wire.ipv6 import HEADER_LENGTH as IPV6_HEADER
from pystack.wire.tcp import CHECK_OFFSET, HEADER_LENGTH

_OPTION_LENGTH: Final = 4
_WITHOUT_A_WORD: Final = 536  # what a side takes that says nothing (RFC 1122)
_WITHOUT_A_WORD_IPV6: Final = 1220  # RFC 8200: 1280 less the headers
_LONGEST_HEADER: Final = 60


class TcpMssTarget(Target):
    """`mss` None: as much as fits on the way there and back."""

    __slots__ = ("_path", "mss")

    def __init__(self, path: Path, mss: int | None) -> None:
        self._path = path
        self.mss = mss

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_TCPMSS.c tcpmss_tg4(), tcpmss_mangle_packet()"""
        if view.fragment:
            return CONTINUE
        pkt = view.pkt
        segment = pkt.data[view.transport :]
        length = (segment[12] >> 4) * 4 if len(segment) >= HEADER_LENGTH else 0
        if not HEADER_LENGTH <= length <= len(segment):
            return NF_DROP
        if pkt.ip6 is not None:
            pkt.ip6.join(pkt.ip6.tot_len)
        mss = self.mss
        if mss is None:
            mss = self._path.smallest_mtu(pkt) - _headers(view)
            if mss <= 0:
                return NF_DROP
        at = _place_of_mss(segment[:length])
        if at is not None:
            return self._lower(view, at, mss)
        if len(segment) == length and length < _LONGEST_HEADER:
            self._add(view, length, mss)
        return CONTINUE

    def _lower(self, view: View, at: int, mss: int) -> int:
        data, start = view.pkt.writable(), view.transport
        field = slice(start + at + 2, start + at + 4)
        old = int.from_bytes(data[field], "big")
        if old > mss:
            data[field] = mss.to_bytes(2, "big")
            _update(data, start, old, mss, view)
        return CONTINUE

    def _add(self, view: View, length: int, mss: int) -> None:
        """Put the option in front of the others; the packet grows by it."""
        pkt, start = view.pkt, view.transport
        mss = min(mss, _WITHOUT_A_WORD if pkt.ip6 is None else _WITHOUT_A_WORD_IPV6)
        option = bytes((MSS, _OPTION_LENGTH)) + mss.to_bytes(2, "big")
        data = bytearray(pkt.data)
        data[start + HEADER_LENGTH : start + HEADER_LENGTH] = option
        words = int.from_bytes(data[start + 12 : start + 14], "big")
        data[start + 12] += 1 << 4
        check = int.from_bytes(data[start + CHECK_OFFSET : start + CHECK_OFFSET + 2], "big")
        check = update16(check, length, length + _OPTION_LENGTH)
        check = update32(check, 0, int.from_bytes(option, "big"))
        check = update16(check, words, words + 0x1000)
        data[start + CHECK_OFFSET : start + CHECK_OFFSET + 2] = check.to_bytes(2, "big")
        _lengthen(pkt, data)
        pkt.data, pkt.shared = data, False


def _headers(view: View) -> int:
    """How long both are that stand before the data."""
    return HEADER_LENGTH + (IPV4_HEADER if view.pkt.ip6 is None else IPV6_HEADER)


def _lengthen(pkt: Packet, data: bytearray) -> None:
    """Say in the network header that the packet has an option more.

    Linux: net/netfilter/xt_TCPMSS.c tcpmss_tg4(), tcpmss_tg6()
    """
    at = pkt.network_header
    if pkt.ip6 is not None:
        pkt.ip6.payload_len = (pkt.ip6.payload_len + _OPTION_LENGTH) & 0xFFFF
        data[at + 4 : at + 6] = pkt.ip6.payload_len.to_bytes(2, "big")
        return
    header = pkt.ip
    assert header is not None, "no IPv4 packet comes to an ip hook unparsed"
    total = header.tot_len + _OPTION_LENGTH
    header.check = update16(header.check, header.tot_len, total)
    header.tot_len = total
    data[at + 2 : at + 4] = total.to_bytes(2, "big")
    data[at + 10 : at + 12] = header.check.to_bytes(2, "big")


def _place_of_mss(header: bytes | bytearray | memoryview) -> int | None:
    at = HEADER_LENGTH
    while at <= len(header) - _OPTION_LENGTH:
        if header[at] == MSS and header[at + 1] == _OPTION_LENGTH:
            return at
        at += 1 if header[at] <= 1 else header[at + 1] or 1
    return None


def _update(data: bytearray, start: int, old: int, new: int, view: View) -> None:
    """A sum that is still owed is that of the pseudo-header, and stays."""
    if view.pkt.offload.needs_checksum:
        return
    field = slice(start + CHECK_OFFSET, start + CHECK_OFFSET + 2)
    data[field] = update16(int.from_bytes(data[field], "big"), old, new).to_bytes(2, "big")
