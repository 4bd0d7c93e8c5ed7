"""Filters that programs attach to their sockets (SO_ATTACH_FILTER): how much of each packet is wanted.

Linux: net/core/filter.c sk_attach_filter(), sk_filter_trim_cap()

Linux differs: loads from what is not in the packet (SKF_AD_OFF, SKF_NET_OFF) are refused here.
"""

from __future__ import annotations

from typing import Final

from pystack.errors import EINVAL, ENOENT, EPERM, NetError, NotModelled
from pystack.sock.inet import InetSocket
from pystack.wire.bpf import Program, is_valid, run
from pystack.wire.checksum import Buffer

_ANCILLARY: Final = 1 << 31  # offsets from here on are negative ones
_LOADS: Final = (0x20, 0x28, 0x30)  # of a word, half a word, an octet, at a fixed place


def attach(sock: InetSocket, program: Program) -> None:
    """setsockopt(SO_ATTACH_FILTER). Raises NetError, NotModelled."""
    if sock.filter_is_locked:
        raise NetError(EPERM)
    if not is_valid(program):
        raise NetError(EINVAL)
    if any(code in _LOADS and operand >= _ANCILLARY for code, _, _, operand in program):
        raise NotModelled("a load from beside the packet (SKF_AD_OFF, SKF_NET_OFF)")
    sock.filter = program


def detach(sock: InetSocket) -> None:
    """setsockopt(SO_DETACH_FILTER). Raises NetError."""
    if sock.filter_is_locked:
        raise NetError(EPERM)
    if sock.filter is None:
        raise NetError(ENOENT)
    sock.filter = None


def lock(sock: InetSocket, is_on: bool) -> None:
    """setsockopt(SO_LOCK_FILTER): there is no way back. Raises NetError."""
    if sock.filter_is_locked and not is_on:
        raise NetError(EPERM)
    sock.filter_is_locked = is_on


def wanted(sock: InetSocket, packet: Buffer, at_least: int) -> int:
    """How many octets of a packet, its transport header included, the filter lets in; 0: it is dropped."""
    if sock.filter is None:
        return len(packet)
    length = run(sock.filter, bytes(packet))
    return min(max(length, at_least), len(packet)) if length else 0
