"""What rules of nftables ask of sets, and of the path that they stand in: handed in from above."""

from __future__ import annotations

from typing import Protocol

from pystack.device import NetDevice
from pystack.netfilter.rule import Match, Target
from pystack.netfilter.view import View
from pystack.packet import Packet


class Element(Protocol):
    """One of a set, or of a map."""

    @property
    def data(self) -> bytes | Target | Match | None:
        """What a map has for it: octets, a verdict, or a named object."""

    @property
    def statements(self) -> tuple[Match, ...]:
        """What is done when it is found: counters, limits."""


class SetContent(Protocol):
    """The elements of a set."""

    def find(self, key: bytes) -> Element | None:
        """The one that a key belongs to. A key of several parts has each filled up with zeros to a multiple
        of 4 octets.
        """


class Routes(Protocol):
    """What the routes of one family say."""

    def kind_of(self, address: int, dev: NetDevice | None) -> int:
        """RTN_* of an address; as one device has it, or as any. Linux: inet_dev_addr_type()"""

    def device_to(
        self, view: View, *, source: bool, by_mark: bool, through: NetDevice | None
    ) -> NetDevice | None:
        """By which device packets to the destination leave, or those back to the source; if one is asked for,
        that if it is a way.

        Linux: net/ipv4/netfilter/nft_fib_ipv4.c nft_fib4_eval()
        """

    def nexthop(self, pkt: Packet) -> bytes | None:
        """To whom a packet with a route goes next. Linux: include/net/route.h rt_nexthop()"""

    def smallest_mtu(self, pkt: Packet) -> int:
        """Of the way on, and of that back to the sender."""


class Sockets(Protocol):
    """The sockets of one family."""

    def fact(self, view: View, key: str) -> int | None:
        """`transparent`, `mark` or `wildcard` of the socket that sent a packet, or would get it; None if
        there
        is none.

        Linux: net/netfilter/nft_socket.c nft_socket_eval()
        """


class Devices(Protocol):
    """The devices of the namespace."""

    def by_index(self, index: int) -> NetDevice | None:
        """One that is there."""

    def copy(self, pkt: Packet, dev: NetDevice) -> None:
        """Send another one like it."""

    def send(self, pkt: Packet, dev: NetDevice) -> None:
        """Let a frame leave by a device, as it is.

        Linux: net/netfilter/nf_dup_netdev.c nf_do_netdev_egress()
        """

    def send_to_neighbour(self, pkt: Packet, dev: NetDevice, address: int) -> None:
        """The same to one neighbour, the TTL one less. Linux: net/core/neighbour.c neigh_xmit()"""

    def make(self, frame: bytes, dev: NetDevice) -> Packet:
        """A packet of our own, link header in place."""

    def send_by_port(self, pkt: Packet, dev: NetDevice) -> None:
        """Let a frame of ours leave by a port of a bridge. Linux: net/bridge/br_forward.c br_forward()"""

    def default_ttl(self) -> int:
        """Of packets of our own."""

    def lose(self, pkt: Packet) -> None:
        """A frame that has nowhere to go ends here."""
