"""Fuzzing ARP: questions, answers and nonsense on two links, while addresses and sysctls change.

What is drawn around, because time passes differently on the two sides:

- A sender's link address follows from its IP: which of two is believed is a matter of `locktime`.
- Answers for others are not postponed (`proxy_delay`), and nobody sends IP, so that nobody is asked for.
"""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology
from pystack.wire import arp
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, header
from pystack.wire.ipv4 import address_text

PORTS: Final = ("p0", "p1")
OUR_MACS: Final = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
SETUP: Final = """\
ip link set lo up
ip link set p0 up
ip link set p1 up
ip addr add 10.0.0.1/24 dev p0
ip addr add 10.0.1.1/24 dev p1
ip route add 10.9.0.0/16 via 10.0.1.9
ip neigh add 10.0.1.9 lladdr 02:00:00:00:aa:09 dev p1
sysctl -qw net.ipv4.neigh.p0.proxy_delay=0 net.ipv4.neigh.p1.proxy_delay=0
"""
NETS: Final = (0x0A000000, 0x0A000100, 0x0A090000)
HOSTS: Final = (0, 1, 2, 3, 5, 9, 128, 255)
ODD: Final = (0, 0x7F000001, 0xE0000001, 0xFFFFFFFF, 0xC0000201, 0xF0000001)
OPERATIONS: Final = {arp.ARPOP_REQUEST: 20, arp.ARPOP_REPLY: 8, 0: 1, 3: 1, 8: 1}
LEVELS: Final = {
    "arp_ignore": (0, 0, 0, 0, 1, 2, 3, 4, 8, 9),
    "arp_filter": (0, 1),
    "arp_accept": (0, 1, 2, 3),
    "arp_announce": (0, 1, 2),
    "drop_gratuitous_arp": (0, 0, 0, 1),
    "proxy_arp": (0, 1),
    "proxy_arp_pvlan": (0, 0, 1),
    "medium_id": (0, 1, 2, -1),
    "route_localnet": (0, 0, 1),
    "rp_filter": (0, 0, 1, 2),
    "accept_local": (0, 1),
    "forwarding": (0, 1, 1),
}
COMMANDS: Final = 6  # in a hundred steps


def draw(dice: Dice, cases: int) -> Scenario:
    """Two links, and so many steps on them."""
    setup = [*SETUP.splitlines(), *(_level(dice) for _ in range(dice.between(0, 6)))]
    steps = tuple(_step(dice) for _ in range(cases))
    return Scenario("", "arp", Topology(PORTS, "\n".join(setup) + "\n"), steps)


def _step(dice: Dice) -> Step:
    if dice.chance(COMMANDS):
        return Run(_command(dice))
    port = dice.between(0, len(PORTS) - 1)
    frame = _frame(dice, port)
    return Send(PORTS[port], (frame,), frame.hex())


def _command(dice: Dice) -> str:
    address, device = address_text(_address(dice)), dice.among((*PORTS, "lo"))
    match dice.weighted({"level": 12, "address": 4, "proxy": 4, "show": 3, "forget": 1, "count": 1}):
        case "level":
            return _level(dice)
        case "address":
            scope = dice.among(["", "", " scope link", " scope host"])
            verb = dice.among(["add", "del"])
            return (
                f"ip addr {verb} {address}/{dice.among([16, 24, 32])} dev {device}{scope * (verb == 'add')}"
            )
        case "proxy":
            return f"ip neigh {dice.among(['add', 'add', 'del'])} proxy {address} dev {device}"
        case "forget":
            return f"ip neigh del {address} dev {device}"
        case "count":
            return "nstat -asz TcpExtArpFilter"
        case _:
            return f"ip neigh show to {address} dev {device}"


def _level(dice: Dice) -> str:
    name = dice.among(list(LEVELS))
    conf = dice.among(["all", "all", *PORTS] if name != "medium_id" else PORTS)
    return f"sysctl -w net.ipv4.conf.{conf}.{name}={dice.among(LEVELS[name])}"


def _address(dice: Dice) -> int:
    if dice.chance(6):
        return dice.among(ODD)
    return dice.among(NETS) | dice.among(HOSTS)


def _frame(dice: Dice, port: int) -> bytes:
    """Mostly of a neighbour, and often for us."""
    spa = NETS[port] | dice.among(HOSTS) if dice.chance(60) else _address(dice)
    tpa = dice.among(NETS[:2]) | 1 if dice.chance(50) else _address(dice)
    if dice.chance(12):
        tpa = spa
    sha = b"\x02\0\0\0" + (spa & 0xFFFF).to_bytes(2, "big")
    tha = dice.among([bytes(6), sha, *OUR_MACS])
    message = arp.build(arp.Arp(dice.weighted(OPERATIONS), sha, spa, tha, tpa))
    if dice.chance(4):
        at = dice.between(0, 7)
        message = message[:at] + dice.octets(1) + message[at + 1 :]
    if dice.chance(3):
        message = message[: dice.between(0, len(message))]
    whither = dice.weighted({BROADCAST: 10, OUR_MACS[0]: 4, OUR_MACS[1]: 4, b"\x01\0\x5e\0\0\x01": 1})
    return header(whither, sha, ETH_P_ARP) + message + bytes(dice.among([0, 0, 18]))
