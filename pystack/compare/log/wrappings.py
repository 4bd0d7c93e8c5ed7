"""What stands around a message of the kernel's: dates in any language, hosts, tags, and a note's prose.

journalctl (short and its relatives, json, export), dmesg (plain, -T, -x, -r, -J), syslog of old and new,
/dev/kmsg, and the bare message. A date is never understood, only recognized.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from pystack.compare.log.message import find_devices
from pystack.compare.log.moment import moment_of

_LONGEST_MESSAGE: Final = 2048  # letters
_LONGEST_PREFIX: Final = 128  # Linux: include/uapi/linux/netfilter/nf_log.h NF_LOG_PREFIXLEN

_COLOURS: Final = re.compile(r"\x1b\[[0-9;]*m")
_TAG: Final = re.compile(r"(?:^|\s)kernel(?:\[[0-9]+\])?(?:: ?| - - (?:-|\[[^\]]*\]) ?)")
_FRONTS: Final = tuple(
    re.compile(pattern)
    for pattern in (
        r"<[0-9]{1,3}>",  # a priority
        r"[0-9]+,[0-9]+,[0-9]+,[^;]*;",  # /dev/kmsg
        r"[a-z]+ *: ?[a-z]+ *: ",  # dmesg -x
        r"\[ *[0-9]+\.[0-9]+\] ?",  # seconds since the start
        r"\[ *[<+] *[0-9.]+>?\] ?",  # since the line before
        r"\[[^\]]{0,40}[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?[^\]]{0,24}\] ?",  # dmesg -T, -H
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:,.]+(?:Z|[+-][0-9:]+)? ",  # dmesg --time-format iso
        r"[0-9]+ [0-9]+ (?=\S)",  # a number of its own, and microseconds
    )
)
_SINCE_START: Final = _FRONTS[3]
_NUMBER: Final = re.compile(r"[0-9]{1,18}")
_FACILITY: Final = re.compile(r"(?:kern|user|daemon)\.[a-z]+")
_OF_A_DATE: Final = re.compile(r"[0-9]{4}|.*[:\]].*")
_FIELD: Final = re.compile(r'\s*"(MESSAGE|msg|_HOSTNAME)"\s*:\s*(".*"|\[[0-9, ]*\])\s*,?\s*')
_EXPORTED: Final = re.compile(r"\s*(MESSAGE|_HOSTNAME)=(.*)", re.DOTALL)
_ENDS_ENTRY: Final = re.compile(r"\s*}.*|")
_LOST: Final = re.compile(
    r"callbacks suppressed|printk messages dropped|Missed [0-9]+ kernel messages|Suppressed [0-9]+ messages"
)
LEFT_OUT: Final = re.compile(r"\s*(?:\.{3,}|…+)\s*")


class Entry(NamedTuple):
    """One line of a file, of which something is known."""

    number: int  # its line
    text: str  # the message; of prose, the line
    host: str = ""
    is_bare: bool = False  # there was nothing around it: a note, or a log without dates
    is_message: bool = False  # it tells of a packet
    is_gap: bool = False  # the log says of itself that lines are missing here
    moment: float | None = None  # in seconds, on the clock of whoever wrote the file


class Wrappings:
    """Takes the lines of one file in their order; an entry may take several lines."""

    def __init__(self, host: str = "") -> None:
        self._default = host  # of what names none
        self._waiting: Entry | None = None  # a message of which the host is not known yet
        self._host = ""

    def unwrap(self, number: int, octets: bytes) -> Iterator[Entry]:
        """What is complete with this line; of empty lines nothing."""
        text = _COLOURS.sub("", octets.decode(errors="replace")).rstrip("\r\n")
        field = _field(text)
        if field is None:
            if _ENDS_ENTRY.fullmatch(text):
                yield from self.end()
            elif self._waiting is None:
                yield self._named(_entry(number, text))
        elif field[0] == "_HOSTNAME":
            self._host = field[1]
        else:
            if self._waiting is not None:
                yield from self.end()
            self._waiting = _message(number, field[1])

    def end(self) -> Iterator[Entry]:
        """The entry that waits; a host that was named before it is its own."""
        if self._waiting is not None:
            yield self._named(self._waiting._replace(host=self._host))
        self._waiting, self._host = None, ""

    def _named(self, entry: Entry) -> Entry:
        return entry if entry.host else entry._replace(host=self._default)


def _field(text: str) -> tuple[str, str] | None:
    """Of an entry that takes several lines: journalctl -o export, verbose, json-pretty, and dmesg -J."""
    if exported := _EXPORTED.fullmatch(text):
        return exported[1], exported[2]
    if found := _FIELD.fullmatch(text):
        return found[1].replace("msg", "MESSAGE"), _from_json(found[2])
    return None


def _from_json(text: str) -> str:
    """journald writes what is no text as a list of octets."""
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return _text_of(value)


def _text_of(value: object) -> str:
    if isinstance(value, list):
        return bytes(octet for octet in value if isinstance(octet, int) and 0 <= octet < 256).decode(
            errors="replace"
        )
    return value if isinstance(value, str) else ""


def _entry(number: int, line: str) -> Entry:
    text = line.removeprefix("data: ").lstrip("\x1e")
    if text.startswith("{") and (entry := _of_json(number, text)):
        return entry
    devices = find_devices(text)
    if devices is None:
        return Entry(number, line[:_LONGEST_MESSAGE], is_gap=_LOST.search(line) is not None)
    front = text[: devices.start()]
    prefix, host, is_bare = _unwrapped(front)
    message = (prefix + text[devices.start() :])[:_LONGEST_MESSAGE]
    moment = None if is_bare else moment_of(front.removesuffix(prefix))
    return Entry(number, message, host, is_bare, is_message=True, moment=moment)


def _of_json(number: int, text: str) -> Entry | None:
    """journalctl -o json."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(fields, dict) or "MESSAGE" not in fields:
        return None
    message = _message(number, _text_of(fields["MESSAGE"]), _text_of(fields.get("_HOSTNAME")))
    since = _text_of(fields.get("__MONOTONIC_TIMESTAMP")) or _text_of(fields.get("__REALTIME_TIMESTAMP"))
    return message._replace(moment=int(since) / 1e6 if _NUMBER.fullmatch(since) else None)


