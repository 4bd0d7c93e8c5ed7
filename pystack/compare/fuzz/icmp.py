"""Fuzzing what a router does besides forwarding: errors, redirects, path MTUs, IPv4 options, broadcasts.

What is drawn around, because time passes differently on the two sides:

- Nobody is limited: the sysctls allow all, and where a peer's own tokens count, each packet has another
  sender, and each neighbour sends once.
- All neighbours are known for ever; nobody sends to others.
- No option has room for a time of day.
"""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz import packets
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IP_DF, IPPROTO_ICMP, Ipv4Header

PORTS: Final = ("p0", "p1", "p2")
OUR_MACS: Final = tuple(bytes((2, 0, 0, 0, 0, number)) for number in (1, 2, 3))
HOSTS: Final = range(2, 50)
GATEWAY: Final = 7  # the host on each link behind which the rest of the world lies
SETUP: Final = """\
ip link set lo up
ip link set p2 mtu 600
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000
"""
ROUTES: Final = """\
ip route add 10.64.0.0/10 via 10.0.0.7
ip route add 10.128.0.0/10 via 10.0.1.7
ip route add 10.192.0.0/10 via 10.0.2.7
ip route add blackhole 10.50.0.0/16
ip route add unreachable 10.51.0.0/16
ip route add prohibit 10.52.0.0/16
ip route add 10.53.0.0/16 via 10.0.1.7 mtu 700
"""
FLAGS: Final = {
    "icmp_echo_ignore_all": (0, 0, 1),
    "icmp_echo_ignore_broadcasts": (0, 1),
    "icmp_errors_use_inbound_ifaddr": (0, 1),
    "ip_no_pmtu_disc": (0, 0, 1, 2, 3),
    "ip_forward_use_pmtu": (0, 1),
    "ip_default_ttl": (64, 1, 255),
    "icmp_ignore_bogus_error_responses": (0, 1),
}
DEVICE_FLAGS: Final = {
    "accept_source_route": (0, 1, 1),
    "accept_redirects": (0, 1),
    "send_redirects": (0, 1),
    "secure_redirects": (0, 1),
    "shared_media": (0, 1),
    "forwarding": (0, 1, 1, 1),
    "rp_filter": (0, 0, 1, 2),
    "accept_local": (0, 1),
    "route_localnet": (0, 0, 1),
    "drop_unicast_in_l2_multicast": (0, 0, 1),
    "log_martians": (0, 1),
}
COMMANDS: Final = 4  # in a hundred steps
COUNTED: Final = 20  # in a hundred commands
ODD: Final = (0, 0xFFFFFFFF, 0x7F000001, 0xE0000001, 0xE0000005, 0xEFFFFFFA, 0xF0000001, 0x08080808)


def draw(dice: Dice, cases: int) -> Scenario:
    """A router between three links, and so many steps."""
    setup = SETUP.splitlines()
    for number, port in enumerate(PORTS):
        setup += [f"ip link set {port} up", f"ip addr add 10.0.{number}.1/24 brd + dev {port}"]
        setup += [
            f"ip neigh add 10.0.{number}.{host} lladdr 02:00:00:00:0{number}:{host:02x} dev {port}"
            for host in HOSTS
        ]
    setup += ROUTES.splitlines()
    if dice.chance(85):
        setup.append("sysctl -qw net.ipv4.ip_forward=1")
    setup += [_level(dice) for _ in range(dice.between(0, 8))]
    fresh = [[host for host in HOSTS if host != GATEWAY] for _ in PORTS]
    steps = tuple(_step(dice, fresh) for _ in range(cases))
    return Scenario("", "icmp", Topology(PORTS, "\n".join(setup) + "\n"), steps)


def _step(dice: Dice, fresh: list[list[int]]) -> Step:
    if dice.chance(COMMANDS):
        return Run("nstat -as" if dice.chance(COUNTED) else _level(dice))
    port = dice.between(0, len(PORTS) - 1)
    frame = _frame(dice, port, fresh)
    return Send(PORTS[port], (frame,), frame.hex())


