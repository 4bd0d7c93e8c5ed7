"""Watches a host while packets pass: functions at the first and the last place of every hook, which let
everything go on and have what was decided in between told by those who know.

The decision itself is asked for again, with the same tables, at the moment before the stack makes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from pystack.device import NetDevice
from pystack.drop import NETFILTER_DROP, REASONS
from pystack.events import Dropped, Event, Printk
from pystack.explain.delivery import DELIVERED
from pystack.explain.rule_steps import listen, refused
from pystack.explain.stage import DROPPED, Reason, Stage, Told, Traveller
from pystack.host import Host
from pystack.netfilter import hooks as nf
from pystack.netfilter.hooks import HookEntry, HookPoint, HookState, OkFn
from pystack.netfilter.log_text import is_log_line
from pystack.netfilter.verdict import NF_ACCEPT, NF_STOLEN
from pystack.netns import Netns
from pystack.packet import Packet

FIRST: Final = -(1 << 31) - 1  # before what any table may have
LAST: Final = 1 << 31
NAME: Final = "explain"


class Crossing(NamedTuple):
    """A packet before or behind all functions of a hook."""

    netns: Netns
    family: int
    hook: int
    behind: bool
    pkt: Packet
    indev: NetDevice | None
    outdev: NetDevice | None


Narrator = Callable[[Crossing, Traveller], None]


class _Onlooker(HookPoint):
    """A device's hook where nobody hangs: who looks on must not make it look taken, which Linux minds."""

    __slots__ = ("_netns", "_see")

    def __init__(self, hook: int, netns: Netns, see: Callable[[Crossing], bool]) -> None:
        super().__init__(nf.NFPROTO_NETDEV, hook, netns.drop, netns.link.outcomes)
        self._netns = netns
        self._see = see

    def run(self, pkt: Packet, indev: NetDevice | None, outdev: NetDevice | None, okfn: OkFn) -> None:
        """Look before and behind all functions, of which there are none."""
        for behind in (False, True):
            if not self._see(Crossing(self._netns, self.family, self.hook, behind, pkt, indev, outdev)):
                return
        okfn(pkt)


