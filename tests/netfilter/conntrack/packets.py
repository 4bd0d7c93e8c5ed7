"""Packets of every protocol that is tracked, by chance: few addresses and ports, so that they meet."""

from __future__ import annotations

from random import Random

from pystack.netfilter.conntrack.tuples import Tuple, inverted, of_packet, read
from pystack.wire import checksum, icmp, ipv4, tcp, udp
from pystack.wire.crc32c import crc32c
from pystack.wire.tcp import ACK, RST, SYN, TcpHeader
from tests.frames import datagram, ip
from tests.netfilter.conntrack.router import LEFT, RIGHT

ADDRESSES = (ip(LEFT), ip(RIGHT))
PORTS = (1000, 2000)
CHUNKS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 14, 99)
USUAL = (
    [(0, (1,)), (1, (2,)), (0, (10,)), (1, (11,)), (0, (0,)), (1, (3,)), (0, (7,)), (1, (8,)), (0, (14,))],
    [(0, (1,)), (1, (2,)), (0, (10, 0)), (1, (11, 3)), (0, (6,)), (0, (1,))],
    [(0, (4,)), (1, (5,)), (0, (0,)), (1, (3,))],
    [(0, (1,)), (1, (1,)), (0, (2,)), (1, (2,)), (0, (10,)), (1, (11,)), (0, (4,)), (1, (5,))],
)


