"""Fuzzing the bridge: ports, flags, forwarding database, groups, cables between bridges.

What is drawn around, because time passes differently on the two sides, or because it is not modelled:

- br_netfilter shows bridges' IPv4 and ARP, or nothing; IPv6 never.
- With `mcast_snooping 1` no IGMP or MLD is sent, nor a malformed packet to a group.
- STP and VLAN filtering are off. No two cables join the same two bridges: that is a storm.
- Ageing is 300 s, or 0 (then nobody adds an entry that ages: it is swept away at some moment), or it is over
  within one step (see bridge_steps.py).
- A bridge with an address has one port that stays up, and keeps the neighbours whom it answers (with
  `arp_ignore 2` it answers no others): what follows from a lost carrier comes up to a second late, and an
  address is asked for again every second. No ICMP error is held back, so that no rate is limited.
- All TCP has a wrong checksum, because sockets are an area of their own; of IP's options only the one is sent
  that means nothing.
"""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz import frames
from pystack.compare.fuzz.bridge_site import Site
from pystack.compare.fuzz.bridge_steps import command, silence
from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.frames import People
from pystack.compare.scenario import Scenario, Send, Step, Topology
from pystack.wire.ethernet import BROADCAST, ZERO, parse_mac
from pystack.wire.ipv4 import address_text

QUIET: Final = (
    "sysctl -qw net.bridge.bridge-nf-call-ip6tables=0 "
    "net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 "
    "net.ipv4.icmp_msgs_burst=1000000 net.ipv4.conf.all.arp_ignore=2"
)
STATIONS: Final = tuple(f"02:00:00:00:aa:{number:02x}" for number in range(1, 7))
GROUPS: Final = (
    "01:00:5e:00:00:01",
    "01:00:5e:00:00:05",
    "33:33:00:00:00:01",
    "01:00:00:00:00:00",
    "ff:ff:ff:ff:ff:fe",
    *(f"01:80:c2:00:00:{low:02x}" for low in (0x00, 0x01, 0x02, 0x03, 0x0E, 0x0F, 0x10, 0x21)),
)
SUBNET: Final = 0x0A000000  # 10.0.N.0/24 behind bridge N
ELSEWHERE: Final = 0x0A000900
PLAIN_MTU: Final = 1500
COMMANDS: Final = 2  # in a hundred steps; each costs as much as twenty frames
SILENCES: Final = 2  # in a hundred commands; each costs as much as a thousand frames


def draw(dice: Dice, cases: int) -> Scenario:
    """A topology, and so many steps on it."""
    site = _site(dice)
    people = _people(dice, site)
    steps: list[Step] = []
    while len(steps) < cases:
        steps += _some_steps(dice, site, people)
    calls = f"sysctl -qw net.bridge.bridge-nf-call-iptables={dice.between(0, 1)}"
    calls += f" net.bridge.bridge-nf-call-arptables={dice.between(0, 1)}"
    topology = Topology(site.ports, "\n".join([QUIET, calls, *site.setup]) + "\n")
    capture = tuple(dice.some(site.bridges, 8))
    return Scenario("", "bridge", topology, tuple(steps[:cases]), capture=capture)


def _some_steps(dice: Dice, site: Site, people: People) -> list[Step]:
    if dice.chance(COMMANDS):
        if dice.chance(SILENCES):
            return silence(dice, site)
        return command(dice, site)
    frame = frames.frame(dice, people, longest=PLAIN_MTU + 12, plain_groups=site.snooping)
    return [Send(dice.among(site.ports), (frame,), frame.hex())]


# --- the topology ----------------------------------------------------------------------------------------


def _site(dice: Dice) -> Site:
    ports = tuple(f"tap{number}" for number in range(1, dice.between(2, 5) + 1))
    bridges = ("br0", "br1") if dice.chance(40) else ("br0",)
    homes = {port: dice.among(bridges) for port in ports if not dice.chance(8)}
    site = Site(ports, bridges, STATIONS, GROUPS, snooping=dice.chance(50), forgets=dice.chance(10))
    site.addressed += [bridge for bridge in bridges if bridge in homes.values() and dice.chance(60)]
    for bridge in bridges:
        _add_bridge(dice, site, bridge)
    for port, bridge in homes.items():
        site.enslave(port, bridge)
    if dice.chance(40):
        _add_cable(dice, site)
    for port in site.enslaved:
        _set_port(dice, site, port)
    up = [device for device in (*ports, *site.ends) if device in site.anchors or not dice.chance(4)]
    up += [bridge for bridge in bridges if bridge in site.addressed or not dice.chance(4)]
    site.setup += [f"ip link set {device} up" for device in up]
    for bridge in site.addressed:
        _give_address(site, bridge)
    if dice.chance(20):  # of a port, where it goes dead, or of a card beside the bridges
        site.own.append(ELSEWHERE + 1)
        site.setup.append(f"ip addr add {address_text(ELSEWHERE + 1)}/24 dev {dice.among(ports)}")
    return site


