"""Driving a unix datagram socket: QEMU's `-netdev dgram`. One datagram is one frame, nothing around it.

A pair of sockets (`socket.socketpair`) has its other end for ever. A peer that is named by a path comes and
goes with its name; nothing announces it, so while it is away its path is tried from time to time. How many
frames may wait for the peer is `net.unix.max_dgram_qlen`; what is more is dropped and counted.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

import trio

from pystack.drivers.backoff import Backoff
from pystack.drivers.port import PortDriver, Receive, close_descriptor
from pystack.l2.port import PortDevice
from pystack.wire.virtio import NONE

LONGEST: Final = 65536 + 18  # the largest IP packet with an Ethernet header and a tag


class UnixDgramDriver(PortDriver):
    """`peer` is the path of QEMU's own socket, None for one end of a pair. No virtio header: frames are
    whole.
    """

    def __init__(self, dev: PortDevice, sock: socket.socket, peer: str | None = None) -> None:
        super().__init__(dev, carrier=peer is None)
        self._socket = sock
        self._peer = peer
        self._backoff = Backoff()
        sock.setblocking(False)
        dev.features = 0

    def fileno(self) -> int:
        """The socket's."""
        return self._socket.fileno()

    async def ready(self) -> None:
        """Wait for a frame; without a peer, also look whether one came."""
        if self.carrier:
            return await trio.lowlevel.wait_readable(self._socket)
        if self._peer is not None and _is_there(self._peer):
            self.carrier = True
            return await trio.lowlevel.checkpoint()
        with trio.move_on_after(self._backoff.next_delay()):
            await trio.lowlevel.wait_readable(self._socket)

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Read until nothing waits."""
        dev, recv = self.dev, self._socket.recv
        for moved in range(budget):
            try:
                frame = recv(LONGEST + 1)
            except BlockingIOError:
                return moved
            except OSError as error:
                self._read_failed(error)
                return moved
            if len(frame) > LONGEST:
                self.stats.read_errors += 1
                continue
            receive(dev, frame, NONE)
        return budget

    def flush(self) -> None:
        """Send all that waits; what the peer does not take is dropped and counted."""
        tx, sock, peer = self.dev.tx, self._socket, self._peer
        while tx:
            frame, _ = tx.popleft()
            try:
                if peer is None:
                    sock.send(frame)
                else:
                    sock.sendto(frame, peer)
            except BlockingIOError:
                self.count_dropped(1)
            except OSError:  # ECONNREFUSED, ENOENT: it is gone
                self.count_refused()
                self._lose_peer()

    def close(self) -> None:
        """Let the socket go."""
        super().close()
        if (fd := self._socket.detach()) >= 0:
            close_descriptor(fd)

    def _lose_peer(self) -> None:
        self.carrier = False
        self._backoff.reset()
        if self._peer is None:
            self.fail("its other end was closed")
        self.interrupt()  # whoever waits for a frame is to look for the peer instead

    def _read_failed(self, error: OSError) -> None:
        self.stats.read_errors += 1
        if error.errno in (errno.ECONNRESET, errno.ECONNREFUSED):
            self._lose_peer()


def _is_there(path: str) -> bool:
    """Whether somebody would take a datagram that is sent to a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as probe:
        try:
            probe.connect(path)
        except OSError:
            return False
    return True
