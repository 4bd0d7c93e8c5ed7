"""Runs for tests of reports: two sides' records, compared and numbered."""

from __future__ import annotations

from collections.abc import Sequence

from pystack.compare.diff import Differ
from pystack.compare.findings import Findings
from pystack.compare.outcome import Outcome, judged
from pystack.compare.points import POINTS
from pystack.compare.records import Frame, Hop, Record
from pystack.explain.path_kind import Wiring
from pystack.wire import icmp, ipv4
from pystack.wire.ethernet import ETH_P_IP, header

WIRING = Wiring(ports=frozenset(["tap1", "tap2"]), bridges=frozenset(["br0"]))


def echo(ttl: int = 64, ident: int = 7) -> bytes:
    message = icmp.build(icmp.ICMP_ECHO, 0, 1, 1, b"x" * 8)
    packet = ipv4.build(ipv4.Ipv4Header(0x0A000009, 0x0A000001, 1, id=ident, ttl=ttl), len(message)) + message
    return header(b"\2\0\0\0\0\1", b"\xba\xec\x24\0\0\1", ETH_P_IP) + packet


def entered(data: bytes) -> Frame:
    return Frame(1, "tap1", "in", data)


def left(data: bytes, port: str = "tap2") -> Frame:
    return Frame(1, port, "out", data)


def hops(data: bytes, *places: str, packet: int = 1) -> list[Hop]:
    """`bridge/FORWARD:tap1>tap2`: a hop at every point of that hook."""
    found = []
    for place in places:
        where, devices = place.split(":")
        family, hook = where.split("/")
        indev, outdev = (name or None for name in devices.split(">"))
        for point in POINTS:
            if (point.family, point.hook) == (family, hook):
                shown = data if point.link else data[14:]
                names = (None, None, None, indev, outdev, None, None)
                found.append(Hop(1, packet, family, hook, point.priority, *names, 0, shown))
    return found


def bridged(data: bytes) -> list[Record]:
    """A frame from one port of a bridge to another."""
    way = ("netdev/INGRESS:tap1>", "bridge/PREROUTING:tap1>", "bridge/FORWARD:tap1>tap2")
    return [entered(data), *hops(data, *way, "bridge/POSTROUTING:>tap2", "netdev/EGRESS:>tap2"), left(data)]


def lost(data: bytes) -> list[Record]:
    """One that no other port gets."""
    return [entered(data), *hops(data, "netdev/INGRESS:tap1>", "bridge/PREROUTING:tap1>")]


def outcome(kernel: Sequence[Record], pystack: Sequence[Record], file: str = "dir/one.toml") -> Outcome:
    comparison = Differ(kernel, pystack).compare()
    result = judged(comparison.differences)
    made = Outcome(file, f"What {file} is about", result, "", list(kernel), list(pystack), comparison)
    made.differences = comparison.differences
    return made


def run(*outcomes: Outcome) -> Findings:
    findings = Findings()
    for one in outcomes:
        findings.add(one, WIRING)
    return findings
