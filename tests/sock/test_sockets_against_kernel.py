"""Random calls on UDP sockets, and random packets for them, mean the same to pystack and to the kernel."""

import random
import re
import socket
import struct
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pytest

from pystack.applets.virtual import run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.errors import NetError
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.sock.inet import PacketInfo
from pystack.sock.options import set_multicast_if, setsockopt
from pystack.sock.udp import UdpSocket
from pystack.wire import icmp
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IPPROTO_IGMP, address_text, is_multicast
from tests.frames import datagram, ip, packet_frame, udp_packet
from tests.sock.two_nets import MACS, OWN, PORTS
from tests.sock.two_nets import SETUP as TWO_NETS

pytestmark = pytest.mark.root

SETUP = f"""{TWO_NETS}
ip route add blackhole 10.6.0.0/16
ip route add 224.0.0.0/4 dev tap2
"""
BINDABLE = (*OWN, "10.1.0.255", "239.1.1.1", "255.255.255.255", "8.8.8.8", "10.1.0.7")
PEERS = ("10.1.0.7", "10.2.0.7", "10.1.0.1", "127.0.0.1", "0.0.0.0")
FAR = (*PEERS, "10.1.0.255", "255.255.255.255", "239.1.1.1", "8.8.8.8", "10.6.0.1", "10.7.0.1", "10.8.0.1")
DESTINATIONS = (*OWN[1:], "10.1.0.255", "255.255.255.255", "224.0.0.1", "239.1.1.1")
NUMBERS = (5000, 5001)
LOOPBACK = 1  # its ifindex
IP_PKTINFO, IP_RECVERR = 8, 11
OPTIONS = {
    "SO_REUSEADDR": (socket.SOL_SOCKET, socket.SO_REUSEADDR),
    "SO_REUSEPORT": (socket.SOL_SOCKET, socket.SO_REUSEPORT),
    "SO_BROADCAST": (socket.SOL_SOCKET, socket.SO_BROADCAST),
    "SO_MARK": (socket.SOL_SOCKET, 36),
    "SO_RCVBUF": (socket.SOL_SOCKET, socket.SO_RCVBUF),
    "IP_TOS": (socket.SOL_IP, socket.IP_TOS),
    "IP_TTL": (socket.SOL_IP, socket.IP_TTL),
    "IP_RECVERR": (socket.SOL_IP, IP_RECVERR),
    "IP_FREEBIND": (socket.SOL_IP, 15),
    "IP_TRANSPARENT": (socket.SOL_IP, socket.IP_TRANSPARENT),
    "IP_MTU_DISCOVER": (socket.SOL_IP, 10),
    "IP_MULTICAST_TTL": (socket.SOL_IP, socket.IP_MULTICAST_TTL),
    "IP_MULTICAST_LOOP": (socket.SOL_IP, socket.IP_MULTICAST_LOOP),
    "IP_MULTICAST_ALL": (socket.SOL_IP, 49),
}


@dataclass
class Pair:
    """One socket on each side."""

    name: int
    theirs: socket.socket
    ours: UdpSocket
    is_shared: bool = False  # with SO_REUSEPORT: which of a group hears a packet is chance


