"""Times as nft writes them: how long something lasts, a time of day, a date."""

from __future__ import annotations

import re
from typing import Final

from pystack.applets.nft.unreadable import Unreadable
from pystack.netfilter.civil import moment, seconds_of

DAY: Final = 86400
_NS: Final = 1_000_000_000
_DIGITS_ALLOWED: Final = 8
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_MILLISECONDS: Final = dict(_UNITS)
_UNIT_NAMES: Final = {"d": "Day", "h": "Hour", "m": "Minute", "s": "Second", "ms": "Millisecond"}
_SECOND: Final = re.compile(r"\s*(\d{1,2}):\s*(\d{1,2}):\s*(\d{1,2})")
_MINUTE: Final = re.compile(r"\s*(\d{1,2}):\s*(\d{1,2})")
_DATE: Final = re.compile(r"\s*(\d{1,4})-\s*(\d{1,2})-\s*(\d{1,2})")


def duration_text(milliseconds: int, *, only_seconds: bool = False) -> str:
    """`1d2h30s`. Linux: nftables src/datatype.c time_print()"""
    if only_seconds:
        return f"{milliseconds // 1000}s"
    text = ""
    for unit, length in _UNITS:
        count, milliseconds = divmod(milliseconds, length)
        if count:
            text += f"{count}{unit}"
    return text


def parse_duration(text: str) -> int | Unreadable:
    """Milliseconds; seconds where no unit is written. Linux: nftables src/datatype.c time_parse()"""
    counts: dict[str, int] = {}
    digits, at = "", 0
    while at < len(text):
        if text[at].isdecimal():
            digits += text[at]
            if len(digits) > _DIGITS_ALLOWED:
                return Unreadable("value too large")
            at += 1
            continue
        unit = "ms" if text[at:] == "ms" else text[at]
        if unit not in _UNIT_NAMES:
            return Unreadable("wrong time format")
        if unit in counts:
            return Unreadable(f"{_UNIT_NAMES[unit]} has been specified twice")
        counts[unit] = int(digits or "0")
        digits, at = "", at + len(unit)
    if not counts:
        return int(digits or "0") * 1000
    return sum(_MILLISECONDS[unit] * count for unit, count in counts.items())


def hour_text(seconds: int, utc_offset: int) -> str:
    """`17:30` of UTC seconds. Linux: nftables src/meta.c hour_type_print()"""
    minutes, second = divmod((seconds + utc_offset) % DAY, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}" + (f":{second:02}" if second else "")


def parse_hour(text: str, utc_offset: int) -> int | Unreadable:
    """UTC seconds of a local time; a bare number is taken as it is.

    Linux: nftables src/meta.c hour_type_parse()
    """
    if text.isdecimal():
        return int(text)
    seconds, rest = _clock(text)
    if rest:
        return Unreadable(f'Can\'t parse trailing input: "{rest}"\n')
    if seconds is None:
        duration = parse_duration(text)
        if isinstance(duration, Unreadable):
            return duration
        seconds = duration // 1000
    if seconds >= utc_offset:
        return (seconds - utc_offset) % DAY
    return DAY - utc_offset + seconds


def _clock(text: str) -> tuple[int | None, str]:
    """Seconds of `HH:MM:SS` or `HH:MM`, and what is left behind them."""
    rest = ""
    for pattern in (_SECOND, _MINUTE):
        found = pattern.match(text)
        parts = [int(part) for part in found.groups()] if found else []
        if found is None or parts[0] > 23 or parts[1] > 59 or (len(parts) > 2 and parts[2] > 61):
            continue
        rest = text[found.end() :]
        if not rest:
            return sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False)), ""
    return None, rest


def date_text(nanoseconds: int, utc_offset: int) -> str:
    """`2026-11-20 12:00:00`. Linux: nftables src/meta.c date_type_print()"""
    at = moment(nanoseconds // _NS + utc_offset)
    return f"{at.year}-{at.month:02}-{at.day:02} {at.hour:02}:{at.minute:02}:{at.second:02}"


def parse_date(text: str, utc_offset: int) -> int | Unreadable:
    """Nanoseconds since 1970 of a local time. Linux: nftables src/meta.c date_type_parse()"""
    found = _DATE.match(text)
    if found is not None and 1 <= int(found[2]) <= 12 and 1 <= int(found[3]) <= 31:
        midnight = seconds_of(int(found[1]), int(found[2]), int(found[3]))
        rest = text[found.end() :]
        clock = _SECOND.match(rest) or _MINUTE.match(rest)
        parts = (int(part) for part in clock.groups()) if clock else ()
        of_day = sum(part * unit for part, unit in zip(parts, (3600, 60, 1), strict=False))
        return (midnight + of_day - utc_offset) * _NS % (1 << 64)
    if text.isdecimal():
        return int(text) * _NS % (1 << 64)
    return Unreadable("Cannot parse date")
