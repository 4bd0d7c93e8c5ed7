"""pystack's hops: functions at the points of points.py, which write down what passes and let it go on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pystack.compare.points import Point
from pystack.compare.records import NO_LINK_HEADER, Hop, Record
from pystack.device import NetDevice
from pystack.netfilter.hooks import (
    ARP_IN,
    ARP_OUT,
    FORWARD,
    INPUT,
    NETDEV_EGRESS,
    NETDEV_INGRESS,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    HookFn,
    HookPoint,
    HookState,
)
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.netns import Netns
from pystack.packet import Packet

_NUMBERS: Final = {
    "PREROUTING": PREROUTING,
    "INPUT": INPUT,
    "FORWARD": FORWARD,
    "OUTPUT": OUTPUT,
    "POSTROUTING": POSTROUTING,
}
_ARP_NUMBERS: Final = {"INPUT": ARP_IN, "OUTPUT": ARP_OUT}
_NETDEV_NUMBERS: Final = {"INGRESS": NETDEV_INGRESS, "EGRESS": NETDEV_EGRESS}


class Recorder:
    """Where everything that happens in a scenario is written down."""

    __slots__ = ("packets", "records", "step")

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.step = 0
        self.packets = 0

    def number(self, pkt: Packet) -> int:
        """Which packet this is; clones and what becomes of it keep the number."""
        number = pkt.trace
        if not isinstance(number, int):
            number = pkt.trace = self.packets = self.packets + 1
        return number

    def dropped(self, packet: int, reason: str) -> None:
        """The packet's last hop says why it was the last, if it is not where packets leave."""
        for place in range(len(self.records) - 1, -1, -1):
            hop = self.records[place]
            if isinstance(hop, Hop) and hop.packet == packet:
                if hop.hook != "EGRESS":
                    self.records[place] = replace(hop, verdict="drop", reason=reason)
                return


def observe(netns: Netns, ports: Iterable[str], points: Iterable[Point], recorder: Recorder) -> None:
    """Hang an observer at every point, at netdev points one for each port."""
    names = list(ports)
    for name in names:
        netns.hooks.at_device(name)
    for point in points:
        for place in _places(netns, point, names):
            place.register(_observer(point, recorder), point.priority, point.name)


def _places(netns: Netns, point: Point, ports: list[str]) -> list[HookPoint]:
    hooks = netns.hooks
    if point.family == "netdev":
        return [hooks.netdev[name][_NETDEV_NUMBERS[point.hook]] for name in ports]
    if point.family == "arp":
        return [hooks.arp[_ARP_NUMBERS[point.hook]]]
    of_family = {"bridge": hooks.bridge, "ip": hooks.ip, "ip6": hooks.ip6}
    return [of_family[point.family][_NUMBERS[point.hook]]]


def _observer(point: Point, recorder: Recorder) -> HookFn:
    family, hook, priority = point.family, point.hook, point.priority
    has_bridge_ports = family in ("ip", "ip6")  # elsewhere `in` and `out` say it all
    bytes_of = _from_link_header if point.link else _from_network_header

    def see(pkt: Packet, state: HookState) -> int:
        hop = Hop(
            recorder.step,
            recorder.number(pkt),
            family,
            hook,
            priority,
            None,
            None,
            None,
            _name(state.indev),
            _name(state.outdev),
            _name(pkt.physin) if has_bridge_ports else None,
            _name(pkt.physout) if has_bridge_ports else None,
            pkt.mark,
            bytes_of(pkt),
        )
        recorder.records.append(hop)
        return NF_ACCEPT

    return see


def _from_link_header(pkt: Packet) -> bytes:
    if pkt.mac_header == pkt.network_header:  # a group's packet that came back to its sender has none
        return NO_LINK_HEADER + _from_network_header(pkt)
    return bytes(pkt.frame())


def _from_network_header(pkt: Packet) -> bytes:
    return bytes(pkt.data[pkt.network_header :])


def _name(dev: NetDevice | None) -> str | None:
    return None if dev is None else dev.name
