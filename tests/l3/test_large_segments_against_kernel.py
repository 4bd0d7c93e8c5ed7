"""Large segments routed to a link with a smaller MTU: what leaves the kernel's router leaves ours."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.l2.nud import NUD_PERMANENT
from pystack.l2.port import PortDevice
from pystack.wire.checksum import pseudo_header_sum
from pystack.wire.ipv4 import IP_DF
from pystack.wire.virtio import GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM, Offload, build_header
from tests.box import Box
from tests.frames import datagram, ip, packet_frame

pytestmark = pytest.mark.root

ALICE, BOB = "10.0.0.2", "10.0.1.2"
MACS = [bytes((2, 0, 0, 0, 0, number)) for number in (1, 2)]
SETUP = """
sysctl -qw net.ipv4.ip_forward=1
ip link set tap1 up
ip link set tap2 mtu 1000
ip link set tap2 up
ip addr add 10.0.0.1/24 dev tap1
ip addr add 10.0.1.1/24 dev tap2
ip neigh add 10.0.0.2 lladdr 02:00:00:00:aa:01 dev tap1
ip neigh add 10.0.1.2 lladdr 02:00:00:00:bb:01 dev tap2
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2"], offload=True) as lab:
        lab.sh(SETUP).check()
        yield lab


def router() -> Box:
    box = Box()
    for number, mtu, neighbour, mac in (
        (1, 1500, ALICE, b"\x02\0\0\0\xaa\x01"),
        (2, 1000, BOB, b"\x02\0\0\0\xbb\x01"),
    ):
        dev = box.port(f"tap{number}", MACS[number - 1], f"10.0.{number - 1}.1/24")
        box.ns.devices.set_mtu(dev, mtu)
        neigh = box.ns.ipv4.neighbours.create(dev, ip(neighbour), box.ns.ipv4.confs.neigh_of(dev))
        assert neigh is not None
        neigh.set(mac, NUD_PERMANENT)
    box.forward()
    return box


def segment(protocol: int, payload: int, frag_off: int) -> bytes:
    """A datagram whose transport checksum is only begun."""
    data = bytes(number % 251 for number in range(payload))
    length = payload + (20 if protocol == 6 else 8)
    begun = pseudo_header_sum(ip(ALICE), ip(BOB), protocol, length).to_bytes(2, "big")
    if protocol == 6:
        head = b"\x10\0\x20\0" + bytes(8) + b"\x50\x18\x20\0" + begun + bytes(2)
    else:
        head = b"\x10\0\x20\0" + length.to_bytes(2, "big") + begun
    packet = datagram(head + data, protocol, src=ip(ALICE), dst=ip(BOB), frag_off=frag_off, id=77)
    return packet_frame(packet, to=MACS[0])


@pytest.mark.parametrize("frag_off", [0, IP_DF], ids=["may be cut", "DF"])
@pytest.mark.parametrize(
    ("protocol", "payload", "offload"),
    [
        (6, 4000, Offload(NEEDS_CSUM, GSO_TCPV4, 54, 1460, 34, 16)),
        (6, 4000, Offload(NEEDS_CSUM, GSO_TCPV4, 54, 946, 34, 16)),
        (6, 1400, Offload(NEEDS_CSUM, csum_start=34, csum_offset=16)),
        (17, 3000, Offload(NEEDS_CSUM, GSO_UDP_L4, 42, 1400, 34, 6)),
        (17, 1200, Offload(NEEDS_CSUM, csum_start=34, csum_offset=6)),
    ],
    ids=["tcp too large", "tcp fits", "tcp of one piece", "udp too large", "udp of one piece"],
)
def test_what_leaves_is_the_same(
    kernel: KernelNetns, protocol: int, payload: int, offload: Offload, frag_off: int
) -> None:
    frame = segment(protocol, payload, frag_off)
    kernel.drain()
    kernel.send("tap1", frame, build_header(offload))
    theirs = [(one.port, bare(one.frame), one.header) for one in kernel.drain_with_headers()]
    box = router()
    box.send(box.ns.devices["tap1"], frame, offload)
    ours = []
    for name in ("tap1", "tap2"):
        dev = box.ns.devices[name]
        assert isinstance(dev, PortDevice)
        ours += [(name, bare(bytes(sent)), build_header(owed)) for sent, owed in dev.tx]
        dev.tx.clear()
    assert ours == theirs
    assert theirs


def bare(frame: bytes) -> bytes:
    """An answer of the router without its identification and checksum."""
    own = frame[23] == 1
    return frame[:18] + bytes(2) + frame[20:24] + bytes(2) + frame[26:] if own else frame
