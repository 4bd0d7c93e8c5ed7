"""What the kernel's log says of frames that rules of nft log."""

import pytest

from pystack.events import Printk
from pystack.wire.ethernet import BROADCAST
from tests.frames import ALICE_MAC, OUR_IP, OUR_MAC, arp_request, ethernet, udp_packet
from tests.netfilter.nft.router import Router

LINK = "MACSRC=02:00:00:00:00:01 MACDST=02:00:00:00:aa:01 "
UDP = "SRC=10.0.0.2 DST=10.0.0.1 LEN=33 TOS=0x00 PREC=0x00 TTL=64 ID=4660 PROTO=UDP SPT=1000 DPT=53 LEN=13 "
ARP = "ARP HTYPE=1 PTYPE=0x0800 OPCODE=1"
ASKED = " MACSRC=02:00:00:00:00:01 IPSRC=10.0.0.2 MACDST=00:00:00:00:00:00 IPDST=10.0.0.1"


def logged(frame: bytes, *, decoded: bool = True) -> list[str]:
    flags = "flags ether" if decoded else ""
    router = Router(
        'table netdev t { chain c { type filter hook ingress device "eth0" priority 0;\n'
        f'log prefix "in " {flags}; }} ; }}'
    )
    lines: list[str] = []
    router.host.events.subscribe(
        lambda event: lines.append(event.text) if isinstance(event, Printk) else None
    )
    router.send(router.eth0, frame)
    return lines


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (ethernet(udp_packet(dst=OUR_IP), 0x0800), f"{LINK}MACPROTO=0800 {UDP}"),
        (
            ethernet(b"\0\5\x08\0" + udp_packet(dst=OUR_IP), 0x8100),
            f"{LINK}VPROTO=8100 VID=5 MACPROTO=0800 {UDP}",
        ),
        (
            arp_request(),
            f"{LINK.replace('02:00:00:00:aa:01', 'ff:ff:ff:ff:ff:ff')}MACPROTO=0806 {ARP}{ASKED}",
        ),
        (ethernet(b"what is this", 0x9000), f"{LINK}MACPROTO=9000 "),
    ],
    ids=["IPv4", "tagged", "ARP", "unknown"],
)
def test_a_frame_is_told_with_its_addresses(frame: bytes, words: str) -> None:
    assert logged(frame) == [f"in IN=eth0 OUT= {words}"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (bytes.fromhex("0001080006"), "TRUNCATED"),
        (bytes.fromhex("0001080006040001020000000001"), f"{ARP} INCOMPLETE [6 bytes]"),
        (bytes.fromhex("0006080006040001") + bytes(20), ARP.replace("=1 ", "=6 ", 1)),
    ],
)
def test_arp_is_told_as_far_as_it_is_there(body: bytes, words: str) -> None:
    frame = BROADCAST + ALICE_MAC + b"\x08\x06" + body
    assert logged(frame, decoded=False) == [f"in IN=eth0 OUT= {words}"]


def test_undecoded_the_link_header_stands_as_it_is_without_a_tag() -> None:
    (line,) = logged(ethernet(b"\0\5\x08\0" + udp_packet(dst=OUR_IP), 0x8100), decoded=False)
    assert line.startswith(f"in IN=eth0 OUT= MAC={(OUR_MAC + ALICE_MAC).hex(':')}:08:00 SRC=10.0.0.2 ")
