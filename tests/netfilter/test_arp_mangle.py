"""`-j mangle`: addresses are written where the packet says that they are, or the packet is dropped."""

from __future__ import annotations

import random

import pytest

from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import ARP_OUT, HookState
from pystack.netfilter.targets.arp_mangle import MangleArp
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN
from tests.frames import ALICE_MAC, BOB_MAC

DEVICE = PortDevice("tap1", ALICE_MAC)
MAC, ADDRESS = bytes.fromhex("020000000099"), bytes([10, 0, 0, 99])
REQUEST = bytes.fromhex("000108000604000102000000aa010a0000010000000000000a000002")


def view_of(packet: bytes) -> View:
    pkt = Packet(bytearray(BOB_MAC + ALICE_MAC + b"\x08\x06" + packet), DEVICE)
    pkt.network_header = ETH_HLEN
    return View.of_arp(pkt, HookState(ARP_OUT, None, DEVICE, lambda _: None))


@pytest.mark.parametrize(
    ("which", "at", "new"), [(0, 8, MAC), (1, 14, ADDRESS), (2, 18, MAC), (3, 24, ADDRESS)]
)
def test_each_of_the_four_addresses_is_written_alone(which: int, at: int, new: bytes) -> None:
    view = view_of(REQUEST)
    source, source_ip, target, target_ip = (new if number == which else None for number in range(4))
    assert MangleArp(source, source_ip, target, target_ip, NF_ACCEPT).apply(view) == NF_ACCEPT
    assert view.pkt.data[ETH_HLEN:] == REQUEST[:at] + new + REQUEST[at + len(new) :]


def test_an_address_for_which_there_is_no_room_drops_the_packet() -> None:
    everything = MangleArp(MAC, ADDRESS, MAC, ADDRESS, NF_ACCEPT)
    assert everything.apply(view_of(REQUEST[:-1])) == NF_DROP
    assert everything.apply(view_of(REQUEST[:5] + b"\x05" + REQUEST[6:] + b"\0\0")) == NF_DROP
    assert everything.apply(view_of(b"")) == NF_DROP


def test_whatever_comes_it_is_written_inside_the_packet_or_dropped() -> None:
    rng = random.Random(3)
    everything = MangleArp(MAC, ADDRESS, MAC, ADDRESS, NF_ACCEPT)
    for _ in range(2000):
        packet = bytearray(rng.randbytes(rng.randrange(60)))
        packet[4:6] = bytes([rng.choice((0, 6, 8, 255)), rng.choice((0, 4, 16, 255))])
        view = view_of(bytes(packet))
        assert everything.apply(view) in (NF_ACCEPT, NF_DROP)
        assert len(view.pkt.data) == ETH_HLEN + len(packet)
