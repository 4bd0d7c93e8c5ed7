"""Redirects: telling a neighbour of a better gateway, and heeding one that tells us (RFC 792, RFC 1812)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.l2.devices import Link
from pystack.l2.neighbour import Neighbour
from pystack.l2.nud import NUD_VALID
from pystack.l3.addresses import AddressBook
from pystack.l3.conf import Confs
from pystack.l3.exceptions import RouteExceptions
from pystack.l3.fib import Fib
from pystack.l3.fib_types import RTN_UNICAST, RTNH_F_DEAD, FibResult, Flow
from pystack.l3.needs import IcmpErrors
from pystack.l3.peers import Peers
from pystack.l3.route import Router, Rtable
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import INADDR_BROADCAST, Ipv4Header, address_text, is_multicast, is_zeronet

_LASTS: Final = 300.0  # seconds. Linux: ip_rt_gc_timeout
_CODES: Final = 4  # network, host, and both of them for a type of service


class RedirectSender:
    """Linux: net/ipv4/route.c ip_rt_send_redirect()"""

    def __init__(
        self,
        *,
        confs: Confs,
        peers: Peers,
        icmp_errors: IcmpErrors,
        log: Callable[[str], None],
    ) -> None:
        self._confs = confs
        self._peers = peers
        self._icmp = icmp_errors
        self._log = log

    def send(self, pkt: Packet, header: Ipv4Header, route: Rtable) -> None:
        """Tell the sender, unless it was told often enough."""
        limits, now = self._peers.sysctl, self._peers.clock.jiffies
        peer = self._peers.get(header.saddr)
        if now > peer.last + limits.redirect_silence:
            peer.tokens = peer.redirects = 0
        if peer.redirects >= limits.redirect_number:
            peer.last = now
            return
        if peer.redirects and now <= peer.last + (limits.redirect_load << peer.redirects):
            return
        gateway = route.nexthop(header.daddr)
        self._icmp.send(pkt, icmp.ICMP_REDIRECT, icmp.ICMP_REDIR_HOST, gateway)
        peer.last = now
        peer.redirects += 1
        conf, everywhere = self._confs.of(route.dev), self._confs.all
        if peer.redirects == limits.redirect_number and (conf.log_martians or everywhere.log_martians):
            who = f"host {address_text(header.saddr)}/if{pkt.dev.ifindex}"
            whither = f"{address_text(header.daddr)} to {address_text(gateway)}"
            self._log(f"IPv4: {who} ignores redirects for {whither}")


class RedirectReceiver:
    """Linux: net/ipv4/route.c __ip_do_redirect()"""

    def __init__(
        self,
        *,
        addresses: AddressBook,
        confs: Confs,
        exceptions: RouteExceptions,
        fib: Fib,
        router: Router,
        neighbour: Callable[[Link, int], Neighbour | None],
        log: Callable[[str], None],
    ) -> None:
        self._addresses = addresses
        self._confs = confs
        self._exceptions = exceptions
        self._fib = fib
        self._router = router
        self._neighbour = neighbour
        self._log = log

    def heed(self, dev: Link, teller: int, code: int, gateway: int, flow: Flow) -> None:
        """Send what `flow` describes by another gateway, if the one in use says so."""
        if code & 7 >= _CODES:
            return
        asked = flow.without_ports()
        route = self._router.route_output(asked)
        if not isinstance(route, Rtable) or not route.gateway or route.gateway != teller:
            return
        if not self._is_acceptable(dev, teller, gateway):
            return self._tell_refusal(dev, teller, gateway, flow)
        neigh = self._neighbour(route.dev, gateway)
        if neigh is None:
            return
        if not neigh.state & NUD_VALID:
            return neigh.ask()
        found = self._fib.lookup(asked)
        if isinstance(found, FibResult):
            self._exceptions.note(found.nexthop, flow.daddr, _LASTS, gateway=gateway)
            self._fib.changed()

    def _is_acceptable(self, dev: Link, teller: int, gateway: int) -> bool:
        conf, everywhere = self._confs.of(dev), self._confs.all
        both = bool(conf.accept_redirects and everywhere.accept_redirects)
        either = bool(conf.accept_redirects or everywhere.accept_redirects)
        if gateway == teller or not (both if conf.forwarding else either):
            return False
        if is_multicast(gateway) or gateway == INADDR_BROADCAST or is_zeronet(gateway):
            return False
        if conf.shared_media or everywhere.shared_media:
            return self._fib.address_type(gateway) == RTN_UNICAST
        if not self._addresses.are_on_link(dev, gateway, teller):
            return False
        secure = conf.secure_redirects or everywhere.secure_redirects
        return not secure or self._is_known_gateway(gateway, dev)

    def _is_known_gateway(self, gateway: int, dev: Link) -> bool:
        """Linux: net/ipv4/fib_semantics.c ip_fib_check_default()"""
        return any(
            hop.dev is dev and hop.gateway == gateway and not hop.flags & RTNH_F_DEAD
            for table in self._fib.tables.values()
            for route in table
            for hop in route.info.nexthops
        )

    def _tell_refusal(self, dev: Link, teller: int, gateway: int, flow: Flow) -> None:
        if not (self._confs.of(dev).log_martians or self._confs.all.log_martians):
            return
        self._log(
            f"IPv4: Redirect from {address_text(teller)} on {dev.name} about {address_text(gateway)} "
            f"ignored\n  Advised path = {address_text(flow.saddr)} -> {address_text(flow.daddr)}"
        )
