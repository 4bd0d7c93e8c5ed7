"""Fuzzing ebtables: frames of all kinds that a bridge shows to rules of all kinds: these log, count, change.

What is drawn around:

- Time passes differently on the two sides: a limit lets pass so many and then none; the neighbours whom this
  host answers are written down, and others are not answered.
- The tool crashes where rules say `! -i +`, where nothing follows a `!`, and where a rule is to go by its
  number from behind.
- Where a frame of LLC ends before its three octets, the kernel compares what lies in its memory behind that.
"""

from __future__ import annotations

import shlex
from typing import Final

from pystack.compare.fuzz import frames
from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.frame_words import CHAINS, TABLES, place, rule
from pystack.compare.fuzz.frames import People
from pystack.compare.fuzz.rule_line import spoiled
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology
from pystack.wire.ethernet import BROADCAST, ETH_HLEN, ETH_P_802_3_MIN, ETH_P_8021Q, ETH_P_IPV6, header

PORTS: Final = ("tap1", "tap2", "tap3")
SETUP: Final = """\
sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0
sysctl -qw net.bridge.bridge-nf-call-arptables=0 net.ipv4.conf.all.arp_ignore=2
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000
ip link add br0 address 02:00:00:00:0b:00 type bridge mcast_snooping 0
ip link set tap1 master br0 up
ip link set tap2 master br0 up
ip link set tap3 master br0 up
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip neigh add 10.0.0.10 lladdr 02:00:00:00:aa:01 dev br0
ip neigh add 10.0.0.11 lladdr 02:00:00:00:aa:02 dev br0
ip neigh add 10.0.0.12 lladdr 02:00:00:00:aa:03 dev br0
"""
STATIONS: Final = tuple(bytes((2, 0, 0, 0, 0xAA, number)) for number in range(1, 4))
OURS: Final = b"\x02\0\0\0\x0b\0"
BRIDGES: Final = b"\x01\x80\xc2\0\0\0"  # the group of all bridges
PEOPLE: Final = People(
    dict.fromkeys(STATIONS, 10) | {b"\x02\0\0\0\xdd\x01": 1},
    dict.fromkeys(STATIONS, 6) | {OURS: 10, BROADCAST: 6, BRIDGES: 1, b"\x01\0\x5e\0\0\x05": 1},
    {0x0A00000A + number: station for number, station in enumerate(STATIONS)},
    (0x0A000001,),
)
RULES: Final = 40  # before the first frame
COMMANDS: Final = 12  # in a hundred steps
MISTAKES: Final = 8  # in a hundred rules
LONGEST: Final = 1500
_LLC_FRAME: Final = ETH_HLEN + 8


def draw(dice: Dice, cases: int, program: str = "ebtables") -> Scenario:
    """A bridge of three ports with some rules, and so many steps."""
    setup = SETUP + "".join(f"{program} -t {table} -N {chain}\n" for table in TABLES for chain in CHAINS)
    for table, chains in TABLES.items():
        setup += "".join(f"{program} -t {table} -A {chain} -j {CHAINS[0]}\n" for chain in chains)
    steps: list[Step] = [Run(_added(dice, program)) for _ in range(RULES)]
    while len(steps) < cases:
        if dice.chance(COMMANDS):
            steps.append(Run(_command(dice, program)))
        else:
            frame = _frame(dice)
            steps.append(Send(dice.among(PORTS), (frame,), frame.hex()))
    return Scenario("", "ebtables", Topology(PORTS, setup), tuple(steps[:cases]))


# --- rules ------------------------------------------------------------------------------------------------


def _command(dice: Dice, program: str) -> str:
    table, chain = place(dice)
    kind = dice.weighted({"add": 10, "delete": 4, "list": 4, "save": 2, "flush": 2, "policy": 1, "other": 1})
    if kind == "add":
        return _added(dice, program)
    if kind == "save":
        return f"{program}-save" + " -c" * dice.chance(50)
    if kind == "list":
        options = "".join(f" {option}" for option in dice.some(("--Lc", "--Ln", "--Lmac2"), 60))
        return f"{program} -t {table} -L {chain}{options}"
    if kind == "flush":
        return f"{program} -t {table} -F {chain}"
    if kind == "policy":
        policies = ("ACCEPT", "DROP", "CONTINUE") if chain in TABLES[table] else ("ACCEPT", "RETURN")
        return f"{program} -t {table} -P {chain} {dice.among(policies)}"
    if kind == "delete":
        return f"{program} -t {table} -D {chain} {dice.weighted({'1': 8, '2': 3, '9': 1, '1:2': 1})}"
    return f"{program} -t {table} {dice.among(_ON_CHAINS)}"


_ON_CHAINS: Final = ("-Z", "-X", "-N three", "-X one", "-E two three", "-E three two")