@dataclass
class Sides:
    kernel: KernelNetns
    host: Host
    chance: random.Random
    opened: ExitStack
    names: dict[int, str]
    pairs: list[Pair] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    opened_so_far: int = 0

    def both(self, what: str, theirs: Callable[[], object], ours: Callable[[], object]) -> bool:
        """Whether a call was accepted, by both or by none."""
        try:
            theirs()
            error = 0
        except OSError as refused:
            error = refused.errno or 0
        try:
            ours()
            mine = 0
        except NetError as refused:
            mine = refused.number
        self.log.append(f"{what}: {error}")
        assert mine == error, (self.log, mine)
        self.host.run_backlog()
        self.assert_same_frames()
        self.assert_same_addresses()
        return not error

    def assert_same_addresses(self) -> None:
        for pair in self.pairs:
            host, port = pair.theirs.getsockname()
            ours = address_text(pair.ours.saddr or pair.ours.rcv_saddr), pair.ours.num
            if port not in NUMBERS:  # drawn
                assert bool(port) == bool(ours[1]), self.log
                port, ours = 0, (ours[0], 0)
            bound = address_text(pair.ours.rcv_saddr)
            assert host in (ours[0], bound), (self.log, pair.name)
            assert port == ours[1], (self.log, pair.name)

    def assert_same_frames(self) -> None:
        theirs = [(port, shape(frame)) for port, frame in self.kernel.drain() if frame[23] != IPPROTO_IGMP]
        ours = []
        for name in PORTS:
            port = self.host.init.devices.get(name)
            assert isinstance(port, PortDevice)
            ours += [(name, shape(bytes(frame))) for frame, _ in port.tx if frame[23] != IPPROTO_IGMP]
            port.tx.clear()
        assert ours == theirs, self.log

    def inject(self, port: str, frame: bytes) -> None:
        self.kernel.send(port, frame)
        dev = self.host.init.devices.get(port)
        assert dev is not None
        self.host.init.receive(dev, frame)
        self.host.run_backlog()
        self.assert_same_frames()
        self.assert_same_harvest()

    def assert_same_harvest(self) -> None:
        """Each socket's datagrams and errors; of those who share a port, all of the group's."""
        theirs, ours = [], []
        for pair in self.pairs:
            whose = 0 if pair.is_shared else pair.name
            theirs += [(whose, *what) for what in harvest_theirs(pair.theirs, self.names)]
            ours += [(whose, *what) for what in harvest_ours(pair.ours)]
        assert sorted(ours, key=repr) == sorted(theirs, key=repr), self.log


def shape(frame: bytes) -> tuple[object, ...]:
    """What of a frame does not come from chance: addresses, DF, TTL, known ports, the payload."""
    if frame[12:14] != b"\x08\x00":
        return frame[12:14], frame[14:42]
    header, rest = frame[14:34], frame[34:]
    ports = tuple(port if port in (*NUMBERS, 7) else 0 for port in struct.unpack_from("!HH", rest))
    if header[9] == 1:
        ports = (rest[0], rest[1])
    return frame[:6], header[1], header[6:8], header[8:10], header[12:20], ports, len(rest), rest[28:]


def harvest_theirs(sock: socket.socket, names: dict[int, str]) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for _ in range(20):
        with suppress(BlockingIOError):
            _, ancillary, _, _ = sock.recvmsg(2000, 500, socket.MSG_ERRQUEUE)
            (error,) = [octets for _, kind, octets in ancillary if kind == IP_RECVERR]
            errno, origin, type_, code, _, info = struct.unpack_from("=IBBBBI", error)
            found.append(("queued", errno, origin, type_, code, info))
            continue
        try:
            data, ((_, _, info),), _, (host, port) = sock.recvmsg(2000, 500)
            ifindex, spec_dst, daddr = struct.unpack("=I4s4s", info)
            told = names[ifindex], socket.inet_ntoa(spec_dst), socket.inet_ntoa(daddr)
            found.append(("data", data, host, port if port in (*NUMBERS, 7) else 0, *told))
        except BlockingIOError:
            return found
        except OSError as error:
            found.append(("error", error.errno))
    return found


def harvest_ours(sock: UdpSocket) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    for _ in range(20):
        if (error := sock.recv_error()) is not None:
            found.append(("queued", error.errno, error.origin, error.type, error.code, error.info))
            continue
        try:
            received = sock.recv()
        except NetError as refused:
            found.append(("error", refused.number))
            continue
        if received is None:
            return found
        port = received.sport if received.sport in (*NUMBERS, 7) else 0
        dev = sock.context.devices.by_index(received.ifindex)
        told = dev.name if dev else "", address_text(received.spec_dst), address_text(received.daddr)
        found.append(("data", received.data, address_text(received.saddr), port, *told))
    return found


def open_pair(sides: Sides) -> None:
    theirs = socket.socket(fileno=sides.kernel.open_socket(socket.AF_INET, socket.SOCK_DGRAM))
    theirs.setblocking(False)
    theirs.setsockopt(socket.SOL_IP, IP_PKTINFO, 1)
    sides.opened.callback(theirs.close)
    sides.opened_so_far += 1
    sides.pairs.append(Pair(sides.opened_so_far, theirs, sides.host.init.udp.open()))
    sides.log.append(f"{sides.opened_so_far} open")


