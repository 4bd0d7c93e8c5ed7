"""The message of NFLOG, octet for octet as a kernel 6.18 wrote it."""

from pystack.clock import Clock
from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import INPUT, NFPROTO_IPV4, HookState
from pystack.netfilter.nflog import record
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire import ipv4
from pystack.wire.ipv4 import Ipv4Header

FRAME = bytes.fromhex("020000000010 020000000011 0800 450000 54bf9a40 00400166fa0a0900020a090001") + bytes(64)
# tcpdump -i nflog:5 -w: -j NFLOG --nflog-group 5 --nflog-size 30, with a mark of 7, at v0
KERNEL = bytes.fromhex(
    "02000005 08000100 08000100 05000a00 00000000 08000400 00000003 08000200 00000007"
    "10000800 00060000 02000000 00110000 06000f00 00010000 06001100 000e0000"
    "12001000 02000000 00100200 00000011 08000000 14000300 00000000 6b002244 00000000 0005f83d"
    "22000900 45000054 bf9a4000 400166fa 0a090002 0a090001 00000000 00000000 00000000"
)


def test_a_received_packet_is_told_with_its_devices_link_header_and_time() -> None:
    dev = PortDevice("v0", b"\2\0\0\0\0\x10")
    dev.ifindex = 3
    pkt = Packet(FRAME, dev)
    pkt.network_header, pkt.protocol, pkt.mark = 14, 0x0800, 7
    header = ipv4.parse(FRAME, 14)
    assert isinstance(header, Ipv4Header)
    pkt.ip = header
    seen = View.of_ipv4(pkt, HookState(INPUT, dev, None, lambda _: None))
    clock = Clock(wall=0x6B002244 + (0x5F83D + 0.5) / 1e6)
    assert record(NFPROTO_IPV4, 5, "", seen, 30, clock) == KERNEL


def test_a_packet_of_ours_has_neither_link_header_nor_time() -> None:
    dev = PortDevice("v0", b"\2\0\0\0\0\x10")
    pkt = Packet(FRAME, dev)
    pkt.network_header, pkt.protocol = 14, 0x0800
    header = ipv4.parse(FRAME, 14)
    assert isinstance(header, Ipv4Header)
    pkt.ip = header
    seen = View.of_ipv4(pkt, HookState(INPUT, None, dev, lambda _: None))
    message = record(NFPROTO_IPV4, 5, "hello there", seen, None, Clock())
    assert message.startswith(
        bytes.fromhex("02000005 0800010008000100 10000a0068656c6c6f20746865726500 08000500")
    )
    assert len(message) == 4 + 8 + 16 + 8 + 4 + 84
