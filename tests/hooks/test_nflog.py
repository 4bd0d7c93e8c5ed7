"""What NFLOG rules report, read from bytes that a kernel wrote, could have written, and would never write."""

import socket
import struct
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks import nflog
from pystack.hooks.nflog import LoggedPacket, NflogReader, Overrun, parse_any_order, parse_packet
from pystack.hooks.nfnetlink import NETLINK_NETFILTER, attribute
from pystack.wire.malformed import Malformed

LINK = bytes.fromhex("ffffffffffff02aa0000000188b5")
FRAME = LINK + bytes(range(46))

# As Linux 6.18 wrote it: a ping that a bridge forwards, at bridge PREROUTING, in by ifindex 2 of bridge 5.
RECORDED = bytes.fromhex(
    "f800000000040000000000000000000007000005080001000800000005000a0031000000080006000000000208000400"
    "00000005100008000006000002aa00000001000006000f000001000006001100000e00001200100002aa0000000202aa"
    "000000010800000014000300000000006affce5c000000000001ea7108000d00000000111200150002aa0000000202aa"
    "0000000108000000580009004500005400070000400166980a0000050a0000060800cad0000100017878787878787878"
    "787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878787878"
)


def message(family: int, *attributes: bytes, kind: int = nflog.PACKET) -> bytes:
    body = struct.pack("!BBH", family, 0, 5) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def u32(kind: int, value: int) -> bytes:
    return attribute(kind, struct.pack("!I", value))


@st.composite
def kernel_messages(draw: st.DrawFn) -> bytes:
    """What __build_packet_message() can put together, in its order."""
    bridge = draw(st.booleans())
    wanted = {
        name: draw(st.booleans()) for name in "indev physin outdev physout mark hw time uid vlan".split()
    }
    numbers = st.integers(1, 0xFFFFFFFF)
    indev = [u32(nflog.NFULA_IFINDEX_INDEV, draw(numbers))]
    outdev = [u32(nflog.NFULA_IFINDEX_OUTDEV, draw(numbers))]
    physin = [u32(nflog.NFULA_IFINDEX_PHYSINDEV, draw(numbers))]
    physout = [u32(nflog.NFULA_IFINDEX_PHYSOUTDEV, draw(numbers))]
    parts = [
        attribute(
            nflog.NFULA_PACKET_HDR, struct.pack("!HBx", draw(st.integers(0, 0xFFFF)), draw(st.integers(0, 4)))
        ),
        attribute(nflog.NFULA_PREFIX, draw(st.binary(max_size=64)).replace(b"\0", b"0") + b"\0"),
    ]
    if wanted["indev"]:
        parts += physin + indev if bridge else indev + physin * wanted["physin"]
    if wanted["outdev"]:
        parts += physout + outdev if bridge else outdev + physout * wanted["physout"]
    if wanted["mark"]:
        parts.append(u32(nflog.NFULA_MARK, draw(numbers)))
    if wanted["hw"]:
        parts.append(
            attribute(nflog.NFULA_HWADDR, struct.pack("!HH", 6, 0) + draw(st.binary(min_size=8, max_size=8)))
        )
        length = draw(st.sampled_from([0, 14, 14, 14]))
        parts.append(attribute(nflog.NFULA_HWTYPE, b"\0\1"))
        parts.append(attribute(nflog.NFULA_HWLEN, struct.pack("!H", length)))
        parts.append(attribute(nflog.NFULA_HWHEADER, draw(st.binary(min_size=length, max_size=length))))
    if wanted["time"]:
        parts.append(attribute(nflog.NFULA_TIMESTAMP, draw(st.binary(min_size=16, max_size=16))))
    if wanted["uid"]:
        parts += [u32(nflog.NFULA_UID, draw(numbers)), u32(nflog.NFULA_GID, draw(numbers))]
    parts.append(u32(nflog.NFULA_SEQ_GLOBAL, draw(numbers)))
    if wanted["vlan"]:
        tag = attribute(nflog.NFULA_VLAN_TCI, draw(st.binary(min_size=2, max_size=2)))
        tag += attribute(nflog.NFULA_VLAN_PROTO, b"\x81\0")
        parts.append(attribute(nflog.NFULA_VLAN | nflog.NLA_F_NESTED, tag))
    if bridge:
        parts.append(attribute(nflog.NFULA_L2HDR, draw(st.binary(min_size=14, max_size=18))))
    if payload := draw(st.binary(max_size=400)):
        parts.append(attribute(nflog.NFULA_PAYLOAD, payload))
    return message(7 if bridge else 2, *parts)


# --- bytes --------------------------------------------------------------------------------------------------


def test_a_message_that_the_kernel_wrote_is_understood() -> None:
    packet = parse_packet(RECORDED)
    assert isinstance(packet, LoggedPacket)
    assert (packet.family, packet.hook, packet.protocol, packet.prefix) == (7, 0, 0x0800, b"1")
    assert (packet.indev, packet.physin, packet.outdev, packet.physout) == (5, 2, 0, 0)
    assert (packet.mark, packet.sequence, packet.uid, packet.tag) == (0, 17, None, b"")
    assert packet.link.hex() == "02aa0000000202aa000000010800"
    assert (packet.payload[:2].hex(), len(packet.payload)) == ("4500", 84)
    assert packet.timestamp == 0x6AFFCE5C * 10**9 + 0x01EA71 * 1000


@given(kernel_messages())
def test_the_quick_way_and_the_thorough_one_give_the_same(data: bytes) -> None:
    assert parse_packet(data) == parse_any_order(data)
    assert isinstance(parse_packet(data), LoggedPacket)