def _added(dice: Dice, program: str) -> str:
    table, chain = place(dice)
    words = rule(dice, table, chain)
    if dice.chance(MISTAKES):
        at = words.index("-j") if "-j" in words else len(words)  # what follows means nothing without it
        words = spoiled(dice, words[:at]) + words[at:]
    words = words[:-1] if words[-1:] == ["!"] else words
    verb = dice.weighted({"-A": 12, "-I": 4, "-C": 1, "-D": 1})
    return shlex.join([program, "-t", table, verb, chain, *words])


# --- frames -----------------------------------------------------------------------------------------------


def _frame(dice: Dice) -> bytes:
    kind = dice.weighted({"any": 10, "ipv6": 3, "bridges": 2, "length": 2})
    if kind == "any":
        return _with_llc(frames.frame(dice, PEOPLE, longest=LONGEST, plain_groups=False))
    source, destination = dice.weighted(PEOPLE.sources), dice.weighted(PEOPLE.destinations)
    if kind == "bridges":
        destination = BRIDGES if dice.chance(90) else destination
        protocol, payload = 38, b"\x42\x42\x03" + _bridges_message(dice)
    elif kind == "length":
        protocol, payload = _llc(dice)
    else:
        protocol, payload = ETH_P_IPV6, _ipv6(dice)
    if dice.chance(10):
        payload = (dice.between(0, 0xFFFF)).to_bytes(2, "big") + protocol.to_bytes(2, "big") + payload
        protocol = ETH_P_8021Q
    return _with_llc(header(destination, source, protocol) + payload)


def _with_llc(frame: bytes) -> bytes:
    is_llc = int.from_bytes(frame[12:ETH_HLEN], "big") < ETH_P_802_3_MIN
    return frame.ljust(_LLC_FRAME, b"\0") if is_llc else frame


def _bridges_message(dice: Dice) -> bytes:
    """A BPDU, whole or not."""
    head = b"\0\0\0" + bytes([dice.among((0, 0, 0, 0x80, 2)), dice.among((0, 1, 0x80, 0x81))])
    root, sender = (bytes([dice.among((0, 0x80)), 0]) + dice.among(STATIONS) for _ in range(2))
    cost, port = dice.among((0, 4, 100)).to_bytes(4, "big"), dice.among((1, 5, 0x8001)).to_bytes(2, "big")
    times = b"".join(dice.among((0, 1, 0x100, 0x1400)).to_bytes(2, "big") for _ in range(4))
    whole = head + root + cost + sender + port + times + bytes(8)
    return whole if dice.chance(85) else whole[: dice.between(0, len(whole))]


def _llc(dice: Dice) -> tuple[int, bytes]:
    sap = dice.among((0x42, 0xAA, 0xFF, 6, 0))
    inner = dice.among((0x0800, 0x86DD, 0x88B5, 1)).to_bytes(2, "big")
    payload = bytes([sap, dice.among((sap, sap, 0)), 3, 0, 0, 0]) + inner + dice.octets(dice.between(0, 20))
    if dice.chance(10):
        payload = payload[: dice.between(0, 8)]
    return dice.among((len(payload), len(payload), 0x5DC, 0, 0x5FF)), payload


def _ipv6(dice: Dice) -> bytes:
    upper = dice.weighted({58: 4, 17: 3, 6: 2, 59: 1, 253: 1})
    payload = _upper(dice, upper)
    for _ in range(dice.weighted({0: 8, 1: 2, 2: 1})):
        kind = dice.among((0, 43, 60, 44))
        payload = bytes([upper, 0]) + (dice.among((0, 8, 1)).to_bytes(2, "big") + bytes(4)) + payload
        upper = kind
    length = len(payload) + dice.weighted({0: 20, 4: 1, 200: 1})
    ends = [dice.among(_ADDRESSES) for _ in range(2)]
    word = 0x60000000 | dice.among((0, 0x10, 0x04, 0xFF)) << 20
    whole = (
        word.to_bytes(4, "big") + length.to_bytes(2, "big") + bytes([upper, 64]) + b"".join(ends) + payload
    )
    return whole if dice.chance(88) else whole[: dice.between(0, len(whole))]


def _upper(dice: Dice, protocol: int) -> bytes:
    if protocol == 58:
        return bytes([dice.among((128, 129, 133, 135, 1)), dice.among((0, 0, 3))]) + dice.octets(10)
    ports = dice.among((0x1000, 53)).to_bytes(2, "big") + dice.among((0x2000, 80)).to_bytes(2, "big")
    return ports + dice.octets(dice.among((16, 16, 4, 0)))


_ADDRESSES: Final = (
    bytes.fromhex("fe800000000000000000000000000001"),
    bytes.fromhex("20010db8000000000000000000000002"),
    bytes.fromhex("ff020000000000000000000000000001"),
    bytes(16),
)
