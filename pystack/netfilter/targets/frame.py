"""Targets of the bridge family: they change a frame or what is noted about it, then say what becomes of
it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import NetDevice
from pystack.netfilter.hooks import BROUTING, PREROUTING
from pystack.netfilter.matches.frame_arp import HEADER, ip_addresses
from pystack.netfilter.needs import BridgePath
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View
from pystack.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST
from pystack.wire.arp import ARPOP_REQUEST
from pystack.wire.ethernet import BROADCAST, ETH_ALEN, ETH_P_ARP

MARKS: Final[dict[str, Callable[[int, int], int]]] = {
    "set": lambda old, given: given,
    "or": lambda old, given: old | given,
    "and": lambda old, given: old & given,
    "xor": lambda old, given: old ^ given,
}
_32_BITS: Final = 0xFFFFFFFF


class SetDestination(Target):
    """`-j dnat`. Linux: net/bridge/netfilter/ebt_dnat.c ebt_dnat_tg()"""

    __slots__ = ("address", "verdict")

    def __init__(self, address: bytes, verdict: int) -> None:
        self.address = address
        self.verdict = verdict

    def apply(self, view: View) -> int:
        """Write it, and see anew for whom the frame is."""
        pkt = view.pkt
        pkt.writable()[pkt.mac_header : pkt.mac_header + ETH_ALEN] = self.address
        if self.address[0] & 1:
            pkt.pkt_type = PACKET_BROADCAST if self.address == BROADCAST else PACKET_MULTICAST
            return self.verdict
        if view.hook in (BROUTING, PREROUTING):
            station = station_of(view)
            if station is None:
                return NF_DROP
            pkt.pkt_type = PACKET_HOST if self.address == station.address else PACKET_OTHERHOST
        return self.verdict


class Redirect(Target):
    """`-j redirect`: it is for us now. Linux: net/bridge/netfilter/ebt_redirect.c ebt_redirect_tg()"""

    __slots__ = ("verdict",)

    def __init__(self, verdict: int) -> None:
        self.verdict = verdict

    def apply(self, view: View) -> int:
        """Write our address."""
        pkt, station = view.pkt, station_of(view)
        if station is None:
            return NF_DROP
        pkt.writable()[pkt.mac_header : pkt.mac_header + ETH_ALEN] = station.address
        pkt.pkt_type = PACKET_HOST
        return self.verdict


def station_of(view: View) -> NetDevice | None:
    """Who would take the frame here: the port itself in BROUTING, its bridge behind."""
    dev = view.indev
    return dev if dev is None or view.hook == BROUTING else dev.master


class SetSource(Target):
    """`-j snat`. Linux: net/bridge/netfilter/ebt_snat.c ebt_snat_tg()"""

    __slots__ = ("address", "in_arp", "verdict")

    def __init__(self, address: bytes, verdict: int, *, in_arp: bool) -> None:
        self.address = address
        self.in_arp = in_arp  # whether ARP packets are made to say the same
        self.verdict = verdict

    def apply(self, view: View) -> int:
        """Write it."""
        pkt = view.pkt
        at = pkt.mac_header + ETH_ALEN
        pkt.writable()[at : at + ETH_ALEN] = self.address
        if not self.in_arp or view.carried != ETH_P_ARP:
            return self.verdict
        header = view.octets(0, HEADER)
        if header is None or len(pkt.data) - view.start < HEADER + ETH_ALEN:
            return NF_DROP
        if header[4] == ETH_ALEN:
            at = view.start + HEADER
            pkt.writable()[at : at + ETH_ALEN] = self.address
        return self.verdict


class MarkFrame(Target):
    """`-j mark`. Linux: net/bridge/netfilter/ebt_mark.c ebt_mark_tg()"""

    __slots__ = ("_change", "value", "verdict")

    def __init__(self, how: str, value: int, verdict: int) -> None:
        self._change = MARKS[how]
        self.value = value
        self.verdict = verdict

    def apply(self, view: View) -> int:
        """Change the mark."""
        view.pkt.mark = self._change(view.pkt.mark, self.value) & _32_BITS
        return self.verdict


class ArpReply(Target):
    """`-j arpreply`: the question is answered where it came from.

    Linux: net/bridge/netfilter/ebt_arpreply.c ebt_arpreply_tg()
    """

    __slots__ = ("_path", "address", "verdict")

    def __init__(self, path: BridgePath, address: bytes, verdict: int) -> None:
        self._path = path
        self.address = address
        self.verdict = verdict

    def apply(self, view: View) -> int:
        """Answer a question about IPv4; anything else goes on."""
        header = view.octets(0, HEADER)
        if header is None:
            return NF_DROP
        if int.from_bytes(header[6:], "big") != ARPOP_REQUEST or header[4] != ETH_ALEN:
            return CONTINUE
        if header[2:4] != b"\x08\x00" or header[5] != 4:
            return CONTINUE
        addresses, asking = ip_addresses(view), view.octets(HEADER, ETH_ALEN)
        if addresses is None or asking is None or view.indev is None:
            return NF_DROP
        self._path.answer_arp(view.indev, self.address, addresses[1], asking, addresses[0])
        return self.verdict
