"""The part of a VM's side that runs in the VM: the kernel's side as it is anywhere, asked from outside.

A request is a line of JSON, `[METHOD, ARGUMENTS]`, on a serial port of its own; the answer is a line with one
object, which holds `value`, or `complaints` and `missing` (a SideError), or `broken` and then nothing more.
"""

from __future__ import annotations

import json
import os
import sys
import time
import traceback
from typing import Final

from pystack.compare.lab.kernel_side import AGES, KernelSide
from pystack.compare.lab.side import SideError
from pystack.compare.lab.vm_words import Value, from_words, to_words
from pystack.compare.scenario import Topology

PORT: Final = "/dev/vport0p2"
THOROUGH: Final = "thorough"
TOLD_AT_ONCE: Final = (6, 8)  # the first kernel that runs the link watch before it tells of a link
LINK_WATCH: Final = 1.1  # seconds after which it has run at the latest


class GuestSide(KernelSide):
    """The kernel's side, whose kernel may be old; waiting is free here, the VM's clock jumps."""

    def _rebuild(self, topology: Topology) -> None:
        super()._rebuild(topology)
        if self.version() < TOLD_AT_ONCE and not AGES.search(topology.setup):
            time.sleep(LINK_WATCH)


def main() -> None:
    """Answer until the host hangs up."""
    port = os.open(PORT, os.O_RDWR | os.O_CLOEXEC)
    with GuestSide(thorough=THOROUGH in sys.argv) as side, open(port, "rb", closefd=False) as requests:
        for line in requests:
            answer = _answer(side, *json.loads(line))
            _write(port, json.dumps(answer).encode() + b"\n")


def _answer(side: KernelSide, method: str, arguments: Value) -> dict[str, Value]:
    try:
        return {"value": to_words(getattr(side, method)(*from_words(arguments)))}
    except SideError as error:
        return {"complaints": error.complaints, "missing": error.missing}
    except Exception:
        return {"broken": traceback.format_exc()}


def _write(port: int, data: bytes) -> None:
    while data:
        data = data[os.write(port, data) :]
