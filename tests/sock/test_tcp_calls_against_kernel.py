"""Random calls on TCP sockets, and SYNs for them, mean the same to pystack and to the kernel: who may have
which port, who answers, in which state each socket is.
"""

import random
import socket
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

import pytest

from pystack.applets.virtual import run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.errors import NetError
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.sock.tcp import TcpSocket
from pystack.sock.tcp_sockopt import setsockopt
from pystack.wire import tcp
from pystack.wire.ipv4 import IPPROTO_TCP, address_text
from tests.frames import datagram, ip, packet_frame
from tests.sock.two_nets import MACS, OWN, PORTS, SETUP

pytestmark = pytest.mark.root

BINDABLE = (*OWN, "8.8.8.8", "10.1.0.255")
FAR = (
    "10.1.0.7",
    "10.2.0.7",
    "10.1.0.1",
    "127.0.0.1",
    "8.8.8.8",
    "10.7.0.1",
    "10.8.0.1",
    "10.1.0.255",
    "239.1.1.1",
)
NUMBERS = (5000, 5001)
IN_PROGRESS = 115


@dataclass(eq=False)
class Pair:
    """One socket on each side."""

    name: int
    theirs: socket.socket
    ours: TcpSocket


@dataclass
class Sides:
    kernel: KernelNetns
    host: Host
    chance: random.Random
    opened: ExitStack
    pairs: list[Pair] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    opened_so_far: int = 0
    next_peer_port: int = 2000

    @property
    def story(self) -> str:
        """What led here."""
        return "\n".join(self.log[-25:])

    def keep(self, theirs: socket.socket, ours: TcpSocket) -> None:
        theirs.setblocking(False)
        self.opened.callback(theirs.close)
        self.opened_so_far += 1
        self.pairs.append(Pair(self.opened_so_far, theirs, ours))

    def both(self, what: str, theirs: Callable[[], object], ours: Callable[[], object]) -> bool:
        """Whether a call was accepted, by both or by none."""
        try:
            theirs()
            error = 0
        except OSError as refused:
            error = 0 if refused.errno == IN_PROGRESS else refused.errno or 0
        try:
            ours()
            mine = 0
        except NetError as refused:
            mine = refused.number
        self.log.append(f"{what}: {error}")
        assert mine == error, (self.story, mine)
        self.settle()
        self.assert_same()
        return not error

    def settle(self) -> None:
        while len(self.host.backlog):
            self.host.run_backlog()

    def assert_same(self) -> None:
        theirs = [(port, shape(frame)) for port, frame in self.kernel.drain() if frame[23] == IPPROTO_TCP]
        ours = []
        for name in PORTS:
            port = self.host.init.devices.get(name)
            assert isinstance(port, PortDevice)
            ours += [(name, shape(bytes(frame))) for frame, _ in port.tx if frame[23] == IPPROTO_TCP]
            port.tx.clear()
        assert ours == theirs, self.story
        for pair in self.pairs:
            self.assert_same_socket(pair)

    def assert_same_socket(self, pair: Pair) -> None:
        state = pair.theirs.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1)[0]
        assert pair.ours.state == state, (self.story, pair.name, pair.ours.state, state)
        host, port = pair.theirs.getsockname()
        known = port in (0, *NUMBERS)
        ours = address_text(pair.ours.rcv_saddr or pair.ours.saddr), pair.ours.num
        assert (host, port if known else 0) == (ours[0], ours[1] if known else 0), (
            self.story,
            pair.name,
            ours,
        )


def shape(frame: bytes) -> tuple[object, ...]:
    """What of a frame does not come from chance."""
    header = tcp.parse(frame[34:])
    assert isinstance(header, tcp.TcpHeader)
    ports = tuple(
        port if port in (*NUMBERS, 7) or 2000 <= port < 3000 else 0 for port in (header.sport, header.dport)
    )
    return frame[:6], frame[26:34], ports, header.flags, len(frame)


def open_pair(sides: Sides) -> None:
    theirs = socket.socket(fileno=sides.kernel.open_socket(socket.AF_INET, socket.SOCK_STREAM))
    sides.kernel.sysctl("net.ipv4.ip_forward")  # who opened it has let go of it when it answers again
    sides.keep(theirs, sides.host.init.tcp.open())
    sides.log.append(f"{sides.opened_so_far} open")


def set_option(sides: Sides, pair: Pair) -> None:
    name, value = (
        sides.chance.choice(("SO_REUSEADDR", "SO_REUSEADDR", "SO_REUSEPORT")),
        sides.chance.choice((0, 1, 1)),
    )
    option = getattr(socket, name)
    sides.both(
        f"{pair.name} {name}={value}",
        lambda: pair.theirs.setsockopt(socket.SOL_SOCKET, option, value),
        lambda: setsockopt(pair.ours, name, value),
    )


def bind_device(sides: Sides, pair: Pair) -> None:
    name = sides.chance.choice(("tap1", "tap2", "", ""))
    sides.both(
        f"{pair.name} device {name}",
        lambda: pair.theirs.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, name.encode()),
        lambda: pair.ours.bind_to_device(name),
    )


