"""Telling multicast routers which groups this host is in: IGMP's host side, in the version they speak.

Groups are joined without a list of sources, so reports of version 3 say "all senders but none".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.clock import Clock
from pystack.drop import IGMP_MALFORMED, Drop, Outcomes
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l3.addresses import AddressBook
from pystack.l3.conf import Confs
from pystack.l3.fib_types import Flow
from pystack.l3.groups import Groups, Membership
from pystack.l3.ip_output import IpOutput
from pystack.l3.route import Router, Rtable
from pystack.packet import PACKET_BROADCAST, PACKET_MULTICAST, Packet
from pystack.rng import Rng
from pystack.timers import Timer, Timers
from pystack.wire import igmp
from pystack.wire.checksum import verifies
from pystack.wire.igmp import ALL_HOSTS, Query
from pystack.wire.ipv4 import IP_DF, IPPROTO_IGMP, Ipv4Header
from pystack.wire.malformed import Malformed

_ROUTER_ALERT: Final = b"\x94\x04\x00\x00"
_INTERNETCONTROL: Final = 0xC0
_QUERY_INTERVAL: Final = 125.0  # seconds, until a router says something else
_RESPONSE_INTERVAL: Final = 10.0
_EXTRA_TICKS: Final = 2
_LOCAL_GROUPS: Final = 0xE00000  # 224.0.0.0/24


class Interface:
    """What is known of the routers on one device. Linux: struct in_device, its mr_ fields"""

    __slots__ = (
        "change_timer",
        "changes",
        "interval",
        "left",
        "response_interval",
        "response_timer",
        "robustness",
        "v1_until",
        "v2_until",
    )

    def __init__(self) -> None:
        self.robustness = 0  # 0: no router said, igmp_qrv counts
        self.interval = _QUERY_INTERVAL
        self.response_interval = _RESPONSE_INTERVAL
        self.v1_until = 0.0  # a router of that version is there until then
        self.v2_until = 0.0
        self.changes = 0  # reports of changes that are still to come
        self.left: dict[int, int] = {}  # group -> how often it is still to be told that we left
        self.change_timer: Timer | None = None
        self.response_timer: Timer | None = None

    def stop(self) -> None:
        """The device went down, or an older router makes all this void."""
        self.changes = 0
        self.left.clear()
        if self.change_timer is not None:
            self.change_timer.cancel()
            self.change_timer = None


class Igmp:
    """Linux: net/ipv4/igmp.c"""

    def __init__(
        self,
        *,
        clock: Clock,
        timers: Timers,
        rng: Rng,
        devices: DeviceTable,
        addresses: AddressBook,
        confs: Confs,
        groups: Groups,
        router: Router,
        output: IpOutput,
        drop: Drop,
        outcomes: Outcomes,
    ) -> None:
        self._clock = clock
        self._timers = timers
        self._rng = rng
        self._addresses = addresses
        self._confs = confs
        self._groups = groups
        self._router = router
        self._output = output
        self._drop = drop
        self._outcomes = outcomes
        self._interfaces: dict[Link, Interface] = {}
        groups.on_join = self._joined
        groups.on_leave = self._left
        devices.listen(self._on_link_event)

    def version(self, dev: Link) -> int:
        """What is spoken on a device. Linux: net/ipv4/igmp.c IGMP_V1_SEEN(), IGMP_V2_SEEN()"""
        forced = (self._confs.all.force_igmp_version, self._confs.of(dev).force_igmp_version)
        for version in (1, 2):
            if version in forced:
                return version
        known, now = self._interface(dev), self._clock.now
        return 1 if now < known.v1_until else 2 if now < known.v2_until else 3

    def _interface(self, dev: Link) -> Interface:
        return self._interfaces.setdefault(dev, Interface())

    def _robustness(self, dev: Link) -> int:
        return self._interface(dev).robustness or self._confs.ipv4.igmp_qrv

    # -- joining and leaving -------------------------------------------------------------------------------

    def _is_reported(self, group: int) -> bool:
        if group == ALL_HOSTS:
            return False
        return group >> 8 != _LOCAL_GROUPS or bool(self._confs.ipv4.igmp_link_local_mcast_reports)

    def _joined(self, membership: Membership) -> None:
        """Linux: net/ipv4/igmp.c igmp_group_added()"""
        dev = membership.dev
        if not self._is_reported(membership.group):
            return
        membership.reports = self._confs.ipv4.igmp_qrv
        if self.version(dev) < 3:
            return self._start(membership, 0.0)
        membership.changes = self._robustness(dev)
        self._interface(dev).left.pop(membership.group, None)
        self._tell_changes(dev)

    def _left(self, membership: Membership) -> None:
        """Linux: net/ipv4/igmp.c igmp_group_dropped()"""
        dev, group, was_reporter = membership.dev, membership.group, membership.is_reporter
        membership.stop()
        if not self._is_reported(group):
            return
        version = self.version(dev)
        if version == 3:
            self._interface(dev).left[group] = self._robustness(dev)
            self._tell_changes(dev)
        elif version == 2 and was_reporter:
            self._send(dev, igmp.ALL_ROUTERS, igmp.build(igmp.LEAVE, group))

    def _tell_changes(self, dev: Link) -> None:
        """Linux: net/ipv4/igmp.c igmp_ifc_event()"""
        self._interface(dev).changes = self._robustness(dev)
        self._schedule_changes(dev, 0.0)

    def _schedule_changes(self, dev: Link, most: float) -> None:
        known = self._interface(dev)
        if known.change_timer is not None:
            known.change_timer.cancel()
        known.change_timer = self._timers.after(self._delay(most), lambda: self._changes_due(dev))

    def _delay(self, most: float) -> float:
        """Some whole ticks below `most` seconds, and two."""
        hz = self._clock.hz
        return (self._rng.below(max(int(most * hz), 1)) + _EXTRA_TICKS) / hz

    def _changes_due(self, dev: Link) -> None:
        """Linux: net/ipv4/igmp.c igmp_ifc_timer_expire(), igmpv3_send_cr()"""
        known = self._interface(dev)
        known.change_timer = None
        records = [(igmp.TO_INCLUDE, group) for group in reversed(known.left)]
        known.left = {group: times - 1 for group, times in known.left.items() if times > 1}
        for membership in self._groups.of(dev):
            if membership.changes:
                membership.changes -= 1
                records.append((igmp.TO_EXCLUDE, membership.group))
        self._send_records(dev, records)
        known.changes = max(known.changes - 1, 0)
        if known.changes:
            self._schedule_changes(dev, self._unasked_interval(dev))

    def _unasked_interval(self, dev: Link) -> float:
        """Linux: net/ipv4/igmp.c unsolicited_report_interval()"""
        conf = self._confs.of(dev)
        if self.version(dev) < 3:
            return conf.igmpv2_unsolicited_report_interval / 1000
        return conf.igmpv3_unsolicited_report_interval / 1000

    # -- being asked ---------------------------------------------------------------------------------------

    def igmp_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/igmp.c igmp_rcv()"""
        message, dev = bytes(pkt.data[pkt.transport_header :]), pkt.dev
        if len(message) < igmp.HEADER_LENGTH or not verifies(message) or not isinstance(dev, Link):
            return self._drop(pkt, IGMP_MALFORMED)
        if message[0] == igmp.QUERY:
            query = igmp.parse_query(message)
            if isinstance(query, Malformed):
                return self._drop(pkt, IGMP_MALFORMED)
            self._asked(dev, query)
        elif message[0] in (igmp.REPORT_V1, igmp.REPORT_V2):
            self._heard_report(pkt, dev, int.from_bytes(message[4:8], "big"))
        self._outcomes.consumed += 1

    def _heard_report(self, pkt: Packet, dev: Link, group: int) -> None:
        """Another host of the link is in the group, so we need not tell. Linux: igmp_heard_report()"""
        ours_looped = isinstance(pkt.route, Rtable) and not pkt.route.is_input
        if ours_looped or pkt.pkt_type not in (PACKET_MULTICAST, PACKET_BROADCAST):
            return
        known = self._groups.find(dev, group)
        if known is not None and self._is_reported(group):
            known.stop()

    def _asked(self, dev: Link, query: Query) -> None:
        """Linux: net/ipv4/igmp.c igmp_heard_query()"""
        known = self._interface(dev)
        group, most = query.group, query.response_tenths / 10
        if query.version < 3:
            self._note_old_router(dev, known, query.version)
        elif self.version(dev) == 1:
            group, most = 0, _RESPONSE_INTERVAL
        elif self.version(dev) == 3:
            known.robustness = query.robustness
            known.interval = query.interval or _QUERY_INTERVAL
            if known.response_interval >= known.interval:
                known.response_interval = known.interval - 1
            if not group:
                if not query.sources:
                    self._answer_all(dev, known, most)
                return
        for membership in self._groups.of(dev):
            if group in (0, membership.group) and self._is_reported(membership.group):
                self._answer(membership, most)

    def _note_old_router(self, dev: Link, known: Interface, version: int) -> None:
        lasts = self._robustness(dev) * known.interval + known.response_interval
        if version == 1:
            known.v1_until = self._clock.now + lasts
        else:
            known.v2_until = self._clock.now + lasts
        known.stop()

    def _answer_all(self, dev: Link, known: Interface, most: float) -> None:
        """Linux: net/ipv4/igmp.c igmp_gq_start_timer()"""
        due = self._clock.now + self._delay(most)
        if known.response_timer is not None and due >= known.response_timer.deadline:
            return
        if known.response_timer is not None:
            known.response_timer.cancel()
        known.response_timer = self._timers.at(due, lambda: self._response_due(dev))

    def _response_due(self, dev: Link) -> None:
        self._interface(dev).response_timer = None
        held = [known.group for known in self._groups.of(dev) if self._is_reported(known.group)]
        self._send_records(dev, [(igmp.IS_EXCLUDE, group) for group in held])

    def _answer(self, membership: Membership, most: float) -> None:
        """Linux: net/ipv4/igmp.c igmp_mod_timer()"""
        membership.reports = 0
        timer = membership.timer
        if timer is None or timer.deadline - self._clock.now >= most:
            self._start(membership, most)

    def _start(self, membership: Membership, most: float) -> None:
        """Linux: net/ipv4/igmp.c igmp_start_timer()"""
        if membership.timer is not None:
            membership.timer.cancel()
        membership.timer = self._timers.after(self._delay(most), lambda: self._report_due(membership))

    def _report_due(self, membership: Membership) -> None:
        """Linux: net/ipv4/igmp.c igmp_timer_expire()"""
        membership.timer = None
        if membership.reports:
            membership.reports -= 1
            if membership.reports:
                self._start(membership, self._unasked_interval(membership.dev))
        membership.is_reporter = True
        version = self.version(membership.dev)
        if version == 3:
            return self._send_records(membership.dev, [(igmp.IS_EXCLUDE, membership.group)])
        kind = igmp.REPORT_V1 if version == 1 else igmp.REPORT_V2
        self._send(membership.dev, membership.group, igmp.build(kind, membership.group))

    # -- telling -------------------------------------------------------------------------------------------

    def _send_records(self, dev: Link, records: Sequence[tuple[int, int]]) -> None:
        """Linux: net/ipv4/igmp.c add_grec(), igmpv3_sendpack()"""
        room = max((dev.mtu - 24 - igmp.HEADER_LENGTH) // igmp.RECORD.size, 1)
        for start in range(0, len(records), room):
            self._send(dev, igmp.ALL_V3_ROUTERS, igmp.build_report(records[start : start + room]))

    def _send(self, dev: Link, destination: int, message: bytes) -> None:
        flow = Flow(destination, oif=dev.ifindex, proto=IPPROTO_IGMP)
        route = self._router.route_output(flow)
        if not isinstance(route, Rtable):
            return
        if self._addresses.find(dev, flow.saddr) is None:
            flow.saddr = 0
        header = Ipv4Header(
            flow.saddr,
            destination,
            IPPROTO_IGMP,
            ttl=1,
            tos=_INTERNETCONTROL,
            id=self._output.select_ident(),
            frag_off=IP_DF,
            options=_ROUTER_ALERT,
        )
        self._output.ip_local_out(self._output.build(header, message, route))

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        if event in (LinkEvent.DOWN, LinkEvent.UNREGISTER) and dev in self._interfaces:
            known = self._interfaces.pop(dev)
            known.stop()
            if known.response_timer is not None:
                known.response_timer.cancel()
