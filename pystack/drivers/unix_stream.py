"""Driving a unix stream socket: QEMU's `-netdev stream`, either side of which may listen.

Each frame has its length in front, four octets big-endian. The carrier follows the connection. A peer that
goes is waited for, or called again and again; a peer that sends a length no frame can have is hung up on,
since nothing tells where its next frame begins.
"""

from __future__ import annotations

import socket
from struct import Struct
from typing import Final

import trio

from pystack.drivers.backoff import Backoff
from pystack.drivers.port import PortDriver, Receive, close_descriptor
from pystack.l2.port import PortDevice
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import NONE

LENGTH: Final = Struct("!I")
LONGEST: Final = 65536 + 18  # the largest IP packet with an Ethernet header and a tag
CHUNK: Final = 1 << 16  # octets of one read
GATHERED: Final = 512  # frames of one write: each is two of the 1024 pieces that a write may have


class UnixStreamDriver(PortDriver):
    """We listen if there is a `listener`, else `path` is called. There is no virtio header: frames are
    whole.
    """

    def __init__(self, dev: PortDevice, path: str, listener: socket.socket | None = None) -> None:
        super().__init__(dev, carrier=False)
        self._path = path
        self._listener = listener
        self._peer: socket.socket | None = None
        self._received = bytearray()
        self._at = 0  # where in `_received` the next frame begins
        self._unwritten = b""  # the rest of a frame that is half sent
        self._backoff = Backoff()
        dev.features = 0

    def fileno(self) -> int:
        """The connection's, -1 while there is none."""
        return -1 if self._peer is None else self._peer.fileno()

    async def ready(self) -> None:
        """Wait for a frame; without a connection, for one."""
        if self._peer is None:
            await (self._call() if self._listener is None else self._accept(self._listener))
        else:
            await trio.lowlevel.wait_readable(self._peer)

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Read once, and cut all frames out of it that are whole, be they more than `budget`."""
        moved = 0
        if not self._read_more():
            return moved
        while (length := self._frame_length()) is not None:
            if not 0 < length <= LONGEST:
                self.stats.read_errors += 1
                self._hang_up()
                break
            start = self._at + LENGTH.size
            self._at = start + length
            receive(self.dev, self._received[start : self._at], NONE)
            moved += 1
        if moved:
            self._backoff.reset()
        return moved

    def flush(self) -> None:
        """Send all that waits in one go; of what does not fit, the frame that was begun is kept."""
        tx = self.dev.tx
        if self._peer is None or not self._write_rest(self._peer):
            return self.drop_unsent()
        while tx:
            frames = [tx.popleft()[0] for _ in range(min(len(tx), GATHERED))]
            if not self._write(self._peer, frames):
                return self.drop_unsent()

    @property
    def is_writing(self) -> bool:
        """Half a frame is out, and the other half must follow before any other frame."""
        return bool(self._unwritten)

    async def finish_writing(self) -> None:
        """Wait until the peer takes the other half, or goes."""
        while self._unwritten and self._peer is not None:
            await trio.lowlevel.wait_writable(self._peer)
            self._write_rest(self._peer)

    def close(self) -> None:
        """Hang up, and listen no more."""
        super().close()
        self._hang_up()
        if self._listener is not None and (fd := self._listener.detach()) >= 0:
            close_descriptor(fd)

    # --- the connection ---------------------------------------------------------------------------------

    async def _accept(self, listener: socket.socket) -> None:
        await trio.lowlevel.wait_readable(listener)
        try:
            peer, _ = listener.accept()
        except BlockingIOError:  # it called, and went before we answered
            return
        except OSError:  # no descriptors left: waiting is all that helps
            return await trio.sleep(self._backoff.next_delay())
        self._connected(peer)

    async def _call(self) -> None:
        await trio.sleep(self._backoff.next_delay())
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            peer.connect(self._path)
        except OSError:
            return peer.close()
        self._connected(peer)

    def _connected(self, peer: socket.socket) -> None:
        peer.setblocking(False)
        self._peer = peer
        self.carrier = True
        self.stats.connections += 1

    def _hang_up(self) -> None:
        peer, self._peer = self._peer, None
        if peer is not None:
            close_descriptor(peer.detach())
        self.carrier = False
        self._received.clear()
        self._at = 0
        self._unwritten = b""

    # --- in ---------------------------------------------------------------------------------------------

    def _frame_length(self) -> int | None:
        """Of the next frame, once it is here as a whole; at once if no frame can be that long."""
        here = len(self._received) - self._at - LENGTH.size
        if here < 0:
            return None
        length: int = LENGTH.unpack_from(self._received, self._at)[0]
        return None if here < length <= LONGEST else length

    def _read_more(self) -> bool:
        """Whether there was more to read."""
        if self._peer is None:
            return False
        try:
            data = self._peer.recv(CHUNK)
        except BlockingIOError:
            return False
        except OSError:  # ECONNRESET
            data = b""
        if not data:
            self._hang_up()
            return False
        del self._received[: self._at]
        self._at = 0
        self._received += data
        return True

    # --- out --------------------------------------------------------------------------------------------

    def _write(self, peer: socket.socket, frames: list[Buffer]) -> bool:
        """Whether all frames went out; if not, those that were not begun are dropped."""
        sent = self._send(peer, [piece for frame in frames for piece in (LENGTH.pack(len(frame)), frame)])
        for number, frame in enumerate(frames):
            whole = LENGTH.size + len(frame)
            if sent >= whole:
                sent -= whole
                continue
            if sent:
                self._unwritten = (LENGTH.pack(len(frame)) + bytes(frame))[sent:]
            self.count_dropped(len(frames) - number - bool(sent))
            return False
        return True

    def _write_rest(self, peer: socket.socket) -> bool:
        """Whether nothing is left of a frame that was half sent."""
        if self._unwritten:
            self._unwritten = self._unwritten[self._send(peer, [self._unwritten]) :]
        return not self._unwritten

    def _send(self, peer: socket.socket, pieces: list[Buffer]) -> int:
        """How many octets the peer took."""
        try:
            return peer.sendmsg(pieces)
        except BlockingIOError:
            return 0
        except OSError:  # EPIPE: it is gone. The reader, who may wait for this descriptor, is to find out
            self._unwritten = b""
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            return 0
