"""The same calls and the same segments for a socket of the kernel's and for one of ours; what comes back is
compared, numbers relative to each side's own first one.

    with opened() as sides:
        sides.listen()
        sides.send("S", seq=0, options=SYN_OPTIONS)
        sides.send("A", seq=1, ack=1)
        sides.accept()

A flag is a letter as tcpdump writes it: S F R P, `.` for ACK, U E W.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from pystack.applets.virtual import run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.errors import NetError
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.sock.tcp import TcpSocket
from pystack.wire import icmp, tcp
from pystack.wire.checksum import Buffer
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp_options import TcpOptions, parse
from tests.frames import datagram, ip, packet_frame, parsed_ip

PORT = "tap1"
OUR_MAC = bytes.fromhex("020000000001")
US, PEER = ip("10.1.0.1"), ip("10.1.0.7")
OUR_PORT, PEER_PORT = 53, 4000
PEER_ISN = 0x80001000
SETUP = """
sysctl -q net.ipv4.tcp_congestion_control=reno
ip link set lo up
ip addr add 10.1.0.1/24 dev tap1
ip link set tap1 up
ip neigh add 10.1.0.7 lladdr 02:00:00:00:00:77 dev tap1
"""
LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32, "E": 64, "W": 128}
MASK = 0xFFFFFFFF

MSS = bytes.fromhex("020405b4")
SYN_OPTIONS = bytes.fromhex("020405b40402080a000000640000000001030307")


def flags_of(text: str) -> int:
    return sum(LETTERS[letter] for letter in text)


def text_of(flags: int) -> str:
    return "".join(letter for letter, bit in LETTERS.items() if flags & bit)


@dataclass(frozen=True)
class Answer:
    """One segment that a side sent, its numbers relative."""

    flags: str
    seq: int
    ack: int
    window: int
    options: tuple[object, ...]
    payload: bytes
    ip: tuple[int, ...]  # tos, DF, whether it has an identification, ttl

    def __str__(self) -> str:
        end = self.seq + len(self.payload)
        return (
            f"{self.flags} seq {self.seq}:{end} ack {self.ack} win {self.window} {self.options} ip {self.ip}"
        )


@dataclass
class Side:
    """What a side's own numbers begin at, and what it has said so far."""

    isn: int | None = None
    ts_base: int | None = None
    last_tsval: int = 0

    def read(self, frame: bytes) -> Answer:
        fields = parsed_ip(frame)
        assert fields.protocol == IPPROTO_TCP, frame.hex()
        segment = frame[34 : 14 + fields.tot_len]
        header = tcp.parse(segment)
        assert isinstance(header, tcp.TcpHeader)
        if header.flags & tcp.SYN:
            self.isn = header.seq
        options = parse(header.options)
        if options.tsval is not None:
            self.last_tsval = options.tsval
        is_ours = not header.flags & tcp.RST or bool(header.seq)
        seq = header.seq if self.isn is None or not is_ours else (header.seq - self.isn) & MASK
        ack = (header.ack - PEER_ISN) & MASK if header.flags & tcp.ACK else 0
        return Answer(
            text_of(header.flags),
            seq,
            ack,
            header.window,
            self._told(options, header),
            segment[header.length :],
            (fields.tos, fields.frag_off, bool(fields.id), fields.ttl),
        )

    def _told(self, options: TcpOptions, header: tcp.TcpHeader) -> tuple[object, ...]:
        sacks = tuple(((low - PEER_ISN) & MASK, (high - PEER_ISN) & MASK) for low, high in options.sacks)
        kinds = [kind for kind in (options.mss, options.wscale, options.sack_perm) if kind is not None]
        layout = (
            header.options
            if options.tsval is None
            else header.options.replace(options.tsval.to_bytes(4, "big"), b"TSVL")
        )
        shape = layout[:40] if not sacks else b""
        return (*kinds, options.tsval is not None, options.tsecr, sacks, shape)


