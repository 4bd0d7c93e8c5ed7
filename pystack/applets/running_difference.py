"""What a reload would change about a running host, beside the host that the files make.

COMMAND              was typed, and would be lost: written into the setup it would stay
# brings: COMMAND    stands in the setup, and is new there or was undone since: a reload does it
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final

from pystack.applets.running_setup import setup_lines
from pystack.applets.running_sysctls import settings, sysctl_line
from pystack.host import Host
from pystack.l2.devices import Link

Built = tuple[Host, Mapping[str, Link]]  # with the devices that were there from the beginning

BRINGS: Final = "# brings: "


def lost_lines(running: Built, fresh: Built) -> list[str]:
    """What is lost, then what is brought."""
    now, then = Counter(setup_lines(*running)), Counter(setup_lines(*fresh))
    lost = [*(now - then).elements(), *_sysctls_back_at_their_defaults(running[0], fresh[0])]
    brought = (then - now).elements()
    return [line for line in lost if line[0] != "#"] + [BRINGS + line for line in brought if line[0] != "#"]


def _sysctls_back_at_their_defaults(running: Host, fresh: Host) -> Iterator[str]:
    """Where the file says something else: no line of the running setup tells of these."""
    pristine = Host(profile=running.profile).init
    for name, later in fresh.namespaces.items():
        if (now := running.namespaces.get(name)) is None:
            continue
        told = settings(now, pristine)
        for path, text in settings(later, pristine).items():
            knob = now.sysctls.get(path)
            if path not in told and knob is not None and knob.text != text:
                yield sysctl_line(name, (path, knob.text))
