"""Connections as they stand in a state file, and made of that again.

What was written may have been changed by anybody since: everything is looked at before it counts.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import error as StructError
from typing import Final

import msgspec

from pystack.netfilter.conntrack import helpers
from pystack.netfilter.conntrack.conn import ZONE_DIR_BOTH, Conn, Zone
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.netfilter.conntrack.helper import give_helper, help_of
from pystack.netfilter.conntrack.helpers.ftp import FtpMemory
from pystack.netfilter.conntrack.info import (
    IPS_CONFIRMED,
    IPS_DYING,
    IPS_HELPER,
    IPS_SEQ_ADJUST,
    IPS_TEMPLATE,
    ORIGINAL,
    REPLY,
)
from pystack.netfilter.conntrack.sctp import SctpTrack
from pystack.netfilter.conntrack.sctp_states import State as SctpState
from pystack.netfilter.conntrack.tcp_states import State as TcpState
from pystack.netfilter.conntrack.tcp_track import TcpTrack
from pystack.netfilter.conntrack.tuples import (
    IPPROTO_SCTP,
    Tuple,
    all_ones,
    in_zone,
    inverted,
    is_key,
    without_zone,
)
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nat.sequence import Shifts
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp_options import MAX_WSCALE

_KEPT_STATUS: Final = (1 << 14) - 1 & ~(IPS_DYING | IPS_TEMPLATE | IPS_SEQ_ADJUST | IPS_HELPER)
_LONGEST: Final = float(1 << 31)  # seconds
_U8, _U16, _U32 = 0xFF, 0xFFFF, 0xFFFFFFFF
_TRACKS: Final[dict[int, type[TcpTrack] | type[SctpTrack]]] = {IPPROTO_TCP: TcpTrack, IPPROTO_SCTP: SctpTrack}
_STATES: Final = {IPPROTO_TCP: int(TcpState.MAX), IPPROTO_SCTP: int(SctpState.MAX)}


class Struct(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True, tag_field="kind"):
    """One line of the file."""


class KeptExpectation(Struct, tag=False):
    """What a connection expects; `left` are seconds."""

    flow: tuple[int, int, int, int, int, int]  # as Tuple, without its zone
    address_mask: int
    port_mask: int
    left: float
    flags: int = 0
    saved_port: int = 0
    saved_direction: int = 0
    follows: bool = False


class KeptFlow(Struct, tag="flow"):
    """A connection. Octets are written in base 64, times as seconds from when the file was written."""

    original: bytes
    reply: bytes
    status: int
    left: float
    ns: str = ""
    mark: int = 0
    proto: int | bytes = 0
    device: str = ""  # whose address it was masqueraded with
    zone: tuple[int, int] = (0, ZONE_DIR_BOTH)
    packets: tuple[int, int] | None = None
    octets: tuple[int, int] = (0, 0)
    started: float | None = None
    shifts: list[tuple[int, int, int]] | None = None  # of sequence numbers: position, before, after
    helper: str = ""
    lines: tuple[list[int], list[int]] = ([], [])  # where FTP's lines begin
    expects: list[KeptExpectation] = []


class NotSound(Exception):
    """A record that no tracker could have written."""


# --- writing ------------------------------------------------------------------------------------------------


def kept(conn: Conn, context: TrackContext, ns: str, device: str) -> KeptFlow:
    """A connection, to be written. What only it knows of its master is not kept."""
    hz, extension = context.clock.hz, conn.extension
    proto = conn.proto if isinstance(conn.proto, bytes) else conn.proto - context.clock.jiffies
    flow = KeptFlow(
        conn.original,
        conn.reply,
        conn.status & _KEPT_STATUS,
        context.left(conn) / hz,
        ns,
        conn.mark,
        proto,
        device,
    )
    if extension is None:
        return flow
    flow.zone = extension.zone.number, extension.zone.dirs
    if extension.accounted:
        flow.packets = extension.packets[0], extension.packets[1]
        flow.octets = extension.octets[0], extension.octets[1]
    flow.started = extension.started
    if isinstance(extension.shifting, Shifts):
        flow.shifts = [(one.position, one.before, one.after) for one in extension.shifting.by_direction]
    help_ = help_of(conn)
    if help_ is not None:
        flow.helper = help_.helper.name
        flow.expects = [_kept_expectation(expected, context) for expected in help_.expectations]
        if isinstance(help_.memory, FtpMemory):
            flow.lines = help_.memory.line_starts
    return flow


def _kept_expectation(expected: Expectation, context: TrackContext) -> KeptExpectation:
    flow = expected.tuple
    return KeptExpectation(
        (flow.family, flow.protocol, flow.saddr, flow.daddr, flow.sport, flow.dport),
        expected.address_mask,
        expected.port_mask,
        context.expectations.left(expected) / context.clock.hz,
        expected.flags,
        expected.saved_port,
        expected.saved_direction,
        expected.follow is not None,
    )


# --- reading ------------------------------------------------------------------------------------------------


def revive(flow: KeptFlow, context: TrackContext, ifindex: int, elapsed: float) -> bool:
    """Take a connection in as if it had been there all the time; False if its time is over by now, or there
    is one like it. Raises NotSound.
    """
    conn, expectations = _sound(flow), [_sound_expectation(one) for one in flow.expects]
    hz, now = context.clock.hz, context.clock.jiffies
    left = int((flow.left - elapsed) * hz)
    if left <= 0 or context.find(conn.original) is not None or context.find(conn.reply) is not None:
        return False
    conn.expires = now + left
    if isinstance(flow.proto, int):
        conn.proto = now + flow.proto
    conn.masq_index = ifindex
    context.table.insert(conn)
    for one, expect in zip(flow.expects, expectations, strict=True):
        expected = expect(conn)
        expected.expires = now + int((one.left - elapsed) * hz)
        if one.follows and context.nat is not None:
            expected.follow = context.nat.follow_master
        context.expectations.insert(expected)
    return True


def _sound(flow: KeptFlow) -> Conn:
    """The connection, in no table yet. Raises NotSound."""
    zone = Zone(*flow.zone)
    _demand(0 <= zone.number <= _U16 and 1 <= zone.dirs <= ZONE_DIR_BOTH, "zone")
    for direction, key in ((ORIGINAL, flow.original), (REPLY, flow.reply)):
        _demand(is_key(key) and in_zone(without_zone(key), zone.of(direction)) == key, "tuple")
    _demand(flow.original[:2] == flow.reply[:2] and inverted(flow.original) is not None, "tuple")
    _demand(0 <= flow.left <= _LONGEST and 0 <= flow.mark <= _U32 and flow.status >= 0, "number")
    conn = Conn(flow.original, flow.reply)
    conn.status = flow.status & _KEPT_STATUS | IPS_CONFIRMED
    conn.mark = flow.mark
    conn.proto = _sound_proto(conn.protocol, flow.proto)
    if zone.number:
        conn.extended().zone = zone
    if flow.packets is not None:
        extension = conn.extended()
        extension.accounted = True
        _demand(min(*flow.packets, *flow.octets) >= 0, "count")
        extension.packets, extension.octets = list(flow.packets), list(flow.octets)
    if flow.started is not None:
        conn.extended().started = flow.started
    if flow.shifts is not None:
        conn.extended().shifting = _sound_shifts(flow.shifts)
        conn.status |= IPS_SEQ_ADJUST
    _help(conn, flow)
    return conn


def _sound_shifts(found: list[tuple[int, int, int]]) -> Shifts:
    shifts = Shifts()
    _demand(len(found) == len(shifts.by_direction), "shift")
    for shift, (position, before, after) in zip(shifts.by_direction, found, strict=True):
        _demand(0 <= position <= _U32 and max(abs(before), abs(after)) <= _U32, "shift")
        shift.position, shift.before, shift.after = position, before, after
    return shifts


def _sound_proto(protocol: int, proto: int | bytes) -> int | bytes:
    """What a protocol remembers. Raises NotSound."""
    track = _TRACKS.get(protocol)
    if track is None:
        _demand(isinstance(proto, int) and abs(proto) < _LONGEST * 1000, "time")
        return proto
    _demand(isinstance(proto, bytes), "state")
    assert isinstance(proto, bytes), "just demanded"
    try:
        found = track.unpack(proto)
    except (StructError, ValueError):
        raise NotSound("state") from None
    _demand(found.state < _STATES[protocol] and found.last_dir in (ORIGINAL, REPLY), "state")
    if isinstance(found, TcpTrack):
        _demand(all(side.scale <= MAX_WSCALE for side in found.sides), "state")
    return proto


def _help(conn: Conn, flow: KeptFlow) -> None:
    if not flow.helper:
        return _demand(not flow.expects, "expectation")
    helper = helpers.find(flow.helper, conn.protocol)
    _demand(helper is not None, "helper")
    assert helper is not None, "just demanded"
    _demand(len(flow.expects) <= helper.policy.most, "expectation")
    give_helper(conn, helper)
    help_ = help_of(conn)
    if help_ is not None and isinstance(help_.memory, FtpMemory):
        for known, kept_lines in zip(help_.memory.line_starts, flow.lines, strict=True):
            known += [start & _U32 for start in kept_lines[:2]]


def _sound_expectation(kept_one: KeptExpectation) -> Callable[[Conn], Expectation]:
    """How to make one of a connection's. Raises NotSound."""
    family, protocol, saddr, daddr, sport, dport = kept_one.flow
    _demand(family in (NFPROTO_IPV4, NFPROTO_IPV6) and 0 <= protocol <= _U8, "expectation")
    highest = all_ones(family)
    _demand(all(0 <= part <= highest for part in (saddr, daddr, kept_one.address_mask)), "expectation")
    ports = sport, dport, kept_one.port_mask, kept_one.saved_port
    _demand(all(0 <= part <= _U16 for part in ports), "expectation")
    _demand(kept_one.saved_direction in (ORIGINAL, REPLY) and 0 <= kept_one.left <= _LONGEST, "expectation")

    def expect(conn: Conn) -> Expectation:
        masks = {"address_mask": kept_one.address_mask, "port_mask": kept_one.port_mask}
        expected = Expectation(conn, Tuple(*kept_one.flow), **masks)
        expected.flags = kept_one.flags
        expected.saved_port, expected.saved_direction = kept_one.saved_port, kept_one.saved_direction
        return expected

    return expect


def _demand(holds: bool, what: str) -> None:
    if not holds:
        raise NotSound(what)
