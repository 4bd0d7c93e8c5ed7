"""Matches of iptables and ip6tables in nft's words; None for what libxtables cannot say.

Linux: libxtables' extensions, .xlate
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.iptables.extensions.ports import without_syn
from pystack.applets.iptables.extensions.sctp import CHUNKS
from pystack.applets.iptables.family import IPV6
from pystack.applets.iptables.option import U32, Given, Values
from pystack.applets.iptables.spec import RuleSpec
from pystack.applets.nft.compat.connections import connbytes, conntrack
from pystack.applets.nft.compat.hashlimit import hashlimit
from pystack.applets.nft.compat.time import time
from pystack.applets.nft.compat.words import among, but, compared, span
from pystack.applets.nft.symbols import TCP_FLAGS
from pystack.wire.ethernet import mac_text

Translate = Callable[[Values, RuleSpec], str | None]

_ANY_ICMP: Final = 0xFF
_ALL_CODES: Final = (0, 0xFF)
_ICMP_TYPES: Final = {
    0: "echo-reply",
    3: "destination-unreachable",
    4: "source-quench",
    5: "redirect",
    8: "echo-request",
    9: "router-advertisement",
    10: "router-solicitation",
    11: "time-exceeded",
    12: "parameter-problem",
    13: "timestamp-request",
    14: "timestamp-reply",
    17: "address-mask-request",
    18: "address-mask-reply",
}
_ICMPV6_TYPES: Final = {
    1: "destination-unreachable",
    2: "packet-too-big",
    3: "time-exceeded",
    4: "parameter-problem",
    128: "echo-request",
    129: "echo-reply",
    133: "nd-router-solicit",
    134: "nd-router-advert",
    135: "nd-neighbor-solicit",
    136: "nd-neighbor-advert",
    137: "nd-redirect",
}
_ROUTE_KINDS: Final = (
    "unspec",
    "unicast",
    "local",
    "broadcast",
    "anycast",
    "multicast",
    "blackhole",
    "unreachable",
    "prohibit",
)
_PACKET_TYPES: Final = {0: "unicast", 1: "broadcast", 2: "multicast"}
_MODULUS: Final = 1 << 31


def _network(rule: RuleSpec) -> str:
    return "ip6" if rule.header.family is IPV6 else "ip"


def _one(words: str, option: str) -> Translate:
    """`WORDS [!= ]LOW-HIGH`"""

    def translate(values: Values, rule: RuleSpec) -> str:
        given = values[option]
        low, high = given.value if isinstance(given.value, tuple) else (given.value, given.value)
        return f"{words} {but(given)}{span(low, high)}"

    return translate


def _masked(words: str, option: str) -> Translate:
    """`WORDS [!= ]0x5`, `WORDS and 0x7 == 0x5`"""

    def translate(values: Values, rule: RuleSpec) -> str:
        return masked(words, values[option])

    return translate


def masked(words: str, given: Given) -> str:
    """A number, perhaps under a mask."""
    value, mask = given.value
    if mask == U32:
        return f"{words} {but(given)}{value:#x}"
    return f"{words} and {mask:#x} {compared(given)} {value:#x}"


# --- protocols ----------------------------------------------------------------------------------------------


def tcp(values: Values, rule: RuleSpec) -> str:
    """Where it is not said by nft's own expressions. Linux: libxt_tcp.c tcp_xlate()"""
    words = [
        f"tcp {name} {but(values[name])}{span(*values[name].value)}"
        for name in ("sport", "dport")
        if name in values and values[name].value != (0, 0xFFFF)
    ]
    if "tcp-option" in values:
        option = values["tcp-option"]
        words.append(f"tcp option {option.value} {'missing' if option.inverted else 'exists'}")
    flags = without_syn(values).get("tcp-flags")
    if flags is not None and flags.value[0]:
        mask, wanted = (_flag_words(number) for number in flags.value)
        words.append(f"tcp flags {but(flags)}{wanted} / {mask}")
    return " ".join(words)


def _flag_words(number: int) -> str:
    return ",".join(word for word, bit in TCP_FLAGS.items() if number & bit) or "0x0"


