"""VLAN devices: the tag comes on and off, and what happens to the real device happens to them."""

from collections.abc import Callable

import pytest

from pystack.errors import NetError, NotModelled
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.bridge import Bridge
from pystack.l2.devices import Link
from pystack.l2.tags import put_tag_on, take_tag_off
from pystack.l2.vlan_device import (
    VLAN_FLAG_GVRP,
    VLAN_FLAG_LOOSE_BINDING,
    VLAN_FLAG_REORDER_HDR,
    VlanDevice,
    VlanOptions,
)
from pystack.packet import PACKET_HOST, PACKET_OTHERHOST, Packet
from pystack.wire.ethernet import ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP
from pystack.wire.virtio import GSO_TCPV4, NEEDS_CSUM, Offload
from tests.l2.switch import UNUSED_TYPE, VM1, frame

OWN = bytes.fromhex("020000000505")


class Card:
    """eth0 of one namespace, up, and what its VLAN devices see."""

    def __init__(self, *, up: bool = True) -> None:
        self.host = Host()
        self.netns = self.host.init
        self.devices = self.netns.devices
        self.eth0 = self.netns.add_port("eth0", bytes.fromhex("020000000001"))
        self.seen: list[tuple[str, int, bytes]] = []
        if up:
            self.devices.set_up(self.eth0)

    def vlan(
        self, name: str, vid: int, on: Link | None = None, address: bytes | None = None, **said: int
    ) -> VlanDevice:
        options = VlanOptions(vid=vid, **said)  # type: ignore[arg-type]
        real = self.eth0 if on is None else on
        dev = kinds.create(self.devices, "vlan", name, address=address, link=real, vlan=options)
        assert isinstance(dev, VlanDevice)
        return dev

    def up(self, *devices: Link) -> None:
        for dev in devices:
            self.devices.set_up(dev)

    def watch(self, dev: Link) -> None:
        dev.add_tap(lambda pkt, _: self.seen.append((dev.name, pkt.pkt_type, bytes(pkt.frame()))))

    def receive(self, data: bytes) -> None:
        self.netns.receive(self.eth0, data)
        self.host.run_backlog()

    def sent(self) -> list[bytes]:
        frames = [bytes(data) for data, _ in self.eth0.tx]
        self.eth0.tx.clear()
        return frames


def tagged(data: bytes, *tags: tuple[int, int]) -> bytes:
    words = b"".join(tpid.to_bytes(2, "big") + tci.to_bytes(2, "big") for tpid, tci in tags)
    return data[:12] + words + data[12:]


def for_card(payload: bytes = b"x" * 46) -> bytes:
    return frame(VM1, bytes.fromhex("020000000001"), payload)


def transmit(dev: Link, data: bytes, priority: int = 0) -> None:
    pkt = Packet(bytearray(data), dev)
    pkt.network_header, pkt.protocol, pkt.priority = 14, UNUSED_TYPE, priority
    dev.net.outcomes.generated += 1
    dev.net.egress.dev_queue_xmit(pkt)


# --- frames ----------------------------------------------------------------------------------------------


def test_what_carries_the_tag_is_received_without_it() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    card.up(vlan)
    card.watch(vlan)
    card.receive(tagged(for_card(), (ETH_P_8021Q, 5)))
    assert card.seen == [("eth0.5", PACKET_HOST, for_card())]
    assert (vlan.stats.rx_packets, vlan.stats.rx_bytes) == (1, 46)  # without the link header, as Linux counts


@pytest.mark.parametrize("tag", [(ETH_P_8021Q, 6), (ETH_P_8021AD, 5), (ETH_P_8021Q, 0)])
def test_another_tag_is_not_its_own(tag: tuple[int, int]) -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    card.up(vlan)
    card.watch(vlan)
    card.receive(tagged(for_card(), tag))
    assert card.seen == []


def test_behind_the_tag_of_vlan_0_the_next_one_counts() -> None:
    card = Card()
    card.watch(card.vlan("eth0.5", 5))
    card.up(*card.devices)
    card.receive(tagged(for_card(), (ETH_P_8021Q, 0), (ETH_P_8021Q, 5)))
    assert card.seen == [("eth0.5", PACKET_HOST, for_card())]


def test_a_vlan_that_is_down_swallows_its_frames() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    card.watch(vlan)
    card.receive(tagged(for_card(), (ETH_P_8021Q, 5)))
    assert card.seen == []
    assert {reason.name: n for reason, n in card.host.outcomes.dropped.items()} == {"DEV_READY": 1}
    assert vlan.stats.rx_packets == 0


