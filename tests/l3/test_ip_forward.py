"""Packets for somebody else."""

import pytest

from pystack.netfilter.hooks import PREROUTING, HookState
from pystack.netfilter.verdict import NF_ACCEPT, NF_STOLEN
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IP_DF, IP_MF
from pystack.wire.virtio import GSO_TCPV4, NEEDS_CSUM, NONE, Offload
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    ALICE_MAC,
    BOB_IP,
    BOB_MAC,
    OUR_IP2,
    OUR_MAC,
    OUR_MAC2,
    arp_request,
    datagram,
    echo_frame,
    packet_frame,
    parsed_arp,
    parsed_icmp,
    parsed_ip,
)


class Router(Box):
    """eth0 10.0.0.1/24 with Alice, eth1 10.0.1.1/24 with Bob; both known."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.forward()
        self.send(self.eth0, arp_request())
        self.send(self.eth1, arp_request(OUR_IP2, sha=BOB_MAC, spa=BOB_IP))
        self.sent(self.eth0)
        self.sent(self.eth1)


def test_a_packet_leaves_as_it_came_but_for_addresses_of_the_link_ttl_and_checksum() -> None:
    box = Router()
    box.send(box.eth0, echo_frame(dst=BOB_IP, ttl=64, tos=0x10))
    (frame,) = box.sent(box.eth1)
    assert frame == echo_frame(dst=BOB_IP, ttl=63, tos=0x10, to=BOB_MAC, sender=OUR_MAC2)
    assert box.ns.snmp.Ip.ForwDatagrams == 1
    assert box.ns.snmp.Ip.OutRequests == 0
    box.assert_every_packet_is_accounted_for()


def test_options_and_fragments_go_on_as_they_are() -> None:
    box = Router()
    for packet in (
        datagram(b"x" * 16, dst=BOB_IP, frag_off=0x2000),
        datagram(b"x" * 16, dst=BOB_IP, frag_off=2),
        datagram(b"x" * 16, 17, dst=BOB_IP, options=b"\x01\x01\x01\x00"),
    ):
        box.send(box.eth0, packet_frame(packet))
        (frame,) = box.sent(box.eth1)
        assert frame[14 + 12 :] == packet[12:]
        assert parsed_ip(frame).ttl == 63


def test_the_frame_of_the_sender_is_not_written_to() -> None:
    box = Router()
    frame = bytearray(echo_frame(dst=BOB_IP))
    kept = bytes(frame)
    clones: list[Packet] = []
    box.eth0.add_tap(lambda pkt, outgoing: clones.append(pkt.clone()))
    box.send(box.eth0, frame)
    assert bytes(frame) == bytes(clones[0].frame()) == kept
    assert parsed_ip(box.sent(box.eth1)[0]).ttl == 63


@pytest.mark.parametrize("ttl", [0, 1])
def test_a_packet_whose_time_is_up_goes_no_further(ttl: int) -> None:
    box = Router()
    box.send(box.eth0, echo_frame(dst=BOB_IP, ttl=ttl))
    assert box.sent(box.eth1) == []
    assert parsed_icmp(box.sent(box.eth0)[0])[:2] == (icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL)
    assert box.ns.snmp.Ip.InHdrErrors == 1


def test_a_packet_with_a_time_of_two_goes_on_with_one() -> None:
    box = Router()
    box.send(box.eth0, echo_frame(dst=BOB_IP, ttl=2))
    assert parsed_ip(box.sent(box.eth1)[0]).ttl == 1


def test_a_packet_that_may_not_be_cut_and_does_not_fit_is_told_what_fits() -> None:
    box = Router()
    box.ns.devices.set_mtu(box.eth1, 600)
    box.send(box.eth0, echo_frame(dst=BOB_IP, payload=bytes(600), frag_off=IP_DF))
    assert box.sent(box.eth1) == []
    assert parsed_icmp(box.sent(box.eth0)[0])[:3] == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 600)
    assert box.ns.snmp.Ip.FragFails == 1
    box.assert_every_packet_is_accounted_for()


def test_what_fits_is_told_without_limit() -> None:
    box = Router()
    box.ns.devices.set_mtu(box.eth1, 600)
    for _ in range(20):
        box.send(box.eth0, echo_frame(dst=BOB_IP, payload=bytes(600), frag_off=IP_DF))
    assert len(box.sent(box.eth0)) == 20


def test_a_packet_that_may_be_cut_is() -> None:
    box = Router()
    box.ns.devices.set_mtu(box.eth1, 600)
    box.send(box.eth0, echo_frame(dst=BOB_IP, payload=bytes(range(256)) * 4))
    headers = [parsed_ip(frame) for frame in box.sent(box.eth1)]
    assert [(header.tot_len, header.frag_off) for header in headers] == [(596, 0x2000), (476, 72)]
    assert {header.id for header in headers} == {0x1234}
    assert {header.ttl for header in headers} == {63}
    snmp = box.ns.snmp.Ip
    assert (snmp.FragOKs, snmp.FragCreates, snmp.ForwDatagrams) == (1, 2, 1)
    box.assert_every_packet_is_accounted_for()


def test_a_large_segment_stays_whole_whatever_the_mtu() -> None:
    box = Router()
    packet = datagram(bytes(20) + bytes(4000), 6, dst=BOB_IP, frag_off=IP_DF)
    offload = Offload(NEEDS_CSUM, GSO_TCPV4, 54, 1460, 34, 16)
    box.send(box.eth0, packet_frame(packet), offload)
    assert [(len(frame), out) for frame, out in box.eth1.tx] == [(14 + len(packet), offload)]


def large_segment(payload: int, frag_off: int = 0) -> tuple[bytes, Offload]:
    """A TCP segment of a guest that leaves cutting and summing to others."""
    head = bytes(12) + b"\x50\x10" + bytes(6)
    packet = datagram(head + bytes(payload), 6, dst=BOB_IP, frag_off=frag_off)
    return packet_frame(packet), Offload(NEEDS_CSUM, GSO_TCPV4, 54, 1460, 34, 16)


def test_a_large_segment_whose_pieces_do_not_fit_is_refused_if_it_may_not_be_cut() -> None:
    box = Router()
    box.ns.devices.set_mtu(box.eth1, 1000)
    frame, offload = large_segment(4000, IP_DF)
    box.send(box.eth0, frame, offload)
    assert box.sent(box.eth1) == []
    (answer,) = box.sent(box.eth0)
    assert parsed_icmp(answer)[:3] == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 1000)
    box.assert_every_packet_is_accounted_for()


def test_a_large_segment_whose_pieces_do_not_fit_is_cut_and_then_fragmented() -> None:
    box = Router()
    box.ns.devices.set_mtu(box.eth1, 1000)
    frame, offload = large_segment(2 * 1460)
    box.send(box.eth0, frame, offload)
    sent = [parsed_ip(frame) for frame in box.sent(box.eth1)]
    assert [(one.tot_len, one.frag_off) for one in sent] == [(996, IP_MF), (524, 122)] * 2
    assert len({one.id for one in sent}) == 2
    box.assert_every_packet_is_accounted_for()


def test_what_is_owed_on_a_packet_is_done_before_it_is_fragmented() -> None:
    box = Router()
    box.ns.devices.set_mtu(box.eth1, 1000)
    head = bytes(12) + b"\x50\x10" + bytes(6)
    packet = datagram(head + bytes(1400), 6, dst=BOB_IP)
    box.send(box.eth0, packet_frame(packet), Offload(NEEDS_CSUM, csum_start=34, csum_offset=16))
    first, second = box.eth1.tx
    assert first[1] is second[1] is NONE
    assert first[0][34 + 16 : 34 + 18] != bytes(2)
    assert parsed_ip(bytes(second[0])).frag_off == 122


def test_a_packet_that_came_by_broadcast_is_not_passed_on() -> None:
    box = Router()
    box.send(box.eth0, echo_frame(dst=BOB_IP, to=BROADCAST))
    assert box.sent(box.eth1) == box.sent(box.eth0) == []
    assert box.drops() == {"OTHERHOST": 1}


def test_a_broadcast_of_another_network_is_not_passed_on() -> None:
    box = Router()
    box.send(box.eth0, echo_frame(dst=BOB_IP | 0xFF))
    assert box.sent(box.eth1) == []
    box.assert_every_packet_is_accounted_for()


def test_a_neighbour_that_is_not_known_is_asked_for_and_the_packet_follows() -> None:
    box = Router()
    box.send(box.eth0, echo_frame(dst=BOB_IP + 5))
    (question,) = box.sent(box.eth1)
    asked = parsed_arp(question)
    assert (asked.spa, asked.tpa) == (OUR_IP2, BOB_IP + 5)
    answer = arp_request(OUR_IP2, sha=ALICE_MAC, spa=BOB_IP + 5)
    box.send(box.eth1, answer)
    assert [frame[12:14] for frame in box.sent(box.eth1)] == [b"\x08\x00", b"\x08\x06"]


def test_a_neighbour_that_never_answers_is_a_host_unreachable() -> None:
    box = Router()
    box.send(box.eth0, echo_frame(dst=BOB_IP + 5))
    box.advance(3.5)
    answers = [frame for frame in box.sent(box.eth0) if frame[12:14] == b"\x08\x00"]
    assert parsed_icmp(answers[0])[:2] == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_HOST_UNREACH)
    assert parsed_ip(answers[0]).daddr == ALICE_IP
    box.assert_every_packet_is_accounted_for()


def test_a_device_may_be_kept_from_forwarding_alone() -> None:
    box = Router()
    box.sysctl("net.ipv4.conf.eth0.forwarding", "0")
    box.send(box.eth0, echo_frame(dst=BOB_IP))
    assert box.sent(box.eth1) == []
    box.send(box.eth1, echo_frame(src=BOB_IP, dst=ALICE_IP, to=OUR_MAC2))
    assert len(box.sent(box.eth0)) == 1


class Tracker(Router):
    """It puts fragments together before it routes, as conntrack does."""

    def __init__(self) -> None:
        super().__init__()
        self.ns.hooks.ip[PREROUTING].register(self._gather, -400, "defrag")

    def _gather(self, pkt: Packet, state: HookState) -> int:
        assert pkt.ip is not None
        if not pkt.ip.is_fragment:
            return NF_ACCEPT
        whole = self.ns.ipv4.defrag.ip_defrag(pkt, pkt.ip, 1)
        return NF_STOLEN if whole is None else NF_ACCEPT

    def pass_on(self, *, mtu: int, flags: int) -> list[tuple[int, int]]:
        """Lengths and flags of what leaves for three fragments of 420 octets."""
        self.ns.devices.set_mtu(self.eth1, mtu)
        for offset, more in ((0, IP_MF), (50, IP_MF), (100, 0)):
            self.send(
                self.eth0, packet_frame(datagram(bytes(400), 17, dst=BOB_IP, frag_off=more | flags | offset))
            )
        return [(one.tot_len, one.frag_off) for one in map(parsed_ip, self.sent(self.eth1))]


@pytest.mark.parametrize("flags", [0, IP_DF])
def test_what_was_put_together_on_the_way_leaves_in_pieces_as_long_as_they_came(flags: int) -> None:
    """And without the DF that they came with, as the kernel does it."""
    assert Tracker().pass_on(mtu=1500, flags=flags) == [(420, IP_MF), (420, IP_MF | 50), (420, 100)]


def test_pieces_that_may_not_be_cut_are_refused_where_they_do_not_fit() -> None:
    box = Tracker()
    assert box.pass_on(mtu=400, flags=IP_DF) == []
    (answer,) = box.sent(box.eth0)
    assert parsed_icmp(answer)[:3] == (icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 400)


def test_pieces_that_may_be_cut_are_cut_where_they_do_not_fit() -> None:
    assert [length for length, _ in Tracker().pass_on(mtu=220, flags=0)] == [220] * 6
