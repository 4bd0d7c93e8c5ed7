"""The routes of IPv6: this host has none, so nothing is reached, and nothing is its own."""

from __future__ import annotations

from typing import Final

from pystack.device import NetDevice
from pystack.netfilter.ipv6_path import Ipv6Path
from pystack.netfilter.view import View
from pystack.packet import Packet

_RTN_MULTICAST: Final = 5
_RTN_UNREACHABLE: Final = 7


class NoRoutes:
    """A nft.needs.Routes."""

    __slots__ = ("smallest_mtu",)

    def __init__(self, path: Ipv6Path) -> None:
        self.smallest_mtu = path.smallest_mtu

    def kind_of(self, address: int, dev: NetDevice | None) -> int:
        """Linux: net/ipv6/netfilter/nft_fib_ipv6.c __nft_fib6_eval_type()"""
        return _RTN_MULTICAST if address >> 120 == 0xFF else _RTN_UNREACHABLE

    def device_to(
        self, view: View, *, source: bool, by_mark: bool, through: NetDevice | None
    ) -> NetDevice | None:
        """Linux: net/ipv6/netfilter/nft_fib_ipv6.c nft_fib6_eval()"""
        return None

    def nexthop(self, pkt: Packet) -> bytes | None:
        """Linux: include/net/ip6_route.h rt6_nexthop()"""
        return None
