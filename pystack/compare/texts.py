"""What commands printed and what tables held, as a comparison looks at them: without what differs by nature,
and without an order where the kernel has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.compare.records import Output, Record, State
from pystack.compare.text_masks import plain_text

HASH_ORDER: Final = (
    "hash-order"  # forgiven: the kernel's order is that of buckets, whose key is drawn at boot
)
STREAMS: Final = ("out", "err")

_SHOWS: Final = ("", "show", "list", "lst", "ls")  # `ip neigh` and `ip neigh show` are one
_TAKE_A_VALUE: Final = ("-n", "-netns", "-f", "-family", "-l", "-loops")
_HASHED_FILES: Final = tuple(
    f"/proc/net/{name}"
    for name in ("arp", "icmp", "nf_conntrack", "nf_conntrack_expect", "raw", "tcp", "udp")
)
_ORDERED_NETSTAT: Final = frozenset("rsig")  # routes, statistics, devices, groups


def is_unordered(command: str) -> bool:
    """Whether a command lists hashes of the kernel, and nothing else."""
    return all(_lists_a_hash(words) for piece in command.split(";") if (words := piece.split()))


def _lists_a_hash(words: Sequence[str]) -> bool:
    match words[0]:
        case "ip":
            return _is_hash_of_ip(_without_options(words[1:]))
        case "ss" | "arp":
            return True
        case "conntrack":
            return "-L" in words
        case "netstat":
            return not any(_ORDERED_NETSTAT & set(word) for word in words[1:])
        case "cat":
            return len(words) > 1 and all(word in _HASHED_FILES for word in words[1:])
    return False


def _without_options(words: Sequence[str]) -> Sequence[str]:
    while words and words[0].startswith("-"):
        words = words[2:] if words[0] in _TAKE_A_VALUE else words[1:]
    return words


def _is_hash_of_ip(words: Sequence[str]) -> bool:
    what, verb = [*words, "", ""][:2]
    if not what:
        return False
    if any(name.startswith(what) for name in ("neighbour", "neighbor")):
        return any(name.startswith(verb) for name in _SHOWS if name) or verb == ""
    return "route".startswith(what) and "cache" in words


def stream_text(output: Output, stream: str) -> str:
    """One of a command's streams, in its own order."""
    text = plain_text(str(getattr(output, stream)))
    if text.startswith("[{") and is_unordered(output.command):
        text = text.strip().strip("[]").replace("},{", "}\n{")  # a line an entry, also of `ip -j`
    return text


def sorted_lines(text: str) -> str:
    """What has no order, in one that is always the same."""
    return "\n".join(sorted(text.splitlines()))


def table_lines(state: State) -> list[str]:
    """Tables have no order."""
    return sorted(plain_text(state.text).splitlines())


def compared_lines(record: Record | None) -> list[str]:
    """All that was compared of an output or a table."""
    if isinstance(record, State):
        return table_lines(record)
    if not isinstance(record, Output):
        return []
    lines = [line for stream in STREAMS for line in stream_text(record, stream).splitlines()]
    return [f"exit code {record.rc}", *(sorted(lines) if is_unordered(record.command) else lines)]