def test_its_own_address_is_for_this_host_though_the_card_has_another() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5, address=OWN)
    card.up(vlan)
    card.watch(vlan)
    card.receive(tagged(frame(VM1, OWN), (ETH_P_8021Q, 5)))
    card.receive(tagged(frame(VM1, VM1), (ETH_P_8021Q, 5)))
    assert [kind for _, kind, _ in card.seen] == [PACKET_HOST, PACKET_OTHERHOST]


def test_what_it_sends_leaves_by_the_card_with_its_tag() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5, protocol=ETH_P_8021AD)
    card.up(vlan)
    transmit(vlan, frame())
    assert card.sent() == [tagged(frame(), (ETH_P_8021AD, 5))]
    assert (vlan.stats.tx_bytes, card.eth0.stats.tx_bytes) == (60, 64)


def test_tags_are_stacked_the_outer_one_first() -> None:
    card = Card()
    outer = card.vlan("outer", 100, protocol=ETH_P_8021AD)
    inner = card.vlan("inner", 5, outer)
    card.up(outer, inner)
    card.watch(inner)
    transmit(inner, frame())
    (data,) = card.sent()
    assert data == tagged(frame(), (ETH_P_8021AD, 100), (ETH_P_8021Q, 5))
    card.seen.clear()
    card.receive(data)
    assert [seen for _, _, seen in card.seen] == [frame()]


def test_priorities_are_mapped_both_ways() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    vlan.change(VlanOptions(ingress=[(3, 6), (1, 0)], egress=[(0, 1), (18, 7), (2, 4), (33, 0)]))
    card.up(vlan)
    found: list[int] = []
    vlan.add_tap(lambda pkt, outgoing: None if outgoing else found.append(pkt.priority))
    for tci in (3 << 13 | 5, 1 << 13 | 5):
        card.receive(tagged(for_card(), (ETH_P_8021Q, tci)))
    for priority in (0, 18, 33):
        transmit(vlan, frame(), priority)
    assert found == [6, 0]
    assert [data[14:16].hex() for data in card.sent()] == ["2005", "e005", "0005"]
    assert vlan.ingress_map() == [(3, 6)]
    assert vlan.egress_map() == [(0, 1), (2, 4), (18, 7)]


def test_without_reordering_the_tag_stays_for_those_who_look() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5, flags=0, mask=VLAN_FLAG_REORDER_HDR)
    card.up(vlan)
    card.watch(vlan)
    data = tagged(for_card(), (ETH_P_8021Q, 5))
    card.receive(data)
    assert [seen for _, _, seen in card.seen] == [data]


def test_what_is_owed_on_a_large_frame_moves_with_the_tag() -> None:
    offload = Offload(NEEDS_CSUM, GSO_TCPV4, 54, 1448, 34, 16)
    pkt = Packet(bytearray(frame(kind=ETH_P_IP)), Card().eth0, offload)
    pkt.network_header, pkt.transport_header = 14, 34
    put_tag_on(pkt, ETH_P_8021Q, 5)
    assert (pkt.offload.csum_start, pkt.offload.hdr_len, pkt.transport_header) == (38, 58, 38)
    assert take_tag_off(pkt) == 5
    assert (pkt.offload.csum_start, pkt.offload.hdr_len) == (34, 54)
    assert (bytes(pkt.frame()), pkt.protocol) == (frame(kind=ETH_P_IP), ETH_P_IP)


def test_the_vlan_of_a_port_is_served_before_the_ports_bridge() -> None:
    card = Card()
    bridge = kinds.create(card.devices, "bridge", "br0")
    vlan = card.vlan("eth0.5", 5)
    card.devices.set_master(card.eth0, bridge)
    card.up(bridge, vlan)
    card.watch(vlan)
    card.watch(bridge)
    card.receive(tagged(frame(), (ETH_P_8021Q, 5)))
    card.receive(tagged(frame(), (ETH_P_8021Q, 6)))
    assert [name for name, _, _ in card.seen] == ["eth0.5", "br0"]


# --- what stands on what ---------------------------------------------------------------------------------


def test_it_goes_up_and_down_with_the_card() -> None:
    card = Card(up=False)
    vlan, loose = card.vlan("eth0.5", 5), card.vlan("loose", 6, flags=4, mask=VLAN_FLAG_LOOSE_BINDING)
    with pytest.raises(NetError, match="Network is down"):
        card.up(vlan)
    card.up(loose, card.eth0)
    assert (vlan.up, loose.up) == (True, True)
    card.devices.set_down(card.eth0)
    assert (vlan.up, loose.up) == (False, True)


def test_without_a_carrier_below_there_is_none_above() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    card.up(vlan)
    card.devices.set_carrier(card.eth0, False)
    assert vlan.operstate == "LOWERLAYERDOWN"
    card.devices.set_carrier(card.eth0, True)
    assert vlan.operstate == "UP"


