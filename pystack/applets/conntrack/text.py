"""A connection in one line, as conntrack(8) and /proc/net/nf_conntrack have it.

Linux: libnetfilter_conntrack src/conntrack/snprintf_default.c, net/netfilter/nf_conntrack_standalone.c
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from pystack.netfilter.civil import moment
from pystack.netfilter.conntrack.conf import ConntrackConf
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import IPS_ASSURED, IPS_SEEN_REPLY
from pystack.netfilter.conntrack.sctp_states import State as SctpState
from pystack.netfilter.conntrack.snapshot import Pair, Snapshot, snapshot
from pystack.netfilter.conntrack.tcp_states import State as TcpState
from pystack.netfilter.conntrack.tuples import IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_UDPLITE, WITH_ID, Tuple
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.wire import ipv4, ipv6
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6

IPPROTO_DCCP: Final = 33
PROTOCOLS: Final = {
    IPPROTO_ICMP: "icmp",
    IPPROTO_TCP: "tcp",
    IPPROTO_UDP: "udp",
    IPPROTO_DCCP: "dccp",
    IPPROTO_GRE: "gre",
    IPPROTO_SCTP: "sctp",
    IPPROTO_UDPLITE: "udplite",
    IPPROTO_ICMPV6: "icmpv6",
}
_FAMILIES: Final = {NFPROTO_IPV4: "ipv4     2 ", NFPROTO_IPV6: "ipv6     10 "}
Write = Callable[[int, int], str]  # an address of a family
_DAYS: Final = "Sun Mon Tue Wed Thu Fri Sat".split()
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def flow_line(flow: Snapshot, outputs: Collection[str] = (), *, use: int = 1) -> str:
    """What `conntrack -L` prints, without the newline."""
    words = [_head(flow, extended="extended" in outputs), *_body(flow), f"mark={flow.mark}"]
    words += _zone(flow) + _times(flow, outputs)
    words += [f"helper={flow.helper}"] if flow.helper else []
    words += [f"use={use}"]
    words += [f"id={flow.id}"] if "id" in outputs else []
    return " ".join(words)


def event_line(flow: Snapshot, event: Event, outputs: Collection[str] = ()) -> str:
    """What `conntrack -E` prints behind the event's name: counters come with the end only, and a state only
    when it changed.
    """
    ended = bool(event & Event.DESTROY)
    words = [_head(flow, extended="extended" in outputs, with_zero=not ended), *_body(flow, counted=ended)]
    words += [f"mark={flow.mark}"] if flow.mark or event & Event.MARK else []
    words += _zone(flow) + (_times(flow, outputs) if ended else [])
    words += [f"helper={flow.helper}"] if flow.helper and not ended else []
    words += [f"id={flow.id}"] if "id" in outputs else []
    return " ".join(words)


def connections_text(context: TrackContext) -> str:
    """/proc/net/nf_conntrack. Linux: ct_seq_show()"""
    flows = (snapshot(conn, context) for conn in context.table if not context.is_over(conn))
    return "".join(f"{proc_line(flow, context.conf)}\n" for flow in flows)


def proc_line(flow: Snapshot, conf: ConntrackConf) -> str:
    """A line of /proc/net/nf_conntrack, which says `unknown` of DCCP, and of GRE how long it is kept."""
    protocol = flow.original.protocol
    name = "unknown" if protocol == IPPROTO_DCCP else PROTOCOLS.get(protocol, "unknown")
    words = [f"{_FAMILIES[flow.original.family]}{name:<8} {protocol} {flow.timeout}"]
    words += _state(flow)
    if protocol == IPPROTO_GRE:
        words.append(f"timeout={conf.gre_timeout}, stream_timeout={conf.gre_timeout_stream}")
    words += [*_body(flow, written=kernel_address_text), f"mark={flow.mark}"]
    if not flow.original.zone and not flow.reply.zone:
        words.append(f"zone={flow.zone}")
    words += [] if flow.age is None else [f"delta-time={flow.age}"]
    return " ".join([*words, "use=2"])


def _head(flow: Snapshot, *, extended: bool, with_zero: bool = True) -> str:
    protocol = flow.original.protocol
    family = _FAMILIES[flow.original.family] if extended else ""
    head = f"{family}{PROTOCOLS.get(protocol, 'unknown'):<8} {protocol}"
    timeout = [str(flow.timeout)] if flow.timeout or with_zero else []
    return " ".join([head, *timeout, *_state(flow)])


def _state(flow: Snapshot) -> list[str]:
    if flow.state is None:
        return []
    return [
        TcpState(flow.state).name if flow.original.protocol == IPPROTO_TCP else SctpState(flow.state).name
    ]


def _body(flow: Snapshot, *, counted: bool = True, written: Write | None = None) -> list[str]:
    counters = flow.counters if counted else None
    words = tuple_words(flow.original, written)
    words += [f"zone-orig={flow.original.zone}"] if flow.original.zone else []
    words += _counters(counters, 0)
    words += [] if flow.status & IPS_SEEN_REPLY else ["[UNREPLIED]"]
    words += tuple_words(flow.reply, written)
    words += [f"zone-reply={flow.reply.zone}"] if flow.reply.zone else []
    words += _counters(counters, 1)
    return words + (["[ASSURED]"] if flow.status & IPS_ASSURED else [])


def _times(flow: Snapshot, outputs: Collection[str]) -> list[str]:
    """Linux: __snprintf_deltatime(), __snprintf_timestamp_start()"""
    words = [] if flow.age is None else [f"delta-time={flow.age}"]
    if "ktimestamp" in outputs:
        words += [] if flow.started is None else [f"[start={_calendar(flow.started)}]"]
        words += [] if flow.stopped is None else [f"[stop={_calendar(flow.stopped)}]"]
    return words


def _calendar(seconds: float) -> str:
    """As ctime(3) has it, in UTC."""
    at = moment(int(seconds))
    day, month = _DAYS[at.weekday], _MONTHS[at.month - 1]
    return f"{day} {month} {at.day:2} {at.hour:02}:{at.minute:02}:{at.second:02} {at.year}"


def _zone(flow: Snapshot) -> list[str]:
    return [f"zone={flow.zone}"] if flow.zone else []


def _counters(counters: tuple[Pair, Pair] | None, direction: int) -> list[str]:
    if counters is None:
        return []
    packets, octets = counters[direction]
    return [f"packets={packets}", f"bytes={octets}"]


def address_text(family: int, address: int) -> str:
    """An address of either family."""
    return ipv6.address_text(address) if family == NFPROTO_IPV6 else ipv4.address_text(address)


def kernel_address_text(family: int, address: int) -> str:
    """The same with all zeros."""
    return ipv6.full_text(address) if family == NFPROTO_IPV6 else ipv4.address_text(address)


def tuple_words(flow: Tuple, written: Write | None = None) -> list[str]:
    """One direction, as all listings have it; only addresses are written in two ways."""
    write = written or address_text
    words = [f"src={write(flow.family, flow.saddr)}", f"dst={write(flow.family, flow.daddr)}"]
    if flow.protocol in WITH_ID:
        return [*words, f"type={flow.dport >> 8}", f"code={flow.dport & 255}", f"id={flow.sport}"]
    if flow.protocol == IPPROTO_GRE:
        return [*words, f"srckey=0x{flow.sport:x}", f"dstkey=0x{flow.dport:x}"]
    if flow.protocol in PROTOCOLS:
        return [*words, f"sport={flow.sport}", f"dport={flow.dport}"]
    return words
