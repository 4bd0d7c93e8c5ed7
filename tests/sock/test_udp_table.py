"""Datagrams: those that meet no socket, and who gets the others."""

from collections.abc import Callable

import pytest

from pystack.wire import icmp
from pystack.wire.ethernet import BROADCAST
from pystack.wire.virtio import NEEDS_CSUM, Offload
from tests.alice import BoxWithAlice
from tests.frames import (
    ALICE_IP,
    OUR_MAC,
    datagram,
    ip,
    packet_frame,
    parsed_icmp,
    parsed_ip,
    udp_packet,
)


class Host(BoxWithAlice):
    def hear(self, packet: bytes, to: bytes = OUR_MAC) -> list[bytes]:
        return self.exchange(packet_frame(packet, to))

    def counted(self) -> dict[str, int]:
        stats = self.ns.snmp.Udp
        return {name: value for name in stats.__slots__ if (value := getattr(stats, name))}


def altered(change: Callable[[bytearray], None]) -> bytes:
    """A UDP packet after a change to its octets behind the IPv4 header."""
    body = bytearray(udp_packet()[20:])
    change(body)
    return datagram(bytes(body), 17)


def break_checksum(body: bytearray) -> None:
    body[-1] ^= 1


def drop_checksum(body: bytearray) -> None:
    body[6:8] = b"\0\0"
    body[-1] ^= 1


def claim_more(body: bytearray) -> None:
    body[5] += 1


def claim_nothing(body: bytearray) -> None:
    body[4:6] = b"\0\x07"


def test_a_datagram_is_answered_by_port_unreachable() -> None:
    box = Host()
    (answer,) = box.hear(udp_packet())
    assert parsed_icmp(answer) == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, 0, udp_packet())
    assert parsed_ip(answer).daddr == ALICE_IP
    assert box.counted() == {"NoPorts": 1}
    assert box.drops() == {"NO_SOCKET": 1}


def test_a_datagram_without_checksum_is_believed() -> None:
    assert len(Host().hear(altered(drop_checksum))) == 1


def test_octets_behind_the_datagram_do_not_count() -> None:
    body = udp_packet()[20:] + b"tail"
    assert len(Host().hear(datagram(body, 17))) == 1


@pytest.mark.parametrize(
    ("packet", "reason", "counters"),
    [
        (altered(break_checksum), "UDP_CSUM", {"InErrors": 1, "InCsumErrors": 1}),
        (altered(claim_more), "UDP_TOO_SMALL", {"InErrors": 1}),
        (altered(claim_nothing), "UDP_TOO_SMALL", {"InErrors": 1}),
        (datagram(bytes(7), 17), "UDP_TOO_SMALL", {"InErrors": 1}),
    ],
    ids=["checksum", "longer than it is", "shorter than its header", "no header"],
)
def test_a_datagram_that_is_not_what_it_says_is_dropped_in_silence(
    packet: bytes, reason: str, counters: dict[str, int]
) -> None:
    """Linux: net/ipv4/udp.c __udp4_lib_rcv()"""
    box = Host()
    assert box.hear(packet) == []
    assert box.drops() == {reason: 1}
    assert box.counted() == counters


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255", "224.0.0.1"])
def test_a_datagram_to_many_is_ignored(destination: str) -> None:
    box = Host()
    assert box.hear(udp_packet(dst=ip(destination)), BROADCAST) == []
    assert box.counted() == {"IgnoredMulti": 1}


@pytest.mark.parametrize(
    ("length", "counters"), [(68, {"InErrors": 1, "InCsumErrors": 1}), (69, {"IgnoredMulti": 1})]
)
def test_only_a_short_datagram_to_many_is_summed(length: int, counters: dict[str, int]) -> None:
    """Linux sums at once what is no longer than CHECKSUM_BREAK."""
    box = Host()
    packet = udp_packet(b"x" * length, dst=ip("10.0.0.255"))
    broken = datagram(packet[20:-1] + b"y", 17, dst=ip("10.0.0.255"))
    assert box.hear(broken, BROADCAST) == []
    assert box.counted() == counters


def test_a_checksum_that_is_owed_is_not_looked_at() -> None:
    box = Host()
    offload = Offload(NEEDS_CSUM, csum_start=34, csum_offset=6)
    box.send(box.eth0, packet_frame(altered(break_checksum)), offload)
    assert box.counted() == {"NoPorts": 1}
