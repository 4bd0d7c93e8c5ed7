"""Probes of `traceroute -T`: segments made by hand, SYN if nothing else is asked for.

Nobody here knows the connection that a SYN begins: what answers SYN and ACK is reset by our own TCP, and the
program behind the port has never heard of it. Linux: mod-tcp.c
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.traceroute_keywords import flag_names
from pystack.applets.traceroute_options import Options
from pystack.applets.traceroute_probe import Probe, RawMethod, behind_header, send
from pystack.netns import Netns
from pystack.wire import tcp, tcp_options
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_TCP
from pystack.wire.tcp import TcpHeader

PORT: Final = 80
LEAST_MTU: Final = 576
WINDOW: Final = 4  # full segments
WINDOW_SCALE: Final = 2
MSS_LENGTH: Final = 4  # octets of that option

_FLAGS_AT: Final = 13
_QUOTED: Final = 8  # octets of a segment, at least, in an error
_NO_PORTS: Final = (-1, -1)


class TcpMethod(RawMethod):
    """A segment from another port each time, always to the same."""

    protocol = IPPROTO_TCP

    def __init__(self, options: Options, netns: Netns, heard: Callable[[], None]) -> None:
        super().__init__(options, netns, heard)
        self._port = (options.port or PORT) & 0xFFFF
        mtu = min(self.sock.way_to_peer()[0].mtu, 0xFFFF)
        self._mss = max(mtu, LEAST_MTU) - HEADER_LENGTH - tcp.HEADER_LENGTH
        self._flags, self._options = self._describe()

    @property
    def packet_length(self) -> int:
        """As long as its options make it, whatever was asked for."""
        return HEADER_LENGTH + tcp.HEADER_LENGTH + len(self._options)

    def _describe(self) -> tuple[int, bytes]:
        """Flags and options of every probe. Linux: mod-tcp.c tcp_init()"""
        said = self.options.tcp
        flags = said.flags
        if not flags and not said.is_exact:
            has_ecn = self._is_wanted("ecn", said.ecn)
            flags = tcp.SYN | tcp.ECE | tcp.CWR if has_ecn else tcp.SYN
        stamps = None
        if self._is_wanted("timestamps", said.timestamps):
            rng = self.netns.rng
            stamps = rng.u32(), rng.u32() if flags & tcp.ACK else 0
        options = tcp_options.build_syn(
            (said.mss or self._mss) & 0xFFFF,
            stamps,
            self._is_wanted("sack", said.sack),
            WINDOW_SCALE if self._is_wanted("window_scaling", said.window_scaling) else None,
        )
        return flags, options if flags & tcp.SYN else options[MSS_LENGTH:]

    def _is_wanted(self, name: str, is_asked: bool) -> bool:
        """Whether -O or the sysctl wants it. Linux: mod-tcp.c check_sysctl()"""
        if is_asked or not self.options.tcp.follows_sysctls:
            return is_asked
        knob = self.netns.sysctls.get(("net", "ipv4", f"tcp_{name}"))
        return knob is not None and knob.text.startswith("1")

    def send(self, probe: Probe, ttl: int) -> None:
        holder = self.netns.tcp.open()
        holder.reuse = self.options.tcp.reuse
        self.hold(probe, holder)
        self.bind(holder)
        probe.sequence = holder.num
        self.sock.ttl = ttl
        header = TcpHeader(
            holder.num,
            self._port,
            seq=self.netns.rng.u32(),
            flags=self._flags,
            window=WINDOW * self._mss & 0xFFFF,
            options=self._options,
        )
        probe.sent = self.netns.clock.now
        send(self.sock, tcp.build(header, b"", self.sock.saddr, self.options.address))

    def _asked(self, probes: list[Probe], packet: bytes) -> Probe | None:
        segment = behind_header(packet)
        sport, dport = _ports(segment)
        return self.find(probes, sport) if dport == self._port else None

    def _answered(self, probes: list[Probe], packet: bytes) -> Probe | None:
        segment = behind_header(packet)
        sport, dport = _ports(segment)
        probe = self.find(probes, dport) if sport == self._port else None
        if probe is not None and self.options.tcp.info:
            probe.flags = flag_names(int.from_bytes(segment[_FLAGS_AT : _FLAGS_AT + 1], "big"))
        return probe


def _ports(segment: bytes) -> tuple[int, int]:
    """Source and destination; what is shorter than a quote says nothing."""
    if len(segment) < _QUOTED:
        return _NO_PORTS
    return int.from_bytes(segment[:2], "big"), int.from_bytes(segment[2:4], "big")
