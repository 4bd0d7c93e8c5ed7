"""What the routes of this host say of a packet: `fib`, `rt`; and what its sockets do: `socket`.

Linux: net/netfilter/nft_fib.c, nft_rt.c, nft_socket.c
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pystack.device import IFF_LOOPBACK, NetDevice
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6, PREROUTING
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.meta import name_octets
from pystack.netfilter.nft.needs import Routes, Sockets
from pystack.netfilter.nft.view import carried
from pystack.netfilter.view import View
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6

Families = Mapping[int, Routes]  # by NFPROTO_*
_BY_CARRIED: Final = {ETH_P_IP: NFPROTO_IPV4, ETH_P_IPV6: NFPROTO_IPV6}
_HEADERS: Final = {NFPROTO_IPV4: 40, NFPROTO_IPV6: 60}  # of IP and TCP
_MSS_DEFAULT: Final = 536


def _family(view: View) -> int:
    return _BY_CARRIED.get(carried(view), 0)


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a packet the routes are asked for."""

    source: bool  # where it comes from, not where it goes to
    by_mark: bool = False
    of_in: bool = False  # as the device has it by which it came in
    of_out: bool = False

    def device(self, view: View) -> NetDevice | None:
        """None: whichever."""
        return view.indev if self.of_in else view.outdev if self.of_out else None


class FibType(Expression):
    """`fib daddr . iif type`"""

    __slots__ = ("asked", "families")

    def __init__(self, families: Families, asked: Asked) -> None:
        self.families = families
        self.asked = asked

    def __call__(self, view: View) -> bytes | None:
        """RTN_*. Linux: nft_fib4_eval_type(), nft_fib6_eval_type()"""
        family = _family(view)
        routes = self.families.get(family)
        if routes is None:
            return None
        address = view.saddr if self.asked.source else view.daddr
        return None if address < 0 else routes.kind_of(address, self.asked.device(view)).to_bytes(4, "big")


class FibDevice(Expression):
    """`fib saddr . iif oif`, `oifname`, and whether there is one."""

    __slots__ = ("asked", "families", "result")

    def __init__(self, families: Families, asked: Asked, result: str) -> None:
        """`result`: oif, oifname, exists"""
        self.families = families
        self.asked = asked
        self.result = result

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_fib4_eval(), nft_fib_store_result()"""
        routes = self.families.get(_family(view))
        if routes is None:
            return None
        return self._told(self._found(view, routes))

    def _found(self, view: View, routes: Routes) -> NetDevice | None:
        indev = view.indev
        if indev is not None and indev.flags & IFF_LOOPBACK and view.hook == PREROUTING:
            return indev
        asked = self.asked
        through = asked.device(view)
        return routes.device_to(view, source=asked.source, by_mark=asked.by_mark, through=through)

    def _told(self, dev: NetDevice | None) -> bytes:
        if self.result == "exists":
            return bytes((dev is not None,))
        if self.result == "oifname":
            return name_octets("" if dev is None else dev.name)
        return (0 if dev is None else dev.ifindex).to_bytes(4, "big")


class RouteKey(Expression):
    """`rt classid`, `rt ip nexthop`, `rt ipsec`; None of a packet that has no route yet."""

    __slots__ = ("families", "family", "key")

    def __init__(self, families: Families, key: str, family: int) -> None:
        """`family`: of whose packets a next hop is asked"""
        self.families = families
        self.key = key
        self.family = family

    def __call__(self, view: View) -> bytes | None:
        """Our routes have no realm, and no transformation. Linux: nft_rt_get_eval()"""
        routes = self.families.get(view.family)
        if routes is None or view.pkt.route is None:
            return None
        if self.key == "nexthop":
            return routes.nexthop(view.pkt) if self.family == view.family else None
        return bytes(1 if self.key == "ipsec" else 4)


class RouteMss(Expression):
    """`rt mtu`: what fits into one segment of TCP, on the way on and on that back."""

    __slots__ = ("families",)

    def __init__(self, families: Families) -> None:
        self.families = families

    def __call__(self, view: View) -> bytes | None:
        """What only crosses a bridge has the bridge's route. Linux: get_tcpmss()"""
        routes, pkt = self.families.get(view.family), view.pkt
        if routes is None or (pkt.route is None and pkt.physin is None):
            return None
        mtu, headers = routes.smallest_mtu(pkt), _HEADERS[view.family]
        return (mtu - headers if headers < mtu <= 0xFFFF else _MSS_DEFAULT).to_bytes(2, "big")


class SocketKey(Expression):
    """`socket transparent`, `mark`, `wildcard`"""

    __slots__ = ("families", "key", "length")

    def __init__(self, families: Mapping[int, Sockets], key: str) -> None:
        self.families = families
        self.key = key
        self.length = 4 if key == "mark" else 1

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_socket_eval()"""
        sockets = self.families.get(view.family)
        fact = None if sockets is None else sockets.fact(view, self.key)
        return None if fact is None else fact.to_bytes(self.length, "big")
