"""`ss`: the TCP, UDP and raw sockets of a namespace, as iproute2 6.1 lists them where nobody's terminal is.

Which ones: ss_filter.py. Linux differs: the order of sockets is that of hashes there; on a terminal columns
are spread over its width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.applets.ss_details import details_text, memory_text, summary
from pystack.applets.ss_filter import ALL, CONNECTED, LISTENING, Ends, Filter, FilterError
from pystack.applets.ss_info import info_text
from pystack.applets.ss_usage import USAGE
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import NotModelled
from pystack.netns import Netns
from pystack.sock.inet import InetSocket
from pystack.sock.tcp_context import Endpoint
from pystack.sock.tcp_request import Request
from pystack.sock.tcp_seq import distance
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_timewait import TimeWait
from pystack.wire.ipv4 import address_text

_MODELLED: Final = "natuwlomeips4HO"
_SHORT: Final = _MODELLED + "hVrTbEZzN:60MSdxf:KA:D:F:"
_LONG: Final = {
    "numeric": "n",
    "all": "a",
    "tcp": "t",
    "udp": "u",
    "raw": "w",
    "listening": "l",
    "options": "o",
    "memory": "m",
    "extended": "e",
    "info": "i",
    "processes": "p",
    "summary": "s",
    "ipv4": "4",
    "no-header": "H",
    "oneline": "O",
    "help": "h",
    "version": "V",
}
# What the real one knows besides, and whether an argument follows.
_UNKNOWN_LONG: Final = dict.fromkeys(
    "resolve threads tipcinfo tos cgroup bpf events context contexts ipv6 packet mptcp sctp "
    "dccp unix tipc vsock xdp kill inet-sockopt".split(),
    0,
) | dict.fromkeys("net family query socket diag filter".split(), 1)
_KNOWN: Final = tuple(f"-{letter}" for letter in _MODELLED)
_FAILED: Final = 255
_SAID: Final = {"h": USAGE, "V": "ss utility, iproute2-6.1.0\n"}

_STATE_TEXTS: Final = {
    TcpState.ESTABLISHED: "ESTAB",
    TcpState.FIN_WAIT1: "FIN-WAIT-1",
    TcpState.FIN_WAIT2: "FIN-WAIT-2",
    TcpState.CLOSE: "UNCONN",
}
_COLUMNS: Final = ("Netid", "State", "Recv-Q", "Send-Q", "Local Address:", "Port", "Peer Address:", "Port")
_LAST: Final = "Process"
_NETID, _STATE = 0, 1
_RIGHT: Final = (4, 6)  # addresses
_TOUCH: Final = (5, 7, 8)  # columns that no blank keeps from the one before


class Entry(NamedTuple):
    """One socket, as the kernel tells of it. Linux: include/uapi/linux/inet_diag.h struct inet_diag_msg"""

    netid: str
    state: TcpState
    received: int
    sent: int
    ends: Ends
    ifindex: int
    timer: tuple[str, float, int] | None = None  # name, seconds, how often
    details: str = ""  # behind the timer
    beneath: str = ""  # on a line of its own, unless -O


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: iproute2 misc/ss.c main()"""
    words = Getopt(args, _SHORT, dict.fromkeys(_LONG, 0) | _UNKNOWN_LONG)
    options = set[str]()
    try:
        for name, _ in words:
            options.add(letter := _LONG.get(name, name))
            if letter in _SAID:
                session.io.out.write(_SAID[letter])
                return 0
    except BadOption as bad:
        session.io.err.write(f"ss: {bad}\n{USAGE}")
        return _FAILED
    for name in sorted(options - set(_MODELLED)):
        raise NotModelled(f"ss {'-' if len(name) == 1 else '--'}{name}", _KNOWN)
    names = yield from load_names()
    try:
        wanted = Filter(words.operands, names)
    except FilterError as error:
        session.io.err.line(str(error))
        return _FAILED
    if "s" in options:
        for line in summary(session.netns):
            session.io.out.line(line)
        if options == {"s"}:
            return 0
    listing = Listing(session.netns, options, wanted, names)
    for line in listing.lines():
        session.io.out.line(line)
    return 0


