"""The files of /proc that a setup reads and writes: /proc/sys, and the counters of /proc/net."""

from __future__ import annotations

from typing import Final

from pystack.errors import ENOENT, NetError
from pystack.netns import Netns
from pystack.sysctl import Knob

PROC_SYS: Final = "/proc/sys/"


def is_proc(path: str) -> bool:
    """Whether the path is the kernel's, not the user's."""
    return path.startswith(("/proc/", "/sys/"))


def read(netns: Netns, path: str) -> str:
    """What `cat` shows. Raises NetError(ENOENT)."""
    if path.startswith(PROC_SYS):
        return _knob(netns, path).text + "\n"
    if path in ("/proc/net/snmp", "/proc/self/net/snmp"):
        return netns.snmp.snmp_text()
    if path in ("/proc/net/netstat", "/proc/self/net/netstat"):
        return netns.snmp.netstat_text()
    if path in ("/proc/net/softnet_stat", "/proc/self/net/softnet_stat"):
        return netns.link.backlog.softnet_text()
    raise NetError(ENOENT)


def write(netns: Netns, path: str, text: str) -> None:
    """What `echo VALUE >` does. Raises NetError."""
    _knob(netns, path).write(text)


def _knob(netns: Netns, path: str) -> Knob:
    knob = netns.sysctls.get(tuple(path.removeprefix(PROC_SYS).split("/")))
    if knob is None or not path.startswith(PROC_SYS):
        raise NetError(ENOENT)
    return knob
