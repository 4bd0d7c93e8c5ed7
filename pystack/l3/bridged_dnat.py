"""Bridged frames whose destination was changed at ip PREROUTING: the station that is meant now is another.

Where the new destination lies behind the same bridge, the frame stays bridged and gets that station's
address, its own source and TTL kept; the address is asked for as for any packet of IP. Everything else is
handed to IP, as if the frame had been for the bridge.

Linux: net/bridge/br_netfilter_hooks.c br_nf_pre_routing_finish()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import NetDevice
from pystack.drop import IP_UNREACHABLE, NEIGH_CREATEFAIL, Drop
from pystack.l2.devices import Link
from pystack.l2.neighbour import Neighbour
from pystack.l2.nud import NUD_CONNECTED
from pystack.l3.route import Router, Rtable
from pystack.netfilter.hooks import HookPoint, HookState, OkFn
from pystack.packet import PACKET_HOST, Packet
from pystack.wire.ethernet import ETH_ALEN, ETH_HLEN

_FIRST_BEHIND_US: Final = 1  # br_netfilter hangs at 0


class BridgedDnat:
    """One per namespace."""

    def __init__(
        self,
        *,
        router: Router,
        neighbour: Callable[[Link, int], Neighbour | None],
        pre_routing: HookPoint,
        drop: Drop,
    ) -> None:
        self._router = router
        self._neighbour = neighbour
        self._point = pre_routing
        self._drop = drop

    def go_on(self, pkt: Packet, port: NetDevice, bridge: Link, state: HookState) -> None:
        """Behind ip PREROUTING, with another destination than the frame came with."""
        header = pkt.ip
        if header is None:
            return self._drop(pkt, IP_UNREACHABLE)  # no IPv6 address has a way
        found = self._router.route_input(header.daddr, header.saddr, header.tos, pkt.mark, bridge, pkt)
        if not isinstance(found, Rtable):
            return self._drop(pkt, found)
        pkt.route, pkt.dev = found, port
        if found.dev is bridge:
            through_bridge = state.okfn

            def finish(pkt: Packet) -> None:
                self._to_its_station(pkt, bridge, found, through_bridge)

            state = HookState(state.hook, state.indev, state.outdev, finish)
        else:
            at = pkt.mac_header
            pkt.writable()[at : at + ETH_ALEN] = bridge.address
            pkt.pkt_type = PACKET_HOST
        self._point.run_from(pkt, state, _FIRST_BEHIND_US)

    def _to_its_station(self, pkt: Packet, bridge: Link, route: Rtable, through_bridge: OkFn) -> None:
        """Linux: br_nf_pre_routing_finish_bridge()"""
        header, port, at = pkt.ip, pkt.dev, pkt.mac_header
        neigh = None if header is None else self._neighbour(bridge, route.nexthop(header.daddr))
        if neigh is None:
            return self._drop(pkt, NEIGH_CREATEFAIL)
        if neigh.state & NUD_CONNECTED and neigh.was_used:
            pkt.writable()[at : at + ETH_ALEN] = neigh.ha
            return through_bridge(pkt)
        sender = bytes(pkt.data[at + ETH_ALEN : at + ETH_HLEN])

        def take_back(pkt: Packet) -> None:
            """With an address now. Linux: br_nf_pre_routing_finish_bridge_slow()"""
            at = pkt.mac_header
            pkt.writable()[at + ETH_ALEN : at + ETH_HLEN] = sender
            pkt.dev, pkt.physout = port, None
            through_bridge(pkt)

        pkt.bridge_cb = take_back
        return neigh.output(pkt)