def set_option(sides: Sides, pair: Pair) -> None:
    name, value = sides.chance.choice(list(OPTIONS)), sides.chance.choice((0, 1, 0, 1, 2, 3, -1, 6, 255, 256))
    level, option = OPTIONS[name]
    accepted = sides.both(
        f"{pair.name} {name}={value}",
        lambda: pair.theirs.setsockopt(level, option, value),
        lambda: setsockopt(pair.ours, name, value),
    )
    pair.is_shared |= name == "SO_REUSEPORT" and accepted and bool(value)


def set_multicast_device(sides: Sides, pair: Pair) -> None:
    address = sides.chance.choice(("0.0.0.0", "10.1.0.1", "9.9.9.9"))
    octets = socket.inet_aton(address)
    sides.both(
        f"{pair.name} groups by {address}",
        lambda: pair.theirs.setsockopt(socket.SOL_IP, socket.IP_MULTICAST_IF, octets),
        lambda: set_multicast_if(pair.ours, ip(address)),
    )


def bind_device(sides: Sides, pair: Pair) -> None:
    name = sides.chance.choice(("tap1", "tap2", "" if is_multicast(pair.ours.daddr) else "lo", "", "nix"))
    sides.both(
        f"{pair.name} device {name}",
        lambda: pair.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode()),
        lambda: pair.ours.bind_to_device(name),
    )


def bind(sides: Sides, pair: Pair) -> None:
    host = sides.chance.choice(BINDABLE)
    port = sides.chance.choice((*NUMBERS, *NUMBERS, 0))
    what = f"{pair.name} bind {host} {port}"
    sides.both(what, lambda: pair.theirs.bind((host, port)), lambda: pair.ours.bind(ip(host), port))


def far(pair: Pair) -> list[str]:
    """Where to; a group that nobody joined, looped over lo, is discarded by the kernel and ignored by us."""
    over_lo = pair.ours.ifindex == LOOPBACK or pair.ours.saddr == ip("127.0.0.1")
    return [host for host in FAR if not (over_lo and host.startswith("239"))]


def connect(sides: Sides, pair: Pair) -> None:
    host, port = sides.chance.choice(far(pair)), sides.chance.choice((7, *NUMBERS))
    what, was_connected = f"{pair.name} connect {host} {port}", pair.ours.is_connected
    accepted = sides.both(
        what, lambda: pair.theirs.connect((host, port)), lambda: pair.ours.connect(ip(host), port)
    )
    if was_connected and not accepted:
        # Linux keeps the old peer, and yet addresses what is sent from its second datagram on to the new one.
        close(sides, pair)


def send(sides: Sides, pair: Pair) -> None:
    chance = sides.chance
    host, port = chance.choice(far(pair)), chance.choice((7, *NUMBERS))
    payload = chance.randbytes(chance.choice((0, 5, 100, 1472)))
    what, kind = f"{pair.name} send {host} {port} {len(payload)}", chance.randrange(3)
    to = ip(host), port
    if kind == 0:
        what = f"{pair.name} send {len(payload)}"
        sides.both(what, lambda: pair.theirs.send(payload), lambda: pair.ours.send_to(payload))
    elif kind == 1:
        sides.both(
            what,
            lambda: pair.theirs.sendto(payload, (host, port)),
            lambda: pair.ours.send_to(payload, to),
        )
    else:
        send_with_info(sides, pair, payload, (host, port))
    sides.assert_same_harvest()


def send_with_info(sides: Sides, pair: Pair, payload: bytes, to: tuple[str, int]) -> None:
    """Choose source and device for one datagram."""
    source, device = sides.chance.choice(OWN[:-1]), sides.chance.choice(("", "tap1", "tap2"))
    if to[0].startswith("239"):
        return
    index = next((number for number, name in sides.names.items() if name == device), 0)
    octets = struct.pack("=I4s4s", index, socket.inet_aton(source), bytes(4))
    dev = sides.host.init.devices.get(device)
    info = PacketInfo(0 if dev is None else dev.ifindex, ip(source))
    sides.both(
        f"{pair.name} send {to} from {source} by {device}",
        lambda: pair.theirs.sendmsg([payload], [(socket.SOL_IP, IP_PKTINFO, octets)], 0, to),
        lambda: pair.ours.send_to(payload, (ip(to[0]), to[1]), info),
    )


