"""What happens to a packet that is for this host, and why: the protocol, the sockets and their scores."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from pystack.errors import ECONNREFUSED, MESSAGES, NetError
from pystack.explain.scene import Scene
from pystack.explain.stage import Reason, Told
from pystack.l3.fib_types import IPTOS_RT_MASK, Flow
from pystack.l3.route import RTCF_BROADCAST, RTCF_MULTICAST, Rtable
from pystack.packet import Packet
from pystack.sock.errors import IcmpError
from pystack.sock.inet import InetSocket, seen_on
from pystack.sock.lookup import Candidate, Endpoints
from pystack.sock.raw import RawSocket
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_timewait import TimeWait
from pystack.wire import icmp, ipv4, tcp, udp
from pystack.wire.ipv4 import (
    IPPROTO_ICMP,
    IPPROTO_IGMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Ipv4Header,
    address_text,
)

PROTOCOLS: Final = {IPPROTO_ICMP: "ICMP", IPPROTO_IGMP: "IGMP", IPPROTO_TCP: "TCP", IPPROTO_UDP: "UDP"}
DELIVERED: Final = "delivered"
NOBODY: Final = "gone: nobody waits for it"

_DELIVER: Final = "net/ipv4/ip_input.c ip_protocol_deliver_rcu()"
_ICMP: Final = "net/ipv4/icmp.c icmp_rcv()"
_UDP: Final = "net/ipv4/udp.c __udp4_lib_lookup()"
_TCP: Final = "net/ipv4/tcp_ipv4.c tcp_v4_rcv()"
_PORTS: Final = 4  # octets
_ERRORS: Final[dict[tuple[int, int | None], str]] = {
    (icmp.ICMP_DEST_UNREACH, icmp.ICMP_NET_UNREACH): "net unreachable",
    (icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH): "host unreachable",
    (icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH): "port unreachable",
    (icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED): "fragmentation needed",
    (icmp.ICMP_DEST_UNREACH, None): "destination unreachable",
    (icmp.ICMP_TIME_EXCEEDED, None): "time exceeded",
    (icmp.ICMP_REDIRECT, None): "redirect",
    (icmp.ICMP_PARAMETERPROB, None): "parameter problem",
}


class Delivery(NamedTuple):
    """What is said of it, and how the packet's way ends if nothing drops it now."""

    told: Told
    end: str = DELIVERED


def delivers(scene: Scene, pkt: Packet, header: Ipv4Header) -> Delivery:
    """Who gets it; asked just before it is handed over."""
    name = PROTOCOLS.get(header.protocol, f"protocol {header.protocol}")
    seen = tuple(_seen_elsewhere(scene, pkt))
    raw = [sock for sock in scene.netns.raw.sockets if sock.matches(pkt, header) and sock.wants(pkt, header)]
    copies = tuple(_raw_copies(scene, pkt, header))
    handler = {IPPROTO_UDP: _to_udp, IPPROTO_TCP: _to_tcp, IPPROTO_ICMP: _to_icmp}.get(header.protocol)
    if handler is not None:
        told, end = handler(scene, pkt, header)
        if raw and not end.startswith(DELIVERED):
            end = f"{DELIVERED} to the raw socket {_name(scene, raw[0], name.lower())}"
        return Delivery(Told(told.text, told.function, (*seen, *told.reasons, *copies)), end)
    if header.protocol in scene.netns.ipv4.input.protocols:
        return Delivery(Told(f"handed to {name}", _DELIVER, copies))
    if raw:
        return Delivery(Told(f"only raw sockets want {name}", _DELIVER, copies))
    answer = Reason("an ICMP protocol unreachable answers it")
    return Delivery(Told(f"nobody here speaks {name}", _DELIVER, (answer,)), "")


