"""Large segments and unfinished checksums: what a device cannot do is done in software, as the kernel does
it.
"""

import errno
import fcntl
import os
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.device import FEATURE_ALL, FEATURE_CSUM
from pystack.drivers.tap_open import TUN_F_CSUM, TUNSETOFFLOAD, open_tap
from pystack.drop import SKB_CSUM, SKB_GSO_SEG
from pystack.host import Host
from pystack.l2.offload import is_believable, prepare_for
from pystack.l2.port import PortDevice
from pystack.packet import Packet
from pystack.wire import ipv4, tcp, udp
from pystack.wire.checksum import verifies
from pystack.wire.virtio import (
    DATA_VALID,
    GSO_ECN,
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP,
    GSO_UDP_L4,
    HEADER_LENGTH,
    NEEDS_CSUM,
    NONE,
    Offload,
    build_header,
    parse_header,
)
from tests.drivers.kernel import drain, kernel_namespace
from tests.frames import echo_frame
from tests.l2.large_frames import MACS, Large, draw, tcp_frame, udp_frame

TEXT = bytes(range(256)) * 12


class Way:
    """A port by which packets leave, and what became of them."""

    def __init__(self, features: int = 0) -> None:
        self.host = Host(seed=1)
        self.port: PortDevice = self.host.init.add_port("p", MACS[6:])
        self.port.features = features
        self.host.init.devices.set_up(self.port)

    def send(self, frame: bytes, offload: Offload) -> list[tuple[bytes, Offload]]:
        """What comes out for a frame, each piece with what it still owes."""
        self.host.outcomes.received += 1
        self.port.net.egress.dev_queue_xmit(Packet(frame, self.port, offload))
        sent = [(bytes(piece), left) for piece, left in self.port.tx]
        self.port.tx.clear()
        assert self.host.outcomes.outstanding() == 0
        return sent

    def frames(self, large: Large) -> list[bytes]:
        return [frame for frame, _ in self.send(large.frame, large.offload)]


def u16(frame: bytes, at: int) -> int:
    return int.from_bytes(frame[at : at + 2], "big")


def scapy_frame(frame: bytes) -> bytes:
    """The same with every length and checksum worked out by scapy."""
    from scapy.layers.inet import IP, TCP, UDP
    from scapy.layers.inet6 import IPv6
    from scapy.layers.l2 import Ether

    parsed = Ether(frame)
    for layer, fields in (
        (IP, ("len", "chksum")),
        (IPv6, ("plen",)),
        (TCP, ("chksum",)),
        (UDP, ("len", "chksum")),
    ):
        for field in fields:
            if layer in parsed:
                delattr(parsed[layer], field)
    return bytes(parsed)


# --- checksums ------------------------------------------------------------------------------------------


def test_a_packet_that_owes_nothing_goes_as_it_is() -> None:
    way = Way()
    pkt = Packet(echo_frame(), way.port, NONE)
    assert list(prepare_for(way.port, pkt, way.host.init.drop, way.host.outcomes)) == [pkt]


@pytest.mark.parametrize("version", [4, 6])
def test_an_owed_checksum_is_computed_for_a_device_that_cannot(version: int) -> None:
    large = tcp_frame(b"hello", 1448, version=version)
    offload = Offload(NEEDS_CSUM, csum_start=large.offload.csum_start, csum_offset=16)
    assert Way().send(large.frame, offload) == [(scapy_frame(large.frame), NONE)]


def test_an_owed_checksum_is_left_to_a_device_that_can() -> None:
    large = tcp_frame(b"hello", 1448)
    offload = Offload(NEEDS_CSUM, csum_start=34, csum_offset=16)
    assert Way(FEATURE_CSUM).send(large.frame, offload) == [(large.frame, offload)]


def test_a_checksum_of_zero_is_written_as_its_other_form() -> None:
    large = udp_frame(b"\0\0", 1448)
    zero = 0xFFFF ^ u16(Way().frames(Large(large.frame, _checksum_only(large), 34, 42))[0], 40)
    payload = (0xFFFF ^ zero).to_bytes(2, "big")  # brings the sum to 0xFFFF, so that its complement is 0
    (sent,) = Way().frames(Large(large.frame[:-2] + payload, _checksum_only(large), 34, 42))
    assert u16(sent, 40) == 0xFFFF


def _checksum_only(large: Large) -> Offload:
    return Offload(NEEDS_CSUM, csum_start=large.offload.csum_start, csum_offset=large.offload.csum_offset)