def bind(sides: Sides, pair: Pair) -> None:
    host, port = sides.chance.choice(BINDABLE), sides.chance.choice((*NUMBERS, *NUMBERS, 0))
    what = f"{pair.name} bind {host} {port}"
    sides.both(what, lambda: pair.theirs.bind((host, port)), lambda: pair.ours.bind(ip(host), port))


def listen(sides: Sides, pair: Pair) -> None:
    sides.both(f"{pair.name} listen", lambda: pair.theirs.listen(3), lambda: pair.ours.listen(3))


def connect(sides: Sides, pair: Pair) -> None:
    host, port = sides.chance.choice(FAR), sides.chance.choice((7, *NUMBERS))
    what = f"{pair.name} connect {host} {port}"
    sides.both(what, lambda: pair.theirs.connect((host, port)), lambda: pair.ours.connect(ip(host), port))


def accept(sides: Sides, pair: Pair) -> None:
    theirs, address = None, ("", 0)
    error = mine = 0
    try:
        theirs, address = pair.theirs.accept()
    except BlockingIOError:
        pass
    except OSError as refused:
        error = refused.errno or 0
    ours = None
    try:
        ours = pair.ours.accept()
    except NetError as refused:
        mine = refused.number
    assert mine == error, sides.story
    sides.log.append(f"{pair.name} accept: {theirs is not None}")
    assert (ours is not None) == (theirs is not None), sides.story
    if theirs is not None and ours is not None:
        assert address[0] == address_text(ours.daddr), sides.story
        sides.keep(theirs, ours)
        sides.assert_same()


def close(sides: Sides, pair: Pair) -> None:
    sides.pairs.remove(pair)
    sides.both(f"{pair.name} close", pair.theirs.close, pair.ours.close)


def knock(sides: Sides, _: Pair) -> None:
    """A SYN from outside, and the ACK of the answer."""
    chance = sides.chance
    port, source = chance.choice((("tap1", "10.1.0.7"), ("tap2", "10.2.0.7")))
    destination, dport = chance.choice(OWN[1:4]), chance.choice(NUMBERS)
    sides.next_peer_port += 1
    sides.log.append(f"{port} SYN {source} {sides.next_peer_port} > {destination} {dport}")
    header = tcp.TcpHeader(sides.next_peer_port, dport, seq=100, flags=tcp.SYN, window=1000)
    theirs, ours = deliver(sides, port, header, header, source, destination)
    if theirs is None or ours is None:
        return
    assert theirs.flags == ours.flags, sides.story
    if theirs.flags & tcp.SYN and chance.random() < 0.8:
        acks = [
            tcp.TcpHeader(
                sides.next_peer_port, dport, seq=101, ack=answer.seq + 1 & 0xFFFFFFFF, flags=tcp.ACK
            )
            for answer in (theirs, ours)
        ]
        deliver(sides, port, acks[0], acks[1], source, destination)


def deliver(
    sides: Sides, port: str, to_them: tcp.TcpHeader, to_us: tcp.TcpHeader, source: str, destination: str
) -> tuple[tcp.TcpHeader | None, tcp.TcpHeader | None]:
    """Send a segment to both; their answers, compared."""
    answers: list[list[bytes]] = []
    for number, header in enumerate((to_them, to_us)):
        segment = tcp.build(header, b"", ip(source), ip(destination))
        frame = packet_frame(datagram(segment, IPPROTO_TCP, src=ip(source), dst=ip(destination)), MACS[port])
        if not number:
            sides.kernel.send(port, frame)
            answers.append([frame for _, frame in sides.kernel.drain() if frame[23] == IPPROTO_TCP])
            continue
        dev = sides.host.init.devices.get(port)
        assert isinstance(dev, PortDevice)
        sides.host.init.receive(dev, frame)
        sides.settle()
        devices = [sides.host.init.devices.get(name) for name in PORTS]
        found = [bytes(got) for dev in devices if isinstance(dev, PortDevice) for got, _ in dev.tx]
        answers.append([got for got in found if got[23] == IPPROTO_TCP])
        for dev in devices:
            assert isinstance(dev, PortDevice)
            dev.tx.clear()
    assert [shape(frame) for frame in answers[1]] == [shape(frame) for frame in answers[0]], sides.story
    sides.assert_same()
    parsed = [tcp.parse(frames[0][34:]) if frames else None for frames in answers]
    assert all(header is None or isinstance(header, tcp.TcpHeader) for header in parsed)
    return parsed[0], parsed[1]  # type: ignore[return-value]


ACTIONS = (
    set_option,
    set_option,
    bind_device,
    bind,
    bind,
    bind,
    listen,
    listen,
    connect,
    accept,
    close,
    knock,
    knock,
)


@pytest.mark.parametrize("seed", range(12))
def test_random_calls_and_syns_mean_the_same(seed: int) -> None:
    chance = random.Random(seed)
    host = Host(seed=seed)
    for name in PORTS:
        host.init.add_port(name, MACS[name]).features = 0
    assert run_setup(host, SETUP, "setup") == []
    with KernelNetns(PORTS) as kernel, ExitStack() as opened:
        kernel.sh(SETUP).check()
        sides = Sides(kernel, host, chance, opened)
        kernel.drain()
        for _ in range(100):
            if len(sides.pairs) < 2 or (len(sides.pairs) < 7 and chance.random() < 0.25):
                open_pair(sides)
            chance.choice(ACTIONS)(sides, chance.choice(sides.pairs))