class Listing:
    """One answer."""

    def __init__(self, netns: Netns, options: set[str], wanted: Filter, names: Names) -> None:
        self._netns = netns
        self._options = options
        self._wanted = wanted
        self._names = names
        self._protocols = {number: name for name, number in reversed(names.protocols.items())}
        kinds = options & {"t", "u", "w"} or {"t", "u", "w"}
        self._kinds = [kind for kind in ("w", "u", "t") if kind in kinds]
        connected = CONNECTED if "t" in kinds else frozenset({TcpState.ESTABLISHED})
        by_option = ALL if "a" in options else LISTENING if "l" in options else connected
        self._states = by_option if wanted.states is None else wanted.states

    def lines(self) -> Iterator[str]:
        """The header and a line a socket; each column as wide as its widest cell."""
        rows = [self._row(entry) for entry in self._entries()]
        if "H" not in self._options:
            rows.insert(0, [*_COLUMNS, _LAST])
        hidden = set()
        if len(self._kinds) == 1:
            hidden.add(_NETID)
        if len(self._states) == 1:
            hidden.add(_STATE)
        shown = [at for at in range(len(_COLUMNS) + 1) if at not in hidden]
        widths = {at: max((len(row[at]) for row in rows), default=0) for at in shown}
        for row in rows:
            cells: list[str] = []
            for at in shown:
                blank = " " if cells and at not in _TOUCH and widths[at] else ""
                cells.append(blank + (row[at].rjust if at in _RIGHT else row[at].ljust)(widths[at]))
            yield "".join(cells)

    def _entries(self) -> Iterator[Entry]:
        for kind in self._kinds:
            for entry in {"t": self._tcp, "u": self._udp, "w": self._raw}[kind]():
                if entry.state in self._states and self._wanted.test(entry.ends):
                    yield entry

    def _tcp(self) -> Iterator[Entry]:
        for endpoint in self._netns.tcp:
            entry = tcp_entry(endpoint)
            if entry is not None:
                info = self._info(endpoint) if "i" in self._options else ""
                yield self._extended(entry, endpoint, info)

    def _udp(self) -> Iterator[Entry]:
        for sock in self._netns.udp.ports:
            yield self._extended(datagram_entry("udp", sock, sock.num), sock)

    def _raw(self) -> Iterator[Entry]:
        for sock in self._netns.raw.sockets:
            yield self._extended(datagram_entry("raw", sock, sock.protocol), sock)

    def _info(self, end: Endpoint) -> str:
        options = self._options
        return info_text(end, with_options=bool(options & {"o", "e"}), is_numeric="n" in options)

    def _extended(self, entry: Entry, end: InetSocket | Endpoint, info: str = "") -> Entry:
        """Linux: iproute2 misc/ss.c inet_show_sock()"""
        options, beneath = self._options, ""
        if "m" in options or ("i" in options and entry.netid != "udp"):
            start = "" if "O" in options else "\n\t"
            beneath = start + (memory_text(end) if "m" in options else "") + info
        details = details_text(end, self._netns.tcp.context) if "e" in options else ""
        return entry._replace(details=details, beneath=beneath)

    # -- cells ---------------------------------------------------------------------------------------------

    def _row(self, entry: Entry) -> list[str]:
        ends = entry.ends
        state = _STATE_TEXTS.get(entry.state, entry.state.name.replace("_", "-"))
        dev = self._netns.devices.by_index(entry.ifindex) if entry.ifindex else None
        local = address_text(ends.saddr) + (f"%{dev.name}" if dev is not None else "")
        return [
            entry.netid,
            state,
            f"{entry.received:<6}",
            f"{entry.sent:<6}",
            f"{local}:",
            self._port(entry.netid, ends.sport),
            f"{address_text(ends.daddr)}:",
            self._port(entry.netid, ends.dport),
            (_timer_text(entry) if self._options & {"o", "e"} else "") + entry.details + entry.beneath,
        ]

    def _port(self, netid: str, port: int) -> str:
        if not port:
            return "*"
        if "n" in self._options:
            return str(port)
        if netid == "raw":
            return self._protocols.get(port, str(port))
        low, high = self._netns.tcp.context.sysctl.ip_local_port_range
        if low <= port <= high:
            return str(port)
        return (self._names.udp if netid == "udp" else self._names.tcp).get(port, str(port))


