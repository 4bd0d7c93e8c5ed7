"""What every rule of iptables can ask of the IP header, and of the devices. Linux: ip_packet_match()"""

from __future__ import annotations

from dataclasses import dataclass

from pystack.netfilter.rule import EXACT, Key, Match
from pystack.netfilter.view import NO_PROTOCOL, View


@dataclass(frozen=True, slots=True)
class Source(Match):
    """`-s`"""

    network: int
    mask: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether the sender is in the network."""
        return (view.saddr & self.mask == self.network) != self.inverted

    @property
    def key(self) -> Key | None:
        """The network, unless it is all but it."""
        return None if self.inverted else ("saddr", self.mask, self.network)


@dataclass(frozen=True, slots=True)
class Destination(Match):
    """`-d`"""

    network: int
    mask: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether the receiver is in the network."""
        return (view.daddr & self.mask == self.network) != self.inverted

    @property
    def key(self) -> Key | None:
        """The network, unless it is all but it."""
        return None if self.inverted else ("daddr", self.mask, self.network)


@dataclass(frozen=True, slots=True)
class InInterface(Match):
    """`-i`; a name that ends in + stands for all that begin so."""

    name: str
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether it came in there; what came in nowhere has the empty name."""
        return is_named(view.inname, self.name) != self.inverted

    @property
    def key(self) -> Key | None:
        """The name, if it stands for no other."""
        return _name_key("inname", self.name, inverted=self.inverted)


@dataclass(frozen=True, slots=True)
class OutInterface(Match):
    """`-o`"""

    name: str
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether it goes out there."""
        return is_named(view.outname, self.name) != self.inverted

    @property
    def key(self) -> Key | None:
        """The name, if it stands for no other."""
        return _name_key("outname", self.name, inverted=self.inverted)


def _name_key(field: str, name: str, *, inverted: bool) -> Key | None:
    return None if inverted or name.endswith("+") else (field, EXACT, name)


def is_named(name: str, pattern: str) -> bool:
    """Linux: net/netfilter/x_tables.c ifname_compare()"""
    return name.startswith(pattern[:-1]) if pattern.endswith("+") else name == pattern


@dataclass(frozen=True, slots=True)
class Protocol(Match):
    """`-p`"""

    number: int
    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether this is what IP carries."""
        return (view.protocol == self.number) != self.inverted

    @property
    def key(self) -> Key | None:
        """The number."""
        return None if self.inverted else ("protocol", EXACT, self.number)


@dataclass(frozen=True, slots=True)
class UpperProtocol(Match):
    """`-p` of ip6tables: what stands behind the extension headers."""

    number: int
    inverted: bool = False
    drops_unknown: bool = False  # legacy tables drop a packet of which that cannot be told
    is_plain = True  # the drop is looked after by the index

    def __call__(self, view: View) -> bool:
        """Linux: net/ipv6/netfilter/ip6_tables.c ip6_packet_match()"""
        if view.protocol == NO_PROTOCOL:
            view.hotdrop |= self.drops_unknown
            return False
        return (view.protocol == self.number) != self.inverted

    @property
    def key(self) -> Key | None:
        """The number."""
        return None if self.inverted else ("protocol", EXACT, self.number)


@dataclass(frozen=True, slots=True)
class Fragment(Match):
    """`-f`: second and further fragments."""

    inverted: bool = False
    is_plain = True

    def __call__(self, view: View) -> bool:
        """Whether it is one."""
        return bool(view.fragment) != self.inverted
