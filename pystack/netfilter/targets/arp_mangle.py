"""`-j mangle` of arptables: an ARP packet says something else. Linux: net/ipv4/netfilter/arpt_mangle.c"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.matches.frame_arp import HEADER
from pystack.netfilter.rule import Target
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View

_IPV4: Final = 4


class MangleArp(Target):
    """Writes any of the four addresses."""

    __slots__ = ("source", "source_ip", "target", "target_ip", "verdict")

    def __init__(
        self,
        source: bytes | None,
        source_ip: bytes | None,
        target: bytes | None,
        target_ip: bytes | None,
        verdict: int,
    ) -> None:
        self.source = source
        self.source_ip = source_ip
        self.target = target
        self.target_ip = target_ip
        self.verdict = verdict

    def apply(self, view: View) -> int:
        """Each is as long as the packet says; one for which there is no room drops it."""
        header, pkt = view.octets(0, HEADER), view.pkt
        if header is None:
            return NF_DROP
        at, hardware, protocol = view.start + HEADER, header[4], header[5]
        for new, length in (
            (self.source, hardware),
            (self.source_ip, protocol),
            (self.target, hardware),
            (self.target_ip, protocol),
        ):
            if new is not None:
                if length > _room(new) or at + length > len(pkt.data):
                    return NF_DROP
                pkt.writable()[at : at + length] = new.ljust(length, b"\0")[:length]
            at += length
        return self.verdict


def _room(address: bytes) -> int:
    """What a rule has room for. Linux: ARPT_DEV_ADDR_LEN_MAX, ARPT_MANGLE_ADDR_LEN_MAX"""
    return 16 if len(address) > _IPV4 else _IPV4