def _seen_elsewhere(scene: Scene, pkt: Packet) -> Iterator[Reason]:
    """What is looped counts as received by the device that has the address."""
    ifindex = seen_on(pkt)
    if ifindex != pkt.dev.ifindex:
        yield Reason(f"sockets see it come by {scene.device(ifindex)}, which has the address, not by lo")


def _raw_copies(scene: Scene, pkt: Packet, header: Ipv4Header) -> Iterator[Reason]:
    """Who hears everything of a protocol, and who does not for its device."""
    for sock in scene.netns.raw.sockets:
        name = f"the raw socket {_name(scene, sock, PROTOCOLS.get(sock.protocol, '').lower())}"
        if sock.matches(pkt, header):
            if sock.wants(pkt, header):
                yield Reason(f"a copy for {name}")
        elif sock.protocol == header.protocol and sock.is_between(header.daddr, header.saddr):
            yield Reason(f"not for {name}: it is bound to another device")


# --- UDP and TCP ------------------------------------------------------------------------------------------


def _to_udp(scene: Scene, pkt: Packet, header: Ipv4Header) -> Delivery:
    if len(pkt.data) - pkt.transport_header < udp.HEADER_LENGTH:
        return Delivery(Told("UDP: shorter than its header", _UDP), "")
    sport, dport, _, _ = udp.HEADER.unpack_from(pkt.data, pkt.transport_header)
    table, route = scene.netns.udp, pkt.route
    at = Endpoints(header.saddr, sport, header.daddr, dport, seen_on(pkt))
    judged = table.explain(at)
    reasons = tuple(_scores(scene, judged))
    if isinstance(route, Rtable) and route.flags & (RTCF_BROADCAST | RTCF_MULTICAST):
        hearers = table.ports.all_that_hear(at._replace(ifindex=pkt.dev.ifindex))
        if not hearers:
            return Delivery(Told(f"no socket hears UDP port {dport} of {_to(header)}", _UDP, reasons), "")
        names = ", ".join(_name(scene, sock) for sock in hearers)
        return Delivery(Told(f"a copy to each UDP socket: {names}", _UDP, reasons), _delivered("UDP", names))
    winner = table.ports.lookup(at)
    if winner is None:
        reasons += (Reason("an ICMP port unreachable answers it"), *_way_back(scene, header))
        return Delivery(Told(f"no socket for UDP port {dport} of {_to(header)}", _UDP, reasons), "")
    if len(judged) > 1:
        reasons += (Reason("the highest score gets it; of equals the one that was bound last"),)
    name = _name(scene, winner)
    return Delivery(Told(f"to the UDP socket {name}", _UDP, reasons), _delivered("UDP", name))


def _scores(scene: Scene, judged: Iterable[Candidate]) -> Iterator[Reason]:
    for sock, score, why_not in judged:
        verdict = f"no: {why_not}" if why_not else f"score {score}"
        yield Reason(f"{_name(scene, sock)}: {verdict}")


def _to_tcp(scene: Scene, pkt: Packet, header: Ipv4Header) -> Delivery:
    segment = tcp.parse(pkt.data[pkt.transport_header :])
    if not isinstance(segment, tcp.TcpHeader):
        return Delivery(Told("TCP: not a header", _TCP), "")
    table = scene.netns.tcp
    at = Endpoints(header.saddr, segment.sport, header.daddr, segment.dport, seen_on(pkt))
    connection, judged = table.explain(at)
    if connection is not None:
        state = connection.state.name if isinstance(connection, TcpSock | TimeWait) else "SYN_RECV"
        name = f"{_to(header)}:{at.dport} to {address_text(at.saddr)}:{at.sport}"
        heard: tuple[Reason, ...] = ()
        if state == "SYN_SENT" and segment.flags & tcp.RST:
            heard = (Reason(f"its connect() fails: {MESSAGES[ECONNREFUSED]}"),)
        return Delivery(Told(f"to the connection {name} ({state})", _TCP, heard), _delivered("TCP", name))
    reasons = tuple(_scores(scene, judged))
    listener = table.tcp.listeners.find(at)
    if listener is not None:
        name = _name(scene, listener)
        return Delivery(Told(f"to the listener {name}", _TCP, reasons), _delivered("TCP", name))
    answer = "a reset is not answered" if segment.flags & tcp.RST else "a reset answers it"
    text = f"no socket for TCP port {segment.dport} of {_to(header)}"
    return Delivery(Told(text, _TCP, (*reasons, Reason(answer))), "")


