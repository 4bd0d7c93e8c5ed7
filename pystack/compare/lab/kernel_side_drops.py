"""Why the kernel dropped a packet: its own tracepoint skb:kfree_skb, where tracefs lets us.

A trace instance of our own, so that nobody else's tracing is touched, limited to the thread that writes into
the TAPs: the kernel works on a frame within that very call.
"""

from __future__ import annotations

import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

INSTANCES: Final = Path("/sys/kernel/tracing/instances")
PREFIX: Final = "pystack-drops-"  # then the process, so that what a killed one left is found
FIRST_PID_NAMESPACE: Final = 0xEFFFFFFC  # Linux: include/linux/proc_ns.h PROC_PID_INIT_INO
BUFFER_KIB: Final = 256
READ_SIZE: Final = 1 << 16
EVENT: Final = re.compile(rb"kfree_skb: .*\blocation=([\w.]+)\S* reason: (\w+)")


class Drop(NamedTuple):
    """One packet that was thrown away."""

    reason: str  # NETFILTER_DROP, OTHERHOST, …
    location: str  # the function that did it


class DropTracer:
    """An open trace; close() takes it away."""

    def __init__(self) -> None:
        """Raises OSError where this machine, or its lockdown, has none for us."""
        _remove_orphans()
        self._folder = INSTANCES / f"{PREFIX}{os.getpid()}-{threading.get_native_id()}-{id(self):x}"
        self._pipe = -1
        self._folder.mkdir()
        try:
            self._write("buffer_size_kb", str(BUFFER_KIB))
            self._write("set_event_pid", str(threading.get_native_id()))
            self._write("events/skb/kfree_skb/enable", "1")
            flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
            self._pipe = os.open(self._folder / "trace_pipe", flags)
        except BaseException:
            self.close()
            raise

    def _write(self, name: str, value: str) -> None:
        (self._folder / name).write_text(value)

    def read(self) -> list[Drop]:
        """What was dropped since the last call."""
        found: list[Drop] = []
        while True:
            try:
                text = os.read(self._pipe, READ_SIZE)
            except BlockingIOError:
                return found
            found += [Drop(reason.decode(), where.decode()) for where, reason in EVENT.findall(text)]

    def close(self) -> None:
        """Take the instance away. Closing twice is no error."""
        if self._pipe >= 0:
            os.close(self._pipe)
            self._pipe = -1
        if self._folder.exists():
            self._folder.rmdir()


def drop_tracer() -> DropTracer | None:
    """A trace, or None where there is none to be had: reasons are not observable then."""
    if not _is_first_pid_namespace():
        return None
    try:
        return DropTracer()
    except OSError:
        return None


def orphans() -> list[Path]:
    """The instances of processes that were killed, and could not take them away."""
    if not _is_first_pid_namespace():
        return []
    try:
        names = [name for name in os.listdir(INSTANCES) if name.startswith(PREFIX)]
    except OSError:  # no tracefs, or one that is root's
        return []
    return [
        INSTANCES / name
        for name in sorted(names)
        if not Path("/proc", name.removeprefix(PREFIX).split("-")[0]).exists()
    ]


def _remove_orphans() -> None:
    for folder in orphans():
        with suppress(OSError):  # somebody else was quicker
            folder.rmdir()


def _is_first_pid_namespace() -> bool:
    """The tracer counts processes as the machine does; elsewhere we see other numbers."""
    return Path("/proc/self/ns/pid").stat().st_ino == FIRST_PID_NAMESPACE
