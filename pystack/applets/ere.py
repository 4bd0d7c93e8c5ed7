"""POSIX extended regular expressions, as regcomp(3) reads them, in Python's."""

from __future__ import annotations

import re
from typing import Final

_CLASSES: Final = {
    "alpha": "a-zA-Z",
    "digit": "0-9",
    "alnum": "a-zA-Z0-9",
    "upper": "A-Z",
    "lower": "a-z",
    "space": r"\s",
    "blank": r" \t",
    "punct": r"!-/:-@\[-`{-~",
    "print": " -~",
    "graph": "!-~",
    "cntrl": r"\x00-\x1f\x7f",
    "xdigit": "0-9A-Fa-f",
}
# What the GNU library adds behind a backslash.
_ESCAPES: Final = {"<": r"\b(?=\w)", ">": r"\b(?<=\w)", "`": r"\A", "'": r"\Z"} | {
    same: f"\\{same}" for same in "wWsSbB123456789"
}


def compile_ere(pattern: str) -> re.Pattern[str] | None:
    """None for what regcomp() would refuse."""
    try:
        return re.compile("".join(_pieces(pattern)))
    except (re.error, ValueError, OverflowError, RecursionError):
        return None


def _pieces(pattern: str) -> list[str]:
    pieces: list[str] = []
    at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            following = pattern[at + 1 : at + 2]
            if not following:
                raise ValueError("a backslash at the end")
            pieces.append(_ESCAPES.get(following, re.escape(following)))
            at += 2
        elif character == "[":
            end = _end_of_set(pattern, at)
            pieces.append(_set(pattern[at + 1 : end]))
            at = end + 1
        elif pattern.startswith("(?", at):
            raise ValueError("nothing to repeat")
        else:
            pieces.append(r"\Z" if character == "$" else character)
            at += 1
    return pieces


def _end_of_set(pattern: str, start: int) -> int:
    """Where the `]` stands that closes a set; the first member may be one itself, and classes hold one."""
    at = start + 1
    at += pattern.startswith("^", at)
    at += pattern.startswith("]", at)
    while at < len(pattern) and pattern[at] != "]":
        at = pattern.index(":]", at) + 2 if pattern.startswith("[:", at) else at + 1
    if at >= len(pattern):
        raise ValueError("a set without an end")
    return at


def _set(members: str) -> str:
    """A backslash is a member like any other there."""
    negated = members.startswith("^")
    text = members[negated:]
    out: list[str] = []
    at = 0
    while at < len(text):
        if text.startswith("[:", at):
            end = text.index(":]", at)
            name = text[at + 2 : end]
            if name not in _CLASSES:
                raise ValueError("no such class")
            out.append(_CLASSES[name])
            at = end + 2
        else:
            out.append(f"\\{text[at]}" if text[at] in "\\[]^&~|" else text[at])
            at += 1
    return f"[{'^' if negated else ''}{''.join(out)}]"
