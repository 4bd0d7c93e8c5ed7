"""`-j SET`: puts an address of the packet, or an address and a port, into a set, or takes it out."""

from __future__ import annotations

from pystack.netfilter.ipset import Element, IpSet, SetRefused
from pystack.netfilter.matches.ipset import Ends, key_to_store
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View


class SetTarget(Target):
    """Linux: net/netfilter/xt_set.c set_target_v2()"""

    __slots__ = ("added", "deleted", "renews", "timeout")

    def __init__(
        self,
        added: tuple[IpSet, Ends] | None,
        deleted: tuple[IpSet, Ends] | None,
        timeout: int | None,
        *,
        renews: bool,
    ) -> None:
        self.added = added
        self.deleted = deleted
        self.timeout = timeout  # seconds; None: as the set says
        self.renews = renews  # whether what is in the set begins anew

    def apply(self, view: View) -> int:
        """Do it as far as it can be done; the packet goes on in any case."""
        if self.added is not None:
            self._add(view, *self.added)
        if self.deleted is not None:
            self._delete(view, *self.deleted)
        return CONTINUE

    @property
    def ipsets(self) -> tuple[IpSet, ...]:
        """Those that it changes."""
        return tuple(change[0] for change in (self.added, self.deleted) if change is not None)

    def _add(self, view: View, ipset: IpSet, ends: Ends) -> None:
        key = key_to_store(view, ipset, ends)
        if key is None:
            return
        element = Element(packets=1, octets=view.length) if ipset.settings.counters else Element()
        try:
            ipset.add(key, element, self._timeout_in(ipset), renews=self.renews)
        except SetRefused:
            return

    def _delete(self, view: View, ipset: IpSet, ends: Ends) -> None:
        key = key_to_store(view, ipset, ends)
        if key is None:
            return
        try:
            ipset.delete(key)
        except SetRefused:
            return

    def _timeout_in(self, ipset: IpSet) -> int | None:
        return None if ipset.settings.timeout is None else self.timeout