def test_other_holders_of_the_octets_do_not_see_the_checksum() -> None:
    way, large = Way(), tcp_frame(b"hello", 1448)
    pkt = Packet(bytearray(large.frame), way.port, _checksum_only(large))
    twin = pkt.clone()
    way.host.outcomes.received += 1
    way.port.net.egress.dev_queue_xmit(pkt)
    assert twin.data == large.frame


def test_a_frame_behind_headroom_is_finished_in_its_place() -> None:
    way, large = Way(), tcp_frame(TEXT, 1448)
    for offload in (large.offload, _checksum_only(large)):
        pkt = Packet(bytes(6) + large.frame, way.port, offload)
        pkt.mac_header = 6
        found = list(prepare_for(way.port, pkt, way.host.init.drop, way.host.outcomes))
        assert [bytes(piece.frame()) for piece in found] == [
            frame for frame, _ in Way().send(large.frame, offload)
        ]


def test_a_checksum_outside_of_the_frame_is_refused_by_name() -> None:
    way = Way()
    assert way.send(echo_frame(), Offload(NEEDS_CSUM, csum_start=40, csum_offset=9)) == []
    assert way.host.outcomes.dropped == {SKB_CSUM: 1}
    assert way.port.stats.tx_dropped == 1


# --- large segments -------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 6])
def test_a_large_tcp_segment_is_cut_into_segments_that_carry_its_payload(version: int) -> None:
    large = tcp_frame(TEXT, 1000, version=version, seq=0xFFFFFF00, flags=tcp.ACK)
    sent = Way().frames(large)
    assert b"".join(frame[large.payload :] for frame in sent) == TEXT
    assert [len(frame) - large.payload for frame in sent] == [1000, 1000, 1000, 72]
    assert [int.from_bytes(frame[large.transport + 4 : large.transport + 8], "big") for frame in sent] == [
        0xFFFFFF00,
        0x2E8,
        0x6D0,
        0xAB8,
    ]
    assert sent == [scapy_frame(frame) for frame in sent]


def test_each_segment_has_an_ip_id_of_its_own() -> None:
    sent = Way().frames(tcp_frame(TEXT, 1000, id=0xFFFE))
    assert [u16(frame, 18) for frame in sent] == [0xFFFE, 0xFFFF, 0, 1]
    assert all(verifies(frame[14:34]) for frame in sent)


def test_push_and_fin_are_on_the_last_segment_and_congestion_reduced_on_the_first() -> None:
    everything = tcp.FIN | tcp.PSH | tcp.ACK | tcp.CWR | tcp.ECE
    sent = Way().frames(tcp_frame(TEXT, 1100, flags=everything))
    middle = tcp.ACK | tcp.ECE
    assert [frame[34 + 13] for frame in sent] == [
        middle | tcp.CWR,
        middle,
        middle | tcp.FIN | tcp.PSH,
    ]


def test_a_large_udp_datagram_is_cut_into_datagrams() -> None:
    large = udp_frame(TEXT, 1000)
    sent = Way().frames(large)
    assert b"".join(frame[large.payload :] for frame in sent) == TEXT
    assert [u16(frame, large.transport + 4) for frame in sent] == [1008, 1008, 1008, 80]
    assert sent == [scapy_frame(frame) for frame in sent]


def test_a_datagram_for_fragmentation_is_cut_into_fragments_of_one_id() -> None:
    large = udp_frame(TEXT, 1480, kind=GSO_UDP)
    pieces = Way().send(large.frame, large.offload)
    sent = [frame for frame, _ in pieces]
    assert [u16(frame, 20) for frame in sent] == [ipv4.IP_MF, 185 | ipv4.IP_MF, 370]
    assert len({u16(frame, 18) for frame in sent}) == 1
    datagram = b"".join(frame[34:] for frame in sent)
    length = (20 + len(datagram)).to_bytes(2, "big")
    whole = sent[0][:16] + length + sent[0][18:20] + b"\0\0" + sent[0][22:34] + datagram
    assert scapy_frame(whole)[34:] == datagram
    assert {left.flags for _, left in pieces} == {DATA_VALID}


def test_a_device_that_only_checksums_gets_segments_that_owe_theirs() -> None:
    large = tcp_frame(TEXT, 1000)
    pieces = Way(FEATURE_CSUM).send(large.frame, large.offload)
    assert {(left.flags, left.gso_type, left.csum_start, left.csum_offset) for _, left in pieces} == {
        (NEEDS_CSUM, 0, 34, 16)
    }
    assert [Way().send(frame, left)[0][0] for frame, left in pieces] == Way().frames(large)


