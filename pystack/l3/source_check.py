"""Can this packet really come from there? Reverse path filtering and the checks that are always on."""

from __future__ import annotations

from pystack.errors import EINVAL, EXDEV
from pystack.l2.devices import Link
from pystack.l3.addresses import AddressBook
from pystack.l3.conf import Confs
from pystack.l3.fib import Fib
from pystack.l3.fib_types import RTN_LOCAL, RTN_UNICAST, FibResult, Flow


class SourceCheck:
    """Linux: net/ipv4/fib_frontend.c fib_validate_source()"""

    def __init__(self, *, addresses: AddressBook, confs: Confs, fib: Fib, loopback: Link) -> None:
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._loopback = loopback

    def validate(self, saddr: int, daddr: int, tos: int, mark: int, oif: int, dev: Link) -> int:
        """0, or the errno that makes the packet a martian; EXDEV is the reverse path filter's."""
        strictness = max(self._confs.all.rp_filter, self._confs.of(dev).rp_filter)
        accept_local = self._confs.all.accept_local or self._confs.of(dev).accept_local
        if not strictness and dev.ifindex != oif:
            ours = not accept_local and self._addresses.holder(saddr) is not None
            return EINVAL if ours else 0
        return self._full_check(saddr, daddr, tos, mark, oif, dev, strictness, bool(accept_local))

    def _full_check(
        self,
        saddr: int,
        daddr: int,
        tos: int,
        mark: int,
        oif: int,
        dev: Link,
        strictness: int,
        accept_local: bool,
    ) -> int:
        """Linux: net/ipv4/fib_frontend.c __fib_validate_source()"""
        reverse = Flow(saddr, daddr, iif=oif or self._loopback.ifindex, tos=tos)
        found = self._fib.lookup(reverse)
        if not isinstance(found, FibResult):
            return EXDEV if strictness else 0
        if found.type != RTN_UNICAST and not (found.type == RTN_LOCAL and accept_local):
            return EINVAL
        matches = any(hop.dev is dev for hop in found.info.nexthops)
        if matches or (found.type == RTN_LOCAL and dev is self._loopback):
            return 0
        if not self._addresses.of(dev):
            return EXDEV if strictness else 0
        return EXDEV if strictness == 1 else 0
