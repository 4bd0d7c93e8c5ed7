"""What the programs of a live host did, said again as calls on sockets: only their packets were seen.

What a program sent in TCP is another text of the same length, because numbers decide there and not octets.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.compare.relative import FirstNumbers
from pystack.compare.scenario import Call, Run, Step
from pystack.wire import icmp, ipv4, tcp
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header, address_text
from pystack.wire.malformed import Malformed
from pystack.wire.udp import HEADER_LENGTH as UDP_HEADER

RENO: Final = "sysctl -q -w net.ipv4.tcp_congestion_control=reno"  # the only one that both sides have
_ANY: Final = "0.0.0.0"
_USUAL_TTL: Final = 64
_BLANK: Final = bytes(ETH_HLEN - 2) + ETH_P_IP.to_bytes(2, "big")

End = tuple[int, int]  # address and port


class Untold(Exception):
    """No call makes such a packet; the text says of what kind it is."""


class Sockets:
    """Those of one flow, by their own ends."""

    def __init__(self) -> None:
        self._names: dict[End, str] = {}
        self._waiting: set[End] = set()  # listeners whose connection nobody has accepted yet
        self._numbers = FirstNumbers()
        self.uses_tcp = False

    def sent(self, packet: bytes, mark: int) -> Iterator[Step]:
        """A packet that a program made. Raises Untold."""
        header = ipv4.parse(packet, 0)
        if isinstance(header, Malformed) or header.is_fragment:
            raise Untold("a piece of a packet")
        body = packet[header.ihl : header.tot_len]
        if header.protocol == IPPROTO_UDP and len(body) >= UDP_HEADER:
            return self._datagram(header, body, mark)
        if header.protocol == IPPROTO_TCP and len(body) >= tcp.HEADER_LENGTH:
            self._numbers.note(_BLANK + packet)
            return self._segment(header, body, mark)
        if header.protocol == IPPROTO_ICMP and body[:1] == bytes([icmp.ICMP_ECHO]):
            return iter([_ping(header, body, mark)])
        raise Untold(f"a packet of protocol {header.protocol}")

    def taken(self, packet: bytes) -> Iterator[Step]:
        """A packet that some program took: it must have somebody who takes it. Its beginning is enough."""
        protocol, body = packet[9], packet[(packet[0] & 15) * 4 :]
        end = int.from_bytes(packet[16:20], "big"), _ports(body)[1]
        if end in self._names:
            return
        if protocol == IPPROTO_UDP:
            yield from self._opened(end, "udp", _ANY)
        elif protocol == IPPROTO_TCP and _flags(body) & (tcp.SYN | tcp.ACK) == tcp.SYN:
            yield from self._opened(end, "tcp", address_text(end[0]))
            yield Call(f"{self._names[end]} listen 8")
            self._waiting.add(end)

    def relative(self, frame: bytes) -> bytes:
        """A frame that answers them, with numbers that count from their first ones."""
        return self._numbers.relative(frame)

    def _opened(self, end: End, kind: str, address: str, mark: int = 0, ttl: int = 0) -> Iterator[Step]:
        name = self._names[end] = f"{kind}{len(self._names) + 1}"
        self.uses_tcp |= kind == "tcp"
        yield Call(f"{name} socket {kind}")
        if kind == "udp":
            yield Call(f"{name} set SO_BROADCAST 1")
        if mark:
            yield Call(f"{name} set SO_MARK {mark}")
        if ttl and ttl != _USUAL_TTL:
            yield Call(f"{name} set IP_TTL {ttl}")
        yield Call(f"{name} bind {address} {end[1]}")

    def _datagram(self, header: Ipv4Header, body: bytes, mark: int) -> Iterator[Step]:
        sport, dport = _ports(body)
        end = header.saddr, sport
        if end not in self._names:
            yield from self._opened(end, "udp", address_text(header.saddr), mark, header.ttl)
        text = _text(body[UDP_HEADER:])
        yield Call(f"{self._names[end]} sendto {address_text(header.daddr)} {dport} {text}")

    def _segment(self, header: Ipv4Header, body: bytes, mark: int) -> Iterator[Step]:
        sport, dport = _ports(body)
        flags, end = _flags(body), (header.saddr, sport)
        if flags & tcp.SYN:
            if not flags & tcp.ACK:  # else it is the listener's answer
                yield from self._opened(end, "tcp", address_text(header.saddr), mark, header.ttl)
                yield Call(f"{self._names[end]} connect {address_text(header.daddr)} {dport}")
            return
        if end not in self._names:
            raise Untold("a segment of a connection that began before")
        if end in self._waiting:
            self._waiting.remove(end)
            yield Call(f"{self._names[end]} accept one")
            self._names[end] = "one"
        name, octets = self._names[end], len(body) - (body[12] >> 4) * 4
        if octets > 0:
            yield Call(f"{name} send x*{octets}")
        if flags & tcp.RST:
            yield Call(f"{name} set SO_LINGER 1 0")
            yield Call(f"{name} close")
        elif flags & tcp.FIN:
            yield Call(f"{name} shutdown wr")


def _ping(header: Ipv4Header, body: bytes, mark: int) -> Run:
    """Its answer, if one came, comes as a frame."""
    words = f"ping -c 1 -W 0.1 -e {int.from_bytes(body[4:6], 'big')} -s {len(body) - icmp.HEADER_LENGTH}"
    words += f" -t {header.ttl}" if header.ttl != _USUAL_TTL else ""
    words += f" -m {mark}" if mark else ""
    return Run(f"{words} -I {address_text(header.saddr)} {address_text(header.daddr)}")


def _ports(body: bytes) -> tuple[int, int]:
    return int.from_bytes(body[:2], "big"), int.from_bytes(body[2:4], "big")


def _flags(body: bytes) -> int:
    return body[13] if len(body) > 13 else 0


def _text(payload: bytes) -> str:
    """The payload itself if it is one word, else as many octets."""
    text = payload.decode("latin-1")
    is_word = text.isascii() and text.isalnum()
    return text if is_word else f"x*{len(payload)}"
