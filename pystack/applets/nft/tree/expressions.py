"""Expressions: what is looked at in a packet, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass, field

from pystack.applets.nft.place import NOWHERE, Place
from pystack.applets.nft.types import DataType


@dataclass(frozen=True, slots=True, kw_only=True)
class Expression:
    """Trees are equal if they say the same, wherever it stands."""

    at: Place = field(default=NOWHERE, compare=False, repr=False)


# --- constants ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Symbol(Expression):
    """A word, number or quoted string that has no type yet."""

    text: str
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Value(Expression):
    """A constant; always big-endian, also where the kernel's register is not. Strings end without a NUL."""

    octets: bytes
    type: DataType


@dataclass(frozen=True, slots=True)
class Prefix(Expression):
    """`10.0.0.0/8`; also a string that ends with `*`, whose length is that of the characters in front."""

    value: Expression
    bits: int


@dataclass(frozen=True, slots=True)
class Range(Expression):
    """`1024-65535`, both ends in it."""

    low: Expression
    high: Expression


@dataclass(frozen=True, slots=True)
class Anything(Expression):
    """`*`, the element of a map for all that no other element is for."""


@dataclass(frozen=True, slots=True)
class Flags(Expression):
    """`established,related`: several values of a type of bits, with commas and without braces."""

    items: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Boolean(Expression):
    """`exists` or `missing`."""

    value: bool


# --- sets and verdicts --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Element(Expression):
    """One of a set; of a map with what it is mapped to."""

    key: Expression
    data: Expression | None = None
    timeout: int | None = None  # milliseconds
    expires: int | None = None
    comment: str = ""
    statements: tuple[object, ...] = ()  # Statement: counter, limit, quota, ct count


@dataclass(frozen=True, slots=True)
class Elements(Expression):
    """`{ 22, 80 }`: an anonymous set, or a map where elements have data."""

    items: tuple[Element, ...]


@dataclass(frozen=True, slots=True)
class SetName(Expression):
    """`@blackhole`."""

    name: str


@dataclass(frozen=True, slots=True)
class Verdict(Expression):
    """accept, drop, continue, return; jump and goto with a chain."""

    word: str
    chain: str = ""
    chain_at: Place = field(default=NOWHERE, compare=False, repr=False)
    rules: tuple[object, ...] | None = None  # RuleText: of a chain without a name, `jump { … }`


@dataclass(frozen=True, slots=True)
class Lookup(Expression):
    """`KEY map SET`; as a verdict `KEY vmap SET`."""

    key: Expression
    set: Expression  # Elements or SetName
    is_verdict: bool = False


@dataclass(frozen=True, slots=True)
class Concatenation(Expression):
    """`ip saddr . tcp dport`."""

    parts: tuple[Expression, ...]


# --- what is looked at --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Meta(Expression):
    """`meta mark`, `iifname`."""

    key: str


@dataclass(frozen=True, slots=True)
class Ct(Expression):
    """`ct state`, `ct original ip saddr`."""

    key: str  # with its family where that is written: "ip saddr"
    direction: str = ""  # "original", "reply"
    family: str = ""  # of a listed one that was written without

    @property
    def full_key(self) -> str:
        """With the family."""
        return f"{self.family} {self.key}" if self.family else self.key


@dataclass(frozen=True, slots=True)
class Payload(Expression):
    """`tcp dport`: a field of a header that is known by name."""

    protocol: str  # ether vlan arp ip icmp igmp ip6 icmpv6 auth (ah) esp comp udp udplite tcp dccp sctp th
    field: str
    raw: bool = False  # written as octets by number: no checksum is mended where it is set


@dataclass(frozen=True, slots=True)
class RawPayload(Expression):
    """`@th,16,16`."""

    base: str  # ll nh th ih
    offset: int  # bits
    length: int


@dataclass(frozen=True, slots=True)
class ExtensionHeader(Expression):
    """A field of IPv6's `hbh rt rt0 rt2 rt4 frag dst mh`; without one, `exthdr NAME`: whether it is there."""

    header: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class TcpOption(Expression):
    """`tcp option maxseg size`; without a field: is it there? raw: `tcp option @KIND,OFFSET,LENGTH`."""

    option: str
    field: str = ""
    raw: tuple[int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class IpOption(Expression):
    """`ip option rr ptr`; without a field, whether it is there."""

    option: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class SctpChunk(Expression):
    """`sctp chunk init-ack flags`; without a field, whether it is there."""

    chunk: str
    field: str = ""


@dataclass(frozen=True, slots=True)
class Fib(Expression):
    """`fib saddr . iif oif`."""

    flags: tuple[str, ...]
    result: str  # oif oifname type


@dataclass(frozen=True, slots=True)
class Rt(Expression):
    """`rt nexthop`, with its family where that is written: "ip nexthop"."""

    key: str


@dataclass(frozen=True, slots=True)
class SocketOf(Expression):
    """`socket transparent`; `socket cgroupv2 level 1`."""

    key: str
    level: int = 0


@dataclass(frozen=True, slots=True)
class Numgen(Expression):
    """`numgen inc mod 2 offset 100`."""

    mode: str  # inc random
    modulus: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Hash(Expression):
    """`jhash ip saddr mod 2 seed 0x1 offset 3`; without a key `symhash mod 2`."""

    key: Expression | None
    modulus: int
    seed: int | None = None
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """`&`, `|`, `^`, `<<`, `>>`."""

    operator: str
    left: Expression
    right: Expression
