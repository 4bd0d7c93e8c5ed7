"""The files of /proc that a setup reads and writes: /proc/sys, and the counters of /proc/net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.conntrack.expect_text import expectations_text
from pystack.applets.conntrack.text import connections_text
from pystack.applets.proc_sockets import sockstat_text, tcp_text, udp_text
from pystack.errors import ENOENT, NetError, NotModelled
from pystack.netns import Netns
from pystack.sysctl import Knob, Path
from pystack.sysctl_table import MODELLED, is_linux_only

PROC_SYS: Final = "/proc/sys/"

_COUNTERS: Final[dict[str, Callable[[Netns], str]]] = {
    "/proc/net/nf_conntrack": lambda netns: connections_text(netns.conntrack.context),
    "/proc/net/nf_conntrack_expect": lambda netns: expectations_text(netns.conntrack.context),
    "/proc/net/netstat": lambda netns: netns.snmp.netstat_text(),
    "/proc/net/snmp": lambda netns: netns.snmp.snmp_text(),
    "/proc/net/sockstat": sockstat_text,
    "/proc/net/softnet_stat": lambda netns: netns.link.backlog.softnet_text(),
    "/proc/net/tcp": tcp_text,
    "/proc/net/udp": udp_text,
}


def is_proc(path: str) -> bool:
    """Whether the path is the kernel's, not the user's."""
    return path.startswith(("/proc/", "/sys/"))


def read(netns: Netns, path: str) -> str:
    """What `cat` shows. Raises NetError(ENOENT), or NotModelled for what only Linux has."""
    if path.startswith(PROC_SYS):
        return knob_of(netns, _words(path)).text + "\n"
    counters = _COUNTERS.get(path.replace("/proc/self/net/", "/proc/net/"))
    if counters is None:
        raise NotModelled(path, (*_COUNTERS, PROC_SYS))
    return counters(netns)


def write(netns: Netns, path: str, text: str) -> Knob:
    """What `echo VALUE >` does, and to which sysctl. Raises NetError."""
    if not path.startswith(PROC_SYS):
        raise NotModelled(f"writing to {path}", (PROC_SYS,))
    knob = knob_of(netns, _words(path))
    knob.write(text)
    return knob


def knob_of(netns: Netns, path: Path) -> Knob:
    """The sysctl of that name. Raises NetError(ENOENT), or NotModelled for what only Linux has."""
    knob = netns.sysctls.get(path)
    if knob is not None:
        return knob
    refuse_unknown(path)
    raise NetError(ENOENT)


def refuse_unknown(path: Path) -> None:
    """Tell by name a sysctl that Linux has and the stack knows nothing of. Raises NotModelled."""
    if is_linux_only(path):
        raise NotModelled(".".join(word.replace(".", "/") for word in path), MODELLED)


def _words(path: str) -> Path:
    return tuple(path.removeprefix(PROC_SYS).split("/"))
