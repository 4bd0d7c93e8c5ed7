"""What happens to a frame before any protocol sees it."""

import pytest

from pystack.l2.ingress import eth_type_trans
from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import NETDEV_INGRESS, NFPROTO_NETDEV, HookPoint
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import PACKET_BROADCAST, PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Packet
from pystack.wire.ethernet import (
    BROADCAST,
    ETH_P_802_2,
    ETH_P_802_3,
    ETH_P_8021AD,
    ETH_P_8021Q,
    ETH_P_IP,
    ETH_P_IPV6,
)
from pystack.wire.virtio import NEEDS_CSUM, Offload
from tests.box import Box
from tests.frames import ALICE_MAC, BOB_MAC, OUR_MAC, arp_request, echo_frame, ethernet

GROUP = bytes.fromhex("01005e000001")


class Entrance(Box):
    """A port, and a list of what its protocol 0x88b5 was given."""

    def __init__(self) -> None:
        super().__init__()
        self.dev = self.port("eth0", OUR_MAC)
        self.seen: list[str] = []
        self.ns.link.ingress.protocols[0x88B5] = lambda pkt: self._take(pkt, "protocol")

    def consumed(self) -> None:
        self.host.outcomes.consumed += 1

    def _take(self, pkt: Packet, who: str) -> None:
        self.seen.append(who)
        self.consumed()

    def frame(self) -> bytes:
        return ethernet(bytes(46), 0x88B5)


@pytest.mark.parametrize(
    ("destination", "pkt_type"),
    [
        (OUR_MAC, PACKET_HOST),
        (BOB_MAC, PACKET_OTHERHOST),
        (BROADCAST, PACKET_BROADCAST),
        (GROUP, PACKET_MULTICAST),
    ],
)
def test_a_frame_is_for_us_for_all_for_a_group_or_for_another(destination: bytes, pkt_type: int) -> None:
    pkt = Packet(ethernet(b"", ETH_P_IP, to=destination), PortDevice("eth0", OUR_MAC))
    eth_type_trans(pkt)
    assert (pkt.pkt_type, pkt.protocol, pkt.network_header) == (pkt_type, ETH_P_IP, 14)


@pytest.mark.parametrize(
    ("field", "payload", "protocol"),
    [
        (0x0600, b"", 0x0600),
        (0x05FF, b"\xff\xff", ETH_P_802_3),
        (0x0003, b"\xff\xff\x00", ETH_P_802_3),
        (0x0003, b"\x42\x42\x03", ETH_P_802_2),
        (0x0000, b"\xff", ETH_P_802_2),
        (0x0000, b"", ETH_P_802_2),
    ],
)
def test_a_small_type_is_a_length_and_the_payload_says_what_kind(
    field: int, payload: bytes, protocol: int
) -> None:
    pkt = Packet(ethernet(payload, field), PortDevice("eth0", OUR_MAC))
    eth_type_trans(pkt)
    assert pkt.protocol == protocol


def test_the_link_header_may_lie_behind_headroom() -> None:
    pkt = Packet(bytes(10) + echo_frame(), PortDevice("eth0", OUR_MAC))
    pkt.mac_header = 10
    eth_type_trans(pkt)
    assert (pkt.pkt_type, pkt.protocol, pkt.network_header) == (PACKET_HOST, ETH_P_IP, 24)


@pytest.mark.parametrize("length", range(14))
def test_a_frame_shorter_than_its_header_is_refused(length: int) -> None:
    box = Entrance()
    box.send(box.dev, box.frame()[:length])
    assert box.drops() == {"HDR_TRUNC": 1}
    assert box.dev.stats.rx_packets == 0
    box.assert_every_packet_is_accounted_for()


def test_a_device_that_is_down_takes_nothing_in() -> None:
    box = Entrance()
    box.ns.devices.set_down(box.dev)
    box.send(box.dev, box.frame())
    assert box.drops() == {"DEV_READY": 1}
    assert (box.dev.stats.rx_dropped, box.dev.stats.rx_packets) == (1, 0)


def test_an_offload_that_points_behind_the_frame_is_not_believed() -> None:
    box = Entrance()
    box.send(box.dev, box.frame(), Offload(NEEDS_CSUM, csum_start=59, csum_offset=16))
    assert box.drops() == {"DEV_HDR": 1}
    assert box.dev.stats.rx_frame_errors == 1


def test_a_frame_that_is_taken_in_is_counted_with_its_octets() -> None:
    box = Entrance()
    box.send(box.dev, box.frame())
    assert (box.dev.stats.rx_packets, box.dev.stats.rx_bytes) == (1, 60)
    assert box.seen == ["protocol"]
    box.assert_every_packet_is_accounted_for()


def test_a_protocol_that_nobody_handles_is_dropped_and_counted() -> None:
    box = Entrance()
    box.send(box.dev, ethernet(bytes(46), 0x9999))
    assert box.drops() == {"UNHANDLED_PROTO": 1}
    assert box.dev.stats.rx_dropped == 1


