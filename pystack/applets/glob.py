"""File name patterns, as fnmatch(3) has them."""

from __future__ import annotations


def glob_matches(pattern: str, text: str) -> bool:
    """`*`, `?` and `[…]` over the whole text.

    Only the last star seen is ever taken back, so many of them cost no more than few.
    """
    signs = _signs(pattern)
    at = sign = 0
    star, resume = -1, 0
    while at < len(text):
        if sign < len(signs) and signs[sign] == "*":
            star, resume = sign, at
            sign += 1
        elif sign < len(signs) and _fits(signs[sign], text[at]):
            sign += 1
            at += 1
        elif star >= 0:
            resume += 1
            sign, at = star + 1, resume
        else:
            return False
    return all(rest == "*" for rest in signs[sign:])


def _signs(pattern: str) -> list[str]:
    """A pattern, cut into stars, marks, classes and plain characters."""
    signs: list[str] = []
    at = 0
    while at < len(pattern):
        end = pattern.find("]", at + 2) if pattern[at] == "[" else -1
        length = end + 1 - at if end > 0 else 1
        signs.append(pattern[at : at + length])
        at += length
    return signs


def _fits(sign: str, character: str) -> bool:
    return _in_class(sign[1:-1], character) if len(sign) > 1 else sign in ("?", character)


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
