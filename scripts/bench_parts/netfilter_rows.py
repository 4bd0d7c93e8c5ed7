"""Rules in this process: loading and saving them, and what they cost a packet that is routed.

The rules are made up: addresses, ports and devices such as firewalls ask for, of which a packet meets few.
The yardstick of a packet is the same way without any rules.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final

from pystack.applets import virtual
from pystack.applets.virtual import Outside
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import FORWARD
from pystack.packet import Packet
from pystack.rng import Rng
from pystack.wire import ipv4, tcp, udp
from pystack.wire.ethernet import ETH_P_IP
from pystack.wire.ethernet import header as ethernet
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, Ipv4Header
from pystack.wire.tcp import SYN, TcpHeader
from scripts.bench_parts.lab import BenchError
from scripts.bench_parts.results import Reading

NO_RULES: Final = "no rules"
FEW_RULES: Final = "50 rules"
EMPTY_CALL: Final = "empty call"
PROGRAM: Final = "iptables-nft"
WARM_UP: Final = 2_000
SETUP: Final = """ip link set lo up
ip link set p1 up
ip link set p2 up
ip addr add 172.16.0.1/24 dev p1
ip addr add 172.17.0.1/24 dev p2
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0
ip route add 10.0.0.0/8 via 172.17.0.2
ip route add 11.0.0.0/8 via 172.16.0.2
ip neigh add 172.17.0.2 lladdr 02:00:00:00:bb:02 dev p2
ip neigh add 172.16.0.2 lladdr 02:00:00:00:bb:01 dev p1
"""


@lru_cache
def rules(count: int) -> bytes:
    """A saved FORWARD chain; the same one each time."""
    rng = Rng(1)
    lines = ["*filter", ":INPUT ACCEPT [0:0]", ":FORWARD ACCEPT [0:0]", ":OUTPUT ACCEPT [0:0]"]
    lines += [f"-A FORWARD {_rule(rng, number)}" for number in range(count)]
    return "\n".join([*lines, "COMMIT", ""]).encode()


def _rule(rng: Rng, number: int) -> str:
    address = f"10.{rng.below(256)}.{rng.below(256)}.{rng.below(256)}"
    match number % 5:
        case 0:
            return f"-s {address}/32 -j DROP"
        case 1:
            return f"-d {address}/32 -p tcp -m tcp --dport {rng.below(65536)} -j ACCEPT"
        case 2:
            return f"-s {address}/24 -i p1 -p udp -m udp --sport {rng.below(65536)} -j DROP"
        case 3:
            comment = f'-m comment --comment "rule {number}"'
            return f"-p tcp -m tcp --dport {1 + rng.below(1023)} {comment} -j DROP"
        case _:
            return f"-s {address}/32 -d {address}/32 -j ACCEPT"


def load(count: int) -> Reading:
    """Seconds that a restore takes."""
    wanted = Outside(stdin=rules(count))
    begun = time.process_time()
    _run(Host(), [f"{PROGRAM}-restore"], wanted)
    return Reading(time.process_time() - begun)


def save(count: int) -> Reading:
    """Seconds that a save takes."""
    host = Host()
    _run(host, [f"{PROGRAM}-restore"], Outside(stdin=rules(count)))
    begun = time.process_time()
    saved = _run(host, [f"{PROGRAM}-save"])
    taken = time.process_time() - begun
    if saved.count("\n-A ") != count:
        raise BenchError(f"{saved.count(chr(10))} lines for {count} rules")
    return Reading(taken)


def per_packet(frames: int, count: int | None) -> Reading:
    """Microseconds a frame from one device to the other, past so many rules of FORWARD; None: without one."""
    host = Host()
    ports = [host.init.add_port(f"p{number}", bytes((2, 0, 0, 0, 0, number))) for number in (1, 2)]
    _run(host, ["sh", "-c", SETUP])
    if count is not None:
        _run(host, [f"{PROGRAM}-restore"], Outside(stdin=rules(count)))
    _pass(host, ports, _frames(WARM_UP))
    made = _frames(frames)
    begun = time.process_time()
    left = _pass(host, ports, made)
    taken = time.process_time() - begun
    if not left:
        raise BenchError("nothing was forwarded")
    return Reading(taken / frames * 1e6)


def a_second(frames: int, count: int | None) -> Reading:
    """Thousands of frames a second, likewise."""
    return Reading(1e3 / per_packet(frames, count).value)


def _pass(host: Host, ports: list[PortDevice], made: list[bytearray]) -> int:
    """How many came out."""
    receive, backlog, come_in, left = host.init.link.ingress.receive, host.backlog, ports[0], 0
    for number, frame in enumerate(made):
        receive(come_in, frame)
        if backlog.queue:
            host.run_backlog()
        if not number % 64:
            left += _emptied(ports)
    return left + _emptied(ports)


def _emptied(ports: list[PortDevice]) -> int:
    count = sum(len(port.tx) for port in ports)
    for port in ports:
        port.tx.clear()
    return count


def empty_hook(calls: int) -> Reading:
    """Nanoseconds past a hook where nothing is registered, as the path of a packet goes past it."""
    netns, okfn = Host().init, _do_nothing
    point, pkt = netns.hooks.ip[FORWARD], Packet(bytearray(64), netns.devices["lo"])
    begun = time.process_time()
    for _ in range(calls):
        if point.entries:
            point.run(pkt, None, None, okfn)
        else:
            okfn(pkt)
    return Reading((time.process_time() - begun) / calls * 1e9)


def empty_call(calls: int) -> Reading:
    """Nanoseconds a call of what would come behind it."""
    pkt, okfn = Packet(bytearray(64), Host().init.devices["lo"]), _do_nothing
    begun = time.process_time()
    for _ in range(calls):
        okfn(pkt)
    return Reading((time.process_time() - begun) / calls * 1e9)


def _do_nothing(pkt: Packet) -> None: ...


def _frames(count: int) -> list[bytearray]:
    """From strangers to addresses that the rules are about, TCP and UDP in turn."""
    rng = Rng(3)
    return [_frame(rng, number) for number in range(count)]


def _frame(rng: Rng, number: int) -> bytearray:
    source, destination = 0x0B000000 | rng.below(1 << 24), 0x0A000000 | rng.below(1 << 24)
    sport, dport = rng.below(65536), rng.below(65536)
    if number % 2:
        protocol, body = IPPROTO_UDP, udp.build(sport, dport, bytes(20), source, destination)
    else:
        opening = TcpHeader(sport, dport, flags=SYN)
        protocol, body = IPPROTO_TCP, tcp.build(opening, b"", source, destination)
    packet = ipv4.build(Ipv4Header(source, destination, protocol), len(body)) + body
    return bytearray(ethernet(bytes((2, 0, 0, 0, 0, 1)), b"\2\0\0\0\xbb\1", ETH_P_IP) + packet)


def _run(host: Host, argv: list[str], outside: Outside | None = None) -> str:
    ended = virtual.run(argv, host, outside=outside) if outside is not None else virtual.run(argv, host)
    if ended.rc:
        raise BenchError(ended.text)
    return ended.out
