"""Frames of every kind that our tcpdump knows, honest ones and others, and files made of them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from struct import pack

from pystack.wire import arp, icmp, ipv4, pcap
from pystack.wire.arp import Arp
from pystack.wire.checksum import checksum
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, ETH_P_IP, ETH_P_RARP, header
from pystack.wire.ipv4 import IP_DF, IP_MF, Ipv4Header, parse_address

A = bytes.fromhex("020000000001")
B = bytes.fromhex("020000000002")
START = 1_700_000_000_123_456_000


def number(text: str) -> int:
    value = parse_address(text)
    assert value is not None
    return value


S, D = number("10.0.0.1"), number("10.0.0.2")


def ether(kind: int, payload: bytes, *, source: bytes = A, destination: bytes = B) -> bytes:
    return header(destination, source, kind) + payload


def ip(payload: bytes, protocol: int, *, destination: int = D, options: bytes = b"", **fields: int) -> bytes:
    head = Ipv4Header(S, destination, protocol, options=options, **{"id": 7, **fields})
    return ether(ETH_P_IP, ipv4.build(head, len(payload)) + payload)


def pseudo(protocol: int, length: int, destination: int = D) -> bytes:
    return pack("!IIBBH", S, destination, 0, protocol, length)


def udp(payload: bytes, sport: int = 4000, dport: int = 5000, *, check: int | None = None) -> bytes:
    head = pack("!HHHH", sport, dport, 8 + len(payload), 0)
    right = checksum(pseudo(17, 8 + len(payload)) + head + payload)
    return head[:6] + pack("!H", right if check is None else check) + payload


def tcp(
    flags: int,
    payload: bytes = b"",
    *,
    ports: tuple[int, int] = (40000, 7777),
    seq: int = 1000,
    ack: int = 0,
    options: bytes = b"",
    urgent: int = 0,
) -> bytes:
    padded = options + bytes(-len(options) % 4)
    offset = (20 + len(padded)) // 4 << 4
    head = pack("!HHIIBBHHH", *ports, seq, ack, offset, flags, 64240, 0, urgent) + padded
    right = checksum(pseudo(6, len(head) + len(payload)) + head + payload)
    return head[:16] + pack("!H", right) + head[18:] + payload


def message(type_: int, code: int, rest: bytes = bytes(4), payload: bytes = b"") -> bytes:
    body = rest + payload
    return pack("!BBH", type_, code, checksum(pack("!BBH", type_, code, 0) + body)) + body


def igmp(type_: int, code: int, group: str, more: bytes = b"") -> bytes:
    body = pack("!I", number(group)) + more
    return pack("!BBH", type_, code, checksum(pack("!BBH", type_, code, 0) + body)) + body


def arps() -> Iterator[bytes]:
    zero = bytes(6)
    for packet in (
        Arp(1, A, S, zero, D),
        Arp(2, B, D, A, S),
        Arp(1, A, S, zero, S),  # announcement
        Arp(2, A, S, A, S),
        Arp(1, A, 0, zero, D),  # probe
        Arp(1, A, S, B, D),  # asked of one
        Arp(5, A, S, B, D),
        Arp(10, A, S, B, D),
    ):
        yield ether(ETH_P_ARP, arp.build(packet), destination=BROADCAST)
        yield ether(ETH_P_ARP, arp.build(packet) + bytes(18))
    for operation in (1, 2, 3, 4, 8, 9):
        yield ether(ETH_P_RARP, arp.build(Arp(operation, A, 0, A, 0)))
    whole = arp.build(Arp(1, A, S, zero, D))
    for place, value in ((1, 6), (1, 99), (2, 0x86), (4, 0), (4, 8), (5, 6), (5, 16)):
        yield ether(ETH_P_ARP, whole[:place] + bytes((value,)) + whole[place + 1 :] + bytes(30))


def icmps() -> Iterator[bytes]:
    quote = ipv4.build(Ipv4Header(S, D, 17, id=3), 8) + udp(b"")
    tcp_quote = ipv4.build(Ipv4Header(S, D, 6, id=3), 8) + tcp(2)[:8]
    for type_ in (8, 0):
        yield ip(icmp.build(type_, 0, 1234, 5, bytes(56)), 1, frag_off=IP_DF)
    for code in range(18):
        yield ip(message(3, code, pack("!HH", 0, 1400 if code == 4 else 0), quote), 1)
        yield ip(message(3, code, bytes(4), tcp_quote), 1)
    yield ip(message(3, 3, bytes(4), quote[:9] + b"\xc8" + quote[10:]), 1)
    for code in range(6):
        yield ip(message(5, code, pack("!I", number("10.0.0.254")), quote), 1)
        yield ip(message(11, code, bytes(4), quote), 1)
        yield ip(message(12, code, b"\x14\0\0\0", quote), 1)
    yield ip(message(4, 0, bytes(4), quote), 1)
    for type_ in (10, 15, 16, 17, 1, 99, 255):
        yield ip(message(type_, 0, bytes(4), bytes(12)), 1)
    yield ip(message(18, 0, bytes(4), b"\xff\xff\xff\0"), 1)
    yield ip(message(13, 0, pack("!HH", 1, 2), pack("!III", 45_296_789, 0, 0)), 1)
    yield ip(message(14, 0, pack("!HH", 1, 2), pack("!III", 45_296_789, 45_296_790, 86_399_999)), 1)
    for lifetime, size in ((30, 2), (1800, 2), (9000, 2), (9000, 3)):
        yield ip(message(9, 0, pack("!BBH", 2, size, lifetime), pack("!IIII", S, 0, D, 5)), 1)
    broken = icmp.build(8, 0, 1, 1, b"abc")
    yield ip(broken[:2] + b"\0\0" + broken[4:], 1)
    label = pack("!HBBI", 8, 1, 1, 16006 << 12 | 3 << 9 | 0x100 | 255)
    extension = b"\x20\0" + pack("!H", checksum(b"\x20\0\0\0" + label)) + label
    yield ip(message(11, 0, bytes(4), quote.ljust(128, b"\0") + extension), 1)


def udps() -> Iterator[bytes]:
    yield ip(udp(b"hello"), 17)
    yield ip(udp(b""), 17)
    yield ip(udp(b"odd", check=0), 17)
    yield ip(udp(b"wrong", check=1), 17)
    long = udp(b"x" * 20)
    for claimed in (0, 7, 8, 20, 29, 1000):
        yield ip(long[:4] + pack("!H", claimed) + long[6:], 17)
    yield ip(long, 17, frag_off=IP_MF)
    yield ip(long, 17, frag_off=IP_MF | 100)
    yield ip(long, 17, frag_off=185)


def tcps() -> Iterator[bytes]:
    syn = b"\x02\x04\x05\xb4\x04\x02\x08\x0a" + pack("!II", 11, 0) + b"\x01\x03\x03\x07"
    stamps = b"\x01\x01\x08\x0a" + pack("!II", 12, 11)
    sack = b"\x01\x01\x05\x12" + pack("!IIII", 1501, 1601, 1701, 1801)
    there, back = (40000, 7777), (7777, 40000)
    yield ip(tcp(0x02, options=syn), 6)
    yield ip(tcp(0x12, ports=back, seq=5000, ack=1001, options=syn), 6)
    yield ip(tcp(0x10, seq=1001, ack=5001, options=stamps), 6)
    yield ip(tcp(0x18, b"x" * 100, seq=1001, ack=5001, options=stamps), 6)
    yield ip(tcp(0x10, ports=back, seq=5001, ack=1101, options=sack), 6)
    yield ip(tcp(0x10, seq=1001, ack=5001, options=sack), 6)
    yield ip(tcp(0x11, seq=1101, ack=5001), 6)
    yield ip(tcp(0x14, ports=back, seq=5001, ack=1102), 6)
    yield ip(tcp(0x04, b"Go away\x01\xff" * 5, ports=there, seq=77), 6)
    for flags in (0, 0x20, 0x29, 0x40, 0x80, 0xC2, 0xFF):
        yield ip(tcp(flags, ports=(1, 2), urgent=9), 6)
    for options in (
        b"\x06\x06abcd\x07\x06efgh\x0b\x06ijkl",
        b"\x13\x12" + bytes(16),
        b"\x14\x04\x01\x02",
        b"\x1c\x04\x80\x05",
        b"\x1c\x04\x00\x06",
        b"\x1d\x10\x01\x02" + b"mac-mac-mac-",
        b"\x1d\x03\x01",
        b"\x22\x02\x22\x06abcd",
        b"\x22\x05abc",
        b"\xfe\x04\xf9\x89",
        b"\xfe\x08\xf9\x89abcd",
        b"\xfe\x06\x12\x34ab",
        b"\xfe\x03\x01",
        b"\x63\x02\x63\x05abc",
        b"\x02\x03\x05\x01",
        b"\x02\x05\x05\xb4\x00",
        b"\x03\x04\x07\x00",
        b"\x05\x05abc",
        b"\x08\x04ab\x01",
        b"\x02\x00",
        b"\x02\x01",
        b"\x02\xff",
        b"\x01\x01\x01\x02",
        b"\x00\x02\x04",
        b"\x0d\x06abcd",
    ):
        yield ip(tcp(0x02, ports=(3, 4), options=options), 6)
    whole = tcp(0x10, b"data", ports=(5, 6))
    for offset in (0, 4, 6, 15):
        yield ip(whole[:12] + bytes((offset << 4,)) + whole[13:], 6)
    yield ip(whole[:10], 6)
    yield ip(whole[:3], 6)
    yield ip(whole, 6, frag_off=IP_MF)


def igmps() -> Iterator[bytes]:
    group = number("224.0.0.22")
    for code in (0, 100, 50, 200):
        for address in ("0.0.0.0", "239.1.2.3"):
            yield ip(igmp(0x11, code, address), 2, destination=group, ttl=1, options=b"\x94\x04\0\0")
            yield ip(igmp(0x11, code, address, b"\x02\x7d\0\0"), 2, destination=group)
            yield ip(igmp(0x11, code, address, b"\x02\x7d\0\x02" + pack("!II", S, D)), 2)
    yield ip(igmp(0x11, 255, "239.1.2.3", b"\x02\x7d\0\x09"), 2)
    yield ip(igmp(0x11, 100, "239.1.2.3", b"\x02\x7d"), 2)
    for type_ in (0x12, 0x16, 0x17, 0x99):
        yield ip(igmp(type_, 0, "239.1.2.3"), 2)
        yield ip(igmp(type_, 0, "239.1.2.3", b"more"), 2)
    for kind in range(8):
        record = pack("!BBHI", kind, 0, 1, number("239.1.2.3")) + pack("!I", S)
        yield ip(igmp(0x22, 0, "0.0.0.1", record), 2)
    yield ip(igmp(0x22, 0, "0.0.0.5", bytes(8)), 2)
    yield ip(igmp(0x22, 0, "0.0.0.1"), 2)
    for type_ in (0x1E, 0x1F):
        yield ip(igmp(type_, 0, "1.2.3.4", bytes(16)), 2)
        yield ip(igmp(type_, 0, "1.2.3.4", pack("!IIIBBH", S, D, group, 9, 0, 77)), 2)


def headers() -> Iterator[bytes]:
    """IPv4 headers that are wrong or rare."""
    whole = ip(udp(b"payload!"), 17)
    for place, value in ((14, 0x55), (14, 0x65), (14, 0x44), (14, 0x4F), (14, 0x05)):
        yield whole[:place] + bytes((value,)) + whole[place + 1 :]
    for total in (0, 10, 19, 20, 27, 28, 36, 37, 1500, 0xFFFF):
        yield whole[:16] + pack("!H", total) + whole[18:]
    for tos in (1, 2, 3, 0xB8):
        yield ip(udp(b""), 17, tos=tos)
    for offset in (0x8000, 0xE000, 0x2001, 0x1FFF):
        yield ip(udp(b"frag" * 4), 17, frag_off=offset)
    yield ip(udp(b""), 17, ttl=0)
    route = b"\x07\x0b\x08" + pack("!II", S, D)
    for options in (
        route + b"\0",
        b"\x83\x07\x04" + pack("!I", number("10.9.9.9")) + b"\0",
        b"\x89\x07\x08" + pack("!I", number("10.9.9.9")) + b"\x01",
        b"\x44\x0c\x05\x00" + pack("!II", 1, 2),
        b"\x44\x0c\x0d\x31" + pack("!II", S, 2),
        b"\x44\x0c\x07\x02" + pack("!II", S, 2),
        b"\x44\x03\x05\0",
        b"\x82\x0b" + bytes(9) + b"\0",
        b"\x94\x04\x00\x01",
        b"\x94\x02\0\0",
        b"\x07\x02\0\0",
        b"\x07\x09\x05" + bytes(6) + bytes(3),
        b"\x63\x00\0\0",
        b"\x63\x30\0\0",
        b"\x01\x01\x01\x00",
        b"\x52\x04\0\0",
    ):
        yield ip(udp(b"opts"), 17, options=options)
    for protocol in (0, 3, 59, 61, 100, 253, 255):
        yield ip(b"whatever", protocol)
    yield ip(ipv4.build(Ipv4Header(S, D, 1, id=9), 8) + icmp.build(8, 0, 1, 1, b""), 4)
    yield ip(pack("!II", 0x1234, 5) + b"secret", 50)
    yield ip(b"1234", 50)


def links() -> Iterator[bytes]:
    """What else Ethernet carries: tags, 802.3, and types that nobody knows."""
    inner = ip(udp(b"tagged"), 17)
    for tag in (b"\x81\x00", b"\x88\xa8", b"\x91\x00", b"\x92\x00"):
        for tci in (0x0001, 0xA064, 0x1FFF):
            yield inner[:12] + tag + pack("!H", tci) + inner[12:]
    yield inner[:12] + b"\x88\xa8\x00\x05\x81\x00\x00\x06" + inner[12:]
    for cut in range(14, 19):
        yield (inner[:12] + b"\x81\x00\x00\x05" + inner[12:])[:cut]
    config = bytes.fromhex("0000000000800002000000000100000000800002000000000180010000140002000f00")
    rapid = bytes.fromhex("000002027e") + config[5:] + b"\0"
    for bpdu in (
        config,
        rapid,
        bytes.fromhex("00000080"),
        b"\0\x01ab",
        b"\0\0\x09\0",
        config[:20],
        rapid[:30],
    ):
        llc = b"\x42\x42\x03" + bpdu
        yield ether(len(llc), llc + bytes(8), destination=bytes.fromhex("0180c2000000"))
    for llc in (
        b"\xaa\xaa\x03\0\0\0\x08\0" + inner[14:],
        b"\xaa\xaa\x03\0\0\0\x12\x34data",
        b"\xaa\xaa\x03\0\0\x0c\x99\x99data",
        b"\xaa\xaa\x03\x01\x02\x03\x99\x99data",
        b"\xaa\xaa\x03\0\0",
        b"\x06\x06\x03" + inner[14:],
        b"\x04\x04\x03data",
        b"\x10\x11\x03data",
        b"\x10\x20\xbf\x81\x01\x02",
        b"\x10\x21\xaf\x81\x01",
        b"\x10\x20\xaf",
        b"\x10\x20\xf3more",
        b"\x10\x20\x01\x03",
        b"\x10\x21\x05\x00",
        b"\x10\x20\x09\x04",
        b"\x10\x21\x02\x04data",
        b"\x10",
        b"\x10\x20\x00",
    ):
        yield ether(len(llc), llc + bytes(4))
    yield ether(1500, b"\x10\x20\x03short")
    yield ether(0x05FF, b"between length and type")
    for kind in (0x0600, 0x1234, 0x88B5, 0x6558, 0xFFFF):
        yield ether(kind, bytes(range(40)))
    for cut in (1, 6, 13):
        yield inner[:cut]
    yield ether(0x1234, b"")


@dataclass(frozen=True)
class Recorded:
    frame: bytes
    length: int


def cut_short(frames: Iterable[bytes]) -> Iterator[Recorded]:
    """Each frame as a small snapshot length leaves it."""
    for frame in frames:
        for kept in (20, 30, 33, 34, 35, 37, 38, 41, 42, 45, 50, 53, 54, 58, 61, 70):
            if kept < len(frame):
                yield Recorded(frame[:kept], len(frame))


def mutated(frames: Iterable[bytes], places: range, turns: int, *, seed: int) -> Iterator[Recorded]:
    """Frames with one to three octets of a region changed."""
    chance = random.Random(seed)
    for frame in frames:
        for _ in range(turns):
            copy = bytearray(frame)
            for _ in range(chance.randint(1, 3)):
                place = chance.choice(places)
                if place < len(copy):
                    copy[place] = chance.choice((0, 1, 0xFF, chance.randrange(256)))
            yield Recorded(bytes(copy), len(copy))


def whole(frames: Iterable[bytes]) -> Iterator[Recorded]:
    for frame in frames:
        yield Recorded(frame, len(frame))


def savefile(frames: Iterable[Recorded]) -> bytes:
    parts = [pcap.file_header()]
    for count, recorded in enumerate(frames):
        record = bytearray(pcap.record(START + count * 1_001_000_000, recorded.frame))
        record[12:16] = recorded.length.to_bytes(4, "little")
        parts.append(bytes(record))
    return b"".join(parts)