def join(sides: Sides, pair: Pair) -> None:
    chance = sides.chance
    group, address = (
        chance.choice(("239.1.1.1", "10.1.0.1")),
        chance.choice(("0.0.0.0", "10.1.0.1", "9.9.9.9")),
    )
    adds = chance.random() < 0.7
    request = socket.inet_aton(group) + socket.inet_aton(address)
    option = socket.IP_ADD_MEMBERSHIP if adds else socket.IP_DROP_MEMBERSHIP
    call = pair.ours.memberships.join if adds else pair.ours.memberships.leave
    sides.both(
        f"{pair.name} {'join' if adds else 'leave'} {group} {address}",
        lambda: pair.theirs.setsockopt(socket.SOL_IP, option, request),
        lambda: call(ip(group), ip(address)),
    )


def close(sides: Sides, pair: Pair) -> None:
    sides.pairs.remove(pair)
    pair.theirs.close()
    pair.ours.close()
    sides.log.append(f"{pair.name} close")


def hear(sides: Sides, _: Pair) -> None:
    """A datagram from outside."""
    chance = sides.chance
    port, source = chance.choice((("tap1", "10.1.0.7"), ("tap2", "10.2.0.7")))
    destination = chance.choice(DESTINATIONS)
    sport, dport = chance.choice((7, 5000)), chance.choice(NUMBERS)
    packet = udp_packet(chance.randbytes(9), src=ip(source), dst=ip(destination), sport=sport, dport=dport)
    if chance.random() < 0.1:
        packet = packet[:-1] + bytes([packet[-1] ^ 1])
    is_cast = destination.endswith("255") or destination.startswith(("224", "239"))
    sides.log.append(f"{port} {source} {sport} > {destination} {dport}")
    sides.inject(port, packet_frame(packet, BROADCAST if is_cast else MACS[port]))


def fail(sides: Sides, pair: Pair) -> None:
    """An ICMP error about something that a socket may have sent."""
    chance, sock = sides.chance, pair.ours
    port, source = chance.choice((("tap1", "10.1.0.7"), ("tap2", "10.2.0.7")))
    type_, code = chance.choice(((3, 3), (3, 1), (3, 2), (3, 13), (11, 0), (12, 0), (4, 0)))
    ours = sock.saddr or ip("10.1.0.1")
    theirs, dport = (sock.daddr, sock.dport) if sock.is_connected else (ip(source), 7)
    quote = udp_packet(b"", src=ours, dst=theirs, sport=chance.choice(NUMBERS), dport=dport)
    message = icmp.build(type_, code, 0, 0, quote)
    sides.log.append(f"{port} error {type_} {code} about {address_text(ours)} > {address_text(theirs)}")
    sides.inject(port, packet_frame(datagram(message, src=ip(source), dst=ip("10.1.0.1")), MACS[port]))


ACTIONS = (
    *[set_option] * 3,
    set_multicast_device,
    bind_device,
    bind,
    bind,
    connect,
    send,
    send,
    join,
    close,
    *[hear] * 3,
    fail,
)


@pytest.mark.parametrize("seed", range(12))
def test_random_calls_and_packets_mean_the_same(seed: int) -> None:
    chance = random.Random(seed)
    host = Host()
    for name in PORTS:
        host.init.add_port(name, MACS[name]).features = 0
    assert run_setup(host, SETUP, "setup") == []
    with KernelNetns(PORTS) as kernel, ExitStack() as opened:
        kernel.sh(SETUP).check()
        links = kernel.sh("ip -o link").check().out
        names = {int(number): name for number, name in re.findall(r"^(\d+): ([^:@]+)", links, re.MULTILINE)}
        sides = Sides(kernel, host, chance, opened, names)
        kernel.drain()
        for _ in range(120):
            if len(sides.pairs) < 2 or (len(sides.pairs) < 6 and chance.random() < 0.2):
                open_pair(sides)
            chance.choice(ACTIONS)(sides, chance.choice(sides.pairs))
        text = kernel.sh("cat /proc/net/snmp").check().out
    (_, values) = [line for line in text.splitlines() if line.startswith("Udp:")]
    (_, ours) = [line for line in host.init.snmp.snmp_text().splitlines() if line.startswith("Udp:")]
    assert ours == values, sides.log
