"""One frame on its way: shared bytes, link headers, TTL."""

from collections.abc import Callable

import pytest

from pystack.l2.port import PortDevice
from pystack.packet import PACKET_OTHERHOST, Packet
from pystack.wire import ipv4
from pystack.wire.checksum import Buffer, checksum, verifies
from pystack.wire.ethernet import header
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.virtio import NONE, Offload
from tests.frames import ALICE_MAC, BOB_MAC, OUR_MAC, datagram, echo_frame, packet_frame

BUFFERS: dict[str, Callable[[bytes], Buffer]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "view of a bytearray": lambda data: memoryview(bytearray(data)),
}
each_buffer = pytest.mark.parametrize("buffer", BUFFERS.values(), ids=BUFFERS)
LINK = header(BOB_MAC, OUR_MAC, 0x0800)


def an_ip_packet(data: Buffer, at: int = 14) -> Packet:
    pkt = Packet(data, PortDevice("eth0", OUR_MAC))
    pkt.network_header = at
    pkt.transport_header = at + 20
    fields = ipv4.parse(data, at)
    assert isinstance(fields, Ipv4Header)
    pkt.ip = fields
    return pkt


def test_the_length_counts_from_the_link_header() -> None:
    pkt = an_ip_packet(bytes(6) + echo_frame(), 20)
    pkt.mac_header = 6
    assert len(pkt) == len(echo_frame())
    assert bytes(pkt.frame()) == echo_frame()
    assert bytes(pkt.payload()) == echo_frame()[14:]


def test_a_frame_without_headroom_is_the_very_bytes() -> None:
    data = bytearray(echo_frame())
    assert Packet(data, PortDevice("eth0", OUR_MAC)).frame() is data


# -- clones ------------------------------------------------------------------------------------------------


def test_a_clone_shares_the_bytes_until_one_of_the_two_writes() -> None:
    pkt = an_ip_packet(bytearray(echo_frame()))
    twin = pkt.clone()
    assert twin.data is pkt.data
    twin.writable()[0:6] = ALICE_MAC
    assert twin.data is not pkt.data
    assert bytes(pkt.frame()) == echo_frame()
    assert bytes(twin.frame())[:6] == ALICE_MAC


def test_the_first_of_the_two_may_be_the_one_that_writes() -> None:
    pkt = an_ip_packet(bytearray(echo_frame()))
    twin = pkt.clone()
    pkt.writable()[0] = 0x55
    assert bytes(twin.frame()) == echo_frame()


def test_a_packet_alone_writes_into_its_own_bytes() -> None:
    data = bytearray(echo_frame())
    assert an_ip_packet(data).writable() is data


@pytest.mark.parametrize("buffer", [bytes, memoryview], ids=["bytes", "memoryview"])
def test_bytes_that_cannot_change_are_copied_before_a_write(buffer: Callable[[bytes], Buffer]) -> None:
    frame = echo_frame()
    pkt = an_ip_packet(buffer(frame))
    pkt.writable()[0] ^= 0xFF
    assert frame == echo_frame()
    assert bytes(pkt.frame())[1:] == frame[1:]
    assert pkt.writable() is pkt.data


def test_a_clone_has_its_own_header_and_no_owner() -> None:
    pkt, taken_back = an_ip_packet(bytearray(echo_frame())), list[Packet]()
    pkt.mark, pkt.priority, pkt.protocol, pkt.pkt_type = 5, 6, 0x0800, PACKET_OTHERHOST
    pkt.offload = Offload(1)
    pkt.physin = pkt.dev
    pkt.bridge_cb = taken_back.append
    twin = pkt.clone()
    same = ("dev", "mark", "priority", "protocol", "pkt_type", "offload", "physin", "route", "ct", "trace")
    assert all(getattr(twin, name) is getattr(pkt, name) for name in same)
    places = ("mac_header", "network_header", "transport_header")
    assert all(getattr(twin, name) == getattr(pkt, name) for name in places)
    assert twin.sock is None
    assert twin.bridge_cb is None
    assert twin.ip is not None
    assert pkt.ip is not None
    twin.ip.ttl = 1
    assert pkt.ip.ttl == 64


def test_a_clone_of_a_packet_that_is_not_ip_has_no_header() -> None:
    assert Packet(b"", PortDevice("eth0", OUR_MAC)).clone().ip is None


# -- link headers ------------------------------------------------------------------------------------------


