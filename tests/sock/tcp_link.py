"""Two hosts and a cable between them that loses, doubles and reorders frames by a seeded chance."""

import random
from heapq import heappop, heappush
from itertools import count

from pystack.l2.port import PortDevice
from pystack.sock.tcp import TcpSocket
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import Offload
from tests.box import Box
from tests.frames import ip

MACS = bytes.fromhex("02000000aa01"), bytes.fromhex("02000000aa02")
ADDRESSES = "10.0.0.1", "10.0.0.2"
PORT = 53


class Link:
    """`left` and `right`; time passes in run() alone."""

    def __init__(
        self,
        *,
        seed: int = 1,
        loss: float = 0.0,
        doubled: float = 0.0,
        reordered: float = 0.0,
        delay: float = 0.005,
        mtu: int = 1500,
        features: int | None = 0,
    ) -> None:
        self.chance = random.Random(seed)
        self.loss, self.doubled, self.reordered, self.delay = loss, doubled, reordered, delay
        self.boxes = Box(seed=seed), Box(seed=seed + 1)
        self.left, self.right = self.boxes
        self.ports: list[PortDevice] = []
        for box, mac, address in zip(self.boxes, MACS, ADDRESSES, strict=True):
            dev = box.port("eth0", mac, f"{address}/24")
            dev.mtu = mtu
            if features is not None:
                dev.features = features
            box.host.clock.set(1000.0)
            self.ports.append(dev)
        self.now = 1000.0
        self.lost = self.carried = 0
        self._order = count()
        self._under_way: list[tuple[float, int, int, Buffer, Offload]] = []

    # -- time ----------------------------------------------------------------------------------------------

    def run(self, seconds: float, until: object = None) -> None:
        """Let time pass, to the end or until something is true."""
        end = self.now + seconds
        is_met = until if callable(until) else lambda: False
        while not is_met():
            self._collect()
            moment = self._next()
            if moment is None or moment > end:
                break
            self._move_to(max(moment, self.now))
        else:
            return
        self._move_to(end)

    def _next(self) -> float | None:
        moments = [box.host.next_deadline() for box in self.boxes]
        if self._under_way:
            moments.append(self._under_way[0][0])
        return min((moment for moment in moments if moment is not None), default=None)

    def _move_to(self, moment: float) -> None:
        self.now = moment
        for box in self.boxes:
            box.host.clock.set(moment)
        while self._under_way and self._under_way[0][0] <= moment:
            _, _, to, frame, offload = heappop(self._under_way)
            self.boxes[to].send(self.ports[to], frame, offload)
        for box in self.boxes:
            box.host.run_timers()
            box.settle()
        self._collect()

    def _collect(self) -> None:
        """What both have sent goes on its way."""
        for number, dev in enumerate(self.ports):
            while dev.tx:
                frame, offload = dev.tx.popleft()
                self._carry(1 - number, frame, offload)

    def _carry(self, to: int, frame: Buffer, offload: Offload) -> None:
        self.carried += 1
        if self.chance.random() < self.loss:
            self.lost += 1
            return
        copies = 2 if self.chance.random() < self.doubled else 1
        for _ in range(copies):
            delay = self.delay
            if self.chance.random() < self.reordered:
                delay *= 1 + self.chance.random()
            heappush(self._under_way, (self.now + delay, next(self._order), to, frame, offload))

    # -- connections ---------------------------------------------------------------------------------------

    def listen(self, backlog: int = 5) -> TcpSocket:
        """`right` listens."""
        sock = self.right.ns.tcp.open()
        sock.bind(0, PORT)
        sock.listen(backlog)
        return sock

    def connect(self) -> TcpSocket:
        """`left` connects; nothing has arrived yet."""
        sock = self.left.ns.tcp.open()
        sock.connect(ip(ADDRESSES[1]), PORT)
        return sock

    def pair(self) -> tuple[TcpSocket, TcpSocket]:
        """Both ends of a connection."""
        listener = self.listen()
        client = self.connect()
        accepted: list[TcpSocket] = []

        def is_accepted() -> bool:
            child = listener.accept()
            if child is not None:
                accepted.append(child)
            return bool(accepted)

        self.run(60, until=is_accepted)
        return client, accepted[0]