def _multiport(values: Values, rule: RuleSpec) -> str:
    """Of ranges of either port the tool takes the ends for ports, and forgets `!`.

    Linux: libxt_multiport.c __multiport_xlate_v1()
    """
    ((name, given),) = values.items()
    protocol, ranges = given.value.protocol, given.value.ranges
    if name == "ports":
        numbers = [end for low, high in ranges for end in ((low, high) if low != high else (low,))]
        pairs = [f"0-65535 . {port}, {port} . 0-65535" for port in numbers]
        return f"{protocol} sport . {protocol} dport {among(pairs)}"
    words = [span(*one) for one in ranges]
    shown = words[0] if len(words) == 1 else among(words)
    return f"{protocol} {name[0]}port {but(given)}{shown}"


def _icmp(values: Values, rule: RuleSpec) -> str | None:
    given = values["icmp-type"]
    kind, *codes = given.value
    if kind == _ANY_ICMP:
        return "ip protocol icmp"
    return _icmp_words("icmp", _ICMP_TYPES.get(kind), given, codes)


def _icmp6(values: Values, rule: RuleSpec) -> str | None:
    given = values["icmpv6-type"]
    kind, *codes = given.value
    return _icmp_words("icmpv6", _ICMPV6_TYPES.get(kind), given, codes)


def _icmp_words(protocol: str, name: str | None, given: Given, codes: list[int]) -> str | None:
    if name is None or tuple(codes) != _ALL_CODES:
        return None
    return f"{protocol} type {but(given)}{name}"


def _spi(protocol: str, option: str) -> Translate:
    def translate(values: Values, rule: RuleSpec) -> str:
        given = values.get(option)
        if given is None or given.value == (0, U32):
            return ""
        return f"{protocol} spi {but(given)}{span(*given.value)}"

    return translate


def _ah(values: Values, rule: RuleSpec) -> str:
    words = _spi("ah", "ahspi")(values, rule) or ""
    if rule.header.family is not IPV6:
        return words
    if "ahlen" in values and values["ahlen"].value:
        words += f" ah hdrlength {but(values['ahlen'])}{values['ahlen'].value}"
    words += " ah reserved 1" if "ahres" in values else ""
    return words.lstrip() or "meta l4proto ah"


def _sctp(values: Values, rule: RuleSpec) -> str | None:
    words = [
        f"sctp {name} {but(values[name])}{span(*values[name].value)}"
        for name in ("sport", "dport")
        if name in values
    ]
    chunks = values.get("chunk-types")
    if chunks is not None:
        if chunks.value[0] == "any":
            return None
        words += _chunks(chunks)
    return " ".join(words) or None


def _chunks(given: Given) -> list[str]:
    how, types = given.value
    wanted = {kind: (mask, flags) for kind, mask, flags in types}
    words = []
    for name, (kind, _) in CHUNKS.items():
        called = name.lower().replace("_", "-").removeprefix("ecn-")
        mask, flags = wanted.get(kind, (0, 0))
        if mask:
            words.append(f"sctp chunk {called} flags & {mask:#x} {compared(given)} {flags:#x}")
        elif kind in wanted:
            words.append(f"sctp chunk {called} {'missing' if given.inverted else 'exists'}")
        elif how == "only":
            words.append(f"sctp chunk {called} {'exists' if given.inverted else 'missing'}")
    return words


# --- the packet ---------------------------------------------------------------------------------------------


def _addrtype(values: Values, rule: RuleSpec) -> str:
    """Of two ends the first alone, under the negation of either. Linux: libxt_addrtype.c"""
    end = "src-type" if "src-type" in values else "dst-type"
    device = {"limit-iface-in": " . iif", "limit-iface-out": " . oif"}
    words = f"fib {end[0]}addr" + next((text for name, text in device.items() if name in values), "")
    is_inverted = any(values[name].inverted for name in ("src-type", "dst-type") if name in values)
    mask = values[end].value
    kinds = [name for number, name in enumerate(_ROUTE_KINDS) if mask >> number & 1]
    shown = among(kinds) if mask & (mask - 1) else "".join(kinds)
    return f"{words} type {'!= ' if is_inverted else ''}{shown}".rstrip()


