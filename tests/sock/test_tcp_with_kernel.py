"""A stream between our TCP and the kernel's arrives whole both ways: small frames and large ones, also where
frames are lost.
"""

import random
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import pytest

from pystack.applets.virtual import run_setup
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.sock.tcp import SHUT_WR, TcpSocket
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import NONE, Offload, build_header, parse_header
from tests.frames import ip

pytestmark = pytest.mark.root

OUR_MAC = bytes.fromhex("020000000077")
PORT = 7000
OCTETS = 2_000_000
PATIENCE = 60.0
KERNEL = """
ip addr add 10.1.0.1/24 dev tap1
ip link set tap1 up
"""
OURS = """
ip addr add 10.1.0.7/24 dev eth0
ip link set eth0 up
"""


class Cable:
    """The kernel's tap1 and our eth0, held together; time is the machine's."""

    def __init__(
        self, kernel: KernelNetns, *, loss: float, offload: bool, doubled: float = 0.0, reordered: float = 0.0
    ) -> None:
        self.kernel, self.loss, self.offload = kernel, loss, offload
        self.doubled, self.reordered = doubled, reordered
        self.held: list[Callable[[], object]] = []  # what is overtaken by the next
        self.chance = random.Random(1)
        self.host = Host(seed=1)
        self.host.clock.set(time.monotonic())
        self.dev = self.host.init.add_port("eth0", OUR_MAC)
        if not offload:
            self.dev.features = 0
        assert run_setup(self.host, OURS, "setup") == []

    def pump(self) -> None:
        """Carry what waits on either side, once."""
        self.host.clock.set(time.monotonic())
        self.host.run_timers()
        for got in self.kernel.drain_with_headers():
            offload = parse_header(got.header) if self.offload else NONE
            assert isinstance(offload, Offload)
            self.deliver(partial(self.host.init.receive, self.dev, got.frame, offload))
        while len(self.host.backlog):
            self.host.run_backlog()
        self.carry(self.dev)

    def carry(self, dev: PortDevice) -> None:
        while dev.tx:
            frame, offload = dev.tx.popleft()
            self.deliver(partial(self.send, bytes(frame), offload))

    def send(self, frame: Buffer, offload: Offload) -> None:
        self.kernel.send("tap1", bytes(frame), build_header(offload) if self.offload else None)

    def deliver(self, frame: Callable[[], object]) -> None:
        """What becomes of a frame on its way."""
        if self.chance.random() < self.loss:
            return
        if self.chance.random() < self.reordered:
            self.held.append(frame)
            return
        for _ in range(2 if self.chance.random() < self.doubled else 1):
            frame()
        while self.held:
            self.held.pop()()


class Stream:
    """Both ends of one connection, and what each still has to say."""

    def __init__(self, theirs: socket.socket, ours: TcpSocket, octets: int = OCTETS) -> None:
        self.theirs, self.ours = theirs, ours
        chance = random.Random(2)
        self.to_us, self.to_them = chance.randbytes(octets), chance.randbytes(octets)
        self.from_us, self.from_them = bytearray(), bytearray()
        self.sent_by_us = self.sent_by_them = 0
        self.ended = {"ours": False, "theirs": False}

    def step(self) -> None:
        self._kernel_sends()
        self._kernel_reads()
        self._we_send()
        while data := self.ours.recv(1 << 20):
            self.from_them += data
        self.ended["theirs"] |= data == b""

    def _kernel_sends(self) -> None:
        try:
            while self.sent_by_them < len(self.to_us):
                self.sent_by_them += self.theirs.send(
                    self.to_us[self.sent_by_them : self.sent_by_them + 100_000]
                )
                if self.sent_by_them == len(self.to_us):
                    self.theirs.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass

    def _kernel_reads(self) -> None:
        try:
            while data := self.theirs.recv(1 << 20):
                self.from_us += data
            self.ended["ours"] = True
        except BlockingIOError:
            pass

    def _we_send(self) -> None:
        while self.sent_by_us < len(self.to_them):
            taken = self.ours.send(self.to_them[self.sent_by_us : self.sent_by_us + 100_000])
            self.sent_by_us += taken
            if not taken:
                return
            if self.sent_by_us == len(self.to_them):
                self.ours.shut_down(SHUT_WR)


def connected(cable: Cable, stack: ExitStack, *, we_listen: bool, octets: int = OCTETS) -> Stream:
    """A connection that either side opened."""
    theirs = socket.socket(fileno=cable.kernel.open_socket(socket.AF_INET, socket.SOCK_STREAM))
    theirs.setblocking(False)
    stack.callback(theirs.close)
    ours, accepted = cable.host.init.tcp.open(), None
    if we_listen:
        ours.bind(0, PORT)
        ours.listen(1)
        theirs.connect_ex(("10.1.0.7", PORT))
    else:
        theirs.bind(("0.0.0.0", PORT))
        theirs.listen(1)
        ours.connect(ip("10.1.0.1"), PORT)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        cable.pump()
        if we_listen and (accepted := ours.accept()) is not None:
            return Stream(theirs, accepted, octets)
        if not we_listen:
            try:
                child, _ = theirs.accept()
            except BlockingIOError:
                continue
            child.setblocking(False)
            stack.callback(child.close)
            return Stream(child, ours, octets)
    raise AssertionError("nobody came")


def arrive_whole(cable: Cable, stream: Stream, patience: float) -> None:
    deadline = time.monotonic() + patience
    while not all(stream.ended.values()):
        assert time.monotonic() < deadline, (len(stream.from_us), len(stream.from_them))
        stream.step()
        cable.pump()
    assert bytes(stream.from_us) == stream.to_them
    assert bytes(stream.from_them) == stream.to_us


@pytest.mark.slow
def test_a_hundred_megabytes_arrive_both_ways_over_a_bad_link(scaled: Callable[[int], int]) -> None:
    with KernelNetns(["tap1"]) as kernel, ExitStack() as stack:
        kernel.sh(KERNEL).check()
        cable = Cable(kernel, loss=0.01, offload=False, doubled=0.01, reordered=0.01)
        stream = connected(cable, stack, we_listen=True, octets=scaled(scaled(100_000_000)))
        arrive_whole(cable, stream, 40 * PATIENCE)


@pytest.mark.parametrize("we_listen", [True, False], ids=["we listen", "we connect"])
@pytest.mark.parametrize(
    ("loss", "offload"), [(0.0, False), (0.0, True), (0.01, False)], ids=["small", "large", "lossy"]
)
def test_a_stream_arrives_whole(loss: float, offload: bool, we_listen: bool) -> None:
    with KernelNetns(["tap1"], offload=offload) as kernel, ExitStack() as stack:
        kernel.sh(KERNEL).check()
        cable = Cable(kernel, loss=loss, offload=offload)
        arrive_whole(cable, connected(cable, stack, we_listen=we_listen), PATIENCE)
        resent = cable.host.init.snmp.Tcp.RetransSegs
        assert bool(resent) == bool(loss), resent