def _message(number: int, text: str, host: str = "") -> Entry:
    """One that was handed over without anything around it."""
    text = text[:_LONGEST_MESSAGE]
    is_message = find_devices(text) is not None
    return Entry(number, text, host, is_message=is_message, is_gap=_LOST.search(text) is not None)


def _unwrapped(head: str) -> tuple[str, str, bool]:
    """The prefix out of what stands before IN=, the host if it is named, and whether that was all."""
    tag = _TAG.search(head)
    if tag is not None:
        host = _host_before(head[: tag.start()])
        rest = head[tag.end() :]
        since_start = _SINCE_START.match(rest)
        return rest[since_start.end() :] if since_start else rest, host, False
    rest, is_bare = head, True
    while front := next((found for pattern in _FRONTS if (found := pattern.match(rest))), None):
        rest, is_bare = rest[front.end() :], False
    return _own_prefix(rest) if is_bare else rest, "", is_bare


def _host_before(head: str) -> str:
    """The word in front of the tag, unless that is the facility (logread) or the end of a date."""
    words = head.split()
    if words and _FACILITY.fullmatch(words[-1]):
        words.pop()
    return words[-1] if words and not _OF_A_DATE.fullmatch(words[-1]) else ""


def _own_prefix(head: str) -> str:
    """In a note, without its indentation, and without prose in front of what the kernel printed."""
    text = head.lstrip()
    bracket = text.rfind("[")
    if len(text.encode()) >= _LONGEST_PREFIX and bracket >= 0:
        return text[bracket:]
    return text
