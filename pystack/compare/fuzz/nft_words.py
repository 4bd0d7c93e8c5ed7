"""What rules of nftables are made of: matches, statements and verdicts, in words that packets answer to."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.compare.fuzz.dice import Dice

CHAINS: Final = ("one", "two", "three")  # that users make
ADDRESSES: Final = ("10.1.0.2", "10.1.0.3", "10.2.0.2", "10.2.0.3", "10.2.0.1", "192.168.7.2", "10.1.0.1")
NETS: Final = ("10.1.0.0/24", "10.2.0.0/16", "10.0.0.0/8", "10.2.0.2/31", "192.168.0.0/16")
PORTS: Final = ("53", "80", "300", "700", "1000", "1001", "2050")
RANGES: Final = ("1-100", "1000-2000", "0-52", "701-65535")
FLAGS: Final = ("syn", "ack", "fin", "rst", "psh", "urg")
STATES: Final = ("new", "established", "related", "invalid", "untracked")
KINDS: Final = ("echo-request", "echo-reply", "destination-unreachable", "time-exceeded", "redirect")
_SIGNS: Final = {"": 12, "!= ": 4}
_ORDERS: Final = {"< ": 1, "> ": 1, "<= ": 1, ">= ": 1}

Words = Callable[[Dice], str]


def _value(dice: Dice, plain: tuple[str, ...], wide: tuple[str, ...], sets: tuple[str, ...] = ()) -> str:
    """One, a range, or a set of some."""
    kind = dice.weighted({"one": 6, "wide": 3, "set": 4, "named": 2 if sets else 0})
    if kind == "one":
        return dice.among(plain)
    if kind == "wide":
        return dice.among(wide)
    if kind == "named":
        return f"@{dice.among(sets)}"
    items = dice.some((*plain, *wide), 30) or [plain[0]]
    return f"{{ {', '.join(items)} }}"


def address(dice: Dice) -> str:
    """`ip saddr 10.1.0.2`"""
    end = dice.among(("ip saddr", "ip daddr"))
    if dice.chance(15):
        mask = dice.among(("255.255.0.0", "0.0.0.3", "255.255.255.0"))
        return f"{end} & {mask} {dice.among(('==', '!='))} {dice.among(('10.1.0.0', '0.0.0.2', '10.2.0.0'))}"
    sign = dice.weighted(_SIGNS)
    return f"{end} {sign}{_value(dice, ADDRESSES, (*NETS, '10.1.0.1-10.1.0.2'), ('hosts', 'nets'))}"


def port(dice: Dice) -> str:
    """`tcp dport 80`"""
    protocol = dice.weighted({"tcp": 5, "udp": 4, "th": 1})
    field = f"{protocol} {dice.among(('sport', 'dport'))}"
    if protocol == "th":
        field = f"meta l4proto {{ tcp, udp }} {field}"
    if dice.chance(20):
        return f"{field} {dice.weighted(_ORDERS)}{dice.among(PORTS)}"
    return f"{field} {dice.weighted(_SIGNS)}{_value(dice, PORTS, RANGES, ('ports',))}"


def _tcp(dice: Dice) -> str:
    flags = "|".join(dice.some(FLAGS, 40) or ["syn"])
    mask = "|".join(dice.some(FLAGS, 60) or ["syn"])
    return dice.among(
        (
            f"tcp flags {','.join(dice.some(FLAGS, 30) or ['syn'])}",
            f"tcp flags & ({mask}) == {flags}",
            f"tcp flags & ({mask}) != {flags}",
            f"tcp flags ! {dice.among(FLAGS)}",
            f"tcp doff {dice.among(('5', '> 5', '< 8'))}",
            f"tcp window {dice.among(('> 100', '0', '1-70000', '8192'))}",
            f"tcp option {dice.among(('maxseg', 'sack-perm', 'timestamp', 'window'))} "
            f"{dice.among(('exists', 'missing'))}",
            f"tcp option maxseg size {dice.among(('1460', '> 500', '1-1000'))}",
        )
    )


def _ip(dice: Dice) -> str:
    return dice.among(
        (
            f"ip protocol {_value(dice, ('tcp', 'udp', 'icmp', '50'), ('1-16',))}",
            f"ip ttl {dice.weighted(_SIGNS)}{_value(dice, ('64', '63', '1'), ('0-63', '64-255'))}",
            f"ip length {dice.weighted(_SIGNS)}{_value(dice, ('40', '28', '44'), ('1-60', '61-2000'))}",
            f"ip dscp {dice.among(('cs0', 'cs1', '!= cs0', '{ cs0, ef }'))}",
            f"ip version {dice.among(('4', '!= 4'))}",
            f"ip hdrlength {dice.among(('5', '> 5', '!= 5'))}",
            f"ip frag-off & 0x1fff {dice.among(('==', '!='))} 0x0",
            f"ip frag-off & 0x4000 == {dice.among(('0x4000', '0x0'))}",
            f"ip id {dice.among(('0', '> 0', '!= 0'))}",
            f"@nh,72,8 {dice.among(('6', '17', '1'))}",
            f"@th,16,16 {dice.among(PORTS)}",
        )
    )


def _icmp(dice: Dice) -> str:
    return dice.among(
        (
            f"icmp type {dice.weighted(_SIGNS)}{_value(dice, KINDS, ('0-7',))}",
            f"icmp code {dice.among(('0', '1', '3', '!= 0', '{ 0, 1, 4 }'))}",
            f"icmp id {dice.among(PORTS)}",
            "icmp sequence 7",
            "icmp mtu 1400",
        )
    )


def _meta(dice: Dice) -> str:
    mark = dice.among(("0x1", "0x2", "!= 0x0", "0x0", "1-5", "{ 0x1, 0x2 }"))
    return dice.among(
        (
            f"meta l4proto {dice.weighted(_SIGNS)}{_value(dice, ('tcp', 'udp', 'icmp'), ('0-10',))}",
            f"iifname {dice.weighted(_SIGNS)}{dice.among(('p0', 'p1', 'p*', '{ p0, lo }'))}",
            f"oifname {dice.weighted(_SIGNS)}{dice.among(('p0', 'p1', 'p*', '{ p1, lo }'))}",
            f"iif {dice.among(('p0', '!= p0', 'lo'))}",
            f"meta mark {mark}",
            f"meta mark & 0x3 {dice.among(('==', '!='))} {dice.among(('0x0', '0x1'))}",
            f"meta length {dice.among(('> 60', '< 60', '40', '1-100'))}",
            f"meta pkttype {dice.among(('host', '!= host', 'broadcast'))}",
            f"meta nfproto {dice.among(('ipv4', 'ipv6'))}",
            f"meta protocol {dice.among(('ip', 'ip6', '!= ip'))}",
            f"iiftype {dice.among(('ether', 'loopback'))}",
        )
    )


def _ct(dice: Dice) -> str:
    return dice.among(
        (
            f"ct state {','.join(dice.some(STATES, 35) or ['new'])}",
            f"ct state != {dice.among(STATES)}",
            f"ct state {{ {', '.join(dice.some(STATES, 40) or ['new'])} }}",
            f"ct direction {dice.among(('original', 'reply'))}",
            f"ct status {dice.among(('seen-reply', 'assured', 'confirmed', '! seen-reply', 'snat,dnat'))}",
            f"ct mark {dice.among(('0x0', '!= 0x0', '0x5', '1-9'))}",
            f"ct original ip {dice.among(('saddr', 'daddr'))} {dice.among(ADDRESSES)}",
            f"ct reply proto-dst {dice.among(('80', '1000'))}",
            f"ct protocol {dice.among(('tcp', 'udp'))}",
            f"ct l3proto {dice.among(('ipv4', 'ipv6'))}",
        )
    )


def _joined(dice: Dice) -> str:
    pairs = [f"{dice.among(ADDRESSES)} . {dice.among(PORTS)}" for _ in range(dice.between(1, 3))]
    ways = [f"{dice.among(('tcp', 'udp'))} . {dice.among(PORTS)}" for _ in range(dice.between(1, 2))]
    return dice.among(
        (
            f"ip {dice.among(('saddr', 'daddr'))} . tcp dport {{ {', '.join(dict.fromkeys(pairs))} }}",
            f"ip protocol . th dport {{ {', '.join(dict.fromkeys(ways))} }}",
            'iifname . ip saddr { "p0" . 10.1.0.2, "p1" . 10.2.0.2 }',
            f"ip saddr . udp dport {dice.among(('@pairs', '@spans'))}",
            "ip saddr . ip daddr { 10.1.0.2 . 10.2.0.2, 10.1.0.0/24 . 10.2.0.0/24 }",
        )
    )


def _fib(dice: Dice) -> str:
    return dice.among(
        (
            f"fib daddr type {dice.among(('local', '!= local', '{ unicast, broadcast }'))}",
            f"fib saddr . iif oif {dice.among(('exists', 'missing'))}",
            f"fib saddr oifname {dice.among(('p0', 'p1'))}",
        )
    )


MATCHES: Final[Mapping[Words, int]] = {
    address: 8,
    port: 8,
    _tcp: 5,
    _ip: 6,
    _icmp: 3,
    _meta: 7,
    _ct: 6,
    _joined: 3,
    _fib: 1,
}


# --- statements ---------------------------------------------------------------------------------------------


def _mark(dice: Dice) -> str:
    return dice.among(
        (
            f"meta mark set {dice.between(0, 5)}",
            "meta mark set meta mark | 0x1",
            "meta mark set ct mark",
            "meta mark set ip saddr map { 10.1.0.2 : 0x1, 10.2.0.0/16 : 0x2 }",
            "meta mark set ip saddr map @marks",
            "meta mark set jhash ip saddr . ip daddr mod 4 seed 0x5",
            f"ct mark set {dice.between(0, 9)}",
            "ct mark set meta mark",
        )
    )


def _change(dice: Dice) -> str:
    return dice.among(
        (
            f"ip dscp set {dice.among(('cs1', 'ef', 'cs0'))}",
            f"ip ttl set {dice.among(('64', '9'))}",
            "ip ecn set ce",
            f"tcp flags & (syn|rst) == syn tcp option maxseg size set {dice.among(('536', '1400'))}",
            f"tcp window set {dice.among(('0', '0x1234'))}",
            "notrack",
        )
    )


def _stateful(dice: Dice) -> str:
    over = dice.among(("", "over "))
    return dice.among(
        (
            f"limit rate {over}{dice.between(1, 3)}/day burst {dice.between(1, 9)} packets",
            f"quota {over}{dice.between(1, 2000)} bytes",
            'counter name "hits"',
            'quota name "month"',
            f"add @seen {{ {dice.among(('ip saddr', 'ip daddr'))} }}",
            "update @met { ip saddr . udp dport counter }",
            "numgen inc mod 3 0",
        )
    )


STATEMENTS: Final[Mapping[Words, int]] = {_mark: 6, _change: 3, _stateful: 4}


_KEYS: Final = {
    "tcp dport": PORTS,
    "udp dport": PORTS,
    "ip saddr": ADDRESSES,
    "icmp code": ("0", "1"),
}


def verdict(dice: Dice, hook: str) -> str:
    """What is said in the end; "": nothing."""
    kind = dice.weighted(
        {"": 8, "accept": 4, "drop": 3, "jump": 4, "return": 1, "continue": 1, "reject": 1, "map": 3}
    )
    if kind == "jump":
        return f"{dice.among(('jump', 'jump', 'goto'))} {dice.among(CHAINS)}"
    if kind == "reject":
        return (
            dice.among(("reject", "reject with icmp type host-unreachable"))
            if hook != "postrouting"
            else "drop"
        )
    return _verdict_map(dice) if kind == "map" else kind


def _verdict_map(dice: Dice) -> str:
    if dice.chance(20):
        return "tcp dport vmap @verdicts"
    some = ("accept", "drop", "continue", "return", f"jump {dice.among(CHAINS)}")
    field, keys = dice.among(list(_KEYS.items()))
    items = [f"{key} : {dice.among(some)}" for key in dice.some(keys, 40) or keys[:1]]
    return f"{field} vmap {{ {', '.join(items)} }}"
