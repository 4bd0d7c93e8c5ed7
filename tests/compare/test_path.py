"""A packet's hops tell which way it took, by the numbers of the picture, and how it ended."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from pystack.compare.path import PacketPath, packets_of_frames, paths
from pystack.compare.points import POINTS
from pystack.compare.records import Captured, Frame, Hop
from pystack.explain.path_kind import Wiring
from pystack.wire import icmp, ipv4, tcp
from pystack.wire.ethernet import ETH_P_IP, header

STRANGER, OWN, OTHER_OWN = 0x0A000009, 0x0A000001, 0x0A010001
WIRING: Final = Wiring(
    ports=frozenset(["tap1", "tap2", "eth0", "eth1"]),
    bridges=frozenset(["br0", "br1"]),
    leads_into={"to-red": "red"},
    addresses={OWN: "br0", OTHER_OWN: "eth0"},
)
LAST: Final = {(point.family, point.hook): point for point in POINTS}


def packet(
    daddr: int = OWN, saddr: int = STRANGER, protocol: int = 17, body: bytes = b"", id: int = 7
) -> bytes:
    return ipv4.build(ipv4.Ipv4Header(saddr, daddr, protocol, id=id), len(body)) + body


def way(number: int, text: str, data: bytes = packet(), reason: str | None = None) -> list[Hop]:
    """Hops at the last point of each hook: `bridge/PREROUTING:tap1> ip/INPUT:br0>`."""
    hops = []
    for word in text.split():
        place, devices = word.split(":")
        family, hook = place.split("/")
        indev, outdev = (name or None for name in devices.split(">"))
        point = LAST[family, hook]
        shown = header(b"\2" * 6, b"\4" * 6, ETH_P_IP) + data if point.link else data
        hops.append(
            Hop(
                1, number, family, hook, point.priority, None, None, None, indev, outdev, None, None, 0, shown
            )
        )
    if reason is not None:
        hops[-1] = replace(hops[-1], verdict="drop", reason=reason)
    return hops


def only(*hops: Hop) -> PacketPath:
    (path,) = paths(hops, WIRING)
    return path


BY_PORT: Final = "netdev/INGRESS:tap1> bridge/PREROUTING:tap1>"
TO_BRIDGE: Final = f"{BY_PORT} bridge/INPUT:tap1> ip/PREROUTING:br0>"
BY_CARD: Final = "netdev/INGRESS:eth0> ip/PREROUTING:eth0>"
OUT_BY_PORT: Final = "bridge/OUTPUT:>tap2 bridge/POSTROUTING:>tap2 netdev/EGRESS:>tap2"


@pytest.mark.parametrize(
    ("hops", "told"),
    [
        (
            f"{BY_PORT} bridge/FORWARD:tap1>tap2 bridge/POSTROUTING:>tap2 netdev/EGRESS:>tap2",
            "1-7 sent by tap2",
        ),
        (f"{TO_BRIDGE} ip/INPUT:br0>", "1-2 delivered"),
        (f"{TO_BRIDGE} ip/FORWARD:br0>eth0 ip/POSTROUTING:br0>eth0 netdev/EGRESS:>eth0", "1-6 sent by eth0"),
        (f"{TO_BRIDGE} ip/FORWARD:br0>br1 ip/POSTROUTING:br0>br1 {OUT_BY_PORT}", "1-2-8 sent by tap2"),
        (f"{BY_CARD} ip/INPUT:eth0>", "3-4 delivered"),
        (f"{BY_CARD} ip/FORWARD:eth0>eth1 ip/POSTROUTING:eth0>eth1 netdev/EGRESS:>eth1", "3-6 sent by eth1"),
        (f"{BY_CARD} ip/FORWARD:eth0>br0 ip/POSTROUTING:eth0>br0 {OUT_BY_PORT}", "3-2-8 sent by tap2"),
        ("ip/OUTPUT:>eth0 ip/POSTROUTING:>eth0 netdev/EGRESS:>eth0", "4-6 sent by eth0"),
        (f"ip/OUTPUT:>br0 ip/POSTROUTING:>br0 {OUT_BY_PORT}", "4-2-8 sent by tap2"),
        ("ip/OUTPUT:>lo ip/POSTROUTING:>lo ip/PREROUTING:lo> ip/INPUT:lo>", "4-lo-4 delivered"),
        (f"{BY_CARD} ip/FORWARD:eth0>to-red ip/POSTROUTING:eth0>to-red", "x-ns sent by to-red into red"),
        ("arp/OUTPUT:>br0 bridge/OUTPUT:>veth0 bridge/POSTROUTING:>veth0", "4-2-8 sent by veth0"),
        ("ip/OUTPUT:>br0 ip/POSTROUTING:>br0", "4-2-8 dropped after ip POSTROUTING 400"),
        (BY_CARD, "3-? dropped after ip PREROUTING -60"),
        (BY_PORT, "1-? dropped after bridge PREROUTING 50"),
    ],
)
def test_every_kind_of_path_is_told_with_its_end(hops: str, told: str) -> None:
    assert str(only(*way(1, hops))) == told


def test_another_devices_address_is_1_4() -> None:
    assert only(*way(1, f"{TO_BRIDGE} ip/INPUT:br0>", packet(OTHER_OWN))).kind == "1-4"


def test_what_br_netfilter_shows_ip_does_not_leave_by_the_bridge() -> None:
    bridged = way(1, f"{BY_PORT} bridge/FORWARD:tap1>tap2 ip/POSTROUTING:>bridge9 netdev/EGRESS:>tap2")
    bridged[-2] = replace(bridged[-2], physout="tap2")
    assert str(only(*bridged)) == "1-7 sent by tap2"


def test_a_flood_that_the_bridge_takes_too_has_all_its_ends() -> None:
    flood = f"{BY_PORT} bridge/FORWARD:tap1>tap2 netdev/EGRESS:>tap2 bridge/INPUT:tap1> arp/INPUT:br0>"
    assert str(only(*way(1, flood))) == "1-7 sent by tap2, delivered"


def test_the_kernels_reason_stands_behind_the_place_of_a_drop() -> None:
    assert only(*way(1, BY_CARD, reason="IP_RPFILTER")).end == "dropped after ip PREROUTING -60: IP_RPFILTER"


def test_a_packet_that_an_icmp_error_quotes_was_answered_by_it() -> None:
    error = icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, 0, 0, packet(id=7))
    refusal = way(3, "ip/OUTPUT:>br0", packet(STRANGER, OWN, ipv4.IPPROTO_ICMP, error))
    asked, same_flow, _ = paths(
        [
            *way(1, f"{TO_BRIDGE} ip/INPUT:br0>"),
            *way(2, f"{TO_BRIDGE} ip/INPUT:br0>", packet(id=8)),
            *refusal,
        ],
        WIRING,
    )
    assert asked.end == "answered by ICMP unreachable, code 3"
    assert same_flow.end == "delivered"


def test_a_reset_answers_the_last_segment_before_it() -> None:
    def segment(sport: int, dport: int, flags: int) -> bytes:
        return tcp.HEADER.pack(sport, dport, 1, 0, 0x50, flags, 0, 0, 0)

    syn = packet(OWN, STRANGER, ipv4.IPPROTO_TCP, segment(1000, 80, tcp.SYN))
    reset = packet(STRANGER, OWN, ipv4.IPPROTO_TCP, segment(80, 1000, tcp.RST))
    asked, _ = paths([*way(1, f"{BY_CARD} ip/INPUT:eth0>", syn), *way(2, "ip/OUTPUT:>eth0", reset)], WIRING)
    assert asked.end == "answered by a TCP reset"


def test_an_error_that_is_only_passed_on_answers_nothing() -> None:
    error = icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, 0, 0, packet())
    passed = way(2, BY_CARD, packet(OWN, OTHER_OWN, ipv4.IPPROTO_ICMP, error))
    assert paths([*way(1, f"{TO_BRIDGE} ip/INPUT:br0>"), *passed], WIRING)[0].end == "delivered"


def test_frames_are_tied_to_their_packets_by_the_hop_at_their_port() -> None:
    frame = header(b"\2" * 6, b"\4" * 6, ETH_P_IP) + packet()
    twice = [*way(1, "netdev/INGRESS:tap1> netdev/EGRESS:>tap2"), *way(2, "netdev/INGRESS:tap1>")]
    entered = [Frame(1, "tap1", "in", frame), Frame(1, "tap1", "in", frame), Frame(1, "tap2", "out", frame)]
    assert packets_of_frames([*entered, Frame(1, "tap9", "in", frame), *twice]) == {0: 1, 1: 2, 2: 1}


def test_a_capture_is_tied_to_the_packet_that_had_its_bytes_in_that_step() -> None:
    seen = way(5, "ip/PREROUTING:br0>")
    captured = [
        Captured(step, "br0", "in", header(b"\6" * 6, b"\4" * 6, ETH_P_IP) + packet()) for step in (1, 2)
    ]
    assert packets_of_frames([*seen, *captured]) == {1: 5}
