"""The command line of conntrack(8).

Linux: conntrack-tools src/conntrack.c do_parse()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.conntrack.text import PROTOCOLS
from pystack.applets.getopt import BadOption, Getopt
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
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, netmask, parse_address

TABLES: Final = ("conntrack", "expect", "dying", "unconfirmed")
COMMANDS: Final = "LGDIAUEFCS"
_OUTPUTS: Final = ("xml", "extended", "timestamp", "id", "ktimestamp", "labels", "userspace", "save")
_NOT_YET: Final = ("xml", "timestamp", "ktimestamp", "labels", "userspace")
_EVENTS: Final = {
    "ALL": frozenset("NUD"),
    "NEW": frozenset("N"),
    "UPDATES": frozenset("U"),
    "DESTROY": frozenset("D"),
}
_STATUS: Final = {
    "ASSURED": IPS_ASSURED,
    "SEEN_REPLY": IPS_SEEN_REPLY,
    "FIXED_TIMEOUT": IPS_FIXED_TIMEOUT,
    "SRC_NAT": IPS_SRC_NAT,
    "DST_NAT": IPS_DST_NAT,
    "UNSET": 0,
}
_UNSET: Final = {"UNREPLIED": IPS_SEEN_REPLY}

_SHORT: Final = "L::I::U::D::G::E::F::A::C::hVSzs:d:r:q:p:t:u:e:a:i:f:o:n::g::j::c:b:m:w:l:"
_LONG: Final = {
    "dump": ("L", 2),
    "create": ("I", 2),
    "add": ("A", 2),
    "delete": ("D", 2),
    "get": ("G", 2),
    "update": ("U", 2),
    "flush": ("F", 2),
    "event": ("E", 2),
    "count": ("C", 2),
    "stats": ("S", 0),
    "version": ("V", 0),
    "help": ("h", 0),
    "zero": ("z", 0),
    "src": ("s", 1),
    "orig-src": ("s", 1),
    "dst": ("d", 1),
    "orig-dst": ("d", 1),
    "reply-src": ("r", 1),
    "reply-dst": ("q", 1),
    "protonum": ("p", 1),
    "family": ("f", 1),
    "timeout": ("t", 1),
    "status": ("u", 1),
    "event-mask": ("e", 1),
    "mark": ("m", 1),
    "zone": ("w", 1),
    "orig-zone": ("orig-zone", 1),
    "reply-zone": ("reply-zone", 1),
    "output": ("o", 1),
    "src-nat": ("n", 2),
    "dst-nat": ("g", 2),
    "any-nat": ("j", 2),
    "buffer-size": ("b", 1),
}
_OF_PORTS: Final = {
    "sport": ("original", "sport"),
    "orig-port-src": ("original", "sport"),
    "dport": ("original", "dport"),
    "orig-port-dst": ("original", "dport"),
    "reply-port-src": ("reply", "sport"),
    "reply-port-dst": ("reply", "dport"),
}
_OF_ICMP: Final = ("icmp-type", "icmp-code", "icmp-id")
_OF_GRE: Final = {
    "srckey": ("original", "sport"),
    "orig-key-src": ("original", "sport"),
    "dstkey": ("original", "dport"),
    "orig-key-dst": ("original", "dport"),
    "reply-key-src": ("reply", "sport"),
    "reply-key-dst": ("reply", "dport"),
}
_WITH_PORTS: Final = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE)
_NUMBERS: Final = {name: number for number, name in PROTOCOLS.items()}


class BadUsage(Exception):
    """What the tool complains about, and with which exit code."""


@dataclass(slots=True)
class Options:
    """What is asked for."""

    command: str = ""
    table: str = "conntrack"
    outputs: frozenset[str] = frozenset()
    events: frozenset[str] = frozenset()
    zero: bool = False
    timeout: int | None = None  # seconds
    family: int = 0
    protocol: int | None = None
    addresses: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)  # network and mask
    ports: dict[tuple[str, str], int] = field(default_factory=dict)
    icmp: dict[str, int] = field(default_factory=dict)
    state: int | None = None
    status: int = 0
    unset: int = 0
    mark: tuple[int, int] | None = None  # and its mask
    zones: dict[str, int] = field(default_factory=dict)
    nat: int = 0  # IPS_*: connections of which one of these bits is set

    @property
    def has_filter(self) -> bool:
        """Whether not all connections are meant."""
        return self != Options(self.command, self.table, self.outputs, self.events, self.zero)


def parse(args: Sequence[str]) -> Options:
    """Raises BadUsage, or NotModelled."""
    options = Options()
    takes = {name: count for name, (_, count) in _LONG.items()}
    takes |= dict.fromkeys((*_OF_PORTS, *_OF_ICMP, *_OF_GRE, "state"), 1)
    getopt = Getopt(args, _SHORT, takes)
    later: list[tuple[str, str]] = []  # what only a protocol knows
    try:
        for name, argument in getopt:
            letter = _LONG[name][0] if name in _LONG else name
            if letter in COMMANDS or letter in "Vh":
                _command(options, letter)
            elif letter in _TAKERS:
                _TAKERS[letter](options, argument)
            elif name in takes:
                later.append((name, argument))
            else:
                raise NotModelled(f"conntrack {'--' if len(name) > 1 else '-'}{name}", tuple(_LONG))
    except BadOption as bad:
        raise BadUsage(f"unknown option `{_named(str(bad))}'") from None
    for name, argument in later:
        _of_protocol(options, name, argument)
    if getopt.operands:
        _table(options, getopt.operands[0])
    return options


def _named(complaint: str) -> str:
    """The option in a line of getopt's."""
    quoted = complaint.split("'")
    word = quoted[1] if len(quoted) > 1 else complaint
    return word if word.startswith("-") else f"-{word}"