def tcp_entry(endpoint: Endpoint) -> Entry | None:
    """Linux: net/ipv4/tcp_diag.c tcp_diag_get_info(), net/ipv4/inet_diag.c inet_sk_diag_fill()"""
    if isinstance(endpoint, Request):
        ours, our_port, theirs, their_port = endpoint.ends
        ends = Ends(ours, our_port, theirs, their_port)
        return Entry("tcp", TcpState.SYN_RECV, 0, 0, ends, 0, _timer_of_request(endpoint))
    if isinstance(endpoint, TimeWait):
        ends = Ends(endpoint.rcv_saddr, endpoint.num, endpoint.daddr, endpoint.dport)
        timer = ("timewait", max(endpoint.timer.deadline - endpoint.tcp.clock.now, 0.0), 0)
        return Entry("tcp", endpoint.state, 0, 0, ends, endpoint.ifindex, timer)
    if not isinstance(endpoint, TcpSock):
        return None
    sk = endpoint
    ends = Ends(sk.rcv_saddr, sk.num, sk.daddr, sk.dport)
    if sk.listening is not None:
        queued, room = len(sk.listening.accepted), sk.listening.limit
        return Entry("tcp", sk.state, queued, room, ends, sk.ifindex)
    received = distance(sk.copied_seq, sk.rcv_nxt)
    sent = distance(sk.snd_una, sk.write_seq)
    return Entry("tcp", sk.state, received, sent, ends, sk.ifindex, _timer_of(sk))


def datagram_entry(netid: str, sock: InetSocket, port: int) -> Entry:
    """Linux: net/ipv4/udp_diag.c, net/ipv4/raw_diag.c"""
    state = TcpState.ESTABLISHED if sock.is_connected else TcpState.CLOSE
    ends = Ends(sock.rcv_saddr, port, sock.daddr, sock.dport)
    return Entry(netid, state, sock.queue.held, 0, ends, sock.ifindex)


def _timer_of(sk: TcpSock) -> tuple[str, float, int] | None:
    """Linux: net/ipv4/inet_diag.c inet_sk_diag_fill()"""
    if sk.retransmit_timer.pending:
        if sk.timer_is_probe:
            return "persist", sk.retransmit_timer.seconds_left, sk.probes_out
        return "on", sk.retransmit_timer.seconds_left, sk.retransmits
    if sk.keepalive_timer.pending:
        return "keepalive", sk.keepalive_timer.seconds_left, sk.probes_out
    return None


def _timer_of_request(request: Request) -> tuple[str, float, int] | None:
    """Linux: net/ipv4/tcp_diag.c, net/ipv4/inet_diag.c inet_req_diag_fill()"""
    if request.timer is None:
        return None
    return "on", max(request.timer.deadline - request.tcp.clock.now, 0.0), request.resent


def _timer_text(entry: Entry) -> str:
    if entry.timer is None:
        return ""
    name, seconds, count = entry.timer
    return f" timer:({name},{_duration(int(seconds * 1000))},{count})"


def _duration(milliseconds: int) -> str:
    """Linux: iproute2 misc/ss.c print_ms_timer()"""
    seconds, rest = divmod(milliseconds, 1000)
    minutes, seconds = divmod(seconds, 60)
    text = f"{minutes}min" if minutes else ""
    if minutes:
        rest = 0
        seconds = 0 if minutes > 9 else seconds
    if seconds:
        rest = 0 if seconds > 9 else rest
        text += f"{seconds}{'.' if rest else 'sec'}"
    return text + (f"{rest:03d}ms" if rest else "")
