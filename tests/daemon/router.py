"""A stack that routes and translates between two ports, and what stations on both sides send each other."""

from __future__ import annotations

from ipaddress import ip_address

from pystack.applets import virtual
from pystack.daemon.stack import Stack
from pystack.wire import tcp, udp
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import TcpHeader
from tests.daemon.guest import memory_config, memory_stack
from tests.frames import datagram

SETUP = """\
ip link set p1 up; ip link set p2 up
ip address add 10.0.0.1/24 dev p1; ip address add 10.9.0.1/24 dev p2
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:11 dev p1; ip neigh add 10.9.0.2 lladdr 02:00:00:00:00:22 dev p2
sysctl -w net.ipv4.ip_forward=1
iptables -t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp
iptables -t raw -A PREROUTING -p tcp --dport 21 -j CT --helper ftp
iptables -t nat -A POSTROUTING -o p2 -j MASQUERADE
"""
PLAIN = SETUP.replace("-j MASQUERADE", "-j RETURN")
INSIDE, OUTSIDE = int(ip_address("10.0.0.2")), int(ip_address("10.9.0.2"))
MASQUERADE = int(ip_address("10.9.0.1"))


def router(setup: str = SETUP) -> Stack:
    """One that runs for a while."""
    stack = memory_stack(memory_config("p1", "p2", setup=setup))
    stack.host.clock.set(100.0)
    return stack


def asked(stack: Stack, sport: int, dport: int, payload: bytes) -> bytes:
    """A datagram from inside; what leaves outside for it."""
    segment = udp.build(sport, dport, payload, INSIDE, OUTSIDE)
    return passed(stack, "p1", "p2", datagram(segment, IPPROTO_UDP, src=INSIDE, dst=OUTSIDE))


def answered(stack: Stack, sport: int, dport: int, payload: bytes, to: int = MASQUERADE) -> bytes:
    """A datagram from outside for the address that they see there; what arrives inside."""
    segment = udp.build(sport, dport, payload, OUTSIDE, to)
    return passed(stack, "p2", "p1", datagram(segment, IPPROTO_UDP, src=OUTSIDE, dst=to))


def spoken(stack: Stack, side: int, fields: TcpHeader, data: bytes = b"", to: int = MASQUERADE) -> bytes:
    """A segment from inside (0) or outside; what comes out on the other side."""
    source, destination = (INSIDE, OUTSIDE) if side == 0 else (OUTSIDE, to)
    segment = tcp.build(fields, data, source, destination)
    ports = ("p1", "p2") if side == 0 else ("p2", "p1")
    return passed(stack, *ports, datagram(segment, IPPROTO_TCP, src=source, dst=destination))


def passed(stack: Stack, source: str, destination: str, packet: bytes) -> bytes:
    """A packet in at one port; all packets that leave by another one."""
    stack.devices[destination].tx.clear()
    mac = stack.devices[source].address
    stack.host.init.receive(stack.devices[source], mac + bytes(6) + b"\x08\x00" + packet)
    stack.host.run_backlog()
    return b"".join(bytes(frame[14:]) for frame, _ in stack.devices[destination].tx)


def listed(stack: Stack, table: str = "conntrack") -> str:
    """What `conntrack -L` shows."""
    return virtual.run(["conntrack", "-L", table], stack.host).out
