"""A copy of a host that is not there, and the packets that its kernel would queue."""

import shlex
from dataclasses import dataclass, field

from pystack.applets.virtual import run
from pystack.explain.words import packet_of
from pystack.hooks.queue.packet import CSUM_NOT_VERIFIED, Queued
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import read
from pystack.netfilter.hooks import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING
from pystack.wire.ethernet import ETH_P_IP

SETUP = """
sysctl -qw net.ipv4.ip_forward=1
ip addr add 10.0.0.1/24 dev eth0
ip link set eth0 up
ip addr add 192.0.2.2/24 dev eth1
ip link set eth1 up
ip link set lo up
ip route add default via 192.0.2.1
"""
ETH0, ETH1 = 2, 3
DEVICES = {  # by hook: the one it came by, and the one it leaves by
    PREROUTING: (ETH0, 0),
    INPUT: (ETH0, 0),
    FORWARD: (ETH0, ETH1),
    OUTPUT: (0, ETH1),
    POSTROUTING: (ETH0, ETH1),
}


@dataclass
class Kernels:
    """A judge.kernel.Kernel whose answers a test chooses."""

    tracks: bool = False
    translates: bool = False
    unsent: int = 0
    connections: list[Snapshot] = field(default_factory=list)
    asked: list[bytes] = field(default_factory=list)
    sent: list[tuple[bytes, int]] = field(default_factory=list)
    frames: list[tuple[str, bytes]] = field(default_factory=list)

    def connection(self, key: bytes) -> Snapshot | None:
        self.asked.append(key)
        wanted = read(key)
        return next((one for one in self.connections if wanted in (one.original, one.reply)), None)

    def send(self, packet: bytes, mark: int) -> None:
        self.sent.append((packet, mark))

    def send_frame(self, device: str, frame: bytes) -> None:
        self.frames.append((device, frame))


def copied(*commands: str) -> Host:
    host = Host(seed=1)
    for index in (ETH0, ETH1):
        port = PortDevice(f"eth{index - ETH0}", bytes([2, 0, 0, 0, 0, index]))
        host.init.devices.register(port, index)
    do(host, *SETUP.strip().splitlines(), *commands)
    return host


def do(host: Host, *commands: str) -> str:
    said = ""
    for line in commands:
        ended = run(shlex.split(line), host)
        assert ended.rc == 0, f"{line}: {ended.err}"
        said += ended.out
    return said


def queued(
    hook: int,
    octets: bytes | str,
    *,
    devices: tuple[int, int] | None = None,
    mark: int = 0,
    info: int = CSUM_NOT_VERIFIED,
) -> Queued:
    """As the kernel shows a packet there."""
    payload = packet_of(octets).payload if isinstance(octets, str) else octets
    indev, outdev = DEVICES[hook] if devices is None else devices
    return Queued(
        1, ETH_P_IP, hook, indev, outdev, 0, 0, mark, payload, len(payload), b"\x02\xaa\0\0\0\5", info
    )
