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
        self.pulse = pulse  # readable only at the keeper's end

    def call(self, operation: str, **arguments: object) -> tuple[dict[str, object], list[int]]:
        """Have the keeper do something; its answer, and descriptors. Raises KeeperRefused, KeeperGone."""
        try:
            self._calls.send(json.dumps({"op": operation, **arguments}).encode())
            message, fds, _, _ = _receive(self._calls)
        except OSError as error:
            raise KeeperGone(f"the keeper (process {self.pid}) does not answer: {error}") from error
        if not message:
            raise KeeperGone(f"the keeper (process {self.pid}) is gone")
        answer: dict[str, object] = json.loads(message)
        if "refused" in answer:
            raise KeeperRefused(str(answer["refused"]), int(str(answer["rc"])))
        return answer, fds

    def read_text(self, path: str) -> str:
        """A file of the configuration, read with the keeper's rights. Raises OSError, UnicodeDecodeError."""
        answer, fds = self.call("file", path=path)
        if not fds:
            number = int(str(answer["errno"]))
            raise OSError(number, os.strerror(number), path)
        with open(fds[0], encoding="utf-8") as file:
            return file.read()

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
        finally:
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


def _receive(calls: socket.socket) -> tuple[bytes, list[int], int, object]:
    message, fds, flags, address = socket.recv_fds(
        calls, MAX_MESSAGE, MAX_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC
    )
    for fd in fds:
        os.set_inheritable(fd, False)
    return message, fds, flags, address
