"""`-j TCPMSS` where IPv6 crosses a bridge."""

import pytest

from pystack.applets.virtual import run_setup
from pystack.host import Host
from pystack.wire import ipv6
from pystack.wire.checksum import checksum
from pystack.wire.ipv6 import Ipv6Header
from tests.frames import ALICE_MAC, BOB_MAC, ethernet

BRIDGE = "ip link add br0 type bridge\nip link set br0 up\n" + "".join(
    f"ip link set {port} master br0\nip link set {port} up\n" for port in ("p1", "p2")
)
HERE, THERE = 0x20010DB8 << 96 | 1, 0x20010DB8 << 96 | 2


def syn(options: bytes) -> bytes:
    segment = bytearray(20) + options
    segment[:4] = bytes((4, 0, 0, 80))
    segment[12], segment[13] = (20 + len(options)) // 4 << 4, 2
    header = Ipv6Header(HERE, THERE, 6, payload_len=len(segment))
    segment[16:18] = checksum(pseudo(header) + segment).to_bytes(2, "big")
    return ipv6.build(header) + segment


def pseudo(header: Ipv6Header) -> bytes:
    ends = header.saddr.to_bytes(16, "big") + header.daddr.to_bytes(16, "big")
    return ends + header.payload_len.to_bytes(4, "big") + bytes((0, 0, 0, 6))


@pytest.mark.parametrize(
    ("target", "before", "after"),
    [
        ("--set-mss 1000", "020405b4", "020403e8"),
        ("--set-mss 1000", "020401f4", "020401f4"),
        ("--set-mss 1000", "", "020403e8"),
        ("--set-mss 1400", "", "020404c4"),  # 1220: all that IPv6 promises
        ("--clamp-mss-to-pmtu", "020405b4", "020405a0"),
        ("--clamp-mss-to-pmtu", "0101080a0000000000000000", "020404c40101080a0000000000000000"),
    ],
)
def test_the_option_is_made_smaller_or_added(target: str, before: str, after: str) -> None:
    host = Host(seed=1)
    one, two = (host.init.add_port(f"p{number}", bytes((2, 0, 0, 0, 1, number))) for number in (1, 2))
    rule = f"ip6tables -t mangle -A FORWARD -p tcp --syn -j TCPMSS {target}\n"
    assert run_setup(host, BRIDGE + rule, "rules") == []
    two.tx.clear()
    host.init.receive(one, ethernet(syn(bytes.fromhex(before)), 0x86DD, to=BOB_MAC, sender=ALICE_MAC))
    host.run_backlog()
    packet = bytes(two.tx[-1][0][14:])
    header = ipv6.parse(packet, 0)
    assert isinstance(header, Ipv6Header)
    assert header.payload_len == len(packet) - 40
    assert packet[60:].hex() == after
    assert checksum(pseudo(header) + packet[40:]) == 0
