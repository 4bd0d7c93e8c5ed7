"""The part of a VM's side that runs in the VM: the kernel's side as it is anywhere, asked from outside.

A request is a line of JSON, `[METHOD, ARGUMENTS]`, on a serial port of its own; the answer is a line with one
object, which holds `value`, or `complaints` and `missing` (a SideError), or `broken` and then nothing more.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import Final

from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.side import SideError
from pystack.compare.lab.vm_words import Value, from_words, to_words

PORT: Final = "/dev/vport0p2"
THOROUGH: Final = "thorough"


def main() -> None:
    """Answer until the host hangs up."""
    port = os.open(PORT, os.O_RDWR | os.O_CLOEXEC)
    with KernelSide(thorough=THOROUGH in sys.argv) as side, open(port, "rb", closefd=False) as requests:
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
