"""Lines that a kernel logged: the packet that a line tells of, rebuilt from it, gives that line again."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pystack.l2.port import PortDevice
from pystack.netfilter.log_text import ip_line
from pystack.packet import Packet
from pystack.wire import icmp, ipv4
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import IP_DF, Ipv4Header
from tests.frames import ip

FOLDER: Final = Path(__file__).parents[3] / "shared" / "kernel-logs"
LINE: Final = re.compile(r"\[[^\]]+\] ?(IN=\S* OUT=\S* (?:PHYS|MAC=|SRC=).*)")
PACKET: Final = re.compile(
    r"SRC=(\S+) DST=(\S+) LEN=(\d+) TOS=0x(\w+) PREC=0x(\w+) TTL=(\d+) ID=(\d+) (DF )?"
    r"PROTO=ICMP TYPE=(\d+) CODE=(\d+) (?:ID=(\d+) SEQ=(\d+) )?(?:\[(.*)\] )?"
)


def measured() -> list[str]:
    if not FOLDER.exists():
        pytest.skip(f"{FOLDER.name} is not here")
    found = (
        LINE.search(line) for path in sorted(FOLDER.glob("*.log")) for line in path.read_text().split("\n")
    )
    return [line[1] for line in found if line is not None and line[1].endswith(" ")]


def rebuilt(text: str) -> bytes:
    """The IP packet of which a line tells; one that is quoted is told without its end."""
    found = PACKET.match(text)
    assert found is not None, text
    source, destination, length, tos, precedence, ttl, ident, df, kind, code, echo, sequence, quote = (
        found.groups()
    )
    header = Ipv4Header(
        ip(source),
        ip(destination),
        1,
        ttl=int(ttl),
        tos=int(tos, 16) | int(precedence, 16),
        id=int(ident),
        frag_off=IP_DF if df else 0,
    )
    room = int(length) - ipv4.HEADER_LENGTH - icmp.HEADER_LENGTH
    body = rebuilt(quote)[:room] if quote else bytes(room)
    message = icmp.build(int(kind), int(code), int(echo or 0), int(sequence or 0), body)
    return ipv4.build(header, room + icmp.HEADER_LENGTH) + message


def word(line: str, name: str) -> str | None:
    found = re.match(rf"(?:.* )?{name}=(\S*) ", line.partition("SRC=")[0])
    return found[1] if found is not None and found[1] else None


def again(line: str) -> str:
    names = {name: word(line, name) for name in ("IN", "OUT", "PHYSIN", "PHYSOUT")}
    devices = {name: None if dev is None else PortDevice(dev, bytes(6)) for name, dev in names.items()}
    link = bytes.fromhex((word(line, "MAC") or "").replace(":", "")) or bytes(ETH_HLEN)
    packet = rebuilt("SRC=" + line.partition("SRC=")[2])
    pkt = Packet(link + packet, devices["IN"] or PortDevice("any", bytes(6)))
    pkt.network_header = ETH_HLEN
    header = ipv4.parse(pkt.data, ETH_HLEN)
    assert isinstance(header, Ipv4Header)
    pkt.ip = header
    pkt.physin, pkt.physout = devices["PHYSIN"], devices["PHYSOUT"]
    return ip_line("", 0, pkt, devices["IN"], devices["OUT"])


def test_every_line_that_the_kernel_logged_is_written_again_to_the_letter() -> None:
    lines = measured()
    assert len(lines) > 500
    assert [again(line) for line in lines] == lines