@dataclass
class Sides:
    kernel: KernelNetns
    host: Host
    stack: ExitStack
    theirs: Side = field(default_factory=Side)
    ours: Side = field(default_factory=Side)
    log: list[str] = field(default_factory=list)
    their_listener: socket.socket | None = None
    our_listener: TcpSocket | None = None
    peer_port: int = PEER_PORT
    their_end: socket.socket | None = None
    our_end: TcpSocket | None = None

    # -- calls ---------------------------------------------------------------------------------------------

    @property
    def their_sock(self) -> socket.socket:
        assert self.their_end is not None
        return self.their_end

    @property
    def our_sock(self) -> TcpSocket:
        assert self.our_end is not None
        return self.our_end

    def setup(self, text: str) -> None:
        self.kernel.sh(text).check()
        assert run_setup(self.host, text, "setup") == []

    def open(self) -> tuple[socket.socket, TcpSocket]:
        theirs = socket.socket(fileno=self.kernel.open_socket(socket.AF_INET, socket.SOCK_STREAM))
        theirs.setblocking(False)
        self.stack.callback(theirs.close)
        self.kernel.sysctl("net.ipv4.ip_forward")  # who opened it has let go of it when it answers again
        return theirs, self.host.init.tcp.open()

    def listen(self, backlog: int = 5) -> None:
        self.their_listener, self.our_listener = self.open()
        self.their_listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.our_listener.reuse = True
        self.their_listener.bind(("0.0.0.0", OUR_PORT))
        self.our_listener.bind(0, OUR_PORT)
        self.their_listener.listen(backlog)
        self.our_listener.listen(backlog)

    def connect(self) -> list[Answer]:
        self.their_end, self.our_end = self.open()
        self.their_sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.our_sock.reuse = True
        self.their_sock.bind(("10.1.0.1", OUR_PORT))
        self.our_sock.bind(US, OUR_PORT)
        return self.both(
            "connect",
            lambda: self.their_sock.connect(("10.1.0.7", self.peer_port)),
            lambda: self.our_sock.connect(PEER, self.peer_port),
        )

    def accept(self) -> None:
        assert self.their_listener is not None
        assert self.our_listener is not None
        try:
            self.their_end, _ = self.their_listener.accept()
            self.their_sock.setblocking(False)
            self.stack.callback(self.their_sock.close)
            got = True
        except BlockingIOError:
            got = False
        child = self.our_listener.accept()
        assert (child is not None) == got, (self.log, got)
        if child is not None:
            self.our_end = child
        self.log.append(f"accept: {got}")

    def call(self, name: str, *args: object) -> list[Answer]:
        """A call on both sockets under its Python name."""
        ours: dict[str, Callable[..., object]] = {
            "send": self.our_sock.send,
            "recv": self._recv,
            "shutdown": self.our_sock.shut_down,
            "close": self.our_sock.close,
        }
        return self.both(
            f"{name} {args!r:.40}",
            lambda: getattr(self.their_sock, name)(*args),
            lambda: ours[name](*args),
        )

    def _recv(self, limit: int) -> bytes:
        data = self.our_sock.recv(limit)
        if data is None:
            raise NetError(11)
        return data

    def both(self, what: str, theirs: Callable[[], object], ours: Callable[[], object]) -> list[Answer]:
        try:
            their_result: object = theirs()
        except OSError as refused:
            their_result = 0 if refused.errno == 115 else f"errno {refused.errno}"
        try:
            our_result: object = ours()
        except NetError as refused:
            our_result = f"errno {refused.number}"
        self.log.append(f"{what}: {their_result!r:.60}")
        if their_result != 0:
            assert our_result == their_result, self.log
        return self.compare()

    def error(self) -> int:
        """SO_ERROR of both."""
        theirs = self.their_sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        self.log.append(f"SO_ERROR {theirs}")
        assert self.our_sock.error == theirs, self.log
        return theirs

    def state(self) -> int:
        """The connection's state on both sides."""
        theirs = self.their_sock.getsockopt(socket.SOL_TCP, socket.TCP_INFO, 1)[0]
        assert self.our_sock.state == theirs, (self.log, self.our_sock.state, theirs)
        return theirs

    # -- segments ------------------------------------------------------------------------------------------

    def send(
        self,
        flags: str,
        seq: int = 0,
        ack: int = 0,
        data: bytes = b"",
        *,
        window: int = 65535,
        options: bytes = b"",
        ts: int | None = None,
        urgent: int = 0,
    ) -> list[Answer]:
        """The peer sends a segment; `ack` counts from each side's own first number."""
        self.log.append(f"> {flags} seq {seq} ack {ack} len {len(data)} {options.hex()} ts {ts}")
        for side, deliver in ((self.theirs, self._to_kernel), (self.ours, self._to_us)):
            given = options
            if ts is not None:
                given += b"\x01\x01\x08\x0a" + ts.to_bytes(4, "big") + side.last_tsval.to_bytes(4, "big")
            number = (ack + (side.isn or 0)) & MASK if "." in flags else 0
            header = tcp.TcpHeader(
                self.peer_port,
                OUR_PORT,
                seq=(PEER_ISN + seq) & MASK,
                ack=number,
                flags=flags_of(flags),
                window=window,
                options=given,
                urgent=urgent,
            )
            deliver(
                packet_frame(
                    datagram(tcp.build(header, data, PEER, US), IPPROTO_TCP, src=PEER, dst=US), OUR_MAC
                )
            )
        return self.compare()

    def icmp(self, type_: int, code: int, info: int = 0, *, seq: int = 0) -> list[Answer]:
        """The peer complains of a segment that began with this number."""
        self.log.append(f"> icmp {type_} {code} {info} about {seq}")
        for side, deliver in ((self.theirs, self._to_kernel), (self.ours, self._to_us)):
            number = (seq + (side.isn or 0)) & MASK
            header = tcp.TcpHeader(OUR_PORT, self.peer_port, seq=number, flags=tcp.SYN)
            quote = datagram(tcp.build(header, b"", US, PEER), IPPROTO_TCP, src=US, dst=PEER)
            message = icmp.build(type_, code, info >> 16, info & 0xFFFF, quote)
            deliver(packet_frame(datagram(message, src=PEER, dst=US), OUR_MAC))
        return self.compare()

    def _to_kernel(self, frame: bytes) -> None:
        self.kernel.send(PORT, frame)

    def _to_us(self, frame: bytes) -> None:
        dev = self.host.init.devices.get(PORT)
        assert dev is not None
        self.host.init.receive(dev, frame)
        while len(self.host.backlog):
            self.host.run_backlog()

    def compare(self) -> list[Answer]:
        while len(self.host.backlog):
            self.host.run_backlog()
        theirs = [self.theirs.read(frame) for _, frame in self.kernel.drain() if self._is_for_peer(frame)]
        dev = self.host.init.devices.get(PORT)
        assert isinstance(dev, PortDevice)
        ours = [self.ours.read(bytes(frame)) for frame, _ in dev.tx if self._is_for_peer(frame)]
        dev.tx.clear()
        for answer in theirs:
            self.log.append(f"< {answer}")
        assert ours == theirs, "\n".join([*self.log, "ours:", *(f"< {answer}" for answer in ours)])
        return theirs

    def _is_for_peer(self, frame: Buffer) -> bool:
        """Whether a frame is for the connection in hand, and not a late ACK of one before."""
        return frame[12:14] == b"\x08\x00" and int.from_bytes(frame[36:38], "big") == self.peer_port

    def discard(self) -> None:
        """Look at nothing that was sent up to now."""
        self.kernel.drain()
        dev = self.host.init.devices.get(PORT)
        assert isinstance(dev, PortDevice)
        dev.tx.clear()

    def begin_again(self) -> None:
        """Forget the connection in hand, and let the peer take another port."""
        self.peer_port += 1
        self.theirs, self.ours = Side(), Side()
        self.log.clear()

    # -- paths ---------------------------------------------------------------------------------------------

    def establish(self, options: bytes = SYN_OPTIONS, window: int = 65535) -> None:
        """A connection that the peer opened, accepted."""
        if self.our_listener is None:
            self.listen()
        self.send("S", options=options, window=window)
        self.send(".", 1, 1, ts=None if options != SYN_OPTIONS else 200, window=window)
        self.accept()


@contextmanager
def opened(setup: str = "") -> Iterator[Sides]:
    host = Host(seed=7)
    host.clock.set(1000.0)
    host.init.add_port(PORT, OUR_MAC).features = 0
    with KernelNetns([PORT]) as kernel, ExitStack() as stack:
        text = SETUP + setup
        kernel.sh(text).check()
        assert (
            run_setup(host, text.replace("sysctl -q net.ipv4.tcp_congestion_control=reno", ""), "setup") == []
        )
        sides = Sides(kernel, host, stack)
        kernel.drain()
        yield sides
