"""`tcp option maxseg size set 1360`, `reset tcp option sack-perm`.

Linux: net/netfilter/nft_exthdr.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.options import tcp_header, tcp_options
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.checksum import update32
from pystack.wire.tcp import CHECK_OFFSET

_MSS: Final = 2
_NOP: Final = 1


class TcpOptionSet(Match):
    """A field of 2 or 4 octets of an option; one that is not there is not made."""

    __slots__ = ("kind", "length", "offset", "uses_connections", "value")

    def __init__(self, kind: int, offset: int, length: int, value: Expression) -> None:
        self.kind = kind
        self.offset = offset
        self.length = length
        self.value = value
        self.uses_connections = value.uses_connections

    def __call__(self, view: View) -> bool:
        """Linux: nft_exthdr_tcp_set_eval()"""
        value, header = self.value(view), tcp_header(view)
        if value is None or header is None:
            return False
        for at, length in tcp_options(header):
            if header[at] != self.kind:
                continue
            if at + length > len(header) or self.offset + self.length > length:
                return False
            self._write(view, header, at + self.offset, value)
            break
        return True

    def _write(self, view: View, header: bytes, at: int, value: bytes) -> None:
        """A larger segment is never asked for: that could bring the connection to a halt."""
        old = int.from_bytes(header[at : at + self.length], "big")
        new = int.from_bytes(value, "big") & ((1 << self.length * 8) - 1)
        if old == new or (self.kind == _MSS and self.length == 2 and old <= new):
            return
        data, start = view.pkt.writable(), view.transport
        data[start + at : start + at + self.length] = new.to_bytes(self.length, "big")
        _mend(view, data, old, new)


class TcpOptionReset(Match):
    """An option is overwritten with NOPs."""

    __slots__ = ("kind",)

    def __init__(self, kind: int) -> None:
        self.kind = kind

    def __call__(self, view: View) -> bool:
        """Linux: nft_exthdr_tcp_strip_eval()"""
        header = tcp_header(view)
        if header is None:
            return False
        for at, length in tcp_options(header):
            if header[at] != self.kind:
                continue
            if at + length > len(header):
                view.hotdrop = True
                return False
            self._strip(view, header, at, length)
            break
        return True

    def _strip(self, view: View, header: bytes, at: int, length: int) -> None:
        data, start = view.pkt.writable(), view.transport
        for place in range(at, at + length):
            shift = 0 if place % 2 else 8
            _mend(view, data, header[place] << shift, _NOP << shift)
        data[start + at : start + at + length] = bytes((_NOP,)) * length


def _mend(view: View, data: bytearray, old: int, new: int) -> None:
    """A sum that is still owed is that of the pseudo-header, and stays. Linux: inet_proto_csum_replace4()"""
    if view.pkt.offload.needs_checksum:
        return
    at = view.transport + CHECK_OFFSET
    check = update32(int.from_bytes(data[at : at + 2], "big"), old, new)
    data[at : at + 2] = check.to_bytes(2, "big")
