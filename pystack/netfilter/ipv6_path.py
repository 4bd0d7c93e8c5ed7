"""What netfilter's rules may ask of the IPv6 path: of a host that has neither addresses nor routes of IPv6.

Only what crosses a bridge meets ip6's hooks. As on a kernel whose IPv6 is off there is no way to send
anything: REJECT drops and tells nobody, TEE sends no copy, and no answer has a way back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.clock import Clock
from pystack.device import NetDevice
from pystack.events import Traced
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.rng import Rng

_RTN_UNREACHABLE: Final = 7


class Ipv6Path:
    """A netfilter.needs.Path."""

    def __init__(
        self,
        clock: Clock,
        rng: Rng,
        printk: Callable[[str], None],
        finish_checksum: Callable[[Packet], None],
        nflog: Callable[[int, int, str, View, int | None], None],
        traced: Callable[[Traced], None],
    ) -> None:
        self.clock = clock
        self.rng = rng
        self.printk = printk
        self.finish_checksum = finish_checksum
        self.nflog = nflog
        self.traced = traced

    def reroute(self, pkt: Packet) -> bool:
        """Linux: net/ipv6/netfilter.c ip6_route_me_harder()"""
        return False

    def unreachable(self, pkt: Packet, code: int) -> None:
        """Linux: net/ipv6/netfilter/nf_reject_ipv6.c nf_send_unreach6()"""

    def reset(self, pkt: Packet) -> None:
        """Linux: net/ipv6/netfilter/nf_reject_ipv6.c nf_send_reset6()"""

    def smallest_mtu(self, pkt: Packet) -> int:
        """A bridge's own: there is no route back. Linux: net/netfilter/xt_TCPMSS.c tcpmss_reverse_mtu()"""
        bridge = None if pkt.physin is None else pkt.physin.master
        return 0 if bridge is None else bridge.mtu

    def duplicate(self, pkt: Packet, hook: int, gateway: int, oif: str) -> None:
        """Linux: net/ipv6/netfilter/nf_dup_ipv6.c nf_dup_ipv6()"""

    def source_for(self, pkt: Packet, dev: NetDevice) -> int:
        """Linux: net/netfilter/nf_nat_masquerade.c nf_nat_masquerade_ipv6()"""
        return 0

    def first_address(self, dev: NetDevice) -> int:
        """Linux: net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv6()"""
        return 0

    def address_type(self, address: int, dev: NetDevice | None, *, on_dev_only: bool) -> int:
        """Linux: net/netfilter/xt_addrtype.c match_lookup_rt6()"""
        return _RTN_UNREACHABLE

    def is_reversible(self, pkt: Packet, *, loose: bool, by_mark: bool, accept_local: bool) -> bool:
        """Linux: net/ipv6/netfilter/ip6t_rpfilter.c rpfilter_lookup_reverse6()"""
        return False