class Watcher:
    """Numbers packets and collects stages; `narrate` is asked at every crossing.

    A loop makes packets without end: of those beyond `most` nothing is told, and they vanish.
    """

    def __init__(self, host: Host, narrate: Narrator, most: int | None = None) -> None:
        self.travellers: list[Traveller] = []
        self.stages: list[Stage] = []
        self.is_cut_short = False
        self._most = most
        self._at_door: tuple[Netns, NetDevice, bytes] | None = None
        self._narrate = narrate
        self._host = host
        self._current = 0  # the packet that is being handled
        self._crossing: dict[NetDevice, deque[int]] = {}  # packets that wait at the far end of a veth pair
        self._entries: list[tuple[HookPoint, HookEntry]] = []
        self._deaf: list[Callable[[], None]] = []  # what stops the listening to rules
        for netns in host.namespaces.values():
            self._hang(netns)
            self._deaf.append(listen(netns, host.origins.of))
        self._stop = host.events.subscribe(self._hear)

    def close(self) -> None:
        """Look on no longer."""
        for stop in (self._stop, *self._deaf):
            stop()
        for point, entry in self._entries:
            point.unregister(entry)
        for netns in self._host.namespaces.values():
            netns.conntrack.context.on_invalid = None
        for netdev in [netns.hooks.netdev for netns in self._host.namespaces.values()]:
            for name in [name for name, points in netdev.items() if isinstance(points[0], _Onlooker)]:
                del netdev[name]

    def _hang(self, netns: Netns) -> None:
        hooks = netns.hooks
        for dev in netns.devices:
            if dev.name in hooks.netdev:
                for point in hooks.netdev[dev.name]:
                    self._watch(netns, point)
            else:
                hooks.netdev[dev.name] = tuple(
                    _Onlooker(hook, netns, self._follow) for hook in (nf.NETDEV_INGRESS, nf.NETDEV_EGRESS)
                )
        for point in (*hooks.ip, *hooks.ip6, *hooks.bridge, *hooks.arp):
            self._watch(netns, point)
        netns.conntrack.context.on_invalid = _note_misfit

    def _follow(self, crossing: Crossing) -> bool:
        """Have a crossing told, if the packet may go on."""
        is_new = not isinstance(crossing.pkt.trace, Traveller)
        if is_new and self._most is not None and len(self.travellers) >= self._most:
            self.is_cut_short = True
            return False
        self._narrate(crossing, self.traveller(crossing))
        return True

    def _watch(self, netns: Netns, point: HookPoint) -> None:
        for behind in (False, True):

            def see(pkt: Packet, state: HookState, behind: bool = behind) -> int:
                crossing = Crossing(netns, point.family, point.hook, behind, pkt, state.indev, state.outdev)
                return NF_ACCEPT if self._follow(crossing) else NF_STOLEN

            self._entries.append((point, point.register(see, LAST if behind else FIRST, NAME)))

    # --- who is who ---------------------------------------------------------------------------------------

    def traveller(self, crossing: Crossing) -> Traveller:
        """Whose way this is; a packet that is seen for the first time gets a number."""
        pkt = crossing.pkt
        known = pkt.trace
        if not isinstance(known, Traveller):
            ingress = crossing.family == nf.NFPROTO_NETDEV and crossing.hook == nf.NETDEV_INGRESS
            frame = bytes(pkt.frame() if ingress else pkt.payload())
            begins, cause = self._beginning(pkt.dev, ingress)
            number = len(self.travellers) + 1
            known = Traveller(number, crossing.netns.name, frame, ingress, pkt.protocol, begins, cause)
            pkt.trace = known
            self.travellers.append(known)
        self._current = known.number
        return known

    def _beginning(self, dev: NetDevice, ingress: bool) -> tuple[str, int]:
        """How a packet came to be, and because of which other."""
        if not ingress:
            return "made here", self._current
        waiting = self._crossing.get(dev)
        if waiting:
            return f"arrives by {dev.name}", waiting.popleft()
        return f"enters by {dev.name}", 0

    def crosses(self, traveller: Traveller, peer: NetDevice) -> None:
        """It goes through a cable, on whose other side it is a packet of its own."""
        self._crossing.setdefault(peer, deque()).append(traveller.number)

    def expect(self, netns: Netns, dev: NetDevice, frame: bytes) -> None:
        """A frame is about to come in, which may be dropped before any hook sees it."""
        self._at_door = netns, dev, frame

    def add(self, stage: Stage) -> None:
        """One more stop."""
        self.stages.append(stage)

    # --- ends ---------------------------------------------------------------------------------------------

    def _hear(self, event: Event) -> None:
        if isinstance(event, Printk) and is_log_line(event.text):
            self._note_line(event.text)
        elif isinstance(event, Dropped):
            self._note_drop(event)

    def _note_line(self, text: str) -> None:
        """A LOG rule spoke: of the packet that is being handled, at the hook where that is."""
        passed = self.travellers[self._current - 1].passed if self._current else []
        if passed:
            passed[-1] = passed[-1]._replace(lines=(*passed[-1].lines, text))

    def _note_drop(self, event: Dropped) -> None:
        traveller = event.trace if isinstance(event.trace, Traveller) else self._turned_away()
        if traveller is None:
            return
        reason, ends = REASONS[event.reason], traveller.ends
        if ends and ends[-1].startswith(DELIVERED):  # that was to be, but nobody took it
            ends.pop()
        ends.append(f"{DROPPED}: {reason.sentence}")
        told = Told(f"{DROPPED}: {reason.sentence}")
        if event.reason == NETFILTER_DROP.name:
            told = self._told_of_rule(event, traveller, told)
        self.add(Stage(traveller.number, event.netns, "drop", event.device, told, drop=reason.kernel))

    def _told_of_rule(self, event: Dropped, traveller: Traveller, told: Told) -> Told:
        """Which rule it was: a stage of its own, and the line of the drop."""
        why = refused(traveller)
        if why is None:
            return told
        self.add(Stage(traveller.number, event.netns, "hook", traveller.hook, why))
        return Told(told.text, why.function, (Reason(why.text, why.config),), why.config)

    def _turned_away(self) -> Traveller | None:
        """The frame at the door, if no hook has seen it yet."""
        if self._at_door is None or self.travellers:
            return None
        netns, dev, frame = self._at_door
        protocol = int.from_bytes(frame[12:14], "big")
        self.travellers.append(Traveller(1, netns.name, frame, True, protocol, f"enters by {dev.name}"))
        return self.travellers[0]


def _note_misfit(pkt: Packet, text: str) -> None:
    """Connection tracking says why a packet fits nowhere."""
    if isinstance(pkt.trace, Traveller):
        pkt.trace.misfit = text
