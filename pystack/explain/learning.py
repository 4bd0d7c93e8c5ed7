"""What an ICMP error taught the routes: asked before it is handed over, and again when all is quiet."""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.explain.lookup import asked_again
from pystack.explain.scene import Scene
from pystack.explain.stage import Told
from pystack.l3.fib_types import Flow
from pystack.l3.route import RTCF_REDIRECTED, Rtable
from pystack.wire.ipv4 import address_text

_FUNCTION: Final = "net/ipv4/route.c ip_rt_update_pmtu(), __ip_do_redirect()"


class Known(NamedTuple):
    """What is known of a way besides the tables."""

    gateway: int
    mtu: int


def known(scene: Scene, flow: Flow) -> Known:
    """What was learned of the way that a packet took."""
    route = scene.netns.ipv4.router.route_output(asked_again(flow))
    if not isinstance(route, Rtable):
        return Known(0, 0)
    gateway = route.gateway if route.flags & RTCF_REDIRECTED else 0
    return Known(gateway, 0 if route.exception is None else route.exception.live_pmtu)


def learned(before: Known, after: Known, flow: Flow) -> Told:
    """What is different now."""
    there = address_text(flow.daddr)
    if after.gateway != before.gateway:
        return Told(
            f"learned: the way to {there} is via {address_text(after.gateway)} from now on", _FUNCTION
        )
    if after.mtu != before.mtu:
        return Told(f"learned: MTU {after.mtu} on the way to {there}", _FUNCTION)
    return Told("nothing is learned from it", _FUNCTION)