def _to(header: Ipv4Header) -> str:
    return address_text(header.daddr)


def _name(scene: Scene, sock: InetSocket, port: str = "") -> str:
    """As `ss` writes a socket: `10.0.0.1%eth0:53`, and its peer."""
    device = f"%{scene.device(sock.ifindex)}" if sock.ifindex else ""
    name = f"{address_text(sock.rcv_saddr)}{device}:{port or sock.num}"
    return f"{name} to {address_text(sock.daddr)}:{sock.dport or '*'}" if sock.daddr else name


def _delivered(kind: str, names: str) -> str:
    return f"{DELIVERED} to the {kind} socket {names}"


# --- ICMP -------------------------------------------------------------------------------------------------


def _to_icmp(scene: Scene, pkt: Packet, header: Ipv4Header) -> Delivery:
    message = bytes(pkt.data[pkt.transport_header :])
    if len(message) < icmp.HEADER_LENGTH:
        return Delivery(Told("ICMP: shorter than its header", _ICMP), "")
    kind = message[0]
    if kind == icmp.ICMP_ECHO:
        return _echo(scene, pkt, header)
    if kind == icmp.ICMP_ECHOREPLY:
        return _echo_reply(scene, pkt, header, message)
    if kind in icmp.ERROR_TYPES:
        return _error(scene, pkt, message)
    return Delivery(Told(f"ICMP type {kind}", _ICMP))


def _echo(scene: Scene, pkt: Packet, header: Ipv4Header) -> Delivery:
    settings, route = scene.netns.ipv4.confs.ipv4, pkt.route
    if settings.icmp_echo_ignore_all:
        line = scene.line_of_sysctl("icmp_echo_ignore_all")
        return Delivery(Told("not answered: icmp_echo_ignore_all is 1", _ICMP, config=line))
    to_many = isinstance(route, Rtable) and route.flags & (RTCF_BROADCAST | RTCF_MULTICAST)
    if to_many and settings.icmp_echo_ignore_broadcasts:
        return Delivery(Told("not answered: icmp_echo_ignore_broadcasts is 1", _ICMP), "")
    reasons = () if to_many else tuple(_way_back(scene, header))
    return Delivery(Told("an echo request: the stack itself answers, without a socket", _ICMP, reasons))


def _way_back(scene: Scene, header: Ipv4Header) -> Iterator[Reason]:
    """Only told where there is none."""
    back = scene.netns.ipv4.router.route_output(
        Flow(header.saddr, header.daddr, tos=header.tos & IPTOS_RT_MASK)
    )
    if not isinstance(back, Rtable):
        why = f"the way back to {address_text(header.saddr)}: {NetError(back).text}"
        yield Reason(f"no answer leaves; {why}")


def _echo_reply(scene: Scene, pkt: Packet, header: Ipv4Header, message: bytes) -> Delivery:
    ident = icmp.HEADER.unpack_from(message)[3]
    sock = scene.netns.ping.lookup(ident, header.daddr, seen_on(pkt))
    if sock is None:
        return Delivery(Told(f"an echo reply, id {ident}", _ICMP), NOBODY)
    name = _name(scene, sock)
    return Delivery(Told(f"to the ping socket {name}", _ICMP), _delivered("ping", name))


