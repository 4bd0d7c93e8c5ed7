"""iptables and ip6tables: the same commands over addresses of different length."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.applets.tcpdump.names import Names
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.wire import ipv4, ipv6


@dataclass(frozen=True, slots=True)
class Family:
    """What differs."""

    number: int  # NFPROTO_*
    program: str
    bits: int  # of an address
    parse_address: Callable[[str], int | None]
    address_text: Callable[[int], str]

    @property
    def all_ones(self) -> int:
        """The mask of a single host."""
        return (1 << self.bits) - 1

    def netmask(self, length: int) -> int:
        """The mask of a prefix."""
        return self.all_ones << (self.bits - length) & self.all_ones

    def prefix_length(self, mask: int) -> int | None:
        """The other way round; None for a mask with holes."""
        length = mask.bit_count()
        return length if mask == self.netmask(length) else None

    def addresses_of(self, names: Names, host: str) -> list[int]:
        """What a host's name stands for."""
        known = names.addresses if self.bits == IPV4.bits else names.addresses6
        return known.get(host.lower(), [])

    def host_name(self, names: Names, address: int) -> str:
        """What a host or a network is called, or its address."""
        if self.bits != IPV4.bits:
            return names.hosts6.get(address) or self.address_text(address)
        network = next((name for name, known in names.networks.items() if known == address), None)
        return names.hosts.get(address) or network or self.address_text(address)


IPV4: Final = Family(NFPROTO_IPV4, "iptables", 32, ipv4.parse_address, ipv4.address_text)
IPV6: Final = Family(NFPROTO_IPV6, "ip6tables", 128, ipv6.parse_address, ipv6.address_text)
