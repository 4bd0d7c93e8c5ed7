"""Targets that change a packet, or what is noted about it, and let it go on."""

from __future__ import annotations

from typing import Final

from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire.checksum import update16
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.ipv6 import Ipv6Header

_TOS_AT: Final = 1
_CHECK_AT: Final = 10


class SetMark(Target):
    """`-j MARK`: the bits of `mask` are taken out, those of `value` turned round."""

    __slots__ = ("mask", "value")

    def __init__(self, value: int, mask: int) -> None:
        self.value = value
        self.mask = mask

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_mark.c mark_tg()"""
        view.pkt.mark = view.pkt.mark & ~self.mask & 0xFFFFFFFF ^ self.value
        return CONTINUE


class Classify(Target):
    """`-j CLASSIFY`"""

    __slots__ = ("priority",)

    def __init__(self, priority: int) -> None:
        self.priority = priority

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_CLASSIFY.c classify_tg()"""
        view.pkt.priority = self.priority
        return CONTINUE


class SetTos(Target):
    """`-j TOS`, and `-j DSCP` with the upper six bits as its mask."""

    __slots__ = ("mask", "value")

    def __init__(self, value: int, mask: int) -> None:
        self.value = value
        self.mask = mask

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_DSCP.c tos_tg(), dscp_tg()"""
        header = view.header
        if header is None:
            return CONTINUE
        tos = header.tos & ~self.mask & 0xFF ^ self.value
        if tos != header.tos:
            _write_tos(view.pkt, header, tos)
        return CONTINUE


class SetTtl(Target):
    """`-j TTL` and `-j HL`: to a number, or by a number up or down."""

    __slots__ = ("step", "ttl")

    def __init__(self, ttl: int | None, step: int) -> None:
        self.ttl = ttl
        self.step = step

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_HL.c ttl_tg(), hl_tg6()"""
        header = view.header
        if header is None:
            return NF_DROP
        ttl = self.ttl if self.ttl is not None else min(max(header.ttl + self.step, 0), 255)
        if ttl != header.ttl:
            view.pkt.set_ttl(ttl)
        return CONTINUE


def _write_tos(pkt: Packet, header: Ipv4Header | Ipv6Header, tos: int) -> None:
    """Linux: include/net/dsfield.h ipv4_change_dsfield(), ipv6_change_dsfield()"""
    data, at = pkt.writable(), pkt.network_header
    if isinstance(header, Ipv6Header):
        data[at] = 6 << 4 | tos >> 4
        data[at + 1] = (tos & 15) << 4 | data[at + 1] & 15
    else:
        first = data[at] << 8
        header.check = update16(header.check, first | header.tos, first | tos)
        data[at + _CHECK_AT : at + _CHECK_AT + 2] = header.check.to_bytes(2, "big")
        data[at + _TOS_AT] = tos
    header.tos = tos
