"""The sysctls of a running namespace that are not what they are when it comes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.running_words import inside, quoted
from pystack.netns import Netns
from pystack.sysctl import Knob
from pystack.sysctl_table_host import CONNTRACK_MAX

Path = tuple[str, ...]
Setting = tuple[Path, str]

_LOOPBACKS_OWN: Final = ("disable_policy", "disable_xfrm")  # set on lo alone
_TWINS: Final = ("base_reachable_time", "retrans_time", "unres_qlen")  # names of what has a finer name too
# Each is a limit to another one, which may only go below it once it has gone down itself.
_LOWERED_FIRST: Final = ("ip_unprivileged_port_start", "ipfrag_low_thresh", "nf_conntrack_frag6_low_thresh")


def sysctl_line(netns: str, setting: Setting) -> str:
    """The command that sets it."""
    path, text = setting
    key = ".".join(word.replace(".", "/") for word in path)
    return f"{inside(netns)}sysctl -w {key}={quoted(text)}"


def settings(netns: Netns, pristine: Netns) -> dict[Path, str]:
    """All of them."""
    return dict((*common_sysctls(netns, pristine), *device_sysctls(netns, pristine)))


def common_sysctls(netns: Netns, pristine: Netns) -> Iterator[Setting]:
    """Those of no device. `ip_forward` comes first: writing it sets all others called forwarding."""
    forwarding = _value(netns, ("net", "ipv4", "ip_forward"))
    rows = [(path, knob) for path, knob in netns.sysctls if _is_kept(path, knob) and not is_a_devices(path)]
    for path, knob in sorted(rows, key=lambda row: _turn(row[0], row[1], pristine)):
        usual = forwarding if path[-1] == "forwarding" else _value(pristine, path)
        if knob.text != usual:
            yield path, knob.text


def device_sysctls(netns: Netns, pristine: Netns) -> Iterator[Setting]:
    """Those of each device, where they are not what a device gets when it comes."""
    for path, knob in netns.sysctls:
        if not is_a_devices(path) or not _is_kept(path, knob):
            continue
        usual = _value(netns, (*path[:3], "default", *path[4:]))
        if usual is None or (path[3] == "lo" and path[-1] in _LOOPBACKS_OWN):
            usual = _value(pristine, (*path[:3], "lo", *path[4:]))
        if knob.text != usual:
            yield path, knob.text


def _is_kept(path: Path, knob: Knob) -> bool:
    return knob.writable and knob.readable and path[-1] not in _TWINS and path != CONNTRACK_MAX[0]


def _turn(path: Path, knob: Knob, pristine: Netns) -> tuple[int, Path]:
    if path == ("net", "ipv4", "ip_forward"):
        return 0, path
    lowered = path[-1] in _LOWERED_FIRST and int(knob.text) < int(_value(pristine, path) or 0)
    return (1 if lowered else 2), path


def is_a_devices(path: Path) -> bool:
    """Whether it belongs to one device."""
    return len(path) > 4 and path[2] in ("conf", "neigh") and path[3] not in ("all", "default")


def _value(netns: Netns, path: Path) -> str | None:
    knob = netns.sysctls.get(path)
    return None if knob is None else knob.text
