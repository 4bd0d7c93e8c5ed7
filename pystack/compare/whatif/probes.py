"""What is tried: the next packets of connections, and a first one for whoever listens."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pystack.applets.conntrack.text import flow_line
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.sockets import ANY, Listening
from pystack.l2.devices import Link
from pystack.l3.fib_types import RTN_LOCAL, RTN_UNICAST, Flow
from pystack.l3.route import Rtable
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tcp_states import State
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.netfilter.hooks import NFPROTO_IPV4
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, address_text

_BEYOND: Final = 0xC6336407  # 198.51.100.7: somebody behind the default route
_OVER: Final = (State.LAST_ACK, State.TIME_WAIT, State.CLOSE)
_FIRST_PORT: Final = 50000  # of whom tries to connect


@dataclass(frozen=True, slots=True)
class Probe:
    """A packet in tcpdump's words, and where it begins its way."""

    about: str  # the connection or the socket
    way: str  # "there", "back", "from 10.0.0.9 by eth0"
    packet: str
    entry: str  # a device; empty: a program here sends it


def of_connections(building: Building, flows: list[Snapshot]) -> Iterator[Probe]:
    """The next packet in each direction, of those of IPv4 that are not over."""
    for flow in flows:
        if flow.original.family != NFPROTO_IPV4 or flow.state in _OVER:
            continue
        about = " ".join(flow_line(flow).split())
        for way, one in (("there", flow.original), ("back", flow.reply)):
            words = _next_packet(one)
            entry = _entry(building, one)
            if words and entry is not None:
                yield Probe(about, way, words, entry)


def of_listeners(building: Building, sockets: list[Listening]) -> Iterator[Probe]:
    """From a stranger on each link, and from beyond."""
    strangers = list(_strangers(building))
    for number, one in enumerate(sockets):
        name = f" ({one.process})" if one.process else ""
        about = f"{one.protocol} {one.address}:{one.port}{name}"
        for dev, stranger, own in strangers:
            if one.device not in ("", dev.name):
                continue
            there = own if one.address == ANY else one.address
            words = _first_packet(one, stranger, there, _FIRST_PORT + number % 10000)
            yield Probe(about, f"from {stranger} by {dev.name}", words, dev.name)


def _next_packet(one: Tuple) -> str:
    ends = [address_text(one.saddr), address_text(one.daddr)]
    if one.protocol in (IPPROTO_TCP, IPPROTO_UDP):
        between = f"{ends[0]}.{one.sport} > {ends[1]}.{one.dport}: "
        is_tcp = one.protocol == IPPROTO_TCP
        return between + ("Flags [.], seq 1, ack 1, win 1000, length 0" if is_tcp else "UDP, length 4")
    kinds = {8: "echo request", 0: "echo reply"}
    if one.protocol == IPPROTO_ICMP and one.dport >> 8 in kinds:
        return f"{ends[0]} > {ends[1]}: ICMP {kinds[one.dport >> 8]}, id {one.sport}, seq 1, length 8"
    return ""


def _first_packet(one: Listening, source: str, destination: str, port: int) -> str:
    between = f"{source}.{port} > {destination}.{one.port}: "
    return between + ("Flags [S], seq 1, win 1000, length 0" if one.protocol == "tcp" else "UDP, length 4")


def _entry(building: Building, one: Tuple) -> str | None:
    """By which device it comes; None if nobody knows."""
    router = building.netns.ipv4.router
    route = router.route_output(Flow(one.saddr))
    if not isinstance(route, Rtable):
        return None
    if route.type == RTN_LOCAL:
        return ""
    return _port_of(route.dev)


def _port_of(dev: Link) -> str:
    """Of a bridge any of its ports: it makes no difference to IP."""
    ports = [port.name for port in getattr(dev, "port_of", ()) if isinstance(port, Link)]
    return ports[0] if ports else dev.name


def _strangers(building: Building) -> Iterator[tuple[Link, str, str]]:
    """Who may try: a device, an address behind it that is nobody's yet, and ours there."""
    netns = building.netns
    for dev in netns.devices:
        if dev is netns.loopback or not dev.up or dev.master is not None:
            continue
        for address in netns.ipv4.addresses.of(dev)[:1]:
            entry = netns.devices.get(_port_of(dev))
            assert entry is not None, "it was in the list of devices"
            beside = _beside(address.local, address.prefixlen)
            own = address_text(address.local)
            if beside:
                yield entry, address_text(beside), own
            route = netns.ipv4.router.route_output(Flow(_BEYOND))
            if isinstance(route, Rtable) and route.type == RTN_UNICAST and route.dev is dev:
                yield entry, address_text(_BEYOND), own


def _beside(own: int, prefixlen: int) -> int:
    """The highest address of the network that is not ours; 0 if there is room for nobody."""
    if prefixlen > 30:
        return 0
    last = own | (1 << 32 - prefixlen) - 1
    return last - 1 if last - 1 != own else last - 2
