"""A saved firewall as a place for packets: its devices and addresses, and packets among them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from typing import Final

from pystack.wire import icmp, ipv4, tcp, udp
from pystack.wire.ethernet import ETH_P_IP
from pystack.wire.ipv4 import (
    IPPROTO_ICMP,
    IPPROTO_TCP,
    IPPROTO_UDP,
    Ipv4Header,
    address_text,
    netmask,
    parse_address,
)
from pystack.wire.tcp import ACK, FIN, PSH, RST, SYN, TcpHeader

MOST_DEVICES: Final = 12
STATION: Final = b"\x02\0\0\0\xaa\x01"
_DEVICE: Final = re.compile(r"-[io] ([^\s+]+)(\+?)")
_NETWORK: Final = re.compile(r"\b(\d+\.\d+\.\d+\.\d+)(?:/(\d+))?\b")
_PORTS: Final = re.compile(r"--(?:[sd]ports?|ports|to-ports) ([\d:,]+)")
_OPENING: Final = (
    (0, SYN),
    (1, SYN | ACK),
    (0, ACK),
    (0, ACK | PSH),
    (1, ACK),
    (1, FIN | ACK),
    (0, FIN | ACK),
    (1, ACK),
)

Flow = tuple[int, int, int, int, int]  # protocol, source, destination, two ports


class Firewall:
    """What a file says, apart from its rules."""

    def __init__(self, text: str) -> None:
        self.text = re.sub(r"(-[io] \S+)\.", r"\1_", text)  # a dot is a slash for sysctl
        names = dict.fromkeys(
            name + "0" * bool(plus) for name, plus in _DEVICE.findall(self.text) if name != "lo"
        )
        self.devices = tuple(names)[:MOST_DEVICES] or ("eth0",)
        self.networks = sorted({_network(*found) for found in _NETWORK.findall(self.text)} - {(0, 0)})
        self.ports = sorted(
            {int(port) for found in _PORTS.findall(self.text) for port in re.findall(r"\d+", found)}
        )
        self.asks_the_time = any(f"-m {match} " in text for match in ("limit", "hashlimit", "recent"))

    def setup(self) -> str:
        """The devices, an address each, and ways to all that the rules speak of."""
        lines = ["ip link set lo up", "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratemask=0"]
        lines.append("sysctl -qw net.ipv4.icmp_msgs_per_sec=1000000 net.ipv4.icmp_msgs_burst=1000000")
        for number, name in enumerate(self.devices):
            lines += [f"sysctl -qw net.ipv4.conf.{name}.{what}=0" for what in ("rp_filter", "send_redirects")]
            lines += [f"ip link set {name} arp off", f"ip link set {name} up"]
            lines.append(f"ip addr add {self._own(number)}/24 dev {name}")
        lines.append("sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.all.send_redirects=0")
        lines.append(f"ip route add default dev {self.devices[0]}")
        for number, (address, length) in enumerate(self.networks):
            if length and address >> 28 < 14 and address >> 24 != 127:
                prefix = f"{address_text(address & netmask(length))}/{length}"
                lines.append(f"ip route replace {prefix} dev {self.devices[number % len(self.devices)]}")
        return "".join(f"{line}\n" for line in lines)

    def _own(self, number: int) -> str:
        return f"10.250.{number}.1"

    def packets(self, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
        """By which device each comes, and the frame without its first six octets."""
        return _Talk(self, random.Random(seed)).packets(count)

    def address(self, rng: random.Random) -> int:
        """Of one that the rules are about, of the machine itself, or of a stranger."""
        kind = rng.random()
        if kind < 0.15:
            own = parse_address(self._own(rng.randrange(len(self.devices))))
            assert own is not None
            return own
        if kind < 0.3 or not self.networks:
            return rng.choice((0x01020304, 0x0A00FA01, 0xC0A80001, 0xAC100001)) + rng.randrange(4)
        address, length = rng.choice(self.networks)
        return (address & netmask(length)) | (rng.randrange(8) & ~netmask(length)) if length < 32 else address

    def port(self, rng: random.Random) -> int:
        """Likewise."""
        known = rng.choice(self.ports) if self.ports and rng.random() < 0.7 else rng.randrange(65536)
        return min(max(known + rng.choice((0, 0, 0, 1, -1)), 0), 65535)


class _Talk:
    """Connections of a few packets, and strays."""

    def __init__(self, firewall: Firewall, rng: random.Random) -> None:
        self._firewall = firewall
        self._rng = rng
        self._going_on: list[tuple[Flow, tuple[str, str], int]] = []

    def packets(self, count: int) -> Iterator[tuple[str, bytes]]:
        for _ in range(count):
            if self._going_on and self._rng.random() < 0.6:
                yield self._next(self._rng.randrange(len(self._going_on)))
            else:
                yield self._new()

    def _new(self) -> tuple[str, bytes]:
        rng, firewall = self._rng, self._firewall
        protocol = rng.choice((IPPROTO_TCP, IPPROTO_TCP, IPPROTO_UDP, IPPROTO_UDP, IPPROTO_ICMP, 47))
        flow = protocol, firewall.address(rng), firewall.address(rng), firewall.port(rng), firewall.port(rng)
        devices = rng.choice(firewall.devices), rng.choice(firewall.devices)
        if rng.random() < 0.1:
            return devices[0], self._framed(flow, 0, rng.choice((ACK, RST, SYN | FIN, 0, SYN | ACK)))
        self._going_on.append((flow, devices, 0))
        return self._next(len(self._going_on) - 1)

    def _next(self, at: int) -> tuple[str, bytes]:
        flow, devices, step = self._going_on[at]
        side, flags = _OPENING[step]
        if step + 1 < len(_OPENING) and (flow[0] == IPPROTO_TCP or step < 3):
            self._going_on[at] = flow, devices, step + 1
        else:
            del self._going_on[at]
        return devices[side], self._framed(flow, side, flags)

    def _framed(self, flow: Flow, side: int, flags: int) -> bytes:
        protocol, *ends = flow
        source, destination, sport, dport = ends if not side else (ends[1], ends[0], ends[3], ends[2])
        if protocol == IPPROTO_TCP:
            # Numbers that fit: each side counts its SYN, nobody says anything.
            seq, ack = (100 if flags & SYN else 101), (101 if flags & ACK else 0)
            body = tcp.build(
                TcpHeader(sport, dport, seq=seq, ack=ack, flags=flags, window=8000), b"", source, destination
            )
        elif protocol == IPPROTO_UDP:
            body = udp.build(sport, dport, b"data", source, destination)
        elif protocol == IPPROTO_ICMP:
            kind = icmp.ICMP_ECHOREPLY if side else self._rng.choice((8, 8, 8, 13, 17, 30))
            body = icmp.build(kind, 0, ends[2], 1, b"data")
        else:
            body = bytes(20)
        packet = Ipv4Header(source, destination, protocol, ttl=self._rng.choice((64, 64, 2, 1)))
        return STATION + ETH_P_IP.to_bytes(2, "big") + ipv4.build(packet, len(body)) + body


def _network(address: str, length: str) -> tuple[int, int]:
    found = parse_address(address)
    assert found is not None, address
    return found, min(int(length or 32), 32)
