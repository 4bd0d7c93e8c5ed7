"""What the kernel's log says of TCP and UDP, and the flags of a LOG rule that ask for more.

Linux: net/netfilter/nf_log_syslog.c
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.wire import tcp, udp

# What a LOG rule asks for. Linux: include/uapi/linux/netfilter/nf_log.h
LOG_TCPSEQ: Final = 0x01
LOG_TCPOPT: Final = 0x02
LOG_IPOPT: Final = 0x04
LOG_UID: Final = 0x08
LOG_MACDECODE: Final = 0x20

IPPROTO_ESP: Final = 50
IPPROTO_UDPLITE: Final = 136

_TCP_FLAGS: Final = (
    (tcp.CWR, "CWR "),
    (tcp.ECE, "ECE "),
    (tcp.URG, "URG "),
    (tcp.ACK, "ACK "),
    (tcp.PSH, "PSH "),
    (tcp.RST, "RST "),
    (tcp.SYN, "SYN "),
    (tcp.FIN, "FIN "),
)


class Told(NamedTuple):
    """A part of the line. Where a header is cut off the line may end, and then nothing follows."""

    words: str
    ends: bool = False


def incomplete(words: str, body: bytes, *, ends: bool = True) -> Told:
    """The header behind those words is cut off."""
    return Told(f"{words}INCOMPLETE [{len(body)} bytes] ", ends)


def tcp_words(body: bytes, flags: int, *, fragment: bool) -> Told:
    """Linux: nf_log_dump_tcp_header()"""
    words = "PROTO=TCP "
    if fragment:
        return Told(words)
    if len(body) < tcp.HEADER_LENGTH:
        return incomplete(words, body)
    sport, dport, seq, ack, offset, bits, window, _, urgent = tcp.HEADER.unpack_from(body)
    words += f"SPT={sport} DPT={dport} "
    words += f"SEQ={seq} ACK={ack} " if flags & LOG_TCPSEQ else ""
    words += f"WINDOW={window} RES=0x{(offset & 0x0F) << 2:02x} "
    words += "".join(name for bit, name in _TCP_FLAGS if bits & bit) + f"URGP={urgent} "
    end = (offset >> 4) * 4
    if flags & LOG_TCPOPT and end > tcp.HEADER_LENGTH:
        if len(body) < end:
            return Told(words + "OPT (TRUNCATED)", ends=True)
        words += f"OPT ({body[tcp.HEADER_LENGTH : end].hex().upper()}) "
    return Told(words)


def udp_words(body: bytes, protocol: int, *, fragment: bool) -> Told:
    """Linux: nf_log_dump_udp_header()"""
    words = f"PROTO={'UDPLITE' if protocol == IPPROTO_UDPLITE else 'UDP'} "
    if fragment:
        return Told(words)
    if len(body) < udp.HEADER_LENGTH:
        return incomplete(words, body)
    sport, dport, length, _ = udp.HEADER.unpack_from(body)
    return Told(f"{words}SPT={sport} DPT={dport} LEN={length} ")
