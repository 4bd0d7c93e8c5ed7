"""The line to process 1 of a VM (vm_init.sh): one request at a time, over virtio-serial."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.process import Attendant

RECEIVE_SIZE = 1 << 18
LOOK_SECONDS = 0.25  # how often we look whether the VM is still there
LAST_WORDS_SECONDS = 5.0  # from the guest's hanging up to QEMU's end


class VmReply(NamedTuple):
    rc: int
    out: bytes
    err: bytes


class VmLine:
    """Our end. `check_alive(seconds)` raises LabBroken if the VM has ended or does so within the time."""

    def __init__(self, ours: socket.socket, check_alive: Callable[[float], None]) -> None:
        self._socket = ours
        self._check_alive = check_alive
        self._got = bytearray()

    def wait_until_ready(self, timeout: float) -> None:
        if self.read_line(time.monotonic() + timeout, None) != b"READY":
            raise LabBroken("process 1 of the VM speaks another language")

    def request(
        self, command: bytes, stdin: bytes, timeout: float, attendant: Attendant | None = None
    ) -> VmReply:
        deadline = time.monotonic() + timeout
        self.send(b"%d %d\n" % (len(command), len(stdin)) + command + stdin)
        rc, out, err = (int(word) for word in self.read_line(deadline, attendant).split())
        content = self._read(out + err, deadline, attendant)
        return VmReply(rc, content[:out], content[out:])

    def close(self) -> None:
        self._socket.close()

    def send(self, data: bytes) -> None:
        """All of it, however long the VM takes."""
        self._socket.setblocking(True)
        try:
            self._socket.sendall(data)
        except OSError as error:
            self._check_alive(LAST_WORDS_SECONDS)
            raise LabBroken(f"the line to the VM is cut: {error}") from error

    def read_line(self, deadline: float, attendant: Attendant | None = None) -> bytes:
        """The next line, without its end; raises TimeoutError."""
        while b"\n" not in self._got:
            self._receive(deadline, attendant)
        line, _, rest = self._got.partition(b"\n")
        self._got = bytearray(rest)
        return bytes(line)

    def _read(self, length: int, deadline: float, attendant: Attendant | None) -> bytes:
        while len(self._got) < length:
            self._receive(deadline, attendant)
        content = bytes(self._got[:length])
        del self._got[:length]
        return content

    def _receive(self, deadline: float, attendant: Attendant | None) -> None:
        """Wait for more, while whoever stands behind the ports may act."""
        poll = select.poll()
        for fd in (self._socket.fileno(), *(attendant.fds if attendant else ())):
            poll.register(fd, select.POLLIN)
        left = min(LOOK_SECONDS, max(0.0, deadline - time.monotonic()))
        ready = {fd for fd, _ in poll.poll(left * 1000)}
        if attendant and not ready.isdisjoint(attendant.fds):
            attendant.act()
        if self._socket.fileno() in ready:
            data = self._socket.recv(RECEIVE_SIZE)
            if not data:
                self._check_alive(LAST_WORDS_SECONDS)
                raise LabBroken("the VM has hung up")
            self._got += data
            return
        self._check_alive(0)
        if time.monotonic() >= deadline:
            raise TimeoutError("the VM did not answer in time")