def _error(scene: Scene, pkt: Packet, message: bytes) -> Delivery:
    quote = message[icmp.HEADER_LENGTH :]
    what = _ERRORS.get((message[0], message[1])) or _ERRORS.get((message[0], None), "an error")
    quoted = quoted_flow(quote)
    if quoted is None:
        return Delivery(Told(f"{what}: it quotes too little of a packet", _ICMP))
    about = f"about {address_text(quoted.saddr)} > {address_text(quoted.daddr)}"
    sock = _sender_of(scene, quoted, quote, pkt.dev.ifindex)
    if sock is None:
        return Delivery(Told(f"{what}, {about}: no socket sent that", _ICMP))
    name = _name(scene, sock, "icmp" if isinstance(sock, RawSocket) else "")
    heard = (Reason(_hears(sock, IcmpError(message[0], message[1], 0, 0, quote))),)
    told = Told(f"{what}, {about}: told to the socket {name}", _ICMP, heard)
    return Delivery(told, _delivered("sending", name))


def _hears(sock: InetSocket, error: IcmpError) -> str:
    """What its program notices. Linux: udp_err(), raw_err(), ping_err(), tcp_v4_err()"""
    if error.type == icmp.ICMP_REDIRECT:
        return "its program notices nothing: a redirect is for the routes"
    errno, is_hard = error.meaning()
    text = MESSAGES[errno]
    if isinstance(sock, TcpSock):
        if sock.state is TcpState.SYN_SENT and not error.is_frag_needed:
            return f"its connect() fails: {text}"
        return f"its program notices nothing, unless all is given up: {text}"
    if sock.recverr:
        return f"its error queue tells it (IP_RECVERR), and its next call fails: {text}"
    if not sock.is_connected:
        return f"it is not connected and does without IP_RECVERR: its program notices nothing ({text})"
    if is_hard or error.is_frag_needed:
        return f"its next call fails: {text}"
    return f"its program notices nothing: {text} may pass (IP_RECVERR would tell)"


def quoted_flow(quote: bytes) -> Flow | None:
    """Who spoke to whom in the packet that an ICMP error is about."""
    if len(quote) < ipv4.HEADER_LENGTH or len(quote) < (quote[0] & 15) * 4 + _PORTS:
        return None
    fields = ipv4.HEADER.unpack_from(quote)
    flow = Flow(fields[-1], fields[-2], tos=quote[1] & IPTOS_RT_MASK, proto=quote[9])
    at = (quote[0] & 15) * 4
    flow.sport, flow.dport = (
        int.from_bytes(quote[at : at + 2], "big"),
        int.from_bytes(quote[at + 2 : at + 4], "big"),
    )
    return flow


def _sender_of(scene: Scene, quoted: Flow, quote: bytes, ifindex: int) -> InetSocket | None:
    if quoted.proto == IPPROTO_UDP:
        at = Endpoints(quoted.daddr, quoted.dport, quoted.saddr, quoted.sport, ifindex)
        return scene.netns.udp.ports.lookup(at)
    if quoted.proto == IPPROTO_TCP:
        at = Endpoints(quoted.daddr, quoted.dport, quoted.saddr, quoted.sport, ifindex)
        connection, _ = scene.netns.tcp.explain(at)
        return connection if isinstance(connection, InetSocket) else None
    if quoted.proto == IPPROTO_ICMP and len(quote) >= (quote[0] & 15) * 4 + icmp.HEADER_LENGTH:
        ident = icmp.HEADER.unpack_from(quote, (quote[0] & 15) * 4)[3]
        return scene.netns.ping.lookup(ident, quoted.saddr, ifindex) or _raw_sender(scene, quoted, ifindex)
    return None


def _raw_sender(scene: Scene, quoted: Flow, ifindex: int) -> InetSocket | None:
    """All raw sockets hear of it whose packet it may have been; the first of them is named."""
    for sock in scene.netns.raw.sockets:
        fits = sock.protocol == quoted.proto and sock.ifindex in (0, ifindex)
        if fits and sock.is_between(quoted.saddr, quoted.daddr):
            return sock
    return None
