"""Fuzzing nftables: random rulesets at every hook of a router, and flows that cross it.

What the rules counted is compared with what they print. What is drawn around: time passes differently on the
two sides, so limits let so many packets pass and then none, and connections that ended are not counted at
once; nothing is logged.
"""

from __future__ import annotations

import shlex
from typing import Final

from pystack.compare.fuzz import conntrack, nat, packets
from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.nft_words import ADDRESSES, CHAINS, MATCHES, NETS, STATEMENTS, verdict
from pystack.compare.fuzz.rule_line import spoiled
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology

FAMILIES: Final = ("ip", "inet")
HOOKS: Final = {"prerouting": -150, "input": 0, "forward": 0, "output": 0, "postrouting": 0}
SETS: Final = """\
add set {t} hosts {{ type ipv4_addr; elements = {{ {hosts} }}; }}
add set {t} nets {{ type ipv4_addr; flags interval; elements = {{ {nets} }}; }}
add set {t} ports {{ type inet_service; flags interval; elements = {{ 53, 300-1000 }}; }}
add set {t} pairs {{ type ipv4_addr . inet_service; elements = {{ 10.1.0.2 . 80, 10.2.0.2 . 53 }}; }}
add set {t} spans {{ type ipv4_addr . inet_service; flags interval; elements = {{ 10.1.0.0/24 . 50-90 }}; }}
add set {t} seen {{ type ipv4_addr; size 64; flags dynamic; }}
add set {t} met {{ type ipv4_addr . inet_service; size 64; flags dynamic; }}
add map {t} marks {{ type ipv4_addr : mark; elements = {{ 10.1.0.2 : 0x1, 10.2.0.2 : 0x2 }}; }}
add map {t} verdicts {{ type inet_service : verdict; elements = {{ 80 : accept, 53 : jump one }}; }}
add counter {t} hits
add quota {t} month {{ 900 bytes }}
"""
RULES: Final = 30  # before the first packet
COMMANDS: Final = 8  # in a hundred steps
MISTAKES: Final = 6  # in a hundred rules
FORGET: Final = Run("conntrack -F")  # how old connections are is the time that the commands took
STARTED_ANEW: Final = 6  # in a hundred commands: else sets would grow, and be long to print


def draw(dice: Dice, cases: int) -> Scenario:
    """A router with a ruleset, and so many steps."""
    setup = "".join(f"{line}\n" for line in nat.router_lines() if not line.startswith("iptables"))
    setup += "sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000\n"
    talk, family = nat.Talk(dice), dice.among(FAMILIES)
    steps: list[Step] = list(_ruleset(dice, family))
    while len(steps) < cases:
        if dice.chance(COMMANDS):
            steps += _command(dice, family)
        else:
            side, packet = talk.packet()
            frame = packets.framed(conntrack.OURS[side], conntrack.STATIONS[side], packet)
            steps.append(Send(conntrack.PORTS[side], (frame,), frame.hex()))
    return Scenario("", "nft", Topology(conntrack.PORTS, setup), (*steps[: cases - 1], FORGET))


def _nft(*words: str) -> Run:
    return Run(shlex.join(["nft", *words]))


# --- the ruleset --------------------------------------------------------------------------------------------


def _ruleset(dice: Dice, family: str) -> list[Run]:
    """A table with its chains, sets and objects; then rules, one by one."""
    table = f"{family} t"
    lines = ["flush ruleset", f"add table {table}"]
    lines += [f"add chain {table} {chain}" for chain in CHAINS]
    lines += [f"add chain {table} {hook} {_hanging(dice, hook)}" for hook in HOOKS]
    hosts, nets = ", ".join(dice.some(ADDRESSES, 50) or ADDRESSES[:1]), ", ".join(NETS[:2])
    text = "\n".join(lines) + "\n" + SETS.format(t=table, hosts=hosts, nets=nets)
    return [Run(f"nft -f - <<'END'\n{text}END"), *(_added(dice, family) for _ in range(RULES))]


def _hanging(dice: Dice, hook: str) -> str:
    priority = HOOKS[hook] + dice.among((0, 0, 0, 5, -5))
    policy = dice.weighted({"accept": 9, "drop": 1})
    return f"{{ type filter hook {hook} priority {priority}; policy {policy}; }}"


def _added(dice: Dice, family: str) -> Run:
    chain = dice.among((*HOOKS, *CHAINS))
    words = [dice.weighted(MATCHES)(dice) for _ in range(dice.weighted({0: 1, 1: 5, 2: 4, 3: 1}))]
    words.append("counter")
    words += [dice.weighted(STATEMENTS)(dice)] if dice.chance(35) else []
    words.append(verdict(dice, chain))
    text = " ".join(filter(None, words))
    if dice.chance(MISTAKES):
        text = " ".join(spoiled(dice, text.split()))
    verb = dice.weighted({"add": 8, "insert": 3})
    return _nft(f"{verb} rule {family} t {chain} {text}")


# --- commands -----------------------------------------------------------------------------------------------


def _command(dice: Dice, family: str) -> list[Run]:
    if dice.chance(STARTED_ANEW):
        return _ruleset(dice, family)
    chain = dice.among((*HOOKS, *CHAINS))
    kind = dice.weighted({"list": 8, "add": 8, "delete": 2, "flush": 1, "element": 3, "reset": 1, "set": 1})
    if kind == "add":
        return [_added(dice, family)]
    if kind == "delete":
        return [_nft(f"delete rule {family} t {chain} handle {dice.between(1, 60)}")]
    if kind == "flush":
        return [
            _nft(f"flush {dice.among(('chain', 'set'))} {family} t {dice.among((chain, 'hosts', 'seen'))}")
        ]
    if kind == "element":
        verb, address = dice.among(("add", "delete", "create")), dice.among(ADDRESSES)
        return [_nft(f"{verb} element {family} t hosts {{ {address} }}")]
    if kind == "reset":
        return [_nft(f"reset {dice.among(('counters', 'quotas'))}")]
    if kind == "set":
        return [_nft(f"list set {family} t {dice.among(('hosts', 'nets', 'seen', 'met', 'spans'))}")]
    options = dice.weighted({"": 6, "-a": 4, "-n": 1, "-j": 2, "-s": 1})
    return [_nft(*filter(None, [options]), "list", "ruleset")]
