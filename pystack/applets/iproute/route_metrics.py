"""The metrics of a route as words: `mtu lock 1400 rtt 100ms features ecn`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from pystack.applets.iproute.numbers import unsigned
from pystack.applets.iproute.printer import Printer
from pystack.applets.iproute.words import Words, wrong
from pystack.l3 import metrics
from pystack.l3.metrics import CONGESTION_CONTROLS, FEATURE_ECN, LOCK, NAMES

SPELLED_OUT: Final = ("mtu", "hoplimit", "advmss", "rtt", "rto_min")
# In iproute2's order, which decides what an abbreviation means.
ABBREVIATED: Final = (
    "reordering",
    "window",
    "cwnd",
    "initcwnd",
    "initrwnd",
    "features",
    "quickack",
    "congctl",
    "rttvar",
    "ssthresh",
    "fastopen_no_cookie",
)
_CALLED: Final = {"advmss": "mss", "reordering": "reordering"}
_FLAGS: Final = ("quickack", "fastopen_no_cookie")
# Times are kept in fractions of milliseconds.
_FRACTIONS: Final = {"rtt": 8, "rttvar": 4, "rto_min": 1}
_TIME: Final = re.compile(r"\s*\+?([0-9]*\.[0-9]*|0[xX][0-9a-fA-F]+|[0-9]+)(.*)")
_UNITS: Final = {"s": 1000, "sec": 1000, "secs": 1000, "ms": 1, "msec": 1, "msecs": 1}
_HIGHEST_HOPLIMIT: Final = 255


def parse_metric(name: str, words: Words, found: dict[str, int]) -> None:
    """Linux: iproute2 ip/iproute.c iproute_modify()"""
    word = words.take()
    locks = name == "rto_min"
    if word == "lock" and name not in (*_FLAGS, "features", "rto_min"):
        locks, word = True, words.take()
    if locks:
        found[LOCK] = found.get(LOCK, 0) | metrics.bit(name)
    found[name] = _value(name, word)


def _value(name: str, word: str) -> int:
    if name == "congctl":
        return metrics.congestion_control(word)
    if name == "features":
        if word != "ecn":
            raise wrong('"features" value not valid\n', word)
        return FEATURE_ECN
    value = _time(name, word) if name in _FRACTIONS else unsigned(word)
    if value is None or (name == "hoplimit" and value > _HIGHEST_HOPLIMIT):
        raise wrong(f'"{_CALLED.get(name, name)}" value is invalid\n', word)
    if name in _FLAGS and value > 1:
        raise wrong(f'"{name}" value should be 0 or 1\n', word)
    return value


def _time(name: str, word: str) -> int | None:
    """A time in the fractions in which the metric is kept, which is also what a bare number counts.

    Linux: iproute2 lib/utils.c get_time_rtt()
    """
    found = _TIME.fullmatch(word)
    if found is None or found[1] == ".":
        return None
    number, unit = found.groups()
    value = float(number) if "." in number else float(unsigned(number) or 0)
    if not unit:
        return math.ceil(value)
    if unit.lower() not in _UNITS:
        return None
    return math.ceil(value * _UNITS[unit.lower()]) * _FRACTIONS[name]


def print_metrics(printer: Printer, given: Mapping[str, int]) -> None:
    """Linux: iproute2 ip/iproute.c print_rta_metrics()"""
    if not given:
        return
    if printer.json:
        printer.open_array("metrics")
        printer.open_object()
    for name in NAMES[2:]:
        locked = metrics.is_locked(given, name)
        if name in given or locked:
            printer.text(f"{name} lock " if locked else f"{name} ")
            _print_value(printer, name, given.get(name, 0))
    if printer.json:
        printer.close_object()
        printer.close_array()


def _print_value(printer: Printer, name: str, value: int) -> None:
    if name == "features":
        if value & FEATURE_ECN:
            printer.put("ecn", None, "ecn ")
    elif name == "congctl":
        algorithm = CONGESTION_CONTROLS[value]
        printer.put("congestion", algorithm, f"{algorithm} ")
    elif name in _FRACTIONS:
        milliseconds = value // _FRACTIONS[name]
        text = f"{milliseconds / 1e3:g}s " if milliseconds >= 1000 else f"{milliseconds}ms "
        printer.put(name, milliseconds, text)
    else:
        printer.put(name, value, f"{value} ")


def metric_words(given: Mapping[str, int]) -> list[str]:
    """The words that say them again."""
    said: list[str] = []
    for name in NAMES[2:]:
        locked = metrics.is_locked(given, name)
        if name not in given and not locked:
            continue
        said.append(f"{name} lock" if locked and name != "rto_min" else name)
        value = given.get(name, 0)
        if name == "features":
            said.append("ecn")
        elif name == "congctl":
            said.append(CONGESTION_CONTROLS[value])
        else:
            said.append(str(value))
    return said
