"""The files of /proc that a setup reads and writes: /proc/sys, and the counters of /proc/net."""

from __future__ import annotations

from typing import Final

from pystack.errors import ENOENT, NetError, NotModelled
from pystack.netns import Netns
from pystack.sysctl import Knob
from pystack.sysctl_defaults import Path

PROC_SYS: Final = "/proc/sys/"

# What can be written and not read; writing does it at once.
# Linux: net/ipv4/route.c ipv4_sysctl_rtcache_flush()
ROUTE_FLUSH: Final[Path] = ("net", "ipv4", "route", "flush")

# The parts of /proc/sys that are a network namespace's, and that the stack knows as Linux does.
KNOWN_FOLDERS: Final = (
    ("net", "bridge"),
    ("net", "core"),
    ("net", "ipv4"),
    ("net", "mptcp"),
    ("net", "netfilter"),
    ("net", "unix"),
)


def is_proc(path: str) -> bool:
    """Whether the path is the kernel's, not the user's."""
    return path.startswith(("/proc/", "/sys/"))


def read(netns: Netns, path: str) -> str:
    """What `cat` shows. Raises NetError(ENOENT), or NotModelled for what only Linux has."""
    if path.startswith(PROC_SYS):
        return knob_of(netns, _words(path)).text + "\n"
    if path in ("/proc/net/snmp", "/proc/self/net/snmp"):
        return netns.snmp.snmp_text()
    if path in ("/proc/net/netstat", "/proc/self/net/netstat"):
        return netns.snmp.netstat_text()
    raise NetError(ENOENT)


def write(netns: Netns, path: str, text: str) -> None:
    """What `echo VALUE >` does. Raises NetError."""
    if not path.startswith(PROC_SYS):
        raise NetError(ENOENT)
    write_setting(netns, _words(path), text)


def write_setting(netns: Netns, path: Path, text: str) -> None:
    """Write one sysctl. Raises NetError, or NotModelled where Linux would do more than store it."""
    if path == ROUTE_FLUSH:
        netns.ipv4.fib.changed()
        return
    knob = knob_of(netns, path)
    if path[:2] == ("net", "ipv6") and text.split()[:1] == ["0"]:
        raise NotModelled(f"IPv6 ({'.'.join(path)} = 0)", ("1",))
    knob.write(text)


def knob_of(netns: Netns, path: Path) -> Knob:
    """The sysctl of that name. Raises NetError(ENOENT), or NotModelled for what only Linux has."""
    knob = netns.sysctls.get(path)
    if knob is not None:
        return knob
    refuse_unknown(path)
    raise NetError(ENOENT)


def refuse_unknown(path: Path) -> None:
    """Tell by name a sysctl that Linux may have and the stack knows nothing of."""
    if path[:2] not in KNOWN_FOLDERS and path and all(path):
        raise NotModelled(f"sysctl {'.'.join(path)}", tuple(".".join(folder) for folder in KNOWN_FOLDERS))


def _words(path: str) -> Path:
    return tuple(path.removeprefix(PROC_SYS).split("/"))
