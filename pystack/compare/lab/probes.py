"""The probes of a lab: whether a scenario leaves room for them, how they get there, who hears them."""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Iterable
from typing import Final

from pystack.compare.lab.errors import CommandFailed, LabUnavailable
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.points import Point
from pystack.compare.probes import GROUP, ruleset
from pystack.compare.scenario import Run, Scenario, Start
from pystack.hooks.nflog import NflogReader
from pystack.hooks.nfnetlink import NETLINK_NETFILTER
from pystack.hooks.ours import PROBES

# Who lists tables of nft, flushes them, or follows packets through them: there may be no probes then.
_MEETS_PROBES: Final = re.compile(r"(?<![-\w])nft\b|\bxtables-monitor\b")


def meets_probes(scenario: Scenario) -> bool:
    """Whether a command of a scenario would see them."""
    commands = [step.command for step in scenario.steps if isinstance(step, Run | Start)]
    return any(map(_MEETS_PROBES.search, commands))


def install(kernel: KernelNetns, points: Iterable[Point], devices: Collection[str]) -> None:
    """Put probes into a lab, beside those that are there. They end with the lab's namespace."""
    try:
        kernel.run(["nft", "-f", "-"], stdin=ruleset(points, devices, table=PROBES)).check()
    except FileNotFoundError as error:
        raise LabUnavailable("hops need the command `nft` (Debian package nftables)") from error
    except CommandFailed as error:
        raise LabUnavailable(f"this kernel takes no probes: {error.text.strip().splitlines()[0]}") from error


def listen(kernel: KernelNetns) -> NflogReader:
    """Hear what the probes report; while nobody does, they cost next to nothing."""
    return NflogReader(kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER), (GROUP,))
