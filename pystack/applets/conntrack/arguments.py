"""What stands behind the options of conntrack(8).

Linux: conntrack-tools src/conntrack.c do_parse(), parse_parameter(), nat_parse(); extensions/libct_proto_*.c
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.conntrack.addresses import network, network_and_port
from pystack.applets.conntrack.bad_usage import BadUsage
from pystack.applets.conntrack.options import Options
from pystack.applets.conntrack.text import PROTOCOLS
from pystack.applets.tcpdump.tables import PROTOCOL_NAMES
from pystack.errors import NotModelled
from pystack.netfilter.conntrack.info import (
    IPS_ASSURED,
    IPS_DST_NAT,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
    IPS_SRC_NAT,
)
from pystack.netfilter.conntrack.sctp_states import State as SctpState
from pystack.netfilter.conntrack.tcp_states import State as TcpState
from pystack.netfilter.conntrack.tuples import IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_UDPLITE
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6

OUTPUTS: Final = ("xml", "extended", "timestamp", "id", "ktimestamp", "labels", "userspace", "save")
_NOT_MODELLED: Final = ("xml", "labels")
_EVENTS: Final = {"ALL": "NUD", "NEW": "N", "UPDATES": "U", "DESTROY": "D"}
_OFFLOADED: Final = 1 << 14, 1 << 15  # IPS_OFFLOAD, IPS_HW_OFFLOAD: nothing here ever is
_STATUS: Final = {
    "ASSURED": IPS_ASSURED,
    "SEEN_REPLY": IPS_SEEN_REPLY,
    "FIXED_TIMEOUT": IPS_FIXED_TIMEOUT,
    "UNSET": 0,
    "OFFLOAD": _OFFLOADED[0],
    "HW_OFFLOAD": _OFFLOADED[1],
}
_UNSET: Final = {"UNREPLIED": IPS_SEEN_REPLY}
_NAT_STATUS: Final = {"SRC_NAT": "src-nat", "DST_NAT": "dst-nat"}
_FAMILIES: Final = {"ipv4": NFPROTO_IPV4, "ipv6": NFPROTO_IPV6}
_MASK: Final = 0xFFFFFFFF

_OF_PORTS: Final = {
    "sport": ("original", "sport"),
    "dport": ("original", "dport"),
    "reply-port-src": ("reply", "sport"),
    "reply-port-dst": ("reply", "dport"),
}
_OF_GRE: Final = {
    "srckey": ("original", "sport"),
    "dstkey": ("original", "dport"),
    "reply-key-src": ("reply", "sport"),
    "reply-key-dst": ("reply", "dport"),
}
_ALIASES: Final = {
    "orig-port-src": "sport",
    "orig-port-dst": "dport",
    "orig-key-src": "srckey",
    "orig-key-dst": "dstkey",
}
_OF_ICMP: Final = {
    f"{protocol}-{what}": (number, f"icmp-{what}")
    for protocol, number in (("icmp", IPPROTO_ICMP), ("icmpv6", IPPROTO_ICMPV6))
    for what in ("type", "code", "id")
}
_EXPECTED: Final = {
    f"{kind}-{what}-{end}": (kind, field)
    for kind in ("mask", "tuple")
    for what in ("port", "key")
    for end, field in (("src", "sport"), ("dst", "dport"))
}
_WITH_PORTS: Final = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE)
_NUMBERS: Final = {name: number for number, name in PROTOCOLS.items()}
_OTHER_NUMBERS: Final = {name: number for number, name in PROTOCOL_NAMES.items()}

# Options that come with a protocol.
OF_PROTOCOLS: Final = (*_OF_PORTS, *_OF_ICMP, *_OF_GRE, *_ALIASES, *_EXPECTED, "state")

NextWord = Callable[[], str | None]
Taker = Callable[[Options, str, NextWord], None]


def number(text: str) -> int:
    """Linux: strtoul() with base 0: what makes no sense is 0"""
    try:
        return int(text, 0)
    except ValueError:
        return decimal(text)


def decimal(text: str) -> int:
    """Linux: atoi(): as far as there are digits"""
    found = re.match(r"\s*([-+]?\d+)", text)
    return int(found[1]) if found else 0


# --- addresses ----------------------------------------------------------------------------------------------


def _at(direction: str, field: str, name: str) -> Taker:
    def take(options: Options, text: str, next_word: NextWord) -> None:
        options.given.add(name)
        found = network(text)
        _family_is(options, found.family)
        options.addresses[direction, field] = found.address, found.mask

    return take


def _expected(kind: str, field: str, name: str) -> Taker:
    def take(options: Options, text: str, next_word: NextWord) -> None:
        options.given.add(name)
        found = network(text)
        _family_is(options, found.family)
        if kind == "mask" and found.has_length:
            raise BadUsage(f"CIDR notation unavailable for `--{name}'")
        into = options.masks if kind == "mask" else options.expected
        into[field] = found.address

    return take


def _nat(bits: int, name: str) -> Taker:
    def take(options: Options, text: str, next_word: NextWord) -> None:
        options.given.add(name)
        word = None if text else next_word()
        wanted: tuple[int | None, int | None] = None, None
        if word is not None:
            found, port = network_and_port(word, name)
            _family_is(options, found.family)
            wanted = found.address, port
        for bit in (IPS_SRC_NAT, IPS_DST_NAT):
            if bits & bit:
                options.nat[bit] = wanted

    return take


# --- the rest -----------------------------------------------------------------------------------------------


def _protocol(options: Options, text: str, next_word: NextWord) -> None:
    found = int(text) if text.isdigit() else _NUMBERS.get(text.lower()) or _OTHER_NUMBERS.get(text)
    if found is None or found > 255:
        raise BadUsage(f"`{text}' unsupported protocol")
    options.given.add("protonum")
    options.protocol = found


def _family(options: Options, text: str, next_word: NextWord) -> None:
    if text not in _FAMILIES:
        raise BadUsage(f"`{text}' unsupported protocol")
    options.given.add("family")
    _family_is(options, _FAMILIES[text])


def _family_is(options: Options, family: int) -> None:
    if options.family not in (0, family):
        raise BadUsage("mismatched address family")
    options.family = family


def _status(options: Options, text: str, next_word: NextWord) -> None:
    """The names in any case. Linux: parse_parameter(), status_array"""
    options.given.add("status")
    for word in text.split(","):
        name = word.upper()
        if name in _STATUS:
            options.status |= _STATUS[name]
        elif name in _UNSET:
            options.unset |= _UNSET[name]
        elif name in _NAT_STATUS:
            options.warnings.append(f"WARNING: ignoring {name}, use --{_NAT_STATUS[name]} instead")
        else:
            raise BadUsage(f"Bad parameter `{word}'")


def _events(options: Options, text: str, next_word: NextWord) -> None:
    options.given.add("event-mask")
    for word in text.split(","):
        if word.upper() not in _EVENTS:
            raise BadUsage(f"Bad parameter `{word}'")
        options.events |= frozenset(_EVENTS[word.upper()])


def _outputs(options: Options, text: str, next_word: NextWord) -> None:
    options.given.add("output")
    for word in text.split(","):
        if word.lower() not in OUTPUTS:
            raise BadUsage(f"Bad parameter `{word}'")
        options.outputs |= {word.lower()}
    unknown = next((word for word in _NOT_MODELLED if word in options.outputs), None)
    if unknown is not None and "save" not in options.outputs:
        known = tuple(word for word in OUTPUTS if word not in _NOT_MODELLED)
        raise NotModelled(f"conntrack -o {unknown}", known)


def _mark(options: Options, text: str, next_word: NextWord) -> None:
    options.given.add("mark")
    word, _, mask = text.partition("/")
    options.mark = number(word) & _MASK
    options.mark_mask = number(mask) & _MASK if mask else _MASK


def _zone(name: str) -> Taker:
    def take(options: Options, text: str, next_word: NextWord) -> None:
        options.given.add(name)
        options.zones[name] = number(text) & 0xFFFF

    return take


def _zero(options: Options, text: str, next_word: NextWord) -> None:
    options.given.add("zero")


def _timeout(options: Options, text: str, next_word: NextWord) -> None:
    options.given.add("timeout")
    options.timeout = decimal(text) & _MASK


def _buffer_size(options: Options, text: str, next_word: NextWord) -> None:
    options.given.add("buffer-size")
    options.buffer_size = decimal(text)


def _id(options: Options, text: str, next_word: NextWord) -> None:
    options.given.add("id")
    options.id = number(text)


def _deprecated(options: Options, text: str, next_word: NextWord) -> None:
    options.warnings.append("WARNING: ignoring -a, deprecated option.")


TAKERS: Final[Mapping[str, Taker]] = {
    "s": _at("original", "saddr", "src"),
    "d": _at("original", "daddr", "dst"),
    "r": _at("reply", "saddr", "reply-src"),
    "q": _at("reply", "daddr", "reply-dst"),
    "tuple-src": _expected("tuple", "saddr", "tuple-src"),
    "tuple-dst": _expected("tuple", "daddr", "tuple-dst"),
    "mask-src": _expected("mask", "saddr", "mask-src"),
    "mask-dst": _expected("mask", "daddr", "mask-dst"),
    "p": _protocol,
    "f": _family,
    "t": _timeout,
    "u": _status,
    "e": _events,
    "o": _outputs,
    "m": _mark,
    "n": _nat(IPS_SRC_NAT, "src-nat"),
    "g": _nat(IPS_DST_NAT, "dst-nat"),
    "j": _nat(IPS_SRC_NAT | IPS_DST_NAT, "any-nat"),
    "w": _zone("zone"),
    "orig-zone": _zone("orig-zone"),
    "reply-zone": _zone("reply-zone"),
    "z": _zero,
    "b": _buffer_size,
    "i": _id,
    "a": _deprecated,
}


# --- of one protocol only -----------------------------------------------------------------------------------


def take_of_protocol(options: Options, given: str, argument: str) -> None:
    """An option that comes with `-p`. Raises BadUsage."""
    name, protocol = _ALIASES.get(given, given), options.protocol
    is_gre = protocol == IPPROTO_GRE
    if name in _EXPECTED and (is_gre == ("key" in name)) and (is_gre or protocol in _WITH_PORTS):
        kind, field = _EXPECTED[name]
        into = options.masks if kind == "mask" else options.expected
        into[field] = number(argument) & 0xFFFF if is_gre else decimal(argument) & 0xFFFF
    elif name in _OF_PORTS and protocol in _WITH_PORTS:
        options.ports[_OF_PORTS[name]] = decimal(argument) & 0xFFFF
    elif name in _OF_GRE and is_gre:
        options.ports[_OF_GRE[name]] = number(argument) & 0xFFFF
    elif name in _OF_ICMP and protocol == _OF_ICMP[name][0]:
        options.icmp[_OF_ICMP[name][1]] = decimal(argument) & (0xFFFF if name.endswith("id") else 0xFF)
    elif name == "state" and protocol in (IPPROTO_TCP, IPPROTO_SCTP):
        options.state = _state(protocol, argument)
    else:
        raise BadUsage(f"unknown option `--{given}'")
    options.given_of_protocol.add(name)


def _state(protocol: int, name: str) -> int:
    states = TcpState if protocol == IPPROTO_TCP else SctpState
    if name == "LISTEN" and protocol == IPPROTO_TCP:
        return int(TcpState.SYN_SENT2)
    if name not in states.__members__ or name in ("MAX", "IGNORE"):
        kind = "TCP" if protocol == IPPROTO_TCP else "SCTP"
        raise BadUsage(f"unknown {kind} state `{name}'")
    return int(states[name])
