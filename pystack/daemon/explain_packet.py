"""The packet of `pystack explain` where it is written in scapy's notation: made into digits by the client,
so that the daemon needs no scapy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pystack.compare.lab.notation import NotationError, frame_of

_NOTATION: Final = re.compile(r"\s*[A-Za-z]\w*\(")
_NO_LINK: Final = "Ether(src='00:00:00:00:00:00', dst='00:00:00:00:00:00')/"
_IP_WITHOUT_SOURCE: Final = re.compile(r"\bIP\((?![^()]*\bsrc=)")


class NoPacket(Exception):
    """The notation names none; the text says where it goes wrong."""


def without_notation(args: Sequence[str]) -> list[str]:
    """The command line with the packet as digits. Raises NoPacket."""
    return [word for arg in args for word in (_digits(arg) if _NOTATION.match(arg) else [arg])]


def _digits(text: str) -> list[str]:
    whole = text if text.lstrip().startswith("Ether(") else _NO_LINK + text.lstrip()
    whole = _IP_WITHOUT_SOURCE.sub("IP(src='0.0.0.0', ", whole, 1).replace("', )", "')")
    try:
        return ["--hex", frame_of(whole).hex()]
    except NotationError as error:
        raise NoPacket(f"explain: {error}") from None
