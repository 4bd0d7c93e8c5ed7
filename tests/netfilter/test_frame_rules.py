"""What rules of the bridge family say to hostile and to short frames: an answer, never an exception."""

from __future__ import annotations

import random

import pytest

from pystack.applets import virtual
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import FORWARD, HookState
from pystack.netfilter.log_frame import EBT_LOG_ARP, EBT_LOG_IP, EBT_LOG_IP6, frame_line
from pystack.netfilter.table import NFT
from pystack.netfilter.view import View
from pystack.netfilter.walk import walk
from pystack.packet import PACKET_OTHERHOST, Packet
from pystack.wire.ethernet import ETH_HLEN
from tests.frames import ALICE_MAC, BOB_MAC

ALL = EBT_LOG_ARP | EBT_LOG_IP | EBT_LOG_IP6
IN, OUT = PortDevice("tap1", ALICE_MAC), PortDevice("tap2", BOB_MAC)
ADDRESSES = BOB_MAC + ALICE_MAC

RULES = """\
-p IPv4 --ip-src 10.0.0.0/8 --ip-dst ! 10.0.0.2 --ip-tos 0 --ip-proto tcp --ip-sport 1:9 --ip-dport ! 80
-p IPv4 --ip-proto icmp --ip-icmp-type ! 3/1:3
-p IPv6 --ip6-src fe80::/10 --ip6-tclass ! 0 --ip6-proto udp --ip6-sport 5
-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type ! echo-request
-p ARP --arp-op Request --arp-htype 1 --arp-ptype 0x0800 --arp-ip-src 10.0.0.1 --arp-mac-dst ! Broadcast
-p ARP --arp-gratuitous
-p LENGTH --802_3-sap 0x42 --802_3-type ! 0x800
-p 802_1Q --vlan-id 5 --vlan-encap ! IPv4
-d BGA --stp-type config --stp-root-prio 1:5 --stp-forward-delay ! 3
--pkttype-type ! host --mark ! 5/7 --limit 5/sec
--log --log-ip --log-arp --log-ip6
"""


def seen(payload: bytes, ethertype: int = 0x0800) -> View:
    pkt = Packet(bytearray(ADDRESSES + ethertype.to_bytes(2, "big") + payload), IN)
    pkt.network_header = ETH_HLEN
    pkt.protocol = ethertype
    pkt.pkt_type = PACKET_OTHERHOST
    return View.of_bridge(pkt, HookState(FORWARD, IN, OUT, lambda _: None))


@pytest.mark.parametrize(
    ("ethertype", "payload", "told"),
    [
        (0x0800, b"\x45", "INCOMPLETE IP header"),
        (0x0800, bytes.fromhex("4500001c0001000040110000") + b"\n\0\0\1\n\0\0\2" + b"\0", "TCP/UDP header"),
        (0x86DD, b"\x60", "INCOMPLETE IPv6 header"),
        (0x0806, b"\x00", "INCOMPLETE ARP header"),
        (0x0806, bytes.fromhex("0001080006040001") + b"\0", "INCOMPLETE ARP payload"),
    ],
)
def test_the_log_says_where_a_frame_is_cut_off(ethertype: int, payload: bytes, told: str) -> None:
    assert frame_line("x", ALL, seen(payload, ethertype)).endswith(told)


def test_a_tag_stands_beside_the_frame() -> None:
    view = seen(bytes.fromhex("00050806") + bytes(8), 0x8100)
    assert (view.ethertype, view.carried, view.length) == (0x8100, 0x0806, 8)
    assert frame_line("x", 0, view).endswith("proto = 0x0806")


def test_random_frames_get_a_verdict_from_every_match() -> None:
    host, chance = Host(seed=1), random.Random(6)
    for words in RULES.splitlines():
        assert virtual.run(["ebtables", "-A", "FORWARD", *words.split()], host).err == ""
    table = host.init.bridge_tables.get(NFT, "filter")
    assert table is not None
    [chain] = table.base_chains()
    types = (0x0800, 0x86DD, 0x0806, 0x8035, 0x8100, 0x88A8, 0x0003, 0x9000)
    for _ in range(2000):
        head = chance.choice(
            (b"", b"\x45\0\0\x14", b"\x60", b"\0\1\x08\0\6\4\0\1", b"\x42\x42\3\0\0\0", b"\0\5\x08\0")
        )
        payload = (head + chance.randbytes(chance.randrange(60)))[: chance.randrange(70)]
        assert walk(chain, seen(payload, chance.choice(types))) == chain.policy
    assert all(one.packets for one in chain.rules[-2:])
