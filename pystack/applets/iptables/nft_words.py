"""Statements of nft as the words of a command of iptables.

Linux: iptables/nft-shared.c nft_parse_payload(), nft_parse_meta(), nft-ipv4.c nft_ipv4_parse_payload()
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pystack.applets.nft.printer.statements import PACKETS_BURST
from pystack.applets.nft.symbols import TCP_FLAGS
from pystack.applets.nft.tree import statements as tree
from pystack.applets.nft.tree.expressions import (
    Binary,
    Expression,
    Meta,
    Payload,
    Prefix,
    Range,
    Value,
    Verdict,
)
from pystack.wire import ipv4, ipv6
from pystack.wire.ipv4 import IP_OFFSET

_DEVICES: Final = {"iifname": "-i", "oifname": "-o"}
_ENDS: Final = {"saddr": "-s", "daddr": "-d"}
_TRANSPORTS: Final = ("tcp", "udp")
_MOST: Final = 0xFFFF
_IPV4: Final = 4  # octets
_NOT: Final = "!="
_EQUAL: Final = ("==", "!=")


class _Unknown(Exception):
    """What iptables is not known to say."""


def words_of(statements: Sequence[tree.Statement]) -> list[str] | None:
    """None for what is not known to be said so."""
    words = _Words()
    try:
        for statement in statements:
            words.add(statement)
    except _Unknown:
        return None
    return words.all


class _Words:
    """Collects them: the header first, one match of tcp or udp for all that is said of ports."""

    def __init__(self) -> None:
        self._header: list[str] = []
        self._matches: list[list[str]] = []
        self._transport: list[str] | None = None
        self._target: list[str] = []

    @property
    def all(self) -> list[str]:
        """In the order in which they are read."""
        return [*self._header, *(word for match in self._matches for word in match), *self._target]

    def add(self, statement: tree.Statement) -> None:
        """The next one. Raises _Unknown."""
        match statement:
            case tree.Match():
                self._add_match(statement)
            case tree.Counter():
                pass
            case tree.Limit(rate=rate, unit=unit, burst=burst, over=False, octets=False):
                said = ["--limit", f"{rate}/{unit}", "--limit-burst", str(burst or PACKETS_BURST)]
                self._matches.append(["-m", "limit", *said])
            case tree.Log(group=int()):
                self._target = ["-j", "NFLOG", *_nflog(statement)]
            case tree.Decide(verdict=Verdict(rules=None) as verdict):
                self._target = list(_verdict(verdict))
            case _:
                raise _Unknown

    def _add_match(self, match: tree.Match) -> None:
        left, mask = _apart(match)
        match left:
            case Meta(key="iifname" | "oifname") if match.operator in _EQUAL and mask is None:
                self._say(match, _DEVICES[left.key], _device(match.right))
            case Meta(key="l4proto") | Payload(protocol="ip", field="protocol") if mask is None:
                self._say(match, "-p", str(_number(match.right)))
            case Payload(protocol="ip" | "ip6", field="saddr" | "daddr"):
                self._say(match, _ENDS[left.field], _network(match.right, mask))
            case Payload(protocol="ip", field="frag-off") if mask is not None and _number(mask) == IP_OFFSET:
                self._header += ["-f"] if match.operator == _NOT else ["!", "-f"]
            case Payload(protocol="ip", field="ttl") if match.operator in _EQUAL and mask is None:
                self._matches.append(["-m", "ttl", *_bang(match), "--ttl-eq", str(_number(match.right))])
            case Meta(key="mark"):
                self._matches.append(["-m", "mark", *_bang(match), "--mark", _mark(match.right, mask)])
            case Payload(protocol="tcp", field="flags"):
                self._of_transport("tcp", _flags(match, mask))
            case Payload(protocol="tcp" | "udp", field="sport" | "dport") if mask is None:
                self._of_transport(left.protocol, _port(match, left.field))
            case _:
                raise _Unknown

    def _say(self, match: tree.Match, option: str, value: str) -> None:
        """Once: what is said twice is not what iptables can say."""
        if match.operator not in _EQUAL or (option in self._header and option != "-p"):
            raise _Unknown
        if option not in self._header:
            self._header += [*_bang(match), option, value]

    def _of_transport(self, protocol: str, words: Sequence[str]) -> None:
        if self._transport is None:
            self._transport = ["-m", protocol]
            self._matches.append(self._transport)
        if self._transport[1] != protocol or words[-2] in self._transport:
            raise _Unknown
        self._transport += words


def _apart(match: tree.Match) -> tuple[Expression, Expression | None]:
    """What is looked at, and under which mask."""
    if isinstance(match.left, Binary) and match.left.operator == "&":
        return match.left.left, match.left.right
    return match.left, match.mask


def _bang(match: tree.Match) -> list[str]:
    return ["!"] if match.operator == _NOT else []


def _number(value: Expression) -> int:
    if not isinstance(value, Value):
        raise _Unknown
    return int.from_bytes(value.octets)


def _device(right: Expression) -> str:
    if isinstance(right, Prefix):
        return f"{_device(right.value)}+"
    if not isinstance(right, Value):
        raise _Unknown
    return right.octets.decode(errors="surrogateescape")


def _network(right: Expression, mask: Expression | None) -> str:
    if isinstance(right, Prefix) and isinstance(right.value, Value):
        return f"{_address(right.value)}/{right.bits}"
    if not isinstance(right, Value):
        raise _Unknown
    if mask is None:
        return _address(right)
    if not isinstance(mask, Value):
        raise _Unknown
    return f"{_address(right)}/{_address(mask)}"


def _address(value: Value) -> str:
    number = int.from_bytes(value.octets)
    return ipv4.address_text(number) if len(value.octets) == _IPV4 else ipv6.address_text(number)


def _mark(right: Expression, mask: Expression | None) -> str:
    if isinstance(right, Prefix):
        length = 0xFFFFFFFF << (32 - right.bits) & 0xFFFFFFFF
        return f"{_number(right.value):#x}/{length:#x}"
    tail = "" if mask is None else f"/{_number(mask):#x}"
    return f"{_number(right):#x}{tail}"


def _port(match: tree.Match, field: str) -> list[str]:
    option = f"--{field}"
    if isinstance(match.right, Range) and match.operator in _EQUAL:
        low, high = _number(match.right.low), _number(match.right.high)
        return [*_bang(match), option, f"{low}:{high}"]
    port = _number(match.right)
    spans = {
        "<=": (0, port),
        "<": (0, port - 1),
        ">=": (port, _MOST),
        ">": (port + 1, _MOST),
    }
    if match.operator in _EQUAL:
        return [*_bang(match), option, str(port)]
    if match.operator not in spans:
        raise _Unknown
    low, high = spans[match.operator]
    return [option, f"{low}:{high}"]


def _flags(match: tree.Match, mask: Expression | None) -> list[str]:
    """`tcp flags ! syn,ack`: none of them."""
    wanted = _number(match.right)
    if mask is None and match.operator == "!":
        return ["--tcp-flags", _names(wanted), "NONE"]
    if mask is None or match.operator not in _EQUAL:
        raise _Unknown
    return [*_bang(match), "--tcp-flags", _names(_number(mask)), _names(wanted)]


def _names(flags: int) -> str:
    if flags > 0x3F:
        raise _Unknown
    return ",".join(name.upper() for name, bit in TCP_FLAGS.items() if flags & bit) or "NONE"


def _nflog(log: tree.Log) -> Iterator[str]:
    if log.prefix is not None:
        yield from ("--nflog-prefix", log.prefix)
    yield from ("--nflog-group", str(log.group))
    if log.snaplen is not None:
        yield from ("--nflog-size", str(log.snaplen))
    if log.threshold is not None:
        yield from ("--nflog-threshold", str(log.threshold))


def _verdict(verdict: Verdict) -> Iterator[str]:
    if verdict.word in ("jump", "goto"):
        yield from ("-j" if verdict.word == "jump" else "-g", verdict.chain)
    elif verdict.word in ("accept", "drop", "return"):
        yield from ("-j", verdict.word.upper())
