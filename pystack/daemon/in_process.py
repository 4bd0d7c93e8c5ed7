"""`pystack --setup FILE COMMAND`: a stack for one command, without daemon, root or real time.

The driver of applets that is used here has the process's own streams and files, and a clock that jumps: what
would wait for a second is over at once.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from pystack.applets.io import ERR, OUT, Io, Output
from pystack.applets.job import Job
from pystack.applets.registry import start
from pystack.applets.requests import (
    FileRefused,
    FindFiles,
    Flush,
    Interrupted,
    Read,
    ReadFile,
    ReadOrWait,
    Wait,
    WriteFile,
)
from pystack.applets.running_setup import setup_lines
from pystack.applets.virtual import advance, settle
from pystack.clock import Clock
from pystack.daemon.config import ConfigError
from pystack.daemon.explaining import printed
from pystack.daemon.json_output import as_json, json_refusal
from pystack.daemon.output import gathered, write_all
from pystack.daemon.setups import read_setup, run_setup
from pystack.drivers.named_files import find_files, read_file
from pystack.host import Host
from pystack.l2.devices import Link

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
NEEDS_A_DAEMON: Final = ("status", "reload", "stop")
READ_SIZE: Final = 65536


class Manner(NamedTuple):
    """How a command is run."""

    ns: str = ""
    tty: bool = False
    columns: int = 80
    json: bool = False


def run_command(argv: Sequence[str], setup: str, manner: Manner) -> int:
    """Build, run, print; the exit code of the command."""
    try:
        host = build(setup)
    except ConfigError as error:
        return complain(error.complaints, USAGE)
    return run_on(host, argv, manner)


def run_on(host: Host, argv: Sequence[str], manner: Manner, ports: Mapping[str, Link] | None = None) -> int:
    """Run on a host that is there for this, and print."""
    if argv[0] in NEEDS_A_DAEMON:
        return complain([f"{argv[0]}: is about a daemon, and here there is none"], USAGE)
    ns, tty, columns, json = manner
    netns = host.namespaces.get(ns)
    if netns is None:
        known = ", ".join(sorted(host.namespaces)[1:]) or "none but the first"
        return complain([f"there is no namespace {ns} (known: {known})"], FAILED)
    if argv[0] == "setup":
        if argv[1:]:
            return complain([f"setup: {argv[1]} is not an argument (it takes none)"], USAGE)
        if json:
            return complain([json_refusal("setup")], USAGE)
        write_all(1, "".join(f"{line}\n" for line in setup_lines(host, ports or {})).encode())
        return DONE
    if argv[0] == "explain":
        told = printed([*argv[1:], *(["--json"] if json else [])], host, netns)
        write_all(1, told.out.encode())
        write_all(2, told.err.encode())
        return told.rc
    if json:
        asked = as_json(argv)
        if asked is None:
            return complain([json_refusal(argv[0])], USAGE)
        argv = asked
    io = Io(tty=tty, columns=columns, utc_offset=time.localtime().tm_gmtoff)
    return OwnStreams(host, start(argv, host, netns, io)).drive()


def build(path: str) -> Host:
    """The host that a setup describes. Raises ConfigError."""
    setup = read_setup(path)
    host = Host(seed=int.from_bytes(os.urandom(8)), clock=Clock(wall=time.time()))
    run_setup(setup, host)
    return host


class OwnStreams:
    """Drives one command with the streams and files of this process."""

    def __init__(self, host: Host, job: Job) -> None:
        self.host = host
        self.job = job
        self.files: dict[str, int] = {OUT: 1, ERR: 2}

    def drive(self) -> int:
        """To the end; Ctrl-C is the command's, and so is a wait that nothing can end."""
        while self.job.rc is None:
            self.pass_on()
            try:
                self.answer()
            except KeyboardInterrupt:
                self.job.throw(Interrupted())
            except FileRefused as refused:
                self.job.throw(refused)
        self.pass_on()
        return self.job.rc

    def answer(self) -> None:
        """What the command asks for now. Raises FileRefused."""
        request = self.job.request
        if isinstance(request, Read | ReadOrWait):
            self.job.resume(os.read(0, READ_SIZE))
        elif isinstance(request, Wait):
            self.wait(request)
        elif isinstance(request, Flush):
            self.job.resume(None)
        elif isinstance(request, ReadFile):
            self.job.resume(read_file(request.path))
        elif isinstance(request, FindFiles):
            self.job.resume(find_files(request.pattern))
        elif isinstance(request, WriteFile):
            self.job.resume(self.open(request.path))

    def wait(self, request: Wait) -> None:
        """Jump to the next moment at which something happens."""
        settle(self.host, _nobody_outside)
        due = self.job.due(self.host.clock.now)
        if due is not None:
            self.job.resume(due)
        elif not advance(self.host, request.deadline, _nobody_outside):
            self.job.throw(Interrupted())

    def open(self, path: str) -> Output:
        """A file to write into."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, 0o666)
        except OSError as error:
            raise FileRefused(path, error.strerror or str(error)) from None
        stream = f"file{fd}"
        self.files[stream] = fd
        return Output(stream, self.job.io.pending)

    def pass_on(self) -> None:
        """Write what the command wrote."""
        for stream, octets in gathered(self.job.io.take()):
            if octets:
                write_all(self.files[stream], octets)
            else:
                os.close(self.files.pop(stream))


def complain(lines: list[str], rc: int) -> int:
    """One line a fault."""
    sys.stderr.write("".join(f"pystack: {line}\n" for line in lines))
    return rc


def _nobody_outside() -> None:
    pass
