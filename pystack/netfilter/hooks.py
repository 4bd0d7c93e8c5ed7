"""The places in the packet path where functions can be hung, per family, run by priority.

               +--> INPUT --> sockets --> OUTPUT --+
               |                                   |
    PREROUTING +----------> FORWARD ---------------+--> POSTROUTING

A point without functions costs its caller one test (`if point.entries`). With functions, `run` walks them
and calls `okfn` when all accepted; a function that answers STOLEN keeps the packet and may later call
`resume`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.device import NetDevice
from pystack.drop import NETFILTER_DROP, Drop, Outcomes
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP, NF_REPEAT, NF_STOLEN, NF_STOP
from pystack.packet import Packet

# Families. Linux: include/uapi/linux/netfilter.h
NFPROTO_INET: Final = 1  # IPv4 and IPv6 alike
NFPROTO_IPV4: Final = 2
NFPROTO_ARP: Final = 3
NFPROTO_NETDEV: Final = 5
NFPROTO_BRIDGE: Final = 7
NFPROTO_IPV6: Final = 10

# Hook numbers; ip, ip6 and bridge count alike.
PREROUTING: Final = 0
INPUT: Final = 1
FORWARD: Final = 2
OUTPUT: Final = 3
POSTROUTING: Final = 4
BROUTING: Final = 5  # bridge only

ARP_IN: Final = 0
ARP_OUT: Final = 1
ARP_FORWARD: Final = 2

NETDEV_INGRESS: Final = 0
NETDEV_EGRESS: Final = 1

IP_HOOK_NAMES: Final = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")

OkFn = Callable[[Packet], None]


class HookState:
    """What a hook function may ask about the crossing. Linux: struct nf_hook_state"""

    __slots__ = ("hook", "indev", "okfn", "outdev")

    def __init__(self, hook: int, indev: NetDevice | None, outdev: NetDevice | None, okfn: OkFn) -> None:
        self.hook = hook
        self.indev = indev
        self.outdev = outdev
        self.okfn = okfn


HookFn = Callable[[Packet, HookState], int]


class HookEntry:
    """One registered function. Linux: struct nf_hook_ops"""

    __slots__ = ("fn", "name", "packets", "priority")

    def __init__(self, fn: HookFn, priority: int, name: str) -> None:
        self.fn = fn
        self.priority = priority
        self.name = name
        self.packets = 0


class HookPoint:
    """One hook of one family, with its functions in the order in which they run."""

    __slots__ = ("_drop", "_outcomes", "entries", "family", "hook", "on_change")

    def __init__(self, family: int, hook: int, drop: Drop, outcomes: Outcomes) -> None:
        self.family = family
        self.hook = hook
        self.entries: tuple[HookEntry, ...] = ()
        self.on_change: Callable[[], None] = _nobody_cares
        self._drop = drop
        self._outcomes = outcomes

    def register(self, fn: HookFn, priority: int, name: str, *, eldest: bool = False) -> HookEntry:
        """Hang a function here; among equal priorities the last registered runs first, the `eldest` as if it
        had always been here.

        Linux: net/netfilter/core.c nf_hook_entries_grow()
        """
        entry = HookEntry(fn, priority, name)
        before = [known for known in self.entries if known.priority < priority + eldest]
        self.entries = (*before, entry, *self.entries[len(before) :])
        self.on_change()
        return entry

    def unregister(self, entry: HookEntry) -> None:
        """Take a function off."""
        self.entries = tuple(known for known in self.entries if known is not entry)
        self.on_change()

    def run(self, pkt: Packet, indev: NetDevice | None, outdev: NetDevice | None, okfn: OkFn) -> None:
        """Walk all functions, then `okfn`. Linux: include/linux/netfilter.h NF_HOOK()"""
        self.resume(pkt, HookState(self.hook, indev, outdev, okfn), 0)

    def passes(self, pkt: Packet, indev: NetDevice | None, outdev: NetDevice | None, okfn: OkFn) -> bool:
        """As run(), for who has to tell a program if a function dropped its packet."""
        return self.resume(pkt, HookState(self.hook, indev, outdev, okfn), 0)

    def run_from(self, pkt: Packet, state: HookState, priority: int) -> None:
        """Walk only the functions at or after a priority.

        Linux: net/bridge/br_netfilter_hooks.c br_nf_hook_thresh()
        """
        skipped = sum(1 for entry in self.entries if entry.priority < priority)
        self.resume(pkt, state, skipped)

    def resume(self, pkt: Packet, state: HookState, index: int) -> bool:
        """Walk on from the function at `index`; False if one dropped the packet.

        Linux: net/netfilter/core.c nf_hook_slow()
        """
        for entry in self.entries[index:] if index else self.entries:
            entry.packets += 1
            verdict = entry.fn(pkt, state)
            if verdict == NF_ACCEPT:
                index += 1
            elif verdict == NF_STOLEN:
                return True
            elif verdict == NF_REPEAT:
                return self.resume(pkt, state, index)
            elif verdict == NF_STOP:
                break
            else:
                assert verdict == NF_DROP, f"{entry.name} answered {verdict}"
                self._drop(pkt, NETFILTER_DROP)
                return False
        state.okfn(pkt)
        return True


def _nobody_cares() -> None:
    pass


class Hooks:
    """All hook points of a namespace."""

    __slots__ = ("_drop", "_outcomes", "arp", "bridge", "ip", "ip6", "netdev")

    def __init__(self, drop: Drop, outcomes: Outcomes) -> None:
        self._drop = drop
        self._outcomes = outcomes
        self.ip = self._points(NFPROTO_IPV4, 5)
        self.ip6 = self._points(NFPROTO_IPV6, 5)
        self.bridge = self._points(NFPROTO_BRIDGE, 6)
        self.arp = self._points(NFPROTO_ARP, 3)
        self.netdev: dict[str, tuple[HookPoint, ...]] = {}  # by device name; only devices that have any

    def _points(self, family: int, count: int) -> tuple[HookPoint, ...]:
        return tuple(HookPoint(family, hook, self._drop, self._outcomes) for hook in range(count))

    def at_device(self, name: str) -> tuple[HookPoint, ...]:
        """Where the device of that name receives, and sends. There need not be such a device yet.

        Linux differs: each device has these as long as it lives; here they cost those that need them.
        """
        return self.netdev.setdefault(name, self._points(NFPROTO_NETDEV, 2))

    def hang_at_device(
        self, name: str, hook: int, fn: HookFn, priority: int, chain: str
    ) -> Callable[[], None]:
        """Hang a function where the device of that name receives, or sends; what takes it off again."""
        points = self.at_device(name)
        entry = points[hook].register(fn, priority, chain)

        def take_off() -> None:
            points[hook].unregister(entry)
            if not any(point.entries for point in points):
                self.netdev.pop(name, None)

        return take_off