def _level(dice: Dice) -> str:
    if dice.chance(40):
        name = dice.among(list(FLAGS))
        return f"sysctl -w net.ipv4.{name}={dice.among(FLAGS[name])}"
    name = dice.among(list(DEVICE_FLAGS))
    return f"sysctl -w net.ipv4.conf.{dice.among(['all', *PORTS])}.{name}={dice.among(DEVICE_FLAGS[name])}"


def _frame(dice: Dice, port: int, fresh: list[list[int]]) -> bytes:
    own = OUR_MACS[port]
    group = b"\x01\0\x5e\0\0\x01"
    to = dice.weighted({own: 30, BROADCAST: 3, group: 2, b"\x02\0\0\0\xee\xee": 1})
    return packets.framed(to, bytes((2, 0, 0, 0, port, GATEWAY)), _packet(dice, port, fresh))


def _packet(dice: Dice, port: int, fresh: list[list[int]]) -> bytes:
    head = Ipv4Header(
        _sender(dice, port, fresh),
        _target(dice),
        0,
        ttl=dice.among([64, 64, 64, 2, 1, 0]),
        tos=dice.among([0, 0, 0x10, 0xB8, 3]),
        id=dice.between(0, 0xFFFF),
        frag_off=dice.among([0, 0, 0, IP_DF, IP_DF, 0x8000]),
    )
    quote = _quote(dice, head)
    if dice.chance(5):
        gateway = 0x0A000000 | dice.between(0, 2) << 8 | dice.among([1, 2, 3, GATEWAY])
        head.protocol, payload = (
            IPPROTO_ICMP,
            packets.redirect(dice, dice.among([gateway, gateway, *ODD]), quote),
        )
    else:
        head.protocol, payload = packets.message(dice, head, quote)
    if dice.chance(25):
        head.options = packets.options(dice, [_target(dice) for _ in range(4)])
    packet = packets.built(head, payload)
    if dice.chance(2):
        packet = packet[: dice.between(0, len(packet))]
    return packet + bytes(dice.among([0, 0, 9]))


def _sender(dice: Dice, port: int, fresh: list[list[int]]) -> int:
    if dice.chance(4):
        return dice.among(ODD)
    link = dice.among([port, port, port, 0, 1, 2])
    if fresh[link] and dice.chance(20):
        return 0x0A000000 | link << 8 | fresh[link].pop()
    behind = dice.among([port, port, port, port, dice.between(0, 2)])
    return 0x0A000000 | (behind + 1) << 22 | dice.between(1, 0x3FFFFF)


def _target(dice: Dice) -> int:
    kind = dice.weighted({"own": 8, "host": 4, "far": 6, "closed": 4, "broadcast": 3, "odd": 2, "tight": 2})
    net = 0x0A000000 | dice.between(0, 2) << 8
    match kind:
        case "own":
            return net | 1
        case "host":
            return net | dice.among(HOSTS)
        case "far":
            return 0x0A000000 | dice.between(1, 3) << 22 | dice.between(1, 0x3FFFFF)
        case "closed":
            return 0x0A000000 | dice.between(50, 52) << 16 | 9
        case "broadcast":
            return dice.among([net | 255, 0xFFFFFFFF, 0xE0000001])
        case "tight":
            return 0x0A350000 | 9
        case _:
            return dice.among(ODD)


def _quote(dice: Dice, head: Ipv4Header) -> bytes:
    """A packet as we might have sent it: mostly an answer to an echo request."""
    answer = Ipv4Header(dice.among([head.daddr, 0x0A000001]), _target(dice), IPPROTO_ICMP, ttl=63, id=9)
    if dice.chance(15):
        answer.protocol = dice.among([6, 17, 99])
    return packets.built(answer, bytes((dice.among([0, 0, 0, 8]), 0)) + dice.octets(14))
