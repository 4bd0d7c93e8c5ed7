"""What netfilter asks of the path it stands in, which is built above it: handed in by netns.py."""

from __future__ import annotations

from typing import Protocol

from pystack.clock import Clock
from pystack.device import NetDevice
from pystack.events import Traced
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.rng import Rng


class Timed(Protocol):
    """Where rules that remember ask for the time."""

    @property
    def clock(self) -> Clock:
        """What time it is."""


class Tracing(Protocol):
    """Where packets are followed."""

    def traced(self, told: Traced) -> None:
        """Tell whoever follows packets that one met a rule, or a policy, of an nft table."""


class Path(Tracing, Protocol):
    """The IPv4 path."""

    def printk(self, text: str) -> None:
        """Write a line to the kernel's log."""

    @property
    def clock(self) -> Clock:
        """What time it is."""

    @property
    def rng(self) -> Rng:
        """Chance."""

    def reroute(self, pkt: Packet) -> bool:
        """Look for the way of a packet of our own again; whether there is one.

        Linux: net/ipv4/netfilter.c ip_route_me_harder()
        """

    def unreachable(self, pkt: Packet, code: int) -> None:
        """Tell the sender by ICMP. Linux: net/ipv4/netfilter/nf_reject_ipv4.c nf_send_unreach()"""

    def reset(self, pkt: Packet) -> None:
        """Tell the sender by TCP. Linux: net/ipv4/netfilter/nf_reject_ipv4.c nf_send_reset()"""

    def smallest_mtu(self, pkt: Packet) -> int:
        """Of the way on, and of that back to the sender.

        Linux: net/netfilter/xt_TCPMSS.c tcpmss_reverse_mtu()
        """

    def nflog(self, family: int, group: int, prefix: str, view: View, octets: int | None) -> None:
        """Tell whoever listens to a group; at most so many octets, None: all."""

    def duplicate(self, pkt: Packet, hook: int, gateway: int, oif: str) -> None:
        """Send a copy to a host. Linux: net/ipv4/netfilter/nf_dup_ipv4.c nf_dup_ipv4()"""

    def finish_checksum(self, pkt: Packet) -> None:
        """Work out the sum that is owed. Linux: net/core/dev.c skb_checksum_help()"""

    def address_type(self, address: int, dev: NetDevice | None, *, on_dev_only: bool) -> int:
        """RTN_*. Linux: net/ipv4/fib_frontend.c inet_addr_type_dev_table()"""

    def source_for(self, pkt: Packet, dev: NetDevice) -> int:
        """The address of a device that whoever gets the packet can answer to; 0 if there is none.

        Linux: net/netfilter/nf_nat_masquerade.c nf_nat_masquerade_ipv4()
        """

    def first_address(self, dev: NetDevice) -> int:
        """The first in a device's list; 0 if there is none.

        Linux: net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv4()
        """

    def is_reversible(self, pkt: Packet, *, loose: bool, by_mark: bool, accept_local: bool) -> bool:
        """Whether an answer would go back where the packet came from.

        Linux: net/ipv4/netfilter/ipt_rpfilter.c rpfilter_mt()
        """


class BridgePath(Protocol):
    """The bridge, and what frames leave it for."""

    def printk(self, text: str) -> None:
        """Write a line to the kernel's log."""

    @property
    def clock(self) -> Clock:
        """What time it is."""

    def nflog(self, family: int, group: int, prefix: str, view: View, octets: int | None) -> None:
        """Tell whoever listens to a group; at most so many octets, None: all."""

    def route_instead(self, pkt: Packet) -> None:
        """Hand a port's frame to the network layer, as if the port stood in no bridge.

        Linux: net/bridge/netfilter/ebtable_broute.c ebt_broute()
        """

    def answer_arp(self, dev: NetDevice, mac: bytes, address: int, asking_mac: bytes, asking: int) -> None:
        """Tell somebody behind a device that an address has a MAC. Linux: net/ipv4/arp.c arp_send()"""
