"""The same frames into a kernel namespace and into pystack: what leaves by the ports must be the same bytes.

Only the IP identification (and the checksum over it) of packets that a side made itself is masked, and the
time of day in timestamp replies.
"""

from __future__ import annotations

import random
import struct
import time
from itertools import pairwise

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.port import PortDevice
from pystack.l3.addresses import Address
from pystack.netns import Netns
from pystack.wire import arp, icmp, ipv4
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, ETH_P_IP, header

pytestmark = pytest.mark.root

SETUP = """
ip link add br0 type bridge mcast_snooping 0
ip link set tap1 master br0
ip link set tap2 master br0
ip link set tap1 up
ip link set tap2 up
ip link set br0 up
ip link set tap3 up
ip link set lo up
ip addr add 10.0.0.1/24 dev br0
ip addr add 10.0.0.2/24 dev br0
ip addr add 10.9.0.1/32 dev br0
ip addr add 10.1.0.1/24 brd + dev tap3
sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-arptables=0
sysctl -qw net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_ratemask=0
"""
PORTS = {f"tap{number}": bytes([2, 0, 0, 0, 0, number]) for number in (1, 2, 3)}
STATIONS = [b"\xba\xec\x24\0\0" + bytes([number]) for number in range(1, 5)]
ADDRESSES = (
    "10.0.0.1 10.0.0.2 10.0.0.9 10.0.0.10 10.0.0.255 10.0.0.0 10.1.0.1 10.1.0.7 10.1.0.255 10.9.0.1 "
    "127.0.0.1 0.0.0.0 255.255.255.255 224.0.0.1 224.0.0.5 8.8.8.8 240.0.0.1 0.1.2.3 127.0.0.5 10.9.0.3"
).split()
SENDERS = ["10.0.0.9"] * 4 + ["10.1.0.7"] * 3 + ["10.0.0.10"] * 2 + ADDRESSES
ICMP_TYPES = [8] * 6 + [0, 3, 5, 11, 13, 15, 17, 42]


def number(text: str) -> int:
    value = ipv4.parse_address(text)
    assert value is not None
    return value


def pystack_side() -> tuple[Host, Netns, dict[str, PortDevice]]:
    host = Host()
    netns = host.init
    ports = {name: netns.add_port(name, address) for name, address in PORTS.items()}
    bridge = kinds.create(netns.devices, "bridge", "br0")
    for name in ("tap1", "tap2"):
        netns.devices.set_master(ports[name], bridge)
    for dev in (ports["tap1"], ports["tap2"], bridge, ports["tap3"], netns.loopback):
        netns.devices.set_up(dev)
    for text in ("10.0.0.1/24", "10.0.0.2/24", "10.9.0.1/32"):
        local, _, length = text.partition("/")
        netns.ipv4.addresses.add(Address(bridge, number(local), int(length)))
    broadcast = number("10.1.0.255")
    netns.ipv4.addresses.add(Address(ports["tap3"], number("10.1.0.1"), 24, broadcast=broadcast))
    netns.ipv4.confs.ipv4.icmp_ratemask = 0
    for name in ("iptables", "arptables"):
        knob = netns.sysctls.find(f"net.bridge.bridge-nf-call-{name}")
        assert knob is not None
        knob.write("0")
    return host, netns, ports


def random_arp(rnd: random.Random, source: bytes, destination: bytes) -> bytes:
    target, sender = rnd.choice(ADDRESSES), rnd.choice(SENDERS)
    if rnd.random() < 0.1:
        sender = target
    claimed = source if rnd.random() < 0.9 else rnd.choice(STATIONS)
    known = rnd.choice([bytes(6), source, BROADCAST])
    operation = rnd.choice([1, 1, 1, 2, 2, 3])
    message = arp.build(arp.Arp(operation, claimed, number(sender), known, number(target)))
    return header(destination, source, ETH_P_ARP) + message


def random_payload(rnd: random.Random) -> tuple[int, bytes]:
    data = rnd.randbytes(rnd.choice([0, 8, 40, 56]))
    kind = rnd.random()
    if kind < 0.7:
        type_ = rnd.choice(ICMP_TYPES)
        message = icmp.build(type_, rnd.randrange(5) if type_ == 3 else 0, rnd.randrange(65536), 1, data)
        return 1, message if rnd.random() < 0.95 else message[:2] + b"\xde\xad" + message[4:]
    if kind < 0.85:
        return 17, struct.pack("!HHHH", 1000, 2000, 8 + len(data), 0) + data
    return rnd.choice([2, 47, 99]), data


