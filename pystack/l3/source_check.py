"""Can this packet really come from there? Reverse path filtering and the checks that are always on."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.drop import IP_INVALID_SOURCE, IP_LOCAL_SOURCE, IP_RPFILTER, DropReason
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_HOST, AddressBook
from pystack.l3.conf import Confs
from pystack.l3.fib import Fib
from pystack.l3.fib_types import LOOPBACK_IFINDEX, RTN_LOCAL, RTN_UNICAST, FibResult, Flow
from pystack.l3.flow_keys import flow_keys
from pystack.packet import Packet


@dataclass(slots=True)
class Arrival:
    """A packet that came in, as far as its way hangs on it."""

    daddr: int
    saddr: int
    tos: int
    mark: int
    dev: Link
    pkt: Packet | None = None  # where its ports may be wanted

    def flow(self, fib: Fib) -> Flow:
        """The question that it asks."""
        flow = Flow(self.daddr, self.saddr, iif=self.dev.ifindex, tos=self.tos, mark=self.mark)
        if fib.rules.ask_ports and self.pkt is not None:
            flow.proto, flow.sport, flow.dport = flow_keys(self.pkt)
        return flow


class SourceCheck:
    """Linux: net/ipv4/fib_frontend.c fib_validate_source()"""

    def __init__(self, *, addresses: AddressBook, confs: Confs, fib: Fib, loopback: Link) -> None:
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._loopback = loopback

    def validate(self, arrival: Arrival, destination: int, oif: int) -> DropReason | bool:
        """Whether the sender is on the link itself, or the reason why this is a martian.

        `destination` is 0 for groups; `oif` 0 for what is for us.
        """
        dev, everywhere, conf = arrival.dev, self._confs.all, self._confs.of(arrival.dev)
        strictness = max(everywhere.rp_filter, conf.rp_filter)
        redirects = everywhere.send_redirects or conf.send_redirects
        if strictness or (dev.ifindex == oif and redirects):
            return self._full_check(arrival, destination, oif, strictness)
        if everywhere.accept_local or conf.accept_local:
            return False
        if self._fib.has_custom_local_routes or self._fib.rules.are_custom:
            return self._full_check(arrival, destination, oif, strictness)
        return IP_LOCAL_SOURCE if self._addresses.holder(arrival.saddr) is not None else False

    def _full_check(self, arrival: Arrival, destination: int, oif: int, strictness: int) -> DropReason | bool:
        """Linux: net/ipv4/fib_frontend.c __fib_validate_source()"""
        dev, confs = arrival.dev, self._confs
        reverse = self._reverse_flow(arrival, destination, oif)
        found = self._fib.lookup(reverse)
        if not isinstance(found, FibResult):
            return IP_RPFILTER if strictness else False
        if found.type == RTN_LOCAL:
            if not (confs.all.accept_local or confs.of(dev).accept_local):
                return IP_LOCAL_SOURCE
        elif found.type != RTN_UNICAST:
            return IP_INVALID_SOURCE
        matches = any(hop.dev is dev for hop in found.info.nexthops)
        if matches or (found.type == RTN_LOCAL and dev is self._loopback):
            return found.nexthop.scope >= RT_SCOPE_HOST
        if not self._addresses.of(dev):
            return IP_RPFILTER if strictness else False
        if strictness == 1:
            return IP_RPFILTER
        reverse.oif = dev.ifindex
        found = self._fib.lookup(reverse, ignore_linkstate=True)
        if not isinstance(found, FibResult) or found.type != RTN_UNICAST:
            return False
        return found.nexthop.scope >= RT_SCOPE_HOST

    def _reverse_flow(self, arrival: Arrival, destination: int, oif: int) -> Flow:
        dev, everywhere = arrival.dev, self._confs.all
        by_mark = everywhere.src_valid_mark or self._confs.of(dev).src_valid_mark
        reverse = Flow(
            arrival.saddr,
            destination,
            iif=oif or LOOPBACK_IFINDEX,
            tos=arrival.tos,
            mark=arrival.mark if by_mark else 0,
        )
        if self._fib.rules.ask_ports and arrival.pkt is not None:
            reverse.proto, reverse.dport, reverse.sport = flow_keys(arrival.pkt)
        return reverse
