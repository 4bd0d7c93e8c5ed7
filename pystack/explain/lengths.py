"""What is too long for its way: who says how long it may be, and what becomes of it."""

from __future__ import annotations

from typing import Final

from pystack.explain.scene import Scene
from pystack.explain.stage import Reason, Told
from pystack.l3.fragment import smallest_mtu
from pystack.l3.route import Rtable
from pystack.packet import Packet
from pystack.wire.ipv4 import IP_DF, Ipv4Header

_FRAGMENT: Final = "net/ipv4/ip_output.c ip_do_fragment()"


def narrowest(scene: Scene, route: Rtable, mtu: int) -> Reason:
    """Who says so: what was learned, the route, or the device."""
    learned, result = route.exception, route.result
    if learned is not None and learned.live_pmtu == mtu:
        return Reason(f"MTU {mtu} was learned from an ICMP error")
    if result is not None and result.info.metrics.get("mtu") == mtu:
        return Reason(f"MTU {mtu}, as the route says", scene.line_of_route(result.route))
    return Reason(f"MTU {mtu}, that of {route.dev.name}", scene.config_of(route.dev))


def refused(scene: Scene, header: Ipv4Header, route: Rtable) -> tuple[Reason, ...]:
    """Why a packet that may not be cut goes no further; empty if it fits, or may be cut.

    Linux: net/ipv4/ip_forward.c ip_exceeds_mtu(), net/ipv4/ip_output.c __ip_append_data()
    """
    mtu = scene.netns.ipv4.output.mtu_of(route)
    if not header.frag_off & IP_DF or header.tot_len <= mtu:
        return ()
    return Reason(f"its {header.tot_len} octets may not be cut (DF)"), narrowest(scene, route, mtu)


def too_long(scene: Scene, pkt: Packet, header: Ipv4Header, route: Rtable) -> Told | None:
    """What is done with a packet that does not fit its way; None if it fits. Linux: ip_fragment()"""
    mtu, length = scene.netns.ipv4.output.mtu_of(route), len(pkt.data) - pkt.network_header
    if pkt.offload.is_gso or (length <= mtu and not header.frag_max):
        return None
    why: tuple[Reason, ...] = (narrowest(scene, route, mtu),)
    if header.frag_off & IP_DF and not 0 < header.frag_max <= mtu:
        return Told(f"{length} octets are too long, and may not be cut (DF)", _FRAGMENT, why)
    if header.frag_max:
        mtu = min(mtu, header.frag_max)
        why += (Reason(f"it came in fragments of up to {header.frag_max} octets, and leaves in such"),)
    if mtu < smallest_mtu(header):
        return Told("too long, and the MTU leaves no room to cut it", _FRAGMENT, why)
    return Told(f"cut into {_pieces(header, mtu)} fragments: {length} octets", _FRAGMENT, why)


def _pieces(header: Ipv4Header, mtu: int) -> int:
    """Only the last may fill the MTU to the octet; all others hold a multiple of eight."""
    most, left, count = mtu - header.ihl, header.tot_len - header.ihl, 1
    while left > most:
        left -= most & ~7
        count += 1
    return count