def _rpfilter(values: Values, rule: RuleSpec) -> str | None:
    words = []
    if "accept-local" in values:
        if "invert" not in values:
            return None
        words.append("fib saddr type != local")
    words.append("fib saddr")
    words += [". mark"] if "validmark" in values else []
    words += [". iif"] if "loose" not in values else []
    return " ".join([*words, "oif", "0" if "invert" in values else "!= 0"])


def _iprange(values: Values, rule: RuleSpec) -> str:
    network, show = _network(rule), rule.header.family.address_text
    words = []
    for name in ("src-range", "dst-range"):
        if name in values:
            low, high = map(show, values[name].value)
            words.append(f"{network} {name[0]}addr {but(values[name])}{low}-{high}")
    return " ".join(words)


def _of_hops(option: str, words: str) -> Translate:
    def translate(values: Values, rule: RuleSpec) -> str:
        ((name, given),) = values.items()
        operator = {"eq": "!= " if given.inverted else "", "lt": "lt ", "gt": "gt "}
        return f"{words} {operator[name.removeprefix(option)]}{given.value}"

    return translate


def _dscp(values: Values, rule: RuleSpec) -> str:
    ((_, given),) = values.items()
    return f"{_network(rule)} dscp {but(given)}0x{given.value:02x}"


def _pkttype(values: Values, rule: RuleSpec) -> str:
    given = values["pkt-type"]
    return f"pkttype {but(given)}{_PACKET_TYPES[given.value]}"


def _mac(values: Values, rule: RuleSpec) -> str:
    given = values["mac-source"]
    return f"ether saddr {but(given)}{mac_text(given.value)}"


def _devgroup(values: Values, rule: RuleSpec) -> str:
    ends = (("src-group", "iifgroup"), ("dst-group", "oifgroup"))
    return " ".join(masked(words, values[name]) for name, words in ends if name in values)


def _owner(values: Values, rule: RuleSpec) -> str | None:
    """Of one thing alone."""
    if len(values) != 1:
        return None
    ((name, given),) = values.items()
    if name == "socket-exists":
        return None
    return f"sk{name[:3]} {but(given)}{span(*given.value)}"


def _quota(values: Values, rule: RuleSpec) -> str:
    given = values["quota"]
    return f"quota {'over ' if given.inverted else ''}{given.value} bytes"


def _statistic(values: Values, rule: RuleSpec) -> str:
    if "probability" in values:
        given = values["probability"]
        operator = ">=" if given.inverted else "<"
        return f"meta random & {_MODULUS - 1} {operator} {round(given.value * _MODULUS)}"
    given, packet = values["every"], values.get("packet")
    return f"numgen inc mod {given.value} {but(given)}{0 if packet is None else packet.value}"


def _helper(values: Values, rule: RuleSpec) -> str:
    given = values["helper"]
    return f'ct helper {but(given)}"{given.value}"'


def _nothing(values: Values, rule: RuleSpec) -> str:
    return ""


MATCHES: Final[Mapping[str, Translate]] = {
    "addrtype": _addrtype,
    "ah": _ah,
    "comment": _nothing,
    "connbytes": lambda values, rule: connbytes(values),
    "connmark": _masked("ct mark", "mark"),
    "conntrack": lambda values, rule: conntrack(values, rule.header.family),
    "cpu": _one("cpu", "cpu"),
    "devgroup": _devgroup,
    "dscp": _dscp,
    "esp": _spi("esp", "espspi"),
    "hashlimit": lambda values, rule: hashlimit(values, rule.header.family),
    "helper": _helper,
    "hl": _of_hops("hl-", "ip6 hoplimit"),
    "icmp": _icmp,
    "icmp6": _icmp6,
    "iprange": _iprange,
    "length": _one("meta length", "length"),
    "mac": _mac,
    "multiport": _multiport,
    "owner": _owner,
    "pkttype": _pkttype,
    "quota": _quota,
    "realm": _masked("rtclassid", "realm"),
    "rpfilter": _rpfilter,
    "sctp": _sctp,
    "state": lambda values, rule: conntrack(values, rule.header.family),
    "statistic": _statistic,
    "tcp": tcp,
    "tcpmss": _one("tcp option maxseg size", "mss"),
    "time": lambda values, rule: time(values),
    "ttl": _of_hops("ttl-", "ip ttl"),
    "udp": _nothing,
}
