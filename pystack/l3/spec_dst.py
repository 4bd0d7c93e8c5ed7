"""Which address of ours the sender of a packet meant, where it was sent to a group or to everybody."""

from __future__ import annotations

from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, AddressBook
from pystack.l3.fib import Fib
from pystack.l3.fib_types import FibResult, Flow
from pystack.l3.route import RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST, Router, Rtable
from pystack.packet import Packet
from pystack.wire.ipv4 import Ipv4Header, is_zeronet

_CASTS = RTCF_BROADCAST | RTCF_MULTICAST


class SpecificDestination:
    """RFC 1122 3.2.1.3. Linux: net/ipv4/fib_frontend.c fib_compute_spec_dst()"""

    def __init__(self, *, addresses: AddressBook, fib: Fib, router: Router) -> None:
        self._addresses = addresses
        self._fib = fib
        self._router = router

    def of(self, pkt: Packet, header: Ipv4Header) -> int:
        """The destination itself if it is ours alone, else the address we would answer with."""
        route, dev = pkt.route, pkt.dev
        if not isinstance(route, Rtable) or route.flags & (_CASTS | RTCF_LOCAL) == RTCF_LOCAL:
            return header.daddr
        link = dev if isinstance(dev, Link) else None
        if is_zeronet(header.saddr):
            return self._addresses.select(link, header.saddr, RT_SCOPE_LINK)
        found = self._fib.lookup(Flow(header.saddr, tos=header.tos & 0x1C))
        if isinstance(found, FibResult):
            return self._router.preferred_source(found)
        return self._addresses.select(link, header.saddr, RT_SCOPE_UNIVERSE)
