"""One neighbour: its link address, how far it is believed, and the packets that wait for it.

The states and what moves them are in nud.py; this file does what a move entails: timers, questions, the
waiting queue. Reading list: RFC 4861 section 7.3, Linux net/core/neighbour.c.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from pystack.clock import Clock
from pystack.device import NetDevice
from pystack.drop import NEIGH_DEAD, NEIGH_FAILED, NEIGH_QUEUEFULL, Drop
from pystack.l2.neigh_parms import NeighParms
from pystack.l2.nud import (
    NUD_CONNECTED,
    NUD_DELAY,
    NUD_FAILED,
    NUD_IN_TIMER,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_NONE,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
    NUD_VALID,
    NudEvent,
    next_state,
)
from pystack.packet import Packet
from pystack.timers import Timer, Timers
from pystack.wire.ethernet import ZERO, header

# What a queued packet is charged: the kernel counts the buffer's true size, a power of two plus the sk_buff.
_SKB_OVERHEAD: Final = 256
_BUFFER_SLACK: Final = 384  # headroom and shared info in the same buffer
_SMALLEST_BUFFER: Final = 512


def truesize(pkt: Packet) -> int:
    """Octets of memory that the kernel would charge for this packet. Linux: SKB_TRUESIZE()"""
    need = len(pkt.data) - pkt.network_header + _BUFFER_SLACK
    return max(_SMALLEST_BUFFER, 1 << (need - 1).bit_length()) + _SKB_OVERHEAD


class NeighContext:
    """Shared by all entries of one table. Linux: struct neigh_ops and the table behind it"""

    __slots__ = ("changed", "clock", "drop", "error_report", "queued", "solicit", "timers", "xmit")

    def __init__(
        self,
        *,
        clock: Clock,
        timers: Timers,
        drop: Drop,
        xmit: Callable[[Packet], None],
        solicit: Callable[[Neighbour, Packet | None], None],
        error_report: Callable[[Neighbour, Packet], None],
        changed: Callable[[Neighbour], None],
    ) -> None:
        self.clock = clock
        self.timers = timers
        self.drop = drop
        self.xmit = xmit  # dev_queue_xmit()
        self.solicit = solicit  # ask; the packet that waits may lend its source address
        self.error_report = error_report  # nobody answered: tell the sender of the packet
        self.changed = changed
        self.queued = 0  # packets that wait in all entries together


class Neighbour:
    """Linux: include/net/neighbour.h struct neighbour"""

    __slots__ = (
        "confirmed",
        "context",
        "dead",
        "dev",
        "ha",
        "key",
        "parms",
        "probes",
        "protocol",
        "queue",
        "queue_octets",
        "state",
        "timer",
        "updated",
        "used",
        "was_used",
    )

    def __init__(self, key: int, dev: NetDevice, parms: NeighParms, context: NeighContext) -> None:
        now = context.clock.now
        self.key = key
        self.dev = dev
        self.parms = parms
        self.context = context
        self.ha = ZERO
        self.state = NUD_NONE
        self.protocol = 0  # who made it, RTPROT_*
        self.probes = 0
        self.used = self.updated = now
        self.confirmed = now - parms.base_reachable_time_ms / 500  # long ago: twice the base
        self.timer: Timer | None = None
        self.queue: deque[Packet] = deque()
        self.queue_octets = 0
        self.dead = False
        self.was_used = False  # a header for it was made. Linux: struct hh_cache

    # -- sending -------------------------------------------------------------------------------------------

    def output(self, pkt: Packet) -> None:
        """Send a packet there, now or once the address is known.

        Linux: include/net/neighbour.h neigh_output(), net/core/neighbour.c neigh_resolve_output()
        """
        if not self.state & NUD_CONNECTED and not self._ready(pkt):
            return
        dev = self.dev
        self.was_used = True
        pkt.set_mac_header(header(self.ha, dev.address, pkt.protocol))
        pkt.dev = dev
        if dev.has_own_header:
            dev.finish_header(pkt)
        self.context.xmit(pkt)

    def _ready(self, pkt: Packet) -> bool:
        """Whether the packet may go; if not, it was queued or dropped. Linux: __neigh_event_send()"""
        self.used = self.context.clock.now
        if self.state & (NUD_CONNECTED | NUD_DELAY | NUD_PROBE):
            return True
        if self.dead:
            self.context.drop(pkt, NEIGH_DEAD)
            return False
        if self.state == NUD_STALE:
            self._become(next_state(self.state, NudEvent.SEND))
            self._arm(self.parms.delay_first_probe_time)
            return True
        ask = self.state != NUD_INCOMPLETE
        if ask and not self._begin_to_ask():
            self.context.drop(pkt, NEIGH_FAILED)
            return False
        self._enqueue(pkt)
        if ask:
            self._probe()
        return False

    def ask(self) -> None:
        """Find out the address though nothing waits for it. Linux: neigh_event_send() without a packet"""
        if not (self.dead or self.state & (NUD_VALID | NUD_INCOMPLETE)) and self._begin_to_ask():
            self._probe()

    def _begin_to_ask(self) -> bool:
        parms = self.parms
        if parms.mcast_solicit + parms.app_solicit == 0:
            self._become(next_state(self.state, NudEvent.UNASKABLE))
            return False
        self.probes = parms.ucast_solicit  # nobody to ask directly: start with the broadcast questions
        self._become(next_state(self.state, NudEvent.SEND))
        self._arm(parms.retrans_time_ms / 1000)
        return True

    def _enqueue(self, pkt: Packet) -> None:
        size = truesize(pkt)
        while self.queue and self.queue_octets + size > self.parms.unres_qlen_bytes:
            self.context.drop(self._pop(), NEIGH_QUEUEFULL)
        self.queue.append(pkt)
        self.queue_octets += size
        self.context.queued += 1

    def _pop(self) -> Packet:
        pkt = self.queue.popleft()
        self.queue_octets -= truesize(pkt)
        self.context.queued -= 1
        return pkt

    # -- time ----------------------------------------------------------------------------------------------

    def _arm(self, delay: float) -> None:
        self._disarm()
        self.timer = self.context.timers.after(max(delay, 0.01), self._expire)

    def _disarm(self) -> None:
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None

    def _expire(self) -> None:
        """Linux: net/core/neighbour.c neigh_timer_handler()"""
        self.timer = None
        if self.state == NUD_REACHABLE:
            return self._doubt()
        if self.state == NUD_DELAY:
            return self._ask_or_trust()
        if self.state & (NUD_INCOMPLETE | NUD_PROBE):
            self._ask_again()

    def _doubt(self) -> None:
        now, parms = self.context.clock.now, self.parms
        if now < self.confirmed + parms.reachable_time:
            return self._arm(self.confirmed + parms.reachable_time - now)
        if now <= self.used + parms.delay_first_probe_time:
            self._become(next_state(self.state, NudEvent.EXPIRED_IN_USE))
            return self._arm(parms.delay_first_probe_time)
        self._become(next_state(self.state, NudEvent.EXPIRED))

    def _ask_or_trust(self) -> None:
        now, parms = self.context.clock.now, self.parms
        if now < self.confirmed + parms.delay_first_probe_time:
            self._become(next_state(self.state, NudEvent.CONFIRMED))
            return self._arm(self.confirmed + parms.reachable_time - now)
        self.probes = 0
        self._become(next_state(self.state, NudEvent.UNCONFIRMED))
        self._ask_again()

    def _ask_again(self) -> None:
        if self.probes >= self._max_probes():
            self._become(next_state(self.state, NudEvent.PROBES_SPENT))
            return self._fail_queue()
        self._arm(self.parms.retrans_time_ms / 1000)
        self._probe()

    def _max_probes(self) -> int:
        """Linux: net/core/neighbour.c neigh_max_probes()"""
        parms = self.parms
        last = parms.mcast_resolicit if self.state & NUD_PROBE else parms.mcast_solicit
        return parms.ucast_solicit + parms.app_solicit + last

    def _probe(self) -> None:
        """Linux: net/core/neighbour.c neigh_probe()"""
        waiting = self.queue[-1] if self.queue else None
        self.context.solicit(self, waiting)
        self.probes += 1

    def _fail_queue(self) -> None:
        """Nobody answers: tell those who wanted to send. Linux: net/core/neighbour.c neigh_invalidate()"""
        self.updated = self.context.clock.now
        while self.queue and self.state == NUD_FAILED:  # telling may start a new question
            pkt = self._pop()
            self.context.error_report(self, pkt)
            self.context.drop(pkt, NEIGH_FAILED)
        self.purge()

    def purge(self) -> None:
        """Drop all that waits."""
        while self.queue:
            self.context.drop(self._pop(), NEIGH_DEAD if self.dead else NEIGH_FAILED)

    # -- being told ----------------------------------------------------------------------------------------

    def told(self, lladdr: bytes, *, answered: bool, override: bool) -> None:
        """A packet named this neighbour's address; `answered` if it was a reply to our question.

        Linux: net/core/neighbour.c __neigh_update() as ARP calls it
        """
        old = self.state
        if old & (NUD_NOARP | NUD_PERMANENT):
            return
        if answered:
            self.confirmed = self.context.clock.now
        moved = bool(old & NUD_VALID) and lladdr != self.ha
        if moved and not override:
            return
        event = NudEvent.ANSWERED if answered else NudEvent.MOVED if moved else NudEvent.HEARD
        self._settle(lladdr, next_state(old, event))

    def set(self, lladdr: bytes | None, state: int) -> None:
        """A user decides. Linux: net/core/neighbour.c __neigh_update() with NEIGH_UPDATE_F_ADMIN"""
        if state & NUD_CONNECTED:
            self.confirmed = self.context.clock.now
        if state & NUD_VALID:
            return self._settle(self.ha if lladdr is None else lladdr, state)
        was_asking = self.state & (NUD_INCOMPLETE | NUD_PROBE)
        self._disarm()
        self._become(state)
        if was_asking and state & NUD_FAILED:
            self._fail_queue()

    def _settle(self, lladdr: bytes, new: int) -> None:
        old, now = self.state, self.context.clock.now
        if new != old or lladdr != self.ha:
            self.updated = now
        if new != old:
            self._disarm()
            if new & NUD_PROBE:
                self.probes = 0
            self._become(new)
            if new & NUD_IN_TIMER:
                self._arm(self.parms.reachable_time if new & NUD_REACHABLE else 0)
        if lladdr != self.ha:
            self.ha = lladdr
            if not new & NUD_CONNECTED:
                self.confirmed = now - self.parms.base_reachable_time_ms / 500
            self.context.changed(self)
        if not old & NUD_VALID:
            self._release_queue()

    def _release_queue(self) -> None:
        waiting = [self._pop() for _ in range(len(self.queue))]
        for pkt in waiting:
            self.output(pkt)

    def _become(self, state: int) -> None:
        if state == self.state:
            return
        self.state = state
        self.updated = self.context.clock.now
        self.context.changed(self)

    def kill(self) -> None:
        """Leave the table for ever. Linux: net/core/neighbour.c neigh_mark_dead(), neigh_destroy()"""
        self.dead = True
        self._disarm()
        self.purge()
