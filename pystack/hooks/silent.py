"""What changes in a namespace without a word from the kernel: sysctls, legacy tables, sets of ipset.

A thread looks again and again at what they are like, and most of that is somebody else's work: files of the
kernel's, and tools in processes of their own.
"""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Collection, Iterator
from typing import Final

from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.imported.reading import legacy_tables
from pystack.hooks.tools import ToolFailed, ToolMissing, output

PAUSE: Final = 1.0  # seconds from one look to the next
_SHARE: Final = 20  # at most one part in so many of its processor is for that
_SYSCTLS: Final = "/proc/sys"
_LONGEST: Final = 4096  # octets of a value
_COUNTED: Final = re.compile(r"^#.*|\[\d+:\d+\]| (?:timeout|packets|bytes) \d+", re.MULTILINE)
_LOOPBACK: Final = "lo"
_NO_DEVICES: Final = ("all", "default")

SYSCTLS: Final = "sysctls"
LEGACY: Final = "legacy tables"
SETS: Final = "sets of ipset"
Sysctl = tuple[str, ...]
State = dict[object, object]


class SilentChanges:
    """Of one namespace, from `start` to `close`."""

    def __init__(self, netns: str, sysctls: Collection[Sysctl]) -> None:
        """Those of the loopback device stand for those of every device."""
        self._sysctls = sysctls
        self.sets_are_filled = False  # by packets: their members say nothing of what somebody changed
        self._netns = netns
        self._kinds = {SYSCTLS: self._values, LEGACY: _legacy_rules, SETS: self._members}
        self._looking, self._lock = threading.Lock(), threading.Lock()
        self._end = threading.Event()
        self._known: dict[str, State] = {}
        self._changed: set[str] = set()
        self._looked = 0.0
        self._thread = threading.Thread(target=self._keep_looking, daemon=True, name="silent changes")

    def start(self) -> None:
        """From now on."""
        self._thread.start()

    def look(self) -> None:
        """Once, and now."""
        in_netns(self._netns, self._look)

    def taken(self) -> tuple[set[str], float]:
        """What has changed since the last call, and when the last look at it all began."""
        with self._lock:
            changed, self._changed = self._changed, set()
            return changed, self._looked

    def close(self) -> None:
        """Look no more."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def _keep_looking(self) -> None:
        in_netns(self._netns, self._look_until_the_end)

    def _look_until_the_end(self) -> None:
        took = 0.0
        while not self._end.wait(max(PAUSE, took * _SHARE)):
            began = time.thread_time()
            self._look()
            took = time.thread_time() - began

    def _look(self) -> None:
        with self._looking:
            began = time.monotonic()
            now = {kind: look() for kind, look in self._kinds.items()}
            with self._lock:
                was = self._known
                self._changed |= {kind for kind, state in now.items() if _differ(was.get(kind, {}), state)}
                self._known, self._looked = now, began

    def _values(self) -> State:
        devices = os.listdir(f"{_SYSCTLS}/net/ipv4/conf")
        return {path: _value(path) for one in self._sysctls for path in _of_all(one, devices)}

    def _members(self) -> State:
        """In no order, and however long each of them stays."""
        if self.sets_are_filled:
            return {}
        return {"members": frozenset(_COUNTED.sub("", _said("ipset", "save")).splitlines())}


def _differ(before: State, now: State) -> bool:
    """Whether what was looked at both times has changed."""
    return any(now[one] != before[one] for one in before.keys() & now.keys())


def _of_all(path: Sysctl, devices: list[str]) -> Iterator[str]:
    """Its file, or those of all devices."""
    if _LOOPBACK not in path:
        yield "/".join((_SYSCTLS, *path))
        return
    at = path.index(_LOOPBACK)
    before, behind = "/".join((_SYSCTLS, *path[:at])), "/".join(path[at + 1 :])
    for name in devices:
        if name not in _NO_DEVICES:
            yield f"{before}/{name}/{behind}"


def _value(path: str) -> bytes | None:
    """None while it is not there: its device has gone. There are many, so without a file object for each."""
    try:
        fd = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        return os.read(fd, _LONGEST)
    except OSError:
        return None
    finally:
        os.close(fd)


def _legacy_rules() -> State:
    """But for what packets count."""
    tables = list(legacy_tables())
    return {"rules": [(*one, _COUNTED.sub("", _said(one[0], "-t", one[1]))) for one in tables]}


def _said(*argv: str) -> str:
    """Nothing, where a tool is not there or a table goes away just now."""
    try:
        return output(*argv)
    except (ToolMissing, ToolFailed):
        return ""
