"""The judge for a mode of `[hooks]`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.hooks.judge.answer import Judge
from pystack.hooks.judge.deciding import Deciding
from pystack.hooks.judge.diverting import Diverting
from pystack.hooks.judge.kernel import Kernel
from pystack.host import Host
from pystack.netns import Netns

OBSERVE: Final = "observe"
DECIDE: Final = "decide"
DIVERT: Final = "divert"


def make_judge(mode: str, host: Host, copy: Netns, points: Sequence[str], kernel: Kernel) -> Judge:
    """Of a namespace that was taken over as `copy`; diverted packets go to the host's own. Raises Refused."""
    if mode == DIVERT:
        return Diverting(host.init, copy.devices)
    return Deciding(copy, points, kernel, is_obeyed=mode == DECIDE)
