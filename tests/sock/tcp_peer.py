"""A peer in a test's hands, for scripts: what it sends, what it hears, in lines.

    peer = Peer()
    peer.listen()
    peer.send("S", 0)
    assert peer.heard() == ["S. 0 ack 1"]
    peer.send(".", 1, 1)

Numbers count from each side's first one; a letter is a flag as tcpdump writes it, `.` is ACK. A line is
FLAGS SEQ[:END] [ack ACK] [win WINDOW, where it is asked for].
"""

from pystack.sock.tcp import TcpSocket
from pystack.wire import tcp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp_options import TcpOptions, parse
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    ALICE_MAC,
    OUR_IP,
    OUR_MAC,
    arp_reply,
    arp_request,
    datagram,
    packet_frame,
    parsed_ip,
)

LETTERS = {"F": 1, "S": 2, "R": 4, "P": 8, ".": 16, "U": 32}
MASK = 0xFFFFFFFF
ISN = 0xFFFFFF00  # so that numbers go round soon
MSS = bytes.fromhex("020405b4")
OUR_PORT, PEER_PORT = 53, 4000


class Peer:
    """Alice, with a host of ours behind eth0."""

    def __init__(self, *, seed: int = 1) -> None:
        self.box = Box(seed=seed)
        self.eth0 = self.box.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth0.features = 0
        self.box.host.clock.set(1000.0)
        self.meet()
        self.isn = 0  # of our host
        self.port = PEER_PORT
        self.our_port = OUR_PORT
        self.last = TcpOptions()
        self.times: list[float] = []

    def meet(self) -> None:
        """Let our host know Alice's station address, for good."""
        self.box.send(self.eth0, arp_request())
        neigh = self.box.ns.ipv4.arp.neighbour(self.eth0, ALICE_IP)
        assert neigh is not None
        neigh.set(ALICE_MAC, 0x80)
        self.box.send(self.eth0, arp_reply())
        self.box.sent(self.eth0)

    # -- our host ------------------------------------------------------------------------------------------

    def open(self) -> TcpSocket:
        return self.box.ns.tcp.open()

    def listen(self, backlog: int = 5) -> TcpSocket:
        sock = self.open()
        sock.bind(0, OUR_PORT)
        sock.listen(backlog)
        return sock

    def connect(self) -> TcpSocket:
        sock = self.open()
        sock.bind(0, OUR_PORT)
        sock.connect(ALICE_IP, self.port)
        return sock

    def accepted(self, options: bytes = MSS, window: int = 65535) -> TcpSocket:
        """A connection that Alice opened, and that our program accepted."""
        listener = self.listen()
        self.send("S", 0, options=options, window=window)
        self.heard()
        self.send(".", 1, 1, window=window)
        child = listener.accept()
        assert child is not None
        return child

    # -- the wire ------------------------------------------------------------------------------------------

    def send(
        self,
        flags: str,
        seq: int = 0,
        ack: int = 0,
        data: bytes = b"",
        *,
        window: int = 65535,
        options: bytes = b"",
        urgent: int = 0,
    ) -> None:
        header = tcp.TcpHeader(
            self.port,
            self.our_port,
            seq=(ISN + seq) & MASK,
            ack=(self.isn + ack) & MASK if "." in flags else 0,
            flags=sum(LETTERS[letter] for letter in flags),
            window=window,
            options=options,
            urgent=urgent,
        )
        packet = datagram(tcp.build(header, data, ALICE_IP, OUR_IP), IPPROTO_TCP)
        self.box.send(self.eth0, packet_frame(packet))

    def heard(self, *, window: bool = False) -> list[str]:
        """What our host has said since the last time."""
        frames = [frame for frame in self.box.sent(self.eth0) if frame[12:14] == b"\x08\x00"]
        return [self._line(frame, window=window) for frame in frames if frame[23] == IPPROTO_TCP]

    def _line(self, frame: bytes, *, window: bool) -> str:
        fields = parsed_ip(frame)
        segment = frame[34 : 14 + fields.tot_len]
        assert transport_sum(fields.saddr, fields.daddr, IPPROTO_TCP, segment) == 0xFFFF
        header = tcp.parse(segment)
        assert isinstance(header, tcp.TcpHeader)
        self.last = parse(header.options)
        if header.flags & tcp.SYN:
            self.isn = header.seq
        flags = "".join(letter for letter, bit in LETTERS.items() if header.flags & bit)
        length = len(segment) - header.length
        has_number = not header.flags & tcp.RST or bool(header.seq)
        seq = (header.seq - self.isn) & MASK if has_number else 0
        line = f"{flags} {seq}:{seq + length}" if length else f"{flags} {seq}"
        if header.flags & tcp.ACK:
            line += f" ack {(header.ack - ISN) & MASK}"
        return f"{line} win {header.window}" if window else line

    def moments(self, seconds: float, step: float = 0.004) -> list[tuple[float, str]]:
        """What our host says by itself in the time to come, and when, counted from now."""
        begin, found = self.box.host.clock.now, []
        end = begin + seconds
        while (deadline := self.box.host.next_deadline()) is not None and deadline <= end:
            self.box.advance(max(deadline - self.box.host.clock.now, 0))
            found += [(round(self.box.host.clock.now - begin, 3), line) for line in self.heard()]
        self.box.advance(end - self.box.host.clock.now)
        return found