def test_its_mtu_is_at_most_that_of_the_card() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    with pytest.raises(NetError, match="Numerical result out of range"):
        card.devices.set_mtu(vlan, 1501)
    card.devices.set_mtu(card.eth0, 1400)
    assert vlan.mtu == 1400
    card.devices.set_mtu(card.eth0, 9000)
    assert vlan.mtu == 1400


def test_it_takes_the_cards_new_address_unless_it_was_given_one() -> None:
    card = Card()
    same, own = card.vlan("same", 5), card.vlan("own", 6, address=OWN)
    card.up(same, own)
    assert card.eth0.unicast_addresses == {OWN: 1}
    assert card.eth0.promiscuity == 1  # it can filter by one address only
    card.devices.set_address(card.eth0, VM1)
    assert (same.address, own.address) == (VM1, OWN)
    card.devices.set_address(card.eth0, OWN)
    assert card.eth0.unicast_addresses == {}
    card.devices.set_address(card.eth0, VM1)
    assert card.eth0.unicast_addresses == {OWN: 1}
    card.devices.set_down(own)
    assert (card.eth0.unicast_addresses, card.eth0.promiscuity) == ({}, 0)


def test_who_wants_every_frame_of_it_gets_every_frame_of_the_card() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    card.up(vlan)
    card.devices.set_promiscuity(vlan, 1)
    assert card.eth0.promiscuity == 1
    card.devices.set_promiscuity(vlan, -1)
    assert card.eth0.promiscuity == 0


def test_it_goes_with_the_card_but_stays_when_the_card_moves() -> None:
    card = Card()
    inner = card.vlan("inner", 6, card.vlan("outer", 5))
    red = card.host.add_netns("red")
    card.devices.move(card.eth0, red.devices)
    assert "inner" in card.devices
    red.devices.set_up(card.eth0)
    assert inner.up
    red.devices.unregister(card.eth0)
    assert [dev.name for dev in card.devices] == ["lo"]


def test_it_works_from_another_namespace() -> None:
    card = Card()
    vlan = card.vlan("eth0.5", 5)
    red = card.host.add_netns("red")
    card.devices.move(vlan, red.devices)
    red.devices.set_up(vlan)
    card.watch(vlan)
    card.receive(tagged(for_card(), (ETH_P_8021Q, 5)))
    transmit(vlan, frame())
    assert [seen for _, _, seen in card.seen] == [for_card(), frame()]
    assert card.sent() == [tagged(frame(), (ETH_P_8021Q, 5))]
    card.host.del_netns("red")
    assert card.eth0.vlans == {}


def test_a_bridge_cannot_have_its_own_vlan_as_a_port() -> None:
    card = Card()
    bridge, other = kinds.create(card.devices, "bridge", "br0"), kinds.create(card.devices, "bridge", "br1")
    vlan = card.vlan("br0.5", 5, bridge)
    with pytest.raises(NetError, match="Device or resource busy"):
        card.devices.set_master(vlan, bridge)
    card.devices.set_master(vlan, other)
    assert isinstance(other, Bridge)
    assert [port.dev for port in other.ports] == [vlan]


def test_no_more_than_seven_are_stacked() -> None:
    card = Card()
    top: Link = card.eth0
    for vid in range(1, 8):
        top = card.vlan(f"v{vid}", vid, top)
    with pytest.raises(NetError, match="Too many links"):
        card.vlan("v8", 8, top)
    assert "v8" not in card.devices
    assert top.vlans == {}


# --- refused ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda card: card.vlan("x", 4095), "8021q: Invalid VLAN id"),
        (lambda card: card.vlan("x", 1, protocol=7), "8021q: Invalid VLAN protocol"),
        (lambda card: card.vlan("x", 1, card.netns.loopback), "8021q: VLANs not supported on device"),
        (lambda card: [card.vlan("x", 1), card.vlan("y", 1)], "8021q: VLAN device already exists"),
        (lambda card: kinds.create(card.devices, "vlan", "x"), "8021q: VLAN properties not specified"),
        (
            lambda card: kinds.create(card.devices, "vlan", "x", vlan=VlanOptions()),
            "8021q: VLAN id not specified",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_linuxs_words(make: Callable[[Card], object], said: str) -> None:
    with pytest.raises(NetError) as refused:
        make(Card())
    assert refused.value.extack == said


def test_what_is_not_modelled_is_refused_by_name() -> None:
    with pytest.raises(NotModelled, match="gvrp on"):
        Card().vlan("x", 1, flags=VLAN_FLAG_GVRP, mask=VLAN_FLAG_GVRP)