class Mix:
    """Draws one packet after another, and remembers what ICMP errors could be about."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.sent: list[tuple[int, bytes]] = []
        self.tags = [self.chance.getrandbits(32) | 1 for _ in range(2)]  # of SCTP's two ends
        self.script = list(self.chance.choice(USUAL))

    def packet(self) -> tuple[int, bytes]:
        """From which side, and the packet."""
        chance = self.chance
        kinds = (
            self._udp,
            self._query,
            self._error,
            self._gre,
            self._sctp,
            self._other,
            self._tcp,
            self._udplite,
        )
        side, packet = chance.choices(kinds, (4, 3, 4, 2, 6, 1, 1, 2))[0]()
        if chance.random() < 0.03:
            packet = packet[: chance.randrange(20, len(packet) + 1)]
            packet = _with_length(packet)
        self.sent.append((side, packet))
        return side, packet

    def _send(self, side: int, payload: bytes, protocol: int) -> tuple[int, bytes]:
        source, destination = ADDRESSES[side], ADDRESSES[1 - side]
        return side, datagram(payload, protocol, src=source, dst=destination)

    def _udp(self) -> tuple[int, bytes]:
        chance, side = self.chance, self.chance.randrange(2)
        ports = chance.choice(PORTS), chance.choice(PORTS)
        payload = udp.build(*ports, bytes(chance.randrange(9)), ADDRESSES[side], ADDRESSES[1 - side])
        if chance.random() < 0.1:
            bad = chance.choice((b"\0\0", b"\x12\x34"))
            payload = payload[:6] + bad + payload[8:]
        if chance.random() < 0.05:
            payload = payload[:4] + chance.choice((0, 7, 100)).to_bytes(2, "big") + payload[6:]
        return self._send(side, payload, ipv4.IPPROTO_UDP)

    def _udplite(self) -> tuple[int, bytes]:
        """Its sum right as Linux has it, right as its RFC has it, wrong, missing; over all or a part."""
        chance, side = self.chance, self.chance.randrange(2)
        length = 8 + chance.randrange(9)
        covered = chance.choice((0, 8, length, length, length - 1, length + 1, 7, 3))
        segment = bytes((3, 232, 7, 208)) + covered.to_bytes(2, "big") + bytes(2) + bytes(range(length - 8))
        protocol = chance.choice((ipv4.IPPROTO_UDP,) * 4 + (136,))
        pseudo = checksum.pseudo_header_sum(ADDRESSES[side], ADDRESSES[1 - side], protocol, length)
        check = 0xFFFF ^ checksum.add(pseudo, checksum.ones_sum(segment[: covered or length]))
        check = chance.choice((check,) * 6 + (0, 0x1234))
        return self._send(side, segment[:6] + check.to_bytes(2, "big") + segment[8:], 136)

    def _query(self) -> tuple[int, bytes]:
        chance = self.chance
        kind = chance.choice((8, 8, 8, 0, 0, 13, 14, 15, 16, 17, 18, 9, 10, 1, 19, 30))
        code = chance.choice((0, 0, 0, 1))
        payload = icmp.build(kind, code, chance.choice((1, 2)), 7, b"abcd")
        if chance.random() < 0.05:
            payload = payload[:2] + b"\x12\x34" + payload[4:]
        return self._send(chance.randrange(2), payload, ipv4.IPPROTO_ICMP)

    def _error(self) -> tuple[int, bytes]:
        """About something that was sent, most often by the one who gets it."""
        chance = self.chance
        if not self.sent:
            return self._query()
        side, about = chance.choice(self.sent)
        teller = 1 - side if chance.random() < 0.8 else side
        kind, code = chance.choice(((3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (4, 0), (5, 1)))
        quoted = about[: chance.choice((28, 28, 48, 100, 24, 20, 10))]
        if chance.random() < 0.05:
            quoted = quoted[:6] + b"\x00\x10" + quoted[8:]  # a later fragment
        return self._send(teller, icmp.build(kind, code, 0, 0, quoted), ipv4.IPPROTO_ICMP)

    def _gre(self) -> tuple[int, bytes]:
        chance = self.chance
        header = chance.choice((b"\0\0\x08\0", b"\x20\x01\x88\x0b", b"\x20\x01\x08\0", b"\x20\x02\x88\x0b"))
        return self._send(chance.randrange(2), header + b"\0\4\0\7" + bytes(4), 47)

    def _other(self) -> tuple[int, bytes]:
        return self._send(self.chance.randrange(2), bytes(20), self.chance.choice((50, 51, 99, 4, 33)))

    def _tcp(self) -> tuple[int, bytes]:
        chance, side = self.chance, self.chance.randrange(2)
        fields = TcpHeader(
            1000, 2000, seq=5, ack=6, flags=chance.choice((SYN, SYN | ACK, ACK, RST)), window=100
        )
        if side:
            fields.sport, fields.dport = fields.dport, fields.sport
        segment = tcp.build(fields, b"", ADDRESSES[side], ADDRESSES[1 - side])
        return self._send(side, segment, ipv4.IPPROTO_TCP)

    def _sctp(self) -> tuple[int, bytes]:
        chance = self.chance
        if self.script and chance.random() < 0.8:
            side, kinds = self.script.pop(0)
        else:
            side = chance.randrange(2)
            kinds = tuple(chance.choices(CHUNKS, k=chance.choice((1, 1, 1, 2, 3))))
        ports = PORTS if side == 0 else PORTS[::-1]
        tag = 0 if kinds[0] == 1 else self.tags[1 - side]
        if chance.random() < 0.08:
            tag = chance.choice((0, 1, self.tags[side]))
        chunks = b"".join(self._chunk(side, kind) for kind in kinds)
        head = ports[0].to_bytes(2, "big") + ports[1].to_bytes(2, "big") + tag.to_bytes(4, "big")
        check = crc32c(head + bytes(4) + chunks).to_bytes(4, "little")
        if chance.random() < 0.03:
            check = bytes(4)
        return self._send(side, head + check + chunks, 132)

    def _chunk(self, side: int, kind: int) -> bytes:
        chance = self.chance
        body = (
            self.tags[side].to_bytes(4, "big") + bytes(12) if kind in (1, 2) else bytes(chance.randrange(5))
        )
        if kind in (1, 2) and chance.random() < 0.05:
            body = body[:10]
        flags = chance.choice((0, 0, 1))
        length = 0 if chance.random() < 0.02 else 4 + len(body)
        return bytes((kind, flags)) + length.to_bytes(2, "big") + body + bytes(-len(body) & 3)


def _with_length(packet: bytes) -> bytes:
    """A packet that was cut, whole again for IP."""
    header = ipv4.parse(packet + bytes(65535), 0)
    assert isinstance(header, ipv4.Ipv4Header)
    return ipv4.build(header, len(packet) - header.ihl) + packet[header.ihl :]


def flow_of(packet: bytes) -> Tuple | None:
    """What to ask both sides for after a packet."""
    key = of_packet(packet, 0, 20, packet[9])
    return None if key is None or inverted(key) is None else read(key)
