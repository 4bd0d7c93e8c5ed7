"""Large frames as a guest's TCP or UDP hands them to its card, well formed or not, drawn from a seed."""

from dataclasses import dataclass
from random import Random

from pystack.wire import ipv4, tcp, udp
from pystack.wire.ethernet import ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6
from pystack.wire.virtio import GSO_ECN, GSO_TCPV4, GSO_TCPV6, GSO_UDP, GSO_UDP_L4, NEEDS_CSUM, Offload

MACS = bytes.fromhex("020000000077020000000078")


@dataclass
class Large:
    """A frame, and what its virtio header says of it."""

    frame: bytes
    offload: Offload
    transport: int  # where its TCP or UDP header is
    payload: int


def tcp_header(*, seq: int = 1, flags: int = tcp.ACK, options: bytes = b"", check: int = 0) -> bytes:
    offset = (tcp.HEADER_LENGTH + len(options)) << 2
    return tcp.HEADER.pack(1, 2, seq, 5, offset, flags, 9, check, 0) + options


def ipv4_header(length: int, protocol: int, *, id: int = 7, frag_off: int = 0) -> bytes:
    header = ipv4.Ipv4Header(0x0A000001, 0x0A000002, protocol, id=id, frag_off=frag_off)
    return ipv4.build(header, length)


def ipv6_header(length: int, protocol: int) -> bytes:
    fields = (6 << 28).to_bytes(4, "big") + (length & 0xFFFF).to_bytes(2, "big") + bytes([protocol, 64])
    return fields + bytes(15) + b"\x01" + bytes(15) + b"\x02"


def tcp_frame(payload: bytes, gso_size: int, *, version: int = 4, id: int = 7, **header: int) -> Large:
    """A large TCP segment that owes its checksum; the field holds the pseudo-header's sum."""
    segment = tcp_header(**header)  # type: ignore[arg-type]
    length = len(segment) + len(payload)
    if version == 4:
        network, kind = ipv4_header(length, ipv4.IPPROTO_TCP, id=id), GSO_TCPV4
    else:
        network, kind = ipv6_header(length, ipv4.IPPROTO_TCP), GSO_TCPV6
    ethernet = MACS + (ETH_P_IP if version == 4 else ETH_P_IPV6).to_bytes(2, "big")
    start = len(ethernet + network)
    offload = Offload(NEEDS_CSUM, kind, start + len(segment), gso_size, start, tcp.CHECK_OFFSET)
    addresses = network[12:20] if version == 4 else network[8:40]
    owed = (int.from_bytes(addresses, "big") + ipv4.IPPROTO_TCP + length) % 0xFFFF
    segment = tcp_header(**header, check=owed)  # type: ignore[arg-type]
    return Large(ethernet + network + segment + payload, offload, start, start + len(segment))


def udp_frame(payload: bytes, gso_size: int, kind: int = GSO_UDP_L4) -> Large:
    """A large UDP datagram over IPv4."""
    length = udp.HEADER_LENGTH + len(payload)
    network = ipv4_header(length, ipv4.IPPROTO_UDP)
    owed = (int.from_bytes(network[12:20], "big") + ipv4.IPPROTO_UDP + length) % 0xFFFF
    start = 14 + len(network)
    frame = MACS + ETH_P_IP.to_bytes(2, "big") + network + udp.HEADER.pack(5000, 53, length, owed) + payload
    offload = Offload(NEEDS_CSUM, kind, start + 8, gso_size, start, udp.CHECK_OFFSET)
    return Large(frame, offload, start, start + udp.HEADER_LENGTH)


def draw(random: Random, *, mutate: bool) -> Large:
    """Any large frame; with `mutate`, one that may be of no sense at all."""
    is_tcp, version, tag = random.random() < 0.65, random.choice((4, 4, 6)), random.random() < 0.2
    size = random.choice((8, 100, 536, 1448, 1460, random.randint(8, 1500)))
    payload = random.randbytes(random.randint(0, min(60000, size * random.choice((1, 2, 3, 5, 44)))))
    check = random.choice((0, 0xFFFF, random.randint(0, 0xFFFF)))
    if is_tcp:
        options = random.randbytes(random.choice((0, 12, 40)))
        seq = random.choice((0, 0xFFFFFFFB, random.getrandbits(32)))
        header = tcp_header(seq=seq, flags=random.randint(0, 255), options=options, check=check)
        protocol, kind, field = ipv4.IPPROTO_TCP, GSO_TCPV4 if version == 4 else GSO_TCPV6, tcp.CHECK_OFFSET
        kind |= random.choice((0, 0, GSO_ECN))
    else:
        length = random.choice((8 + len(payload), random.randint(0, 0xFFFF))) & 0xFFFF
        header = udp.HEADER.pack(random.randint(0, 0xFFFF), 53, length, check)
        protocol, field = ipv4.IPPROTO_UDP, udp.CHECK_OFFSET
        kind = random.choice((GSO_UDP_L4, GSO_UDP)) if version == 4 else GSO_UDP_L4
    network = _network(random, version, protocol, len(header) + len(payload))
    ethertype = ETH_P_IP if version == 4 else ETH_P_IPV6
    ethernet = (
        MACS + (ETH_P_8021Q.to_bytes(2, "big") + b"\0\5" if tag else b"") + ethertype.to_bytes(2, "big")
    )
    start = len(ethernet + network)
    owes = random.random() < 0.8
    fields = [NEEDS_CSUM if owes else 0, kind, random.choice((0, start + len(header))), size]
    fields += [start, field] if owes else [0, 0]
    frame = bytearray(ethernet + network + header + payload)
    if mutate:
        _mutate(random, frame, fields)
    return Large(bytes(frame), Offload(*fields), start, start + len(header))


def _network(random: Random, version: int, protocol: int, length: int) -> bytes:
    if version == 4:
        options = random.randbytes(random.choice((0, 0, 4)))
        header = ipv4.Ipv4Header(
            random.getrandbits(32),
            random.getrandbits(32),
            protocol,
            id=random.choice((0, 0xFFFF, random.randint(0, 0xFFFF))),
            frag_off=random.choice((0, ipv4.IP_DF)),
            options=options,
        )
        return ipv4.build(header, min(length, 0xFFFF - 24))
    if random.random() < 0.8:
        return ipv6_header(length, protocol)
    return ipv6_header(length + 8, random.choice((0, 43, 60))) + bytes([protocol]) + bytes(7)


def _mutate(random: Random, frame: bytearray, fields: list[int]) -> None:
    for _ in range(random.randint(0, 2)):
        at = random.randrange(len(fields))
        largest = 0xFF if at < 2 else 0xFFFF
        fields[at] = random.choice((0, 1, random.randint(0, 255), random.randint(0, largest)))
    fields[0] &= NEEDS_CSUM  # the others mean something on the way in only, or nothing
    for _ in range(random.choice((0, 0, 2))):
        frame[random.randrange(12, min(len(frame), 80))] = random.randint(0, 255)
    if random.random() < 0.1:
        del frame[random.randint(14, len(frame)) :]
