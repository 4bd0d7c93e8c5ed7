"""The probes of `traceroute`: what is sent for one, and what its answers mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.applets.traceroute_options import Options
from pystack.errors import EHOSTUNREACH, EMSGSIZE, NetError
from pystack.netns import Netns
from pystack.sock.errors import ORIGIN_LOCAL, SocketError
from pystack.sock.inet import IP_PMTUDISC_DONT, IP_PMTUDISC_PROBE, InetSocket
from pystack.sock.raw import RawSocket
from pystack.sock.tcp import TcpSocket
from pystack.sock.udp import UdpSocket
from pystack.wire import icmp, udp
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP

FIRST_PORT: Final = 33434
ONE_PORT: Final = 53
DEFAULT_DATA: Final = 40  # octets behind the IPv4 header

# What stands behind the time of an answer that is not the usual one. Linux: traceroute.c parse_icmp_res()
_MARKS: Final = {
    0: "!N",
    1: "!H",
    2: "!P",
    3: "",  # the port is closed: we are there
    5: "!S",
    6: "!N",
    7: "!H",
    8: "!N",
    9: "!X",
    10: "!X",
    11: "!N",
    12: "!H",
    13: "!X",
    14: "!V",
    15: "!C",
}


class Broken(Exception):
    """error(): a call failed, the program ends with 1."""


@dataclass(slots=True)
class Probe:
    """Linux: traceroute.h struct probe_struct"""

    sent: float | None = None
    received: float | None = None
    answered_by: int | None = None
    mark: str = ""
    is_final: bool = False
    is_done: bool = False
    sequence: int = 0
    sock: UdpSocket | TcpSocket | None = None  # its own; TCP's only holds the port
    flags: str = ""  # of TCP's answer, where they are to be told

    def take_error(self, error: SocketError) -> None:
        """An ICMP error came, or our own host says that the probe is too long."""
        self.received = error.stamp
        if error.origin == ORIGIN_LOCAL:
            if error.errno != EMSGSIZE:
                raise Broken("local recverr", error.errno)
            self.mark, self.is_final = f"!F-{error.info}", True
            return
        self.answered_by = error.offender
        if (error.type, error.code) == (icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL):
            return
        self.is_final = True
        if error.type != icmp.ICMP_DEST_UNREACH:
            self.mark = f"!<{error.type}-{error.code}>"
        elif error.code == icmp.ICMP_FRAG_NEEDED:
            self.mark = f"!F-{error.info}"
        else:
            self.mark = _MARKS.get(error.code, f"!<{error.code}>")


class Method:
    """How to probe. Linux: traceroute.h struct tr_module"""

    header_length = 0  # besides that of IPv4

    def __init__(self, options: Options, netns: Netns, heard: Callable[[], None]) -> None:
        self.options = options
        self.netns = netns
        self.heard = heard
        self._open: list[Probe] = []  # those with a socket of their own
        default = max(DEFAULT_DATA - self.header_length, 0)
        room = HEADER_LENGTH + self.header_length
        given = options.length
        self.data_length = default if given is None else max(given - room, 0)

    @property
    def packet_length(self) -> int:
        """As the first line tells it."""
        return HEADER_LENGTH + self.header_length + self.data_length

    def send(self, probe: Probe, ttl: int) -> None:
        """Send a probe. Raises Broken."""
        raise NotImplementedError

    def receive(self, probes: list[Probe]) -> None:
        """Take one answer from each socket that has one."""
        raise NotImplementedError

    def finish(self, probe: Probe) -> None:
        """Linux: traceroute.c probe_done()"""
        probe.is_done = True
        if probe.sock is not None:
            probe.sock.close()
            probe.sock = None
            self._open.remove(probe)

    def close(self) -> None:
        """Give back what is still open."""
        for probe in list(self._open):
            self.finish(probe)

    def hold(self, probe: Probe, sock: UdpSocket | TcpSocket) -> None:
        """Let a probe have a socket until it is done."""
        probe.sock = sock
        self._open.append(probe)

    def tune(self, sock: InetSocket) -> None:
        """Linux: traceroute.c tune_socket()"""
        sock.mark = self.options.mark
        self.bind(sock)
        sock.pmtudisc = IP_PMTUDISC_PROBE if self.options.dont_fragment else IP_PMTUDISC_DONT
        sock.tos = self.options.tos & 0xFF

    def bind(self, sock: InetSocket) -> None:
        """Linux: traceroute.c bind_socket()"""
        options = self.options
        if options.device:
            try:
                sock.bind_to_device(options.device)
            except NetError as error:
                raise Broken("setsockopt SO_BINDTODEVICE", error.number) from None
        try:
            if isinstance(sock, UdpSocket | TcpSocket):
                sock.bind(options.source, options.source_port & 0xFFFF)
            else:
                sock.bind_address(options.source)
        except NetError as error:
            raise Broken("bind", error.number) from None

    def connect(self, sock: UdpSocket | RawSocket, port: int) -> None:
        try:
            if isinstance(sock, UdpSocket):
                sock.connect(self.options.address, port)
            else:
                sock.connect(self.options.address)
        except NetError as error:
            raise Broken("connect", error.number) from None
        sock.recverr = True
        sock.on_event = self.heard


def _filler(length: int) -> bytes:
    return bytes(0x40 + (at & 0x3F) for at in range(length))


def send(sock: UdpSocket | RawSocket, octets: bytes) -> None:
    """Linux: traceroute.c do_send()"""
    try:
        sock.send_to(octets)
    except NetError as error:
        if error.number not in (EMSGSIZE, EHOSTUNREACH):  # of these the error queue says more
            raise Broken("send", error.number) from None


class UdpMethod(Method):
    """A datagram to another port each time, or with -U always to the same. Linux: mod-udp.c"""

    header_length = udp.HEADER_LENGTH

    def __init__(self, options: Options, netns: Netns, heard: Callable[[], None]) -> None:
        super().__init__(options, netns, heard)
        self._goes_up = options.method != "udp"
        self._port = (options.port or (FIRST_PORT if self._goes_up else ONE_PORT)) & 0xFFFF

    def send(self, probe: Probe, ttl: int) -> None:
        sock = self.netns.udp.open()
        self.hold(probe, sock)
        self.tune(sock)
        sock.ttl = ttl
        self.connect(sock, self._port)
        probe.sent = self.netns.clock.now
        send(sock, _filler(self.data_length))
        if self._goes_up:
            self._port = (self._port + 1) & 0xFFFF

    def receive(self, probes: list[Probe]) -> None:
        for probe in list(self._open):
            sock = probe.sock
            assert isinstance(sock, UdpSocket)
            if (error := sock.recv_error()) is not None:
                probe.take_error(error)
            elif (received := sock.recv()) is not None:
                probe.received, probe.answered_by = received.stamp, received.saddr
                probe.is_final = True
            else:
                continue
            self.finish(probe)


class RawMethod(Method):
    """One raw socket for all probes."""

    protocol: int

    def __init__(self, options: Options, netns: Netns, heard: Callable[[], None]) -> None:
        super().__init__(options, netns, heard)
        self.sock = netns.raw.open(self.protocol)
        try:
            self.tune(self.sock)
            self.connect(self.sock, 0)
        except Broken:
            self.sock.close()
            raise

    def receive(self, probes: list[Probe]) -> None:
        """Linux: traceroute.c recv_reply()"""
        while True:
            if (error := self.sock.recv_error()) is not None:
                probe = self._asked(probes, error.quote)
                if probe is None and error.origin == ORIGIN_LOCAL and self.options.dont_fragment:
                    probe = next((waiting for waiting in probes if not waiting.is_done), None)
                if probe is not None:
                    probe.take_error(error)
                    self.finish(probe)
            elif (received := self.sock.recv()) is not None:
                probe = self._answered(probes, received.data)
                if probe is not None:
                    probe.received, probe.answered_by = received.stamp, received.saddr
                    probe.is_final = True
                    self.finish(probe)
            else:
                return

    def _asked(self, probes: list[Probe], packet: bytes) -> Probe | None:
        """The probe that a quote of an error is about."""
        raise NotImplementedError

    def _answered(self, probes: list[Probe], packet: bytes) -> Probe | None:
        """The probe that the destination has answered with a packet."""
        raise NotImplementedError

    def find(self, probes: list[Probe], sequence: int) -> Probe | None:
        """Linux: traceroute.c probe_by_seq()"""
        waiting = (probe for probe in probes if probe.sent is not None and not probe.is_done)
        return next((probe for probe in waiting if probe.sequence == sequence), None)

    def close(self) -> None:
        super().close()
        self.sock.close()


class IcmpMethod(RawMethod):
    """Echo requests. Linux: mod-icmp.c"""

    protocol = IPPROTO_ICMP

    def __init__(self, options: Options, netns: Netns, heard: Callable[[], None]) -> None:
        super().__init__(options, netns, heard)
        self.data_length = max(self.data_length, icmp.HEADER_LENGTH)
        self._ident = netns.rng.u32() & 0xFFFF
        self._sequence = options.port or 1

    def send(self, probe: Probe, ttl: int) -> None:
        self.sock.ttl = ttl
        probe.sequence = self._sequence & 0xFFFF
        payload = _filler(self.data_length)[icmp.HEADER_LENGTH :]
        probe.sent = self.netns.clock.now
        send(self.sock, icmp.build(icmp.ICMP_ECHO, 0, self._ident, probe.sequence, payload))
        self._sequence += 1

    def _asked(self, probes: list[Probe], packet: bytes) -> Probe | None:
        message = behind_header(packet)
        if len(message) < icmp.HEADER_LENGTH:
            return None
        _, _, _, ident, sequence = icmp.HEADER.unpack_from(message)
        return self.find(probes, sequence) if ident == self._ident else None

    def _answered(self, probes: list[Probe], packet: bytes) -> Probe | None:
        is_reply = behind_header(packet)[:1] == bytes((icmp.ICMP_ECHOREPLY,))
        return self._asked(probes, packet) if is_reply else None


def behind_header(packet: bytes) -> bytes:
    """What an IPv4 packet carries."""
    return packet[(packet[0] & 15) * 4 :] if packet else b""