def test_what_the_kernel_usually_writes_goes_the_quick_way() -> None:
    assert nflog.AS_THE_KERNEL_WRITES.match(RECORDED)


def test_attributes_may_stand_in_any_order() -> None:
    header = attribute(nflog.NFULA_PACKET_HDR, b"\x08\x00\x03\0")
    parts = [u32(nflog.NFULA_MARK, 7), attribute(nflog.NFULA_PREFIX, b"p\0"), header]
    packet = parse_packet(message(2, *parts))
    assert isinstance(packet, LoggedPacket)
    assert (packet.hook, packet.mark, packet.prefix, packet.payload) == (3, 7, b"p", b"")


def test_a_tag_beside_the_bytes_is_kept_as_it_stands_in_a_frame() -> None:
    tag = attribute(nflog.NFULA_VLAN_TCI, b"\x20\x64") + attribute(nflog.NFULA_VLAN_PROTO, b"\x81\0")
    header = attribute(nflog.NFULA_PACKET_HDR, b"\x08\x00\0\0")
    packet = parse_packet(message(7, header, attribute(nflog.NFULA_VLAN | nflog.NLA_F_NESTED, tag)))
    assert isinstance(packet, LoggedPacket)
    assert packet.tag.hex() == "81002064"


@given(st.binary(max_size=200))
def test_any_bytes_are_a_packet_or_a_named_failure(data: bytes) -> None:
    assert isinstance(parse_packet(data), LoggedPacket | Malformed)


@given(kernel_messages(), st.integers(0), st.integers(0, 255))
def test_a_message_with_a_wrong_octet_is_a_packet_or_a_named_failure(
    data: bytes, place: int, octet: int
) -> None:
    broken = bytearray(data)
    broken[place % len(data)] = octet
    assert isinstance(parse_packet(bytes(broken)), LoggedPacket | Malformed)


@given(st.integers(0, len(RECORDED) - 1))
def test_a_message_that_was_cut_short_is_a_packet_or_a_named_failure(length: int) -> None:
    assert isinstance(parse_packet(RECORDED[:length]), LoggedPacket | Malformed)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", Malformed.TRUNCATED),
        (message(2), Malformed.TRUNCATED),
        (message(2, kind=2), Malformed.MAGIC),
        (message(2, b"\x03\0\x01\0"), Malformed.TOTAL_LENGTH),
        (message(2, b"\xff\0\x01\0"), Malformed.TOTAL_LENGTH),
        (message(2, attribute(nflog.NFULA_PACKET_HDR, b"\x08")), Malformed.TRUNCATED),
    ],
)
def test_what_is_wrong_with_a_message_is_named(data: bytes, why: Malformed) -> None:
    assert parse_packet(data) is why


# --- the kernel's -------------------------------------------------------------------------------------------

RULES = """
nft add table bridge t
nft 'add chain bridge t c { type filter hook prerouting priority -1000; }'
nft add rule bridge t c log prefix '"first"' group 5
nft add rule bridge t c meta mark set 0x1234
nft add rule bridge t c log prefix '"second"' group 6
"""
BRIDGE = "ip link add br0 type bridge\nip link set tap1 up master br0\nip link set br0 up\n"


@pytest.fixture
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1"]) as lab:
        lab.sh(BRIDGE + RULES).check()
        yield lab


def netlink_socket(kernel: KernelNetns) -> int:
    return kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)


@pytest.mark.root
def test_packets_are_reported_in_the_order_of_the_rules_before_the_write_returns(kernel: KernelNetns) -> None:
    log = NflogReader(netlink_socket(kernel), (5, 6))
    kernel.send("tap1", FRAME)
    packets = [packet for packet in log.drain() if isinstance(packet, LoggedPacket)]
    assert [(packet.prefix, packet.mark) for packet in packets] == [(b"first", 0), (b"second", 0x1234)]
    assert [packet.sequence for packet in packets] == [1, 2]
    names = {link.ifindex: link.name for link in kernel.links()}
    first = packets[0]
    assert (first.family, names[first.indev], names[first.physin]) == (7, "br0", "tap1")
    assert first.link + first.payload == FRAME
    assert log.drain() == []
    log.close()


@pytest.mark.root
def test_a_group_has_one_listener(kernel: KernelNetns) -> None:
    first = NflogReader(netlink_socket(kernel), (5,))
    with pytest.raises(OSError, match="not permitted"):
        NflogReader(netlink_socket(kernel), (5,))
    first.close()
    NflogReader(netlink_socket(kernel), (5,)).close()


@pytest.mark.root
def test_who_takes_what_is_there_hears_where_it_is_cut_off(kernel: KernelNetns) -> None:
    log = NflogReader(netlink_socket(kernel), (5,), room=4096)
    for _ in range(200):
        kernel.send("tap1", FRAME)
    assert len(log.take(2)) == 1  # the other look heard that it is full
    assert not log.is_cut_off  # more is there
    assert 0 < len(log.take(200)) < 199
    assert log.is_cut_off
    assert log.take(200) == []
    assert not log.is_cut_off  # that has been told
    log.close()


@pytest.mark.root
def test_packets_that_were_lost_are_noticed(kernel: KernelNetns) -> None:
    log = NflogReader(netlink_socket(kernel), (5,), room=4096)
    for _ in range(200):
        kernel.send("tap1", FRAME)
    with pytest.raises(Overrun, match="than the socket holds"):
        log.drain()
    assert len(log.drain()) < 200
    kernel.send("tap1", FRAME)
    assert len(log.drain()) == 1
    log.close()
