"""Headers and options that have to be searched for: IPv6's extension headers, options of TCP and IPv4, and
chunks of SCTP. Each gives octets of one that is there, or tells whether it is there.

Linux: net/netfilter/nft_exthdr.c
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.view import carried
from pystack.netfilter.view import View
from pystack.wire import ip_options
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6
from pystack.wire.ip_options import IpOptions
from pystack.wire.ipv4 import HEADER_LENGTH as IPV4_HEADER
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.ipv6 import HEADER_LENGTH as IPV6_HEADER
from pystack.wire.ipv6 import find_header
from pystack.wire.malformed import Malformed
from pystack.wire.tcp import HEADER_LENGTH as TCP_HEADER

IPPROTO_SCTP: Final = 132
_SCTP_HEADER: Final = 12
_CHUNK_HEADER: Final = 4
_NOP: Final = 1  # options up to here are one octet long


class Searched(Expression):
    """`length` octets of it from `offset` on."""

    __slots__ = ("kind", "length", "offset")

    def __init__(self, kind: int, offset: int, length: int) -> None:
        self.kind = kind
        self.offset = offset
        self.length = length

    def place(self, view: View) -> int | None:
        """Where it begins in the packet; None if it is not there, or has no such octets."""
        raise NotImplementedError

    def __call__(self, view: View) -> bytes | None:
        """Its octets, as far as the packet has them."""
        start = self.place(view)
        if start is None:
            return None
        start += self.offset
        found = bytes(view.pkt.data[start : start + self.length])
        return found if len(found) == self.length else None


class Present(Expression):
    """`exists`: 1, or 0. Linux: NFT_EXTHDR_F_PRESENT"""

    __slots__ = ("carrier", "searched")

    def __init__(self, searched: Searched, carrier: int = 0) -> None:
        """`carrier`: the EtherType of packets that are asked; of others nothing is said"""
        self.searched = searched
        self.carrier = carrier

    def __call__(self, view: View) -> bytes | None:
        """One octet."""
        if self.carrier and carried(view) != self.carrier:
            return None
        return bytes((self.searched.place(view) is not None,))


class ExtensionHeader(Searched):
    """Of IPv6."""

    __slots__ = ()

    def place(self, view: View) -> int | None:
        """Linux: nft_exthdr_ipv6_eval()"""
        data = view.pkt.data
        if carried(view) != ETH_P_IPV6 or len(data) - view.start < IPV6_HEADER:
            return None
        found = find_header(data, view.start, self.kind)
        return None if found is None or isinstance(found, Malformed) else found.offset


class IpOption(Searched):
    """Of IPv4; if one option is malformed, none is there."""

    __slots__ = ()

    def place(self, view: View) -> int | None:
        """Linux: nft_exthdr_ipv4_eval(), ipv4_find_option()"""
        data, start = view.pkt.data, view.start
        if carried(view) != ETH_P_IP or len(data) - start < IPV4_HEADER:
            return None
        raw = bytes(data[start + IPV4_HEADER : start + (data[start] & 15) * 4])
        options = ip_options.to_send(raw, _NOBODY)
        if not isinstance(options, IpOptions):
            return None
        at = self._place_in(raw, options)
        return None if at is None else start + IPV4_HEADER + at

    def _place_in(self, raw: bytes, options: IpOptions) -> int | None:
        if self.kind in (ip_options.IPOPT_SSRR, ip_options.IPOPT_LSRR):
            return options.srr if options.is_strict == (self.kind == ip_options.IPOPT_SSRR) else None
        if self.kind == ip_options.IPOPT_RR:
            return options.rr
        alerts = [
            at for at, kind in _options(raw) if kind == ip_options.IPOPT_RA and not any(raw[at + 2 : at + 4])
        ]
        return alerts[-1] if alerts else None


def _options(raw: bytes) -> Iterator[tuple[int, int]]:
    """Where each of some sound options begins, and its kind."""
    at = 0
    while at < len(raw) and raw[at] != ip_options.IPOPT_END:
        yield at, raw[at]
        at += 1 if raw[at] == ip_options.IPOPT_NOOP else raw[at + 1]


class _Nobody:
    """An ip_options.Station that has no address: what options ask to be filled in is not."""

    def address(self) -> int:
        return 0

    def midtime(self) -> int:
        return 0

    def is_foreign(self, address: int) -> bool:
        return True


_NOBODY: Final = _Nobody()


class TcpOption(Searched):
    """Of TCP."""

    __slots__ = ()

    def place(self, view: View) -> int | None:
        """Linux: nft_exthdr_tcp_eval()"""
        found = tcp_header(view)
        if found is None:
            return None
        for at, length in tcp_options(found):
            if found[at] == self.kind:
                is_whole = at + length <= len(found) and self.offset + self.length <= length
                return view.transport + at if is_whole else None
        return None


def tcp_header(view: View) -> bytes | None:
    """A TCP header with its options; None if it is not whole. Linux: nft_tcp_header_pointer()"""
    if view.protocol != IPPROTO_TCP or view.fragment:
        return None
    data, start = view.pkt.data, view.transport
    if len(data) - start < TCP_HEADER:
        return None
    length = (data[start + 12] >> 4) * 4
    found = bytes(data[start : start + length])
    return found if TCP_HEADER <= length == len(found) else None


def tcp_options(header: bytes) -> Iterator[tuple[int, int]]:
    """Where each option begins, and how long it is; one without a length is one octet long."""
    at = TCP_HEADER
    while at < len(header) - 1:
        length = 1 if header[at] <= _NOP else header[at + 1] or 1
        yield at, length
        at += length


class SctpChunk(Searched):
    """Of SCTP."""

    __slots__ = ()

    def place(self, view: View) -> int | None:
        """Linux: nft_exthdr_sctp_eval()"""
        data = view.pkt.data
        at = view.transport + _SCTP_HEADER
        if view.protocol != IPPROTO_SCTP:
            return None
        while len(data) - at >= _CHUNK_HEADER:
            length = data[at + 2] << 8 | data[at + 3]
            if not length:
                return None
            if data[at] == self.kind:
                is_whole = self.offset + self.length <= length <= len(data) - at
                return at if is_whole or not self.length else None
            at += (length + 3) & ~3
        return None
