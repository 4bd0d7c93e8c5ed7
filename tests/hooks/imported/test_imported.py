"""From listings of Linux's tools to a host of ours, and what is said of the rest."""

from typing import Any

import pytest

from pystack.applets.virtual import run
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build, steps
from pystack.hooks.imported.seen import Seen
from pystack.hooks.imported.text import lines
from pystack.host import Host


def link(name: str, index: int, **more: Any) -> dict[str, Any]:
    row = {
        "ifindex": index,
        "ifname": name,
        "flags": ["BROADCAST", "MULTICAST", "UP", "LOWER_UP"],
        "mtu": 1500,
        "link_type": "ether",
        "address": f"02:00:00:00:00:{index:02x}",
    }
    return {**row, **more}


def kind(name: str, **data: Any) -> dict[str, Any]:
    return {"linkinfo": {"info_kind": name, "info_data": data}}


def imported(*links: dict[str, Any], **seen: Any) -> Building:
    return build(Seen(links=list(links), **seen), Host(seed=1))


def listed(building: Building, *argv: str) -> str:
    return run(argv, building.host).out


@pytest.mark.parametrize(
    ("row", "sentence"),
    [
        (link("bond0", 3, **kind("bond")), "device bond0: type bond is not modelled"),
        (
            link("bond0.7", 3, link="bond0", **kind("vlan", id=7, protocol="802.1Q")),
            "device bond0.7: bond0 is not modelled, so it is a card here",
        ),
        (
            link("wg0", 3, link_type="none", **kind("wireguard")),
            "device wg0: what type wireguard does is not modelled, it is a card here",
        ),
        (link("gre1", 3, link_type="gre", **kind("gre")), "device gre1: link type gre is not modelled"),
        (link("br0", 3, **kind("bridge", vlan_filtering=1)), "bridge br0: vlan_filtering 1 is not modelled"),
        (link("br0", 3, **kind("bridge", stp_state=1)), "bridge br0: stp_state 1 is not modelled"),
        (link("eth1", 3, master="bond0"), "device eth1: its master bond0 is not there"),
    ],
)
def test_what_is_not_modelled_is_named(row: dict[str, Any], sentence: str) -> None:
    assert any(told.startswith(sentence) for told in imported(row).left_out)


def test_cards_taps_and_halves_of_pairs_are_ports() -> None:
    away = link("v0", 4, link_index=7, link_netnsid=0, **kind("veth"))
    building = imported(link("eth0", 2), link("tap1", 3, **kind("tun", type="tap")), away)
    assert list(building.ports) == ["eth0", "tap1", "v0"]
    assert [dev.ifindex for dev in building.ports.values()] == [2, 3, 4]


def test_a_pair_is_made_whole_and_its_ends_keep_their_numbers() -> None:
    ends = link("v1", 2, link="v0", **kind("veth")), link("v0", 3, link="v1", **kind("veth"))
    building = imported(*ends)
    assert not building.ports
    shown = listed(building, "ip", "-o", "link")
    assert "2: v1@v0:" in shown
    assert "3: v0@v1:" in shown


def vlan(name: str, index: int, below: str, vid: int, **more: Any) -> dict[str, Any]:
    data = {"protocol": "802.1Q", "id": vid, "flags": ["REORDER_HDR"]}
    return {**link(name, index, link=below, **kind("vlan", **data)), **more}


def test_vlans_are_made_behind_what_they_stand_on_and_are_up_or_down_as_they_were() -> None:
    address = {"address": "02:00:00:00:00:04"}
    rows = [
        vlan("eth0.5.7", 2, "eth0.5", 7, flags=["BROADCAST", "MULTICAST"], **address),
        vlan("eth0.5", 3, "eth0", 5, mtu=9000, **address),
        link("eth0", 4, mtu=9000, master="br0"),
        link("br0", 5, **kind("bridge")),
    ]
    building = imported(*rows)
    assert building.left_out == []
    shown = listed(building, "ip", "-o", "link")
    assert "2: eth0.5.7@eth0.5: <BROADCAST,MULTICAST> mtu 1500" in shown
    assert "3: eth0.5@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 9000" in shown


def test_the_settings_of_a_vlan_are_taken_over() -> None:
    row = vlan("five", 3, "eth0", 5, address="02:00:00:00:00:55")
    row["linkinfo"]["info_data"] = {
        "protocol": "802.1ad",
        "id": 5,
        "flags": ["LOOSE_BINDING", "GVRP"],
        "ingress_qos": [{"from": 1, "to": 6}],
        "egress_qos": [{"from": 17, "to": 3}, {"from": 1, "to": 2}],
    }
    building = imported(link("eth0", 2), row)
    assert building.left_out == ["device five: vlan option GVRP is not modelled"]
    (line,) = (line for line in lines(building) if "type vlan" in line)
    assert line == (
        "ip link add link eth0 name five address 02:00:00:00:00:55 type vlan id 5 protocol 802.1ad "
        "reorder_hdr off loose_binding on ingress-qos-map 1:6 egress-qos-map 1:2 17:3"
    )


def test_a_dummy_that_speaks_arp_does_so_here() -> None:
    building = imported(link("d0", 2, **kind("dummy")))
    assert building.left_out == []
    assert "2: d0: <BROADCAST,MULTICAST,UP,LOWER_UP>" in listed(building, "ip", "-o", "link")


