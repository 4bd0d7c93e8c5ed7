"""The sysctls of a namespace, as far as ours has them too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.running_sysctls import is_a_devices
from pystack.hooks.imported.building import Building
from pystack.netns import Netns
from pystack.sysctl import Knob
from pystack.sysctl_table_host import CONNTRACK_MAX

Path = tuple[str, ...]
# Not of a namespace; and what can never be set back is better not said at all.
_LEFT_ALONE: Final = (("net", "netfilter", "nf_hooks_lwtunnel"), CONNTRACK_MAX[0])
_FIRST: Final = ("net", "ipv4", "ip_forward")  # writing it sets others


def set_sysctls(building: Building, told: dict[Path, str], *, of_devices: bool) -> None:
    """Those of devices need their devices, and the common ones decide what new devices get."""
    rows = [(path, knob) for path, knob in taken_over(building.netns) if is_a_devices(path) == of_devices]
    for path, knob in sorted(rows, key=lambda row: (row[0] != _FIRST, row[0])):
        value = told.get(path)
        if value is not None and not _is_same(value, knob):
            _set(building, ".".join(word.replace(".", "/") for word in path), " ".join(value.split()))


def taken_over(netns: Netns) -> Iterator[tuple[Path, Knob]]:
    """Those of ours that get the value which the kernel's have."""
    for path, knob in netns.sysctls:
        if path not in _LEFT_ALONE and path[1] != "ipv6" and knob.writable and knob.readable:
            yield path, knob


def _set(building: Building, key: str, value: str) -> None:
    if not building.tries(["sysctl", "-q", "-w", f"{key}={value}"], ""):
        of_programs = "congestion_control" in key
        named = building.of_programs if of_programs else building.left_out
        named.append(f"sysctl {key}: {value} is not modelled")


def _is_same(value: str, knob: Knob) -> bool:
    return value.split() == knob.text.split()