def test_a_device_that_cuts_itself_gets_the_large_segment_whole() -> None:
    for large in (tcp_frame(TEXT, 1000), tcp_frame(TEXT, 1000, version=6), udp_frame(TEXT, 1000)):
        assert Way(FEATURE_ALL).send(large.frame, large.offload) == [(large.frame, large.offload)]


def test_the_pieces_are_counted_as_split_and_sent() -> None:
    way, large = Way(), tcp_frame(TEXT, 1000)
    way.send(large.frame, large.offload)
    assert (way.host.outcomes.split, way.host.outcomes.transmitted) == (3, 4)
    assert (way.port.stats.tx_packets, way.port.stats.tx_bytes) == (4, 4 * large.payload + len(TEXT))


def test_a_segment_that_is_not_large_goes_as_it_is_with_its_checksum() -> None:
    large = tcp_frame(b"x" * 1000, 1000)
    assert Way().send(large.frame, large.offload) == [(scapy_frame(large.frame), NONE)]
    (sent,) = Way(FEATURE_CSUM).send(large.frame, large.offload)
    assert sent[1].gso_type == 0


def spoilt(large: Large, at: int, octet: int) -> Large:
    frame = bytearray(large.frame)
    frame[at] = octet
    return Large(bytes(frame), large.offload, large.transport, large.payload)


def owing(large: Large, start: int, offset: int) -> Large:
    was = large.offload
    offload = Offload(was.flags, was.gso_type, was.hdr_len, was.gso_size, start, offset)
    return Large(large.frame, offload, large.transport, large.payload)


@pytest.mark.parametrize(
    "large",
    [
        spoilt(tcp_frame(TEXT, 1000), 12, 0x09),  # no IP
        spoilt(tcp_frame(TEXT, 1000), 14, 0x44),  # a header of 16 octets
        spoilt(tcp_frame(TEXT, 1000), 23, 17),  # UDP
        spoilt(tcp_frame(TEXT, 1000), 46, 0x40),  # a TCP header of 16 octets
        spoilt(udp_frame(TEXT, 1000), 23, 6),  # TCP
        spoilt(tcp_frame(TEXT, 1000, version=6), 13, 0),  # IPv4, says the type
        spoilt(tcp_frame(TEXT, 1000, version=6), 20, 60),  # options, whose length is the source port
        owing(tcp_frame(TEXT, 1000), 35, 16),
        owing(udp_frame(TEXT, 1000), 33, 6),
        Large(tcp_frame(b"", 1).frame[:40] + bytes(80), tcp_frame(b"", 9).offload, 34, 54),
        Large(MACS + b"\x81\0\0\5" * 30, tcp_frame(b"", 9).offload, 34, 54),
    ],
)
def test_a_large_segment_that_cannot_be_cut_is_refused_by_name(large: Large) -> None:
    way = Way()
    assert way.frames(large) == []
    assert way.host.outcomes.dropped == {SKB_GSO_SEG: 1}
    assert way.port.stats.tx_dropped == 1


@given(st.randoms(use_true_random=False), st.booleans(), st.sampled_from([0, FEATURE_CSUM, FEATURE_ALL]))
def test_whatever_is_believable_is_sent_or_refused_and_never_lost(
    random: Random, mutate: bool, features: int
) -> None:
    large = draw(random, mutate=mutate)
    if not is_believable(large.frame, large.offload):
        return
    way = Way(features)
    way.port.tx_queue_len = 1 << 20
    sent = way.send(large.frame, large.offload)
    assert sent or set(way.host.outcomes.dropped) <= {SKB_GSO_SEG, SKB_CSUM}


