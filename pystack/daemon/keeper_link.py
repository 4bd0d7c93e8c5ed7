"""The daemon's end of the keeper: forks it, calls it, and feels its pulse."""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
import traceback
from typing import Final

from pystack.daemon import keeper, undo
from pystack.daemon.keeper import MAX_MESSAGE, Terms
from pystack.daemon.ledger import Ledger, LedgerBusy

CALL_TIMEOUT: Final = 10.0  # seconds; opening a TAP takes milliseconds
MAX_DESCRIPTORS: Final = 8

logger = logging.getLogger("pystack.keeper")


class KeeperRefused(Exception):
    """The keeper could not do it: the sentence for the user, and the exit code of the command."""

    def __init__(self, sentence: str, rc: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.rc = rc


class KeeperGone(Exception):
    """The keeper does not answer any more."""


class KeeperLink:
    """What the daemon holds of its keeper."""

    def __init__(self, pid: int, calls: socket.socket, pulse: socket.socket) -> None:
        self.pid = pid
        self._calls = calls
        self._number = 0  # of the last call: an answer that comes too late is known by its own
        self.pulse = pulse  # readable only at the keeper's end

    def call(self, operation: str, **arguments: object) -> tuple[dict[str, object], list[int]]:
        """Have the keeper do something; its answer, and descriptors. Raises KeeperRefused, KeeperGone."""
        self._number += 1
        request = {"op": operation, "number": self._number, **arguments}
        try:
            self._calls.send(json.dumps(request).encode())
            answer, fds = self._receive()
            while answer.pop("number", 0) != self._number:
                for fd in fds:
                    os.close(fd)
                answer, fds = self._receive()
        except OSError as error:
            raise KeeperGone(f"the keeper (process {self.pid}) does not answer: {error}") from error
        if "refused" in answer:
            raise KeeperRefused(str(answer["refused"]), int(str(answer["rc"])))
        return answer, fds

    def read_text(self, path: str) -> str:
        """A file of the configuration, read with the keeper's rights. Raises OSError, UnicodeDecodeError."""
        answer, fds = self.call("file", path=path)
        if not fds:
            raise OSError(int(str(answer["errno"])), str(answer["error"]), path)
        with open(fds[0], encoding="utf-8") as file:
            return file.read()

    def _receive(self) -> tuple[dict[str, object], list[int]]:
        message, fds, _, _ = socket.recv_fds(
            self._calls, MAX_MESSAGE, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
        )
        if not message:
            raise KeeperGone(f"the keeper (process {self.pid}) is gone")
        for fd in fds:
            os.set_inheritable(fd, False)
        answer: dict[str, object] = json.loads(message)
        return answer, fds

    def beat(self) -> None:
        """Say that the daemon lives. A keeper that is gone is noticed elsewhere."""
        try:
            self.pulse.send(b".", socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL)
        except OSError:
            pass

    def end(self) -> None:
        """Have everything taken back, and wait until it is. Raises KeeperGone if nobody was left to do it."""
        try:
            self.call("end")
        finally:  # one that hangs will find out what to do when it comes to itself; nobody waits for that
            self._calls.close()
            self.pulse.close()
        os.waitpid(self.pid, 0)


def start_keeper(terms: Terms) -> KeeperLink:
    """Fork the keeper. To be called first: what is imported by then is in both processes."""
    ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    our_pulse, its_pulse = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    interrupts = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    pid = os.fork()
    if pid == 0:
        rc = 1
        try:
            ours.close()
            our_pulse.close()
            keeper.keep(its, its_pulse, terms)
            rc = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(rc)  # never into the code of the daemon
    signal.pthread_sigmask(signal.SIG_SETMASK, interrupts)
    its.close()
    its_pulse.close()
    ours.settimeout(CALL_TIMEOUT)
    return KeeperLink(pid, ours, our_pulse)


def take_back(link: KeeperLink, state: str) -> None:
    """Have the keeper take back what it made; if it is gone, do what of it our own rights allow."""
    try:
        return link.end()
    except KeeperRefused as refused:
        logger.error("%s", refused)
    except KeeperGone:
        for complaint in take_back_alone(state):
            logger.error("left behind, for the next start or `pystack doctor --clean`: %s", complaint)


def take_back_alone(state: str) -> list[str]:
    """What stands in the ledger, without the keeper's rights; a sentence for each failure."""
    if not os.path.exists(state):
        return []
    try:
        ledger = Ledger.claim(state, patience=0)
    except (LedgerBusy, OSError) as error:
        return [str(error)]
    complaints = undo.undo_all(undo.pending(ledger.records()))
    if complaints:
        ledger.release()
        return complaints
    try:
        ledger.remove()
    except OSError as error:
        return [str(error)]
    return []