def test_taps_see_first_then_the_hook_then_the_handler_then_the_protocol() -> None:
    box = Entrance()
    box.dev.add_tap(lambda pkt, outgoing: box.seen.append("leaving" if outgoing else "tap"))
    point = HookPoint(NFPROTO_NETDEV, NETDEV_INGRESS, box.ns.drop, box.host.outcomes)
    box.ns.hooks.netdev["eth0"] = (point, point)

    def hook(pkt: Packet, state: object) -> int:
        box.seen.append("hook")
        return NF_ACCEPT

    def handler(pkt: Packet) -> bool:
        box.seen.append("handler")
        return False

    point.register(hook, 0, "watch")
    box.dev.rx_handler = handler
    box.send(box.dev, box.frame())
    assert box.seen == ["tap", "hook", "handler", "protocol"]


def test_a_frame_that_the_hook_drops_was_still_seen_by_the_tap() -> None:
    box = Entrance()
    box.dev.add_tap(lambda pkt, outgoing: box.seen.append("tap"))
    point = HookPoint(NFPROTO_NETDEV, NETDEV_INGRESS, box.ns.drop, box.host.outcomes)
    box.ns.hooks.netdev["eth0"] = (point, point)
    point.register(lambda pkt, state: NF_DROP, 0, "no")
    box.send(box.dev, box.frame())
    assert box.seen == ["tap"]
    assert box.drops() == {"NETFILTER_DROP": 1}


def test_a_frame_that_the_handler_took_meets_no_protocol() -> None:
    box = Entrance()

    def handler(pkt: Packet) -> bool:
        box._take(pkt, "handler")
        return True

    box.dev.rx_handler = handler
    box.send(box.dev, box.frame())
    assert box.seen == ["handler"]
    box.assert_every_packet_is_accounted_for()


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_frames_come_in_any_kind_of_buffer(kind: type) -> None:
    box = Box()
    dev = box.port("eth0", OUR_MAC, "10.0.0.1/24")
    box.send(dev, kind(arp_request()))
    box.send(dev, kind(echo_frame()))
    assert [frame[:6] for frame in box.sent(dev)] == [ALICE_MAC, ALICE_MAC]


def test_a_frame_that_nobody_handles_is_no_loss_where_a_tap_took_it() -> None:
    box = Entrance()
    box.dev.add_tap(lambda pkt, leaving: None)
    box.send(box.dev, ethernet(bytes(46), 0x88B6))
    assert box.dev.stats.rx_dropped == 0
    box.send(box.dev, tagged(0, b"\x88\xb6hello"))
    assert box.dev.stats.rx_dropped == 1


def test_ipv6_is_handled_if_only_to_say_no() -> None:
    box = Entrance()
    box.send(box.dev, ethernet(bytes(40), ETH_P_IPV6))
    assert box.drops() == {"IPV6DISABLED": 1}
    assert box.dev.stats.rx_dropped == 0


def tagged(vid: int, payload: bytes, tpid: int = ETH_P_8021Q) -> bytes:
    return ethernet(vid.to_bytes(2, "big") + payload, tpid)


@pytest.mark.parametrize("length", range(6))
def test_a_frame_that_ends_within_its_tag_is_dropped_before_anybody_sees_it(length: int) -> None:
    box = Entrance()
    heard: list[bytes] = []
    box.dev.add_tap(lambda pkt, leaving: heard.append(bytes(pkt.frame())))
    box.send(box.dev, ethernet(bytes(length), ETH_P_8021Q))
    assert heard == []
    assert box.drops() == {"HDR_TRUNC": 1}


@pytest.mark.parametrize("tpid", [ETH_P_8021Q, ETH_P_8021AD])
def test_a_priority_tag_is_taken_off_before_the_protocol_gets_the_frame(tpid: int) -> None:
    box = Entrance()
    frames: list[bytes] = []

    def take(pkt: Packet) -> None:
        frames.append(bytes(pkt.frame()))
        box.consumed()

    box.ns.link.ingress.protocols[0x88B5] = take
    box.send(box.dev, tagged(0x6000, b"\x88\xb5hello", tpid))
    assert frames == [ethernet(b"hello", 0x88B5)]


def test_priority_tags_are_taken_off_down_to_one_that_ends_too_soon() -> None:
    box = Entrance()
    box.send(box.dev, tagged(0, b"\x81\0\0\0\x88\xb5hi"))
    assert box.seen == ["protocol"]
    box.send(box.dev, tagged(0, b"\x81\0\0\0\x88"))
    assert box.drops() == {"HDR_TRUNC": 1}


def test_a_frame_of_a_vlan_without_a_device_is_for_another_host() -> None:
    box = Entrance()
    kinds: list[int] = []

    def take(pkt: Packet) -> None:
        kinds.append(pkt.pkt_type)
        box.consumed()

    box.ns.link.ingress.protocols[0x88B5] = take
    box.send(box.dev, tagged(5, b"\x88\xb5hello"))
    assert kinds == [PACKET_OTHERHOST]


def test_a_length_behind_a_tag_is_read_as_one_without() -> None:
    box = Entrance()
    box.send(box.dev, tagged(0, b"\0\3\x42\x42\x03"))
    assert box.drops() == {"LLC_NO_SAP": 1}
