"""One hook of the copy, as a packet of the kernel's crosses it."""

from __future__ import annotations

from pystack.netfilter.hooks import HookEntry, HookPoint, HookState
from pystack.netfilter.tables import NAT
from pystack.netns import Netns
from pystack.packet import Packet


class Crossing:
    """All that hangs there is asked, in its order."""

    def __init__(self, netns: Netns, hook: int, *, translates: bool, without: HookEntry | None) -> None:
        """But for one entry, and for the chains of nat where somebody else translates."""
        self.hook = hook
        self._real = netns.hooks.ip[hook]
        self._translates = translates
        self._without = without
        self._asked = HookPoint(self._real.family, hook, netns.drop, netns.link.outcomes)
        self._seen: tuple[HookEntry, ...] = ()

    @property
    def is_bare(self) -> bool:
        """Whether nobody is there to be asked."""
        if self._real.entries is not self._seen:
            self._seen = self._real.entries
            self._asked.entries = tuple(entry for entry in self._seen if self._is_asked(entry))
        return not self._asked.entries

    def run(self, pkt: Packet, state: HookState) -> None:
        """To the end, which is state.okfn, unless somebody drops or keeps it."""
        if self.is_bare:
            state.okfn(pkt)
        else:
            self._asked.resume(pkt, state, 0)

    def _is_asked(self, entry: HookEntry) -> bool:
        return entry is not self._without and (self._translates or entry.name != NAT)
