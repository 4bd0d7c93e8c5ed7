"""File name patterns, as fnmatch(3) has them."""

from __future__ import annotations


def glob_matches(pattern: str, text: str) -> bool:
    """`*`, `?` and `[…]` over the whole text."""
    if not pattern:
        return not text
    head = pattern[0]
    if head == "*":
        return any(glob_matches(pattern[1:], text[skipped:]) for skipped in range(len(text) + 1))
    if not text:
        return False
    end = pattern.find("]", 2)
    if head == "[" and end > 0:
        return _in_class(pattern[1:end], text[0]) and glob_matches(pattern[end + 1 :], text[1:])
    return head in ("?", text[0]) and glob_matches(pattern[1:], text[1:])


def _in_class(members: str, character: str) -> bool:
    negated = members[0] in "!^"
    rest = members[1:] if negated else members
    found, at = False, 0
    while at < len(rest):
        if rest[at + 1 : at + 2] == "-" and at + 2 < len(rest):
            found = found or rest[at] <= character <= rest[at + 2]
            at += 3
        else:
            found = found or rest[at] == character
            at += 1
    return found != negated


def is_glob(text: str) -> bool:
    """Whether the text is a pattern at all."""
    return any(mark in text for mark in "*?[")