@each_buffer
@pytest.mark.parametrize("headroom", [14, 15, 30])
def test_a_link_header_goes_into_the_headroom(buffer: Callable[[bytes], Buffer], headroom: int) -> None:
    packet = datagram(b"x" * 8)
    pkt = an_ip_packet(buffer(bytes(headroom) + packet), headroom)
    pkt.set_mac_header(LINK)
    assert bytes(pkt.frame()) == LINK + packet
    assert pkt.mac_header == headroom - 14
    assert (pkt.network_header, pkt.transport_header) == (headroom, headroom + 20)


@each_buffer
@pytest.mark.parametrize("headroom", [0, 4, 13])
def test_without_headroom_the_packet_moves_up(buffer: Callable[[bytes], Buffer], headroom: int) -> None:
    packet = datagram(b"x" * 8)
    pkt = an_ip_packet(buffer(bytes(headroom) + packet), headroom)
    pkt.set_mac_header(LINK)
    assert bytes(pkt.frame()) == LINK + packet
    assert (pkt.mac_header, pkt.network_header, pkt.transport_header) == (0, 14, 34)
    assert bytes(pkt.payload()) == packet


@pytest.mark.parametrize("headroom", [0, 14])
def test_a_link_header_on_a_clone_leaves_the_other_alone(headroom: int) -> None:
    packet = datagram(b"x" * 8)
    pkt = an_ip_packet(bytearray(headroom) + packet, headroom)
    twin = pkt.clone()
    twin.set_mac_header(LINK)
    assert bytes(pkt.data) == bytes(headroom) + packet
    assert bytes(twin.frame()) == LINK + packet
    twin.set_mac_header(header(ALICE_MAC, OUR_MAC, 0x0800))
    assert bytes(twin.frame())[:6] == ALICE_MAC


def test_a_second_link_header_replaces_the_first() -> None:
    pkt = an_ip_packet(bytearray(packet_frame(datagram(b"x"))))
    pkt.set_mac_header(LINK)
    pkt.set_mac_header(header(ALICE_MAC, OUR_MAC, 0x0800))
    assert bytes(pkt.frame()) == packet_frame(datagram(b"x"), ALICE_MAC, OUR_MAC)


# -- TTL ---------------------------------------------------------------------------------------------------


def ip_decrease_ttl(check: int) -> int:
    """The kernel's own line, on the field as a number in network order."""
    check += 0x0100
    return (check + (check >= 0xFFFF)) & 0xFFFF


def test_a_ttl_one_less_gives_the_kernels_check_for_every_check() -> None:
    pkt = an_ip_packet(bytearray(packet_frame(datagram(b""))))
    assert pkt.ip is not None
    data = pkt.writable()
    wrong = []
    for check in range(0x10000):
        data[22], data[24:26] = 64, check.to_bytes(2, "big")
        pkt.set_ttl(63)
        if int.from_bytes(data[24:26], "big") != ip_decrease_ttl(check):
            wrong.append(check)
    assert wrong == []


@pytest.mark.parametrize("identification", [0, 0x1234, 0xA6FA, 0xFFFF])
def test_any_change_of_ttl_is_bit_for_bit_a_recomputation(identification: int) -> None:
    for old in range(256):
        for new in (0, 1, old ^ 0xFF, max(old - 1, 0), 255):
            packet = datagram(b"", ttl=old, id=identification)
            pkt = an_ip_packet(packet_frame(packet))
            pkt.set_ttl(new)
            assert bytes(pkt.payload()) == datagram(b"", ttl=new, id=identification), (old, new)
            assert pkt.ip is not None
            assert (pkt.ip.ttl, pkt.ip.check) == (new, int.from_bytes(pkt.payload()[10:12], "big"))


def test_the_ttl_of_a_clone_is_its_own() -> None:
    pkt = an_ip_packet(bytearray(echo_frame()))
    twin = pkt.clone()
    twin.set_ttl(1)
    assert bytes(pkt.frame()) == echo_frame()
    assert verifies(twin.payload()[:20])
    assert checksum(twin.payload()[:20]) == 0


def test_a_packet_that_is_not_ip_has_no_ttl_to_change() -> None:
    pkt = Packet(b"\0" * 60, PortDevice("eth0", OUR_MAC), NONE)
    pkt.set_ttl(9)
    assert bytes(pkt.frame()) == bytes(60)