def test_a_cable_that_is_out_is_out_here_too() -> None:
    row = link("eth0", 2, flags=["NO-CARRIER", "BROADCAST", "MULTICAST", "UP"])
    assert "NO-CARRIER" in listed(imported(row), "ip", "link", "show", "eth0")


def test_routes_of_devices_that_are_not_there_are_counted_not_listed() -> None:
    routes = "".join(f"10.{n}.0.0/16 dev wg0 scope 253\n" for n in range(9))
    told = imported(link("eth0", 2), routes=routes).left_out
    assert sum("its device is not modelled" in line for line in told) == 5
    assert "4 more routes: their devices are not modelled" in told


def test_many_routes_are_taken_over_a_little_at_a_time_and_one_that_is_refused_is_named() -> None:
    routes = [f"10.{n}.0.0/16 dev eth0 scope 253" for n in range(250)]
    routes[120] = "10.250.0.0/16 via 203.0.113.1 dev eth0"  # which nobody here reaches
    host = Host(seed=1)
    building = Building(host, host.init)
    growing = [
        len(host.init.ipv4.fib.tables[254])
        for _ in steps(building, Seen(links=[link("eth0", 2)], routes="\n".join(routes) + "\n"))
        if 254 in host.init.ipv4.fib.tables
    ]
    assert len(set(growing)) > 2
    assert listed(building, "ip", "route").count("\n") == 249
    (refused,) = [line for line in building.left_out if line.startswith("route ")]
    assert refused.startswith("route 10.250.0.0/16 via 203.0.113.1 dev eth0: ")


def test_a_route_that_comes_with_an_address_and_was_taken_away_is_missing() -> None:
    address = {
        "ifname": "eth0",
        "addr_info": [
            {"family": "inet", "local": "10.0.0.1", "prefixlen": 24, "scope": "global", "label": "eth0"}
        ],
    }
    building = imported(
        link("eth0", 2),
        addresses=[address],
        routes="2 10.0.0.1 dev eth0 table 255 proto 2 scope 254 src 10.0.0.1\n",
    )
    assert listed(building, "ip", "route", "show", "table", "all").splitlines() == [
        "local 10.0.0.1 dev eth0 table local proto kernel scope host src 10.0.0.1 "
    ]


def test_tools_that_are_missing_and_ipv6_are_named() -> None:
    six = {"ifname": "eth0", "addr_info": [{"local": "2001:db8::1", "scope": "global"}]}
    told = imported(link("eth0", 2), missing=["ipset"], other_addresses=[six]).left_out
    assert told == [
        "ipset: not installed, so nothing is known of what it shows",
        "IPv6 addresses (2001:db8::1): IPv6 is bridged, not routed",
    ]


def test_nexthop_objects_are_taken_over_groups_behind_their_members_and_others_are_named() -> None:
    address = {"ifname": "eth0", "addr_info": [{"local": "10.0.0.1", "prefixlen": 24, "scope": "global"}]}
    hop = {"dev": "eth0", "scope": "link", "flags": []}
    rows = [
        {"id": 1, "group": [{"id": 3}, {"id": 2, "weight": 4}], "flags": []},
        {"id": 2, "gateway": "10.0.0.2", "protocol": "static", **hop},
        {"id": 3, "gateway": "10.9.0.3", **hop, "flags": ["onlink"]},
        {"id": 4, "blackhole": None, "flags": []},
        {"id": 5, "gateway": "fe80::1", **hop},
        {"id": 6, **hop},
        {"id": 7, "gateway": "10.0.0.2", **hop, "dev": "wg0"},
        {"id": 8, "group": [{"id": 2}], "type": "resilient", "flags": []},
    ]
    lo = link("lo", 1, link_type="loopback", mtu=65536, flags=["LOOPBACK", "UP", "LOWER_UP"])
    hops = "\n\tnexthop via 10.9.0.3 dev eth0 weight 1 \n\tnexthop via 10.0.0.2 dev eth0 weight 4 "
    routes = f"10.1.0.0/16 nhid 1 {hops}\n"
    building = imported(lo, link("eth0", 2), addresses=[address], nexthops=rows, routes=routes)
    assert listed(building, "ip", "nexthop").splitlines() == [
        "id 1 group 3/2,4 ",
        "id 2 via 10.0.0.2 dev eth0 scope link proto static ",
        "id 3 via 10.9.0.3 dev eth0 scope link onlink ",
        "id 4 blackhole ",
    ]
    assert listed(building, "ip", "route", "show", "10.1.0.0/16").startswith("10.1.0.0/16 nhid 1 ")
    assert building.left_out == [
        "nexthop 5: IPv6 is bridged, not routed",
        "nexthop 6: IPv6 is bridged, not routed",
        "nexthop 7: its device is not modelled",
        "nexthop 8: ip nexthop … type resilient is not modelled (known: mpath)",
    ]


def test_what_could_never_be_set_back_is_not_said() -> None:
    path = ("net", "netfilter", "nf_hooks_lwtunnel")
    assert listed(imported(link("eth0", 2), sysctls={path: "1"}), "sysctl", "-n", ".".join(path)) == "0\n"


def test_what_only_programs_of_the_host_notice_is_kept_apart() -> None:
    path = ("net", "ipv4", "tcp_congestion_control")
    building = imported(link("eth0", 2), sysctls={path: "vegas"})
    assert building.left_out == []
    assert building.of_programs == ["sysctl net.ipv4.tcp_congestion_control: vegas is not modelled"]