def _command(options: Options, letter: str) -> None:
    if options.command and options.command != letter:
        raise BadUsage("Invalid commands combination")
    options.command = letter


def _table(options: Options, name: str) -> None:
    if name not in TABLES:
        raise BadUsage(f"unknown type `{name}'")
    options.table = name


def _address(options: Options, where: tuple[str, str], text: str) -> None:
    word, slash, length = text.partition("/")
    address = parse_address(word)
    bits = int(length) if length.isdigit() and int(length) <= 32 else 32
    if address is None or (slash and not length.isdigit()):
        raise BadUsage(f"Invalid IP address `{text}'")
    options.addresses[where] = (address & netmask(bits), netmask(bits))


def _protocol(options: Options, text: str) -> None:
    number = int(text) if text.isdigit() else _NUMBERS.get(text.lower())
    if number is None or number > 255:
        raise BadUsage(f"`{text}' unsupported protocol")
    options.protocol = number


def _status(options: Options, text: str) -> None:
    for word in text.split(","):
        if word in _STATUS:
            options.status |= _STATUS[word]
        elif word in _UNSET:
            options.unset |= _UNSET[word]
        else:
            raise BadUsage(f"Bad parameter `{word}'")


def _events(options: Options, text: str) -> None:
    for word in text.split(","):
        if word not in _EVENTS:
            raise BadUsage(f"Bad parameter `{word}'")
        options.events |= _EVENTS[word]


def _outputs(options: Options, text: str) -> None:
    for word in text.split(","):
        if word not in _OUTPUTS:
            raise BadUsage(f"Bad parameter `{word}'")
        if word in _NOT_YET:
            raise NotModelled(f"conntrack -o {word}", tuple(out for out in _OUTPUTS if out not in _NOT_YET))
    options.outputs |= frozenset(text.split(","))


def _mark(options: Options, text: str) -> None:
    word, _, mask = text.partition("/")
    options.mark = (_number(word), _number(mask) if mask else 0xFFFFFFFF)


def _family(options: Options, text: str) -> None:
    families = {"ipv4": 2, "ipv6": 10}
    if text not in families:
        raise BadUsage(f"`{text}' unsupported protocol")
    options.family = families[text]


def _number(text: str) -> int:
    try:
        return int(text, 0)
    except ValueError:
        return 0  # as strtoul() has it


def _nat(bits: int) -> Callable[[Options, str], None]:
    def take(options: Options, text: str) -> None:
        if text:
            raise NotModelled("conntrack --src-nat with an address", ("--src-nat", "--dst-nat", "--any-nat"))
        options.nat |= bits

    return take


def _zone(name: str) -> Callable[[Options, str], None]:
    def take(options: Options, text: str) -> None:
        options.zones[name] = _number(text)

    return take


def _at(direction: str, field_: str) -> Callable[[Options, str], None]:
    return lambda options, text: _address(options, (direction, field_), text)


def _zero(options: Options, text: str) -> None:
    options.zero = True


def _timeout(options: Options, text: str) -> None:
    options.timeout = _number(text)


def _nothing(options: Options, text: str) -> None:
    """The size of a netlink socket's buffer."""


_TAKERS: Final[dict[str, Callable[[Options, str], None]]] = {
    "s": _at("original", "saddr"),
    "d": _at("original", "daddr"),
    "r": _at("reply", "saddr"),
    "q": _at("reply", "daddr"),
    "p": _protocol,
    "f": _family,
    "t": _timeout,
    "u": _status,
    "e": _events,
    "o": _outputs,
    "m": _mark,
    "n": _nat(IPS_SRC_NAT),
    "g": _nat(IPS_DST_NAT),
    "j": _nat(IPS_SRC_NAT | IPS_DST_NAT),
    "w": _zone("zone"),
    "orig-zone": _zone("orig"),
    "reply-zone": _zone("reply"),
    "z": _zero,
    "b": _nothing,
}


def _of_protocol(options: Options, name: str, argument: str) -> None:
    protocol = options.protocol
    if name in _OF_PORTS and protocol in _WITH_PORTS:
        options.ports[_OF_PORTS[name]] = _number(argument)
    elif name in _OF_GRE and protocol == IPPROTO_GRE:
        options.ports[_OF_GRE[name]] = _number(argument)
    elif name in _OF_ICMP and protocol == IPPROTO_ICMP:
        options.icmp[name] = _number(argument)
    elif name == "state" and protocol in (IPPROTO_TCP, IPPROTO_SCTP):
        options.state = _state(protocol, argument)
    else:
        raise BadUsage(f"unknown option `--{name}'")


def _state(protocol: int, name: str) -> int:
    states = TcpState if protocol == IPPROTO_TCP else SctpState
    if name not in states.__members__ or name in ("MAX", "IGNORE"):
        kind = "TCP" if protocol == IPPROTO_TCP else "SCTP"
        raise BadUsage(f"unknown {kind} state `{name}'")
    return int(states[name])
