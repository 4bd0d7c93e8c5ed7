"""The keeper: a small process that keeps the rights, does what takes them, and cleans up at the end.

    daemon --- calls (SOCK_SEQPACKET, JSON and descriptors) ---> keeper
           --- pulse (a byte a second; its end is the daemon's end) -->

It is forked before the daemon imports anything large. It trusts the daemon with little: a port is opened
if the configuration, as the keeper itself reads it, has that port. So the daemon may drop its rights, be
fooled by hostile frames, and still open nothing that its configuration does not name. However the daemon
ends, the keeper sees it, takes back what was made on this system, and ends too.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from collections.abc import Callable
from typing import Final, NamedTuple

from pystack.daemon import places, undo
from pystack.daemon.ledger import Ledger, LedgerBusy, Record
from pystack.daemon.log import Log
from pystack.daemon.own_socket import for_user_and_group_only, give
from pystack.daemon.permits import Permits
from pystack.drivers.regular_file import open_regular

USAGE: Final = 2  # exit codes: the configuration is wrong …
LACKING: Final = 4  # … or the kernel or the rights lack something

UNKNOWN: Final = "the keeper was asked for something that it does not know"
MAX_MESSAGE: Final = 65536
PULSE: Final = 1.0  # seconds between two beats
SILENCE: Final = 5.0  # without a beat, after which the daemon is said to hang

Reply = dict[str, object]
Answer = tuple[Reply, list[int]]  # and descriptors, which are closed once they are sent


class Terms(NamedTuple):
    """What the user asked for on the command line; nothing that comes over `calls` changes it."""

    config: str = ""  # the file; empty: the built-in lab
    state: str = ""  # where flows are kept from one run to the next; empty: they are not
    allow_system_changes: bool = False


class Refused(Exception):
    """A call that is not answered: why, and what the command ends with."""

    def __init__(self, sentence: str, rc: int) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.rc = rc


class Keeper:
    """Answers calls until the daemon is gone."""

    def __init__(self, calls: socket.socket, pulse: socket.socket, terms: Terms, log: Log) -> None:
        self.calls = calls
        self.pulse = pulse
        self.terms = terms
        self.log = log
        self.permits = Permits(terms.config, terms.allow_system_changes)
        self.ledger: Ledger | None = None
        self.place = ""  # the daemon's socket
        self.ended = False
        self.hangs = False
        self._operations: dict[str, Callable[[Record], Answer]] = {
            "config": self.config,
            "file": self.file,
            "claim": self.claim,
            "control": self.control,
            "open": self.open,
            "release": self.release,
            "hooks": self.hooks,
            "end": self.end,
        }

    def run(self) -> None:
        """Until the daemon says `end`, or is gone without a word."""
        poll = select.poll()
        poll.register(self.calls, select.POLLIN)
        poll.register(self.pulse, select.POLLIN)
        beating = False
        while not self.ended:
            ready = [fd for fd, _ in poll.poll(SILENCE * 1000 if beating else None)]
            if not ready:
                self.note_silence(True)
            if self.pulse.fileno() in ready:
                if not self.pulse.recv(64):
                    break
                beating = True
                self.note_silence(False)
            if self.calls.fileno() in ready and not self.serve():
                break
        if not self.ended:
            self.log.warning("the daemon is gone; taking back what it made")
            self.clean_up()

    def note_silence(self, hangs: bool) -> None:
        """Say once that the daemon hangs, and once that it does no more."""
        if hangs != self.hangs:
            self.hangs = hangs
            self.log.warning("the daemon hangs" if hangs else "the daemon answers again")

    def serve(self) -> bool:
        """One call; False when there will be no more."""
        message = self.calls.recv(MAX_MESSAGE)
        if not message:
            return False
        request = decoded(message)
        try:
            reply, fds = self.answer(request)
        except Refused as refused:
            reply, fds = {"refused": refused.sentence, "rc": refused.rc}, []
        reply["number"] = request.get("number", 0)
        try:
            socket.send_fds(self.calls, [json.dumps(reply).encode()], fds)
        except OSError:
            return False
        finally:
            for fd in fds:
                os.close(fd)
        return True

    def answer(self, request: Record) -> Answer:
        """What to reply. Raises Refused."""
        operation = self._operations.get(str(request.get("op")))
        if operation is None:
            raise Refused(UNKNOWN, LACKING)
        try:
            return operation(request)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            raise Refused(f"{where}{error.strerror or error}", LACKING) from error
        except (ValueError, TypeError, KeyError, OverflowError):  # numbers and names that are none
            raise Refused(UNKNOWN, LACKING) from None

    def config(self, request: Record) -> Answer:
        """Read the configuration again: which files make it up."""
        return {"files": self.permits.read()}, []

    def file(self, request: Record) -> Answer:
        """One of the configuration's files, open."""
        path = str(request.get("path"))
        if path not in self.permits.files:
            raise Refused(f"{path} is no file of this configuration", LACKING)
        try:
            return {}, [open_regular(path)]
        except OSError as error:
            return {"errno": error.errno, "error": error.strerror}, []

    def claim(self, request: Record) -> Answer:
        """Become the keeper of the daemon that has this socket."""
        path = str(request.get("socket"))
        if self.place:
            raise Refused(f"this daemon has its place already: {self.place}", LACKING)
        _make_folder(os.path.dirname(path))
        if undo.is_alive(path):
            raise Refused(f"a daemon runs there already: {path}", USAGE)
        if os.path.lexists(path) and not undo.is_socket(path):
            raise Refused(f"{path} exists and is not a socket", USAGE)
        try:
            self.ledger = Ledger.claim(places.state_of(path))
        except LedgerBusy as busy:
            raise Refused(f"another pystack is starting or ending there: {busy} is locked", USAGE) from None
        if leftover := undo.pending(self.ledger.records()):
            self.log.warning(
                f"a daemon before this one died; taking back what it made: {undo.named(leftover)}"
            )
            self.undo(leftover)
            self.ledger.clear()
        undo.remove_socket(path)
        self.place = path
        return {}, []

    def control(self, request: Record) -> Answer:
        """The control socket, bound and listening: mode 0660, of the daemon's user and group."""
        path = str(request.get("socket"))
        if path != self.place:
            raise Refused(f"{path} is not the place of this daemon", LACKING)
        owner, group = int(str(request.get("uid", -1))), int(str(request.get("gid", -1)))
        self.note({"what": "socket", "path": path})
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            with for_user_and_group_only():
                listener.bind(path)
            give(path, owner, group)
            listener.listen(64)
        except OSError as error:
            listener.close()
            raise Refused(f"the socket {path} cannot be made: {error.strerror or error}", LACKING) from None
        return {}, [listener.detach()]

    def open(self, request: Record) -> Answer:
        """What stands behind a port."""
        if complaint := self.permits.complaint(request):
            raise Refused(complaint, USAGE)
        from pystack.daemon.opening import open_port
        from pystack.drivers.unavailable import PortUnavailable

        try:
            opened = open_port(request)
        except PortUnavailable as error:
            raise Refused(error.sentence, LACKING) from None
        try:
            for record in opened.records:
                self.note({**record, "port": request.get("name")})
            opened.finish()
        except (OSError, Refused, PortUnavailable) as error:
            for (
                fd
            ) in opened.fds:  # such as a disk that is full: what nobody would take back shall not be there
                os.close(fd)
            self.undo(opened.records)
            if isinstance(error, PortUnavailable):
                raise Refused(error.sentence, LACKING) from None
            raise
        return opened.facts, opened.fds

    def release(self, request: Record) -> Answer:
        """A port is given up: put back what opening it changed."""
        if self.ledger is not None:
            name = request.get("name")
            self.undo(
                [record for record in undo.pending(self.ledger.records()) if record.get("port") == name]
            )
            self.note({"what": "released", "port": name})
        return {}, []

    def hooks(self, request: Record) -> Answer:
        """The daemon is about to put shims into a namespace. Processes of theirs take them back; we, if these
        are killed, too.
        """
        netns = str(request.get("netns"))
        if complaint := self.permits.hooks_complaint(netns):
            raise Refused(complaint, USAGE)
        self.note({"what": "shims", "netns": netns})
        return {}, []

    def end(self, request: Record) -> Answer:
        """The daemon ends as it should; once this is answered, nothing of it is left."""
        self.clean_up()
        self.ended = True
        return {}, []

    def note(self, record: Record) -> None:
        """Write down what is made."""
        if self.ledger is None:
            raise Refused("the keeper has no ledger yet", LACKING)
        self.ledger.note(record)

    def clean_up(self) -> None:
        """Take everything back."""
        if self.ledger is None:
            return
        failed = self.undo(undo.pending(self.ledger.records()))
        if failed:
            self.ledger.release()  # `pystack doctor --clean` will find it
        else:
            self.ledger.remove()
        self.ledger = None

    def undo(self, records: list[Record]) -> bool:
        """Whether something could not be taken back; each is said."""
        complaints = undo.undo_all(records)
        for complaint in complaints:
            self.log.error(complaint)
        return bool(complaints)


def decoded(message: bytes) -> Record:
    """A request; what is none asks for nothing."""
    try:
        request = json.loads(message)
    except (ValueError, RecursionError):
        return {}
    return request if isinstance(request, dict) else {}


def _make_folder(folder: str) -> None:
    """The default folders are made if missing; any other is the user's to make."""
    if os.path.basename(folder) == "pystack" and not os.path.isdir(folder):
        os.makedirs(folder, exist_ok=True)
        os.chmod(folder, 0o755)  # whatever the umask is: who may enter is for the sockets to say


def keep(calls: socket.socket, pulse: socket.socket, terms: Terms) -> None:
    """The life of the forked process. Signals of the terminal and the service manager are the daemon's."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)
    with open("/proc/self/comm", "w") as comm:
        comm.write("pystack-keeper")
    Keeper(calls, pulse, terms, Log()).run()
