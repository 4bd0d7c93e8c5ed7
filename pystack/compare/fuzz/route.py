"""Fuzzing routes: tables, rules, addresses and sysctls, changed at random and asked with `ip route get`.

What is drawn around:

- In half of the topologies packets come in as well. There the devices need no ARP, nobody is redirected, and
  nobody sends more than is answered at once: what neighbours, redirects and limits do hangs on the moment.
- Carriers are lost and found only with a pause behind: the kernel tells of them a little later.
- `notify` is never asked for, and no route leads to groups: the kernel keeps decisions with the next hop, on
  each processor, and then gives them to others that share the hop.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology, Wait
from pystack.wire import icmp, ipv4
from pystack.wire.ethernet import BROADCAST, ETH_P_IP, header
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_UDP, Ipv4Header, address_text, is_multicast, netmask

PORTS: Final = ("p0", "p1", "p2")
DEVICES: Final = (*PORTS, "v0", "v1", "lo")
TABLES: Final = {"main": 8, "100": 4, "200": 3, "300": 2, "local": 1, "default": 1}
# Nobody, everybody, loopback, groups, and a stranger.
ODD: Final = (0, 0xFFFFFFFF, 0x7F000001, 0x7F010203, 0xE0000001, 0xE0000005, 0xEF010101, 0x01020304)
SETTLING: Final = 0.02  # seconds: carriers are seen to behind the command's back
SETUP: Final = """\
ip link set lo up
ip link add v0 address 02:00:00:00:0e:00 type veth peer name v1 address 02:00:00:00:0e:01
sysctl -qw net.ipv4.fib_multipath_hash_seed=7
ip link set p0 up
ip link set p1 up
ip link set p2 up
ip link set v0 up
ip link set v1 up
ip addr add 10.0.0.1/24 dev p0
ip addr add 10.0.1.1/24 dev p1
"""

WITHOUT_ARP: Final = (
    "sysctl -qw net.ipv4.icmp_ratemask=0",
    "sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000",
    *(f"sysctl -qw net.ipv4.conf.{name}.send_redirects=0" for name in ("all", "default", *DEVICES)),
    *(f"ip link set {device} arp off" for device in DEVICES[:-1]),
)
ERRORS_TOLD: Final = 5  # Linux: net/ipv4/route.c ip_rt_error_burst, ip_rt_error_cost
STATION: Final = b"\x02\0\0\0\xaa\x01"

Command = Callable[[Dice], str]


def draw(dice: Dice, cases: int) -> Scenario:
    """A handful of addresses and routes, and so many commands."""
    setup = SETUP.splitlines()
    if dice.chance(60):
        setup.append("sysctl -qw net.ipv4.ip_forward=1")
    sends = dice.chance(50)
    setup += WITHOUT_ARP if sends else []
    steps: list[Step] = [Run(_change(dice)) for _ in range(min(cases, dice.between(0, 20)))]
    told: Counter[int] = Counter()
    while len(steps) < cases:
        steps += [_packet(dice, told)] if sends and dice.chance(50) else _some_steps(dice, sends)
    topology = Topology(PORTS, "\n".join(setup) + "\n")
    return Scenario("", "route", topology, tuple(steps[:cases]))


def _some_steps(dice: Dice, sends: bool) -> list[Step]:
    if dice.chance(1):
        device, state = dice.among(DEVICES), dice.among(["up", "down", "up"])
        return [Run(f"ip link set {device} {state}"), Wait(SETTLING)]
    if not sends and dice.chance(1):
        switch = f"net.ipv4.conf.{dice.among(['all', *DEVICES])}.send_redirects"
        return [Run(f"sysctl -qw {switch}={dice.between(0, 1)}")]
    return [Run(_question(dice) if dice.chance(60) else _change(dice))]


def _packet(dice: Dice, told: Counter[int]) -> Send:
    port = dice.between(0, len(PORTS) - 1)
    destination = dice.weighted({bytes((2, 0, 0, 0, 0, port + 1)): 12, BROADCAST: 1})
    saddr, daddr, tos = (
        _sender(dice, told),
        _address(dice),
        dice.among([0, 0, 0, 0x08, 0x10, 0x1C, 0x20, 0x03]),
    )
    if dice.chance(50):
        protocol, payload = IPPROTO_ICMP, icmp.build(icmp.ICMP_ECHO, 0, 7, 1, b"ping")
    else:
        ends = dice.between(1, 6).to_bytes(2, "big") + dice.between(1, 6).to_bytes(2, "big")
        protocol, payload = IPPROTO_UDP, ends + (12).to_bytes(2, "big") + bytes(2) + b"ping"
    packet = Ipv4Header(saddr, daddr, protocol, tos=tos, ttl=dice.among([64, 64, 64, 1]))
    frame = header(destination, STATION, ETH_P_IP) + ipv4.build(packet, len(payload)) + payload
    return Send(PORTS[port], (frame,), frame.hex())


def _sender(dice: Dice, told: Counter[int]) -> int:
    """Somebody who may yet be told of an error: how soon again, only time decides."""
    sender = _address(dice)
    while told[sender] == ERRORS_TOLD:
        sender = sender + 1 & 0xFFFFFFFF
    told[sender] += 1
    return sender


# --- addresses -------------------------------------------------------------------------------------------


def _address(dice: Dice) -> int:
    """Few enough that they meet."""
    kind = dice.weighted({"near": 60, "far": 30, "odd": 4})
    if kind == "odd":
        return dice.among(
            [0, 0xFFFFFFFF, 0x7F000001, 0x7F010203, 0xE0000001, 0xE0000005, 0xEF010101, 0x01020304]
        )
    host = dice.among([0, 1, 2, 3, 7, 127, 128, 254, 255])
    if kind == "near":
        return 0x0A000000 | dice.between(0, 3) << 8 | host
    return 0x0A000000 | dice.between(1, 3) << 16 | dice.between(0, 2) << 8 | host


def _prefix(dice: Dice) -> str:
    length = dice.weighted({0: 4, 8: 3, 16: 8, 20: 2, 22: 2, 24: 12, 25: 4, 30: 2, 31: 1, 32: 12, 4: 1})
    if not length:
        return "default"
    address = _address(dice)
    while is_multicast(address):
        address = _address(dice)
    if dice.chance(97):
        address &= netmask(length)
    return address_text(address) if length == 32 else f"{address_text(address)}/{length}"


def _gateway(dice: Dice) -> str:
    return address_text(_address(dice))


def _tos(dice: Dice) -> str:
    return f"{dice.among([0x04, 0x08, 0x10, 0x1C, 0x20, 0x03]):#04x}"


# --- questions -------------------------------------------------------------------------------------------


def _question(dice: Dice) -> str:
    if dice.chance(8):
        return _listing(dice)
    options = dice.weighted({"": 12, "-d ": 3, "-j ": 2, "-o ": 1, "-4 ": 1})
    words = [address_text(_address(dice))]
    if dice.chance(35):
        words.append(f"from {address_text(_address(dice))}")
    if dice.chance(30):
        words.append(f"iif {dice.among(DEVICES)}")
    elif dice.chance(30):
        words.append(f"oif {dice.among(DEVICES)}")
    if dice.chance(15):
        words.append(f"tos {_tos(dice)}")
    if dice.chance(15):
        words.append(f"mark {dice.between(0, 7)}")
    words += _ports(dice, 15)
    if dice.chance(8):
        words.append(f"uid {dice.between(0, 3)}")
    if dice.chance(15):
        words.append("fibmatch")
    return f"ip {options}route get {' '.join(words)}"


def _ports(dice: Dice, percent: int) -> list[str]:
    words = []
    if dice.chance(percent):
        words.append(f"ipproto {dice.among(['tcp', 'udp', 'icmp', 'udp'])}")
    words += [f"{end} {dice.between(1, 6)}" for end in ("sport", "dport") if dice.chance(percent)]
    return words


def _listing(dice: Dice) -> str:
    selector = dice.weighted(
        {
            "table all": 10,
            "table 100": 2,
            "table local": 2,
            "": 5,
            f"root {_prefix(dice)}": 2,
            f"match {_prefix(dice)}": 2,
            f"exact {_prefix(dice)}": 2,
            f"dev {dice.among(DEVICES)}": 2,
            f"via {_gateway(dice)}": 1,
            f"src {_gateway(dice)}": 1,
            f"scope {dice.among(['link', 'global', 'host'])}": 1,
            "type unicast table all": 1,
            "proto kernel": 1,
        }
    )
    options = dice.among(["-4", "-4 -d", "-4 -j"])
    return dice.weighted({f"ip {options} route show {selector}": 8, "ip rule": 2, "ip -d rule": 1})


# --- changes ---------------------------------------------------------------------------------------------


def _change(dice: Dice) -> str:
    return dice.weighted(CHANGES)(dice)


def _route(dice: Dice) -> str:
    verbs = {"add": 10, "append": 4, "prepend": 4, "replace": 4, "change": 2, "test": 1, "del": 8}
    verb = dice.weighted(verbs)
    kinds = {"": 20, "unicast": 1, "local": 2, "broadcast": 1, "anycast": 1, "multicast": 1}
    forbids = {"blackhole": 1, "unreachable": 1, "prohibit": 1, "throw": 2}
    kind = dice.weighted({**kinds, **forbids})
    words = [kind, _prefix(dice), *_attributes(dice)]
    if kind not in forbids or dice.chance(5):
        words += _way(dice)
    return " ".join(["ip route", verb, *filter(None, words)])


def _attributes(dice: Dice) -> list[str]:
    words = []
    if dice.chance(8):
        words.append(f"tos {_tos(dice)}")
    if dice.chance(25):
        words.append(f"metric {dice.between(0, 3)}")
    if dice.chance(50):
        words.append(f"table {dice.weighted(TABLES)}")
    if dice.chance(10):
        words.append(f"scope {dice.among(['global', 'link', 'host', 'site', 'nowhere'])}")
    if dice.chance(10):
        words.append(f"proto {dice.among(['kernel', 'static', 'boot', '77'])}")
    if dice.chance(12):
        words.append(f"src {_gateway(dice)}")
    if dice.chance(6):
        words.append(dice.among(["mtu 1400", "mtu lock 1300", "advmss 900", "rtt 20ms", "hoplimit 9"]))
    return words


def _way(dice: Dice) -> list[str]:
    if dice.chance(15):
        return [f"nexthop {_hop(dice)} weight {dice.between(1, 4)}" for _ in range(dice.between(1, 3))]
    return [_hop(dice)]


def _hop(dice: Dice) -> str:
    device, gateway = f"dev {dice.among(DEVICES)}", f"via {_gateway(dice)}"
    words = dice.weighted({device: 5, gateway: 8, f"{gateway} {device}": 3})
    return f"{words} onlink" if dice.chance(6) else words


def _rule(dice: Dice) -> str:
    verb = dice.weighted({"add": 5, "del": 4})
    if verb == "del" and dice.chance(80):  # else they would seldom fit, and become ever more
        return f"ip rule del pref {dice.between(1, 9)}"
    words = [f"pref {dice.between(1, 9)}"] if dice.chance(80) else []
    conditions: Mapping[str, int] = {
        "not": 3,
        f"from {_prefix(dice).replace('default', 'any')}": 10,
        f"to {_prefix(dice).replace('default', 'any')}": 10,
        f"iif {dice.among(DEVICES)}": 6,
        f"oif {dice.among(DEVICES)}": 5,
        f"fwmark {dice.between(0, 7)}": 4,
        f"fwmark {dice.between(0, 7)}/{dice.between(0, 7)}": 4,
        f"tos {_tos(dice)}": 4,
        "ipproto tcp": 3,
        "ipproto udp": 2,
        f"sport {dice.between(1, 4)}": 3,
        f"dport {dice.between(1, 4)}-{dice.between(3, 6)}": 3,
        f"uidrange {dice.between(0, 1)}-{dice.between(0, 2)}": 3,
    }
    words += [dice.weighted(conditions) for _ in range(dice.between(0, 2))]
    table = f"table {dice.weighted(TABLES)}"
    actions = {
        table: 20,
        f"{table} suppress_prefixlength {dice.among([0, 8, 16, 24])}": 4,
        f"{table} suppress_ifgroup default": 1,
        "blackhole": 1,
        "unreachable": 1,
        "prohibit": 1,
        f"goto {dice.between(1, 12)}": 4,
        "nop": 1,
        "": 2,
    }
    words.append(dice.weighted(actions))
    return " ".join(["ip rule", verb, *filter(None, words)])


def _own_address(dice: Dice) -> str:
    verb = dice.weighted({"add": 3, "del": 2})
    length = dice.weighted({24: 8, 16: 2, 25: 2, 32: 3, 30: 1, 31: 1})
    address = address_text(0x0A000000 | dice.between(0, 3) << 8 | dice.between(1, 4))
    words = [f"{address}/{length}"]
    if verb == "add":
        words = dice.weighted({words[0]: 12, f"{address} peer {_gateway(dice)}/{length}": 2}).split()
        words += dice.some(["noprefixroute", "metric 5", "brd +"], 8)
        if dice.chance(12):
            words.append(f"scope {dice.among(['link', 'host', 'site'])}")
    return " ".join(["ip addr", verb, *words, f"dev {dice.among(DEVICES)}"])


def _setting(dice: Dice) -> str:
    names = {
        "rp_filter": 2,
        "accept_local": 1,
        "route_localnet": 1,
        "forwarding": 1,
        "bc_forwarding": 1,
        "src_valid_mark": 1,
        "promote_secondaries": 1,
        "ignore_routes_with_linkdown": 1,
    }
    if dice.chance(15):
        return f"sysctl -qw net.ipv4.fib_multipath_hash_policy={dice.between(0, 1)}"
    name = dice.among(list(names))
    return f"sysctl -qw net.ipv4.conf.{dice.among(['all', *DEVICES])}.{name}={dice.between(0, names[name])}"


def _flush(dice: Dice) -> str:
    return f"ip route flush {dice.weighted({'table 100': 3, f'root {_prefix(dice)}': 3, 'scope link': 1})}"


CHANGES: Final[Mapping[Command, int]] = {_route: 60, _rule: 22, _own_address: 10, _setting: 8, _flush: 1}
