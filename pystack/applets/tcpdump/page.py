"""One packet on its way to text: its octets, how far they reach, and what was said of them so far.

A printer reads through `u8()` and its sisters. Where the octets end it is cut off by Cut, which only
dissect.py catches: the line then ends in `[|protocol]`, as tcpdump's does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.tables import OUIS
from pystack.wire.checksum import ones_sum
from pystack.wire.ethernet import BROADCAST, ETH_ALEN
from pystack.wire.ipv4 import address_text
from pystack.wire.ipv6 import address_text as ipv6_text

WORD: Final = 0xFFFFFFFF


class Cut(Exception):
    """The packet ends before what a printer wanted to read."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the options say about the text; named as tcpdump's options are."""

    A: int = 0
    K: bool = False
    S: bool = False
    X: int = 0
    e: bool = False
    n: int = 0
    number: bool = False
    q: int = 0
    t: int = 0
    v: int = 0
    x: int = 0
    nano: bool = False
    utc_offset: int = 0

    @property
    def suppresses_dump(self) -> bool:
        """Whether what no printer knows is dumped anyway, or not wanted."""
        return bool(self.q or self.x or self.X)


@dataclass(frozen=True, slots=True)
class Carrier:
    """What the IP header around a payload says."""

    version: int
    at: int  # of the IP header
    protocol: int  # its own next header, before extensions
    fragmented: bool
    ttl: int


@dataclass(slots=True)
class Memory:
    """What is remembered from packet to packet: the first sequence numbers of TCP conversations."""

    flows: dict[tuple[bytes, bytes, int], tuple[int, int]] = field(default_factory=dict)


NetworkPrinter = Callable[["Page", int, int], None]
TransportPrinter = Callable[["Page", int, int, Carrier], None]


@dataclass(frozen=True, slots=True)
class Protocols:
    """Who prints what; put together in dissect.py, so that printers need not know each other."""

    network: Mapping[int, NetworkPrinter]
    transport: Mapping[int, TransportPrinter]


class Page:
    """Linux differs: nothing. tcpdump: netdissect.h struct netdissect_options, the part about one packet"""

    __slots__ = ("data", "end", "link_length", "look", "memory", "names", "protocol", "protocols", "said")

    def __init__(self, data: bytes, look: Look, names: Names, memory: Memory, protocols: Protocols) -> None:
        self.data = data
        self.end = len(data)  # where reading stops; an inner length field may bring it nearer
        self.look = look
        self.names = names
        self.memory = memory
        self.protocols = protocols
        self.protocol = ""  # whose header is being read
        self.link_length = 0
        self.said: list[str] = []

    def say(self, text: str) -> None:
        """Append to the line."""
        self.said.append(text)

    def truncated(self) -> None:
        """`[|ip]`"""
        self.said.append(f" [|{self.protocol}]")

    def invalid(self) -> None:
        """Say that the rest makes no sense."""
        self.said.append(" (invalid)")

    # -- octets --------------------------------------------------------------------------------------------

    def has(self, at: int, length: int) -> bool:
        """Whether so many octets are there."""
        return at + length <= self.end

    def need(self, at: int, length: int) -> None:
        """Raises Cut."""
        if at + length > self.end:
            raise Cut

    def left(self, at: int) -> int:
        """Octets from there on."""
        return max(self.end - at, 0)

    def octets(self, at: int, length: int) -> bytes:
        """Raises Cut."""
        self.need(at, length)
        return self.data[at : at + length]

    def u8(self, at: int) -> int:
        """Raises Cut."""
        if at >= self.end:
            raise Cut
        return self.data[at]

    def u16(self, at: int) -> int:
        """Raises Cut."""
        return int.from_bytes(self.octets(at, 2), "big")

    def u24(self, at: int) -> int:
        """Raises Cut."""
        return int.from_bytes(self.octets(at, 3), "big")

    def u32(self, at: int) -> int:
        """Raises Cut."""
        return int.from_bytes(self.octets(at, 4), "big")

    def reach(self, end: int) -> int:
        """Let reading stop at `end` if that is nearer; the old stop, to be put back."""
        before = self.end
        self.end = min(before, end)
        return before

    # -- words for values ----------------------------------------------------------------------------------

    def ip(self, at: int) -> str:
        """An IPv4 address or its host's name. Raises Cut."""
        address = self.u32(at)
        if self.look.n:
            return address_text(address)
        return self.names.hosts.get(address) or address_text(address)

    def ip6(self, at: int) -> str:
        """An IPv6 address. Raises Cut."""
        return ip6_text(self.octets(at, 16))

    def mac(self, at: int) -> str:
        """An Ethernet address, without -n its maker too. Raises Cut."""
        return self.mac_text(self.octets(at, ETH_ALEN))

    def mac_text(self, address: bytes) -> str:
        """The same of octets at hand."""
        text = address.hex(":")
        if self.look.n:
            return text
        if address == BROADCAST:
            return "Broadcast"
        return f"{text} (oui {OUIS.get(int.from_bytes(address[:3], 'big'), 'Unknown')})"

    def link_address(self, at: int, length: int) -> str:
        """A link address of any length. Raises Cut."""
        if length == 0:
            return "<empty>"
        octets = self.octets(at, length)
        return self.mac_text(octets) if length == ETH_ALEN else octets.hex(":")

    def tcp_port(self, port: int) -> str:
        """`80`, or `http` without -n."""
        return str(port) if self.look.n else self.names.tcp.get(port) or str(port)

    def udp_port(self, port: int) -> str:
        """`53`, or `domain` without -n."""
        return str(port) if self.look.n else self.names.udp.get(port) or str(port)


def unsigned(number: int) -> int:
    """As %u prints what went below zero."""
    return number & WORD


def residue(*parts: bytes) -> int:
    """What a checksum over these octets comes to: 0 if it is right. tcpdump: in_cksum.c in_cksum()"""
    return 0xFFFF ^ ones_sum(b"".join(parts))


def should_be(check: int, wrong_by: int) -> int:
    """The checksum that would have been right. tcpdump: in_cksum.c in_cksum_shouldbe()"""
    total = check + wrong_by
    total = (total & 0xFFFF) + (total >> 16)
    return (total & 0xFFFF) + (total >> 16)


def ip6_text(address: bytes) -> str:
    """As inet_ntop() does it. tcpdump: addrtostr.c addrtostr6()"""
    return ipv6_text(int.from_bytes(address, "big"))


def flags_text(values: Mapping[int, str], flags: int, separator: str = ", ") -> str:
    """The names of the bits that are set. tcpdump: util-print.c bittok2str()"""
    return separator.join(name for bit, name in values.items() if flags & bit == bit) or "none"
