"""What ARP makes of a question or an answer, and why; asked just before it does.

Linux: net/ipv4/arp.c arp_process()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.drop import DropReason
from pystack.explain.routing import arrived
from pystack.explain.scene import Scene
from pystack.explain.stage import Reason, Told
from pystack.l2.devices import Link
from pystack.l2.nud import NAMES, NUD_NOARP, NUD_PERMANENT, NUD_STALE, NUD_VALID, NudEvent, next_state
from pystack.l3.fib_types import RTN_LOCAL, RTN_UNICAST
from pystack.l3.source_check import Arrival
from pystack.packet import PACKET_HOST, Packet
from pystack.wire import arp
from pystack.wire.ethernet import mac_text
from pystack.wire.ipv4 import address_text, is_loopback, is_multicast

_FUNCTION: Final = "net/ipv4/arp.c arp_process()"
_USER_HZ: Final = 100  # proxy_delay's unit
_IGNORE: Final = {
    1: "it answers only for addresses of the device that is asked",
    2: "it answers only for addresses of the device that is asked, and only to askers of their network",
    3: "it does not answer for addresses of scope host",
    8: "it answers nobody",
}


def resolves(scene: Scene, pkt: Packet) -> Told:
    """The whole story of one ARP packet."""
    dev, message = pkt.dev, arp.parse(pkt.data, pkt.network_header)
    if not isinstance(message, arp.Arp) or not isinstance(dev, Link):
        return Told("not a question of Ethernet and IPv4", _FUNCTION)
    return _Hearing(scene, pkt, dev, message).told()


class _Hearing:
    def __init__(self, scene: Scene, pkt: Packet, dev: Link, message: arp.Arp) -> None:
        self._scene = scene
        self._arp = scene.netns.ipv4.arp
        self._fib = scene.netns.ipv4.fib
        self._pkt = pkt
        self._dev = dev
        self._message = message
        self._target = address_text(message.tpa)
        self._asks = message.operation == arp.ARPOP_REQUEST

    def told(self) -> Told:
        message, dev = self._message, self._dev
        if self._arp.is_refused(message, dev):
            return Told("not heeded", _FUNCTION, (Reason(self._why_refused()),))
        if message.spa == 0:
            return self._probe()
        if not self._asks:
            return Told("heard: an answer", _FUNCTION, tuple(self._learning()))
        decision = self._scene.netns.ipv4.router.route_input(message.tpa, message.spa, 0, 0, dev)
        arrival = Arrival(message.tpa, message.spa, 0, 0, dev)
        if isinstance(decision, DropReason):
            why = [*arrived(self._scene, arrival, decision).reasons, *self._learning()]
            return Told(f"not answered: {decision.sentence}", _FUNCTION, tuple(why))
        if decision.type == RTN_LOCAL:
            return self._for_us()
        if self._arp.proxy.answers_for(message, dev, decision):
            delay = self._proxy_delay()
            when = (
                f", after a while of up to {delay:g} s (neigh.{self._dev.name}.proxy_delay)" if delay else ""
            )
            why_proxy = tuple(self._why_proxy(decision.dev))
            return Told(f"answered for {self._target}{when}", _FUNCTION, why_proxy)
        why = [Reason(f"{self._target} is not an address of this host"), *self._learning()]
        return Told("not answered", _FUNCTION, tuple(why))

    def _why_refused(self) -> str:
        message = self._message
        if message.operation not in (arp.ARPOP_REQUEST, arp.ARPOP_REPLY):
            return f"operation {message.operation} is neither question nor answer"
        if is_multicast(message.tpa):
            return f"nobody is asked for the group {self._target}"
        if is_loopback(message.tpa):
            return f"{self._target} belongs on lo alone, and {self._setting('route_localnet')}"
        return f"it is gratuitous, and {self._setting('drop_gratuitous_arp')}"

    def _setting(self, name: str) -> str:
        return self._scene.setting(name, self._dev).text

    def _probe(self) -> Told:
        """Somebody wants to know whether an address is free (RFC 5227)."""
        message = self._message
        if not self._asks or self._fib.address_type(message.tpa) != RTN_LOCAL:
            return Told(f"not answered: nobody here has {self._target}", _FUNCTION)
        if self._arp.ignores(0, message.tpa, self._dev):
            return Told("not answered", _FUNCTION, (self._why_ignored(),))
        return Told(f"answered: {self._target} is taken", _FUNCTION, tuple(self._owner()))

    def _for_us(self) -> Told:
        message, dev = self._message, self._dev
        if self._arp.ignores(message.spa, message.tpa, dev):
            return Told("not answered", _FUNCTION, (*self._owner(), self._why_ignored()))
        if self._arp.filters(message, dev):
            setting = self._scene.setting("arp_filter", dev)
            text = f"{setting.text}, and the way back to {address_text(message.spa)} is another device"
            return Told("not answered", _FUNCTION, (*self._owner(), Reason(text, setting.config)))
        reasons = (*self._owner(), self._noted(is_new=True))
        return Told(f"answered: {self._target} is at {mac_text(dev.address)}", _FUNCTION, reasons)

    def _owner(self) -> Iterator[Reason]:
        held = self._scene.netns.ipv4.addresses.holder(self._message.tpa)
        if held is None:
            return (yield Reason(f"{self._target} is this host's by its local table"))
        elsewhere = ": any device answers for it" if held.dev is not self._dev else ""
        text = f"{self._target} is an address of {held.dev.name}{elsewhere}"
        yield Reason(text, self._scene.config_of(held))

    def _why_ignored(self) -> Reason:
        setting = self._scene.setting("arp_ignore", self._dev)
        return Reason(f"{setting.text}: {_IGNORE.get(setting.value, 'that says nothing')}", setting.config)

    def _proxy_delay(self) -> float:
        """How long the host itself is given to be faster. Linux: net/core/neighbour.c pneigh_enqueue()"""
        at_once = self._pkt.pkt_type == PACKET_HOST
        return 0.0 if at_once else self._arp.parms_of(self._dev).proxy_delay / _USER_HZ

    def _why_proxy(self, out: Link) -> Iterator[Reason]:
        entry = self._arp.proxy.find(self._dev, self._message.tpa)
        if entry is not None:
            yield Reason("it is held for another host (ip neigh add proxy)", self._scene.config_of(entry))
        else:
            setting = "proxy_arp_pvlan" if out is self._dev else "proxy_arp"
            yield Reason(f"the way there is {out.name}, and {self._setting(setting)}")
        yield self._noted(is_new=True)

    # --- what is learned ----------------------------------------------------------------------------------

    def _learning(self) -> Iterator[Reason]:
        message, dev = self._message, self._dev
        sender = address_text(message.spa)
        if self._scene.netns.ipv4.neighbours.lookup(dev, message.spa) is not None:
            return (yield self._noted(is_new=False))
        gratuitous = self._arp.is_gratuitous(message)
        if not self._arp.accepts(message.spa, dev):
            text = f"{sender} was not asked for, and {self._setting('arp_accept')}: it is not learned"
            return (yield Reason(text))
        is_reply = not self._asks and self._fib.address_type(message.spa) == RTN_UNICAST
        if gratuitous or is_reply:
            return (yield self._noted(is_new=True))
        yield Reason(f"{sender} tells nothing of itself that was wanted: it is not learned")

    def _noted(self, *, is_new: bool) -> Reason:
        message, dev = self._message, self._dev
        who, station = address_text(message.spa), mac_text(message.sha)
        neighbours = self._scene.netns.ipv4.neighbours
        known = neighbours.lookup(dev, message.spa)
        if known is None:
            return Reason(f"{who} becomes a neighbour: {station} ({NAMES[NUD_STALE]})")
        config = self._scene.config_of(known)
        if known.state & (NUD_NOARP | NUD_PERMANENT):
            return Reason(f"{who} stays at {mac_text(known.ha)} ({NAMES[known.state]})", config)
        answers = not self._asks and self._pkt.pkt_type == PACKET_HOST
        moved = bool(known.state & NUD_VALID) and known.ha != message.sha
        if moved and not is_new and not self._may_move(known.updated, known.parms.lock_seconds):
            return Reason(f"{who} stays at {mac_text(known.ha)}: it was set less than locktime ago", config)
        event = NudEvent.ANSWERED if answers else NudEvent.MOVED if moved else NudEvent.HEARD
        verb = f"moves from {mac_text(known.ha)} to" if moved else "is at"
        return Reason(f"{who} {verb} {station} ({NAMES[next_state(known.state, event)]})", config)

    def _may_move(self, updated: float, locked: float) -> bool:
        now = self._scene.netns.ipv4.neighbours.context.clock.now
        return self._arp.is_gratuitous(self._message) or now > updated + locked