def random_ip(rnd: random.Random, source: bytes, destination: bytes) -> bytes:
    protocol, payload = random_payload(rnd)
    fields = ipv4.Ipv4Header(
        number(rnd.choice(SENDERS)),
        number(rnd.choice(ADDRESSES)),
        protocol,
        tos=rnd.choice([0, 0, 0, 0x10, 0xB8]),
        ttl=rnd.choice([64, 1, 0, 255]),
        id=rnd.randrange(65536),
        frag_off=rnd.choice([0x4000, 0, 0, 0]),
        options=rnd.choice([b""] * 9 + [b"\1\1\1\0"]),
    )
    packet = bytearray(ipv4.build(fields, len(payload)) + payload)
    if rnd.random() < 0.05:
        packet[rnd.randrange(20)] ^= 1 << rnd.randrange(8)
    if rnd.random() < 0.1:
        packet += bytes(10)
    if rnd.random() < 0.05:
        del packet[rnd.randrange(len(packet)) :]
    return header(destination, source, ETH_P_IP) + bytes(packet)


def random_frame(rnd: random.Random) -> bytes:
    source = rnd.choice(STATIONS)
    destination = rnd.choice([*PORTS.values(), BROADCAST, BROADCAST, b"\1\0\x5e\0\0\1", *STATIONS])
    make = random_arp if rnd.random() < 0.45 else random_ip
    return make(rnd, source, destination)


def comparable(frame: bytes) -> str:
    masked = bytearray(frame)
    if frame[12:14] == b"\x08\0" and frame[6:12] in PORTS.values():
        masked[18:20] = masked[24:26] = bytes(2)
        if frame[34:35] == bytes([icmp.ICMP_TIMESTAMPREPLY]):
            masked[36:38] = bytes(2)
            masked[46:54] = bytes(8)
    return masked.hex()


def random_fragments(rnd: random.Random, ident: int) -> list[bytes]:
    """An echo request in pieces, some of them twice, overlapping, out of order or missing."""
    data = rnd.randbytes(rnd.choice([24, 64, 200, 1600, 3000]))
    message = icmp.build(icmp.ICMP_ECHO, 0, ident, 1, data)
    cuts = sorted(
        {0, len(message), *(8 * rnd.randrange(1, len(message) // 8) for _ in range(rnd.randrange(1, 6)))}
    )
    pieces = []
    for start, end in pairwise(cuts):
        begin = max(0, start - 8) if rnd.random() < 0.06 else start
        stop = min(len(message), end + rnd.choice([8, 16])) if rnd.random() < 0.06 else end
        pieces.append((begin, stop))
        if rnd.random() < 0.1:
            pieces.append((begin, stop))
    if rnd.random() < 0.5:
        rnd.shuffle(pieces)
    if rnd.random() < 0.1:
        pieces.pop()
    keeps_df = rnd.choice([0, 0, 0, ipv4.IP_DF])
    return [echo_fragment(rnd, message, begin, stop, ident, keeps_df) for begin, stop in pieces]


def echo_fragment(rnd: random.Random, message: bytes, start: int, end: int, ident: int, df: int) -> bytes:
    more = ipv4.IP_MF if end < len(message) else 0
    tos = rnd.choice([0] * 40 + [1, 2, 3])
    fields = ipv4.Ipv4Header(
        number("10.0.0.9"), number("10.0.0.1"), 1, id=ident, frag_off=df | more | start // 8, tos=tos
    )
    packet = ipv4.build(fields, end - start) + message[start:end]
    return header(PORTS["tap1"], STATIONS[0], ETH_P_IP) + packet


@pytest.mark.parametrize("seed", [1, 2])
def test_random_fragments_are_reassembled_alike(seed: int) -> None:
    rnd = random.Random(seed)
    asks = arp.Arp(arp.ARPOP_REQUEST, STATIONS[0], number("10.0.0.9"), bytes(6), number("10.0.0.1"))
    known = header(PORTS["tap1"], STATIONS[0], ETH_P_ARP) + arp.build(asks)
    frames = [known, *(frame for ident in range(1, 300) for frame in random_fragments(rnd, ident))]
    assert_alike([("tap1", frame) for frame in frames], f"seed {seed}")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_frames_leave_both_stacks_alike(seed: int) -> None:
    rnd = random.Random(seed)
    assert_alike([(rnd.choice(list(PORTS)), random_frame(rnd)) for _ in range(1500)], f"seed {seed}")


def assert_alike(frames: list[tuple[str, bytes]], note: str) -> None:
    host, netns, ports = pystack_side()
    answers = 0
    with KernelNetns(PORTS) as kernel:
        kernel.sh(SETUP).check()
        time.sleep(1.2)  # the kernel reports its group memberships for a second after link-up
        kernel.drain()
        began = time.monotonic()
        for count, (name, frame) in enumerate(frames):
            host.clock.set(time.monotonic() - began + 1)
            host.run_timers()
            netns.receive(ports[name], frame)
            host.run_backlog()
            kernel.send(name, frame)
            theirs = [(port, comparable(out)) for port, out in kernel.drain()]
            ours = [(port.name, comparable(bytes(out))) for port in ports.values() for out, _ in port.tx]
            for port in ports.values():
                port.tx.clear()
            assert ours == theirs, f"{note}, frame {count} into {name}: {frame.hex()}"
            answers += len(theirs)
    assert answers > len(frames) // 10, "the frames were meant to be answered"
    assert host.outcomes.outstanding() == host.queued()