def _add_bridge(dice: Dice, site: Site, bridge: str) -> None:
    words = [f"mcast_snooping {int(site.snooping)}"]
    if site.forgets and dice.chance(70):
        words.append("ageing_time 0")
    if dice.chance(20):
        words.append(f"group_fwd_mask {dice.between(0, 0xFFFF) & 0xFFF8:#x}")
    if dice.chance(10):
        words.append("no_linklocal_learn 1")
    chosen = bridge in site.addressed or dice.chance(20)
    address = f"address 02:00:00:00:0b:{site.bridges.index(bridge):02x} " if chosen else ""
    site.setup.append(f"ip link add {bridge} {address}type bridge {' '.join(words)}")


def _add_cable(dice: Dice, site: Site) -> None:
    """From one bridge to the other, or from a bridge to where nobody is."""
    left, right = site.ends = ("v0", "w0")
    site.setup.append(
        f"ip link add {left} address 02:00:00:00:0e:00 type veth peer name {right} address 02:00:00:00:0e:01"
    )
    site.enslave(left, site.bridges[0])
    if len(site.bridges) > 1 and dice.chance(80):
        site.enslave(right, site.bridges[1])


def _set_port(dice: Dice, site: Site, port: str) -> None:
    for flag in dice.some(site.flags_of(port), 10):
        site.setup.append(f"bridge link set dev {port} {flag} {dice.among(['on', 'off'])}")
    if dice.chance(8):
        mask = dice.between(0, 0xFFFF) & ~2  # what pauses goes nowhere
        site.setup.append(f"ip link set {port} type bridge_slave group_fwd_mask {mask:#x}")
    if dice.chance(6):
        site.setup.append(f"ip link set {port} mtu {dice.among([1300, 1400, 9000])}")
    if dice.chance(15):
        state = dice.among(["static", "static sticky", "permanent"])
        site.setup.append(f"bridge fdb replace {dice.among(site.stations)} dev {port} master {state}")


def _give_address(site: Site, bridge: str) -> None:
    subnet = SUBNET + (site.bridges.index(bridge) << 8)
    site.own.append(subnet + 1)
    site.setup.append(f"ip addr add {address_text(subnet + 1)}/24 dev {bridge}")
    for index, station in enumerate(site.stations[:3]):
        site.neighbours[subnet + 10 + index] = station
        site.write_down.setdefault(bridge, []).append(
            f"ip neigh replace {address_text(subnet + 10 + index)} lladdr {station} dev {bridge}"
        )
    site.setup += site.write_down[bridge]


# --- who talks -------------------------------------------------------------------------------------------


def _people(dice: Dice, site: Site) -> People:
    stations = [_mac(text) for text in site.stations]
    devices = [
        *(bytes((2, 0, 0, 0, 0, number)) for number in range(1, len(site.ports) + 1)),
        *(bytes((2, 0, 0, 0, 0x0B, number)) for number in range(len(site.bridges))),
        *(bytes((2, 0, 0, 0, 0x0E, number)) for number in range(len(site.ends))),
    ]
    groups = [_mac(text) for text in site.groups]
    sources = dict.fromkeys(stations, 40) | dict.fromkeys(devices, 2) | {ZERO: 2, BROADCAST: 1, groups[1]: 2}
    destinations = (
        dict.fromkeys(stations, 20)
        | dict.fromkeys(devices, 6)
        | dict.fromkeys(groups, 2)
        | {ZERO: 1, BROADCAST: 30, b"\x02\0\0\0\xee\xee": 4}
    )
    neighbours = {ip: _mac(station) for ip, station in site.neighbours.items()}
    return People(sources, destinations, neighbours or {SUBNET + 10: stations[0]}, tuple(site.own))


def _mac(text: str) -> bytes:
    address = parse_mac(text)
    assert address is not None, text
    return address