# --- what can be believed -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("offload", "believable"),
    [
        (Offload(), True),
        (Offload(DATA_VALID), True),
        (Offload(hdr_len=54), True),
        (Offload(hdr_len=13), False),  # less than a link header
        (Offload(hdr_len=1055), False),  # more than the frame
        (Offload(NEEDS_CSUM, csum_start=34, csum_offset=16), True),
        (Offload(NEEDS_CSUM, csum_start=1036, csum_offset=16), True),
        (Offload(NEEDS_CSUM, csum_start=1037, csum_offset=16), False),  # the field is beyond the end
        (Offload(NEEDS_CSUM, csum_start=19, csum_offset=16), False),  # within the IP header
        (Offload(NEEDS_CSUM, GSO_TCPV4, 54, 500, 34, 16), True),
        (Offload(NEEDS_CSUM, GSO_TCPV4 | GSO_ECN, 54, 500, 34, 16), True),
        (Offload(0, GSO_TCPV4, 54, 500), True),
        (Offload(NEEDS_CSUM, GSO_TCPV4, 54, 0, 34, 16), False),  # cut into nothing
        (Offload(NEEDS_CSUM, GSO_TCPV4, 54, 0xFFFF, 34, 16), False),  # Linux: GSO_BY_FRAGS
        (Offload(NEEDS_CSUM, GSO_TCPV4, 54, 500, 34, 6), False),  # UDP's field
        (Offload(NEEDS_CSUM, GSO_TCPV4, 54, 500, 1035, 16), False),  # no room for a TCP header
        (Offload(NEEDS_CSUM, GSO_TCPV6, 74, 500, 39, 16), False),  # within the IPv6 header
        (Offload(NEEDS_CSUM, GSO_TCPV6, 74, 500, 54, 16), True),
        (Offload(NEEDS_CSUM, GSO_UDP, 42, 500, 34, 6), True),
        (Offload(NEEDS_CSUM, GSO_UDP_L4, 42, 500, 34, 6), True),
        (Offload(NEEDS_CSUM, GSO_UDP_L4 | GSO_ECN, 42, 500, 34, 6), False),
        (Offload(0, GSO_UDP_L4, 42, 500), False),
        (Offload(NEEDS_CSUM, GSO_UDP_L4, 42, 500, 34, 16), False),
        (Offload(NEEDS_CSUM, GSO_UDP_L4, 42, 7, 34, 6), False),  # more than 128 datagrams
        (Offload(NEEDS_CSUM, 2, 54, 500, 34, 16), False),  # no such type
    ],
)
def test_an_offload_header_is_believed_only_if_it_can_be_true(offload: Offload, believable: bool) -> None:
    assert is_believable(bytes(1054), offload) is believable


# --- against the kernel ---------------------------------------------------------------------------------


@pytest.mark.root
@pytest.mark.parametrize("features", [0, FEATURE_CSUM], ids=["finished", "owing"])
def test_the_kernel_cuts_and_refuses_the_same_frames_in_the_same_way(
    features: int, scaled: Callable[[int], int]
) -> None:
    """A bridge of the kernel's between a TAP that may send large frames and one that takes none."""
    random, differences = Random(4), []
    with kernel_namespace() as kernel:
        come, go = (open_tap(name, kernel.name) for name in ("come", "go"))
        fcntl.ioctl(go.fd, TUNSETOFFLOAD, TUN_F_CSUM if features else 0)
        kernel.sh(
            "ip link add br0 type bridge mcast_snooping 0; "
            "for dev in come go; do ip link set $dev mtu 65521 master br0; "
            "bridge link set dev $dev learning off; done; ip link set br0 mtu 65521 up"
        )
        for number in range(scaled(20_000)):
            large = draw(random, mutate=number % 2 == 1)
            if len(large.frame) > 900 * max(large.offload.gso_size, 1):
                continue  # more frames than a TAP's queue holds
            if large.offload.gso_type & ~GSO_ECN == GSO_UDP and large.frame[12:14] != b"\x08\0":
                continue  # UFO over IPv6: we refuse it by name
            theirs = through_the_kernel(come.fd, go.fd, large)
            ours = through_us(features, large)
            if ours != theirs:
                differences.append((large.frame[:100].hex(), large.offload, ours, theirs))
        os.close(come.fd)
        os.close(go.fd)
    assert not differences, differences[0]


def through_the_kernel(come: int, go: int, large: Large) -> list[tuple[bytes, bytes]] | None:
    """The frames with what they owe, None if the kernel does not take the large one."""
    try:
        os.writev(come, (build_header(large.offload), large.frame))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return None
    found = []
    for data in drain(go):
        header = parse_header(data)
        assert isinstance(header, Offload)
        found.append((debts(header), data[HEADER_LENGTH:]))
    return found


def through_us(features: int, large: Large) -> list[tuple[bytes, bytes]] | None:
    if not is_believable(large.frame, large.offload):
        return None
    way = Way(features)
    return [(debts(left), frame) for frame, left in way.send(large.frame, large.offload)]


def debts(offload: Offload) -> bytes:
    """What the header says that is not a hint."""
    owes = offload.flags & NEEDS_CSUM
    start, field = (offload.csum_start, offload.csum_offset) if owes else (0, 0)
    return build_header(Offload(offload.flags, offload.gso_type, csum_start=start, csum_offset=field))


def test_the_lengths_that_large_frames_are_made_with_are_right() -> None:
    assert udp_frame(b"", 1).payload == 14 + ipv4.HEADER_LENGTH + udp.HEADER_LENGTH
