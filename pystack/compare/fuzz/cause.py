"""When two differences come from one fault: the same class, cause and place, whoever it happened to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pystack.compare.diff import Difference
from pystack.compare.records import Hop

_NAMELESS: Final = (
    (re.compile(r"\b[0-9a-f]{2}(:[0-9a-f]{2}){5}\b"), "MAC"),
    (re.compile(r"\b[0-9]+(\.[0-9]+){3}\b"), "IP"),
    (re.compile(r"(?<=[a-z])[0-9]+\b"), ""),  # tap2, br0
    (re.compile(r"\bline [0-9]+: "), ""),
)

_NUMBER: Final = re.compile(r" *[0-9]+")  # in columns


@dataclass(frozen=True, slots=True)
class Cause:
    """What a fault is known by."""

    cls: str
    text: str
    at: str


def cause_of(difference: Difference) -> Cause:
    """The cause without the names of those whom it met."""
    text = _nameless(difference.cause)
    if difference.cls == "OUTPUT":
        text = _NUMBER.sub("N", text)
    return Cause(difference.cls, text, _nameless(difference.at))


def _nameless(text: str) -> str:
    for pattern, word in _NAMELESS:
        text = pattern.sub(word, text)
    return text


def first_of(differences: Sequence[Difference]) -> Difference | None:
    """The one from which others may follow: of the first step, and there on the way, not at its end."""
    if not differences:
        return None
    step = min(difference.step for difference in differences)
    here = [difference for difference in differences if difference.step == step]
    hops = [one for one in here if isinstance(one.kernel or one.pystack, Hop)]
    return (hops or here)[0]
