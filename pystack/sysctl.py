"""Sysctls: Linux's names over typed attributes.

The stack reads plain attributes (`conf.rp_filter`), users read and write text under a dotted name; a
Sysctls ties the two. A knob whose value is stored and shown but changes nothing yet is marked, so that
`doctor` can say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pystack.errors import EINVAL, EPERM, NetError

Value = int | str | tuple[int, ...]
INT_MIN, INT_MAX = -(1 << 31), (1 << 31) - 1

# Hexadecimal, octal or decimal, as C has it. Linux: kernel/sysctl.c proc_get_long()
_NUMBER: Final = re.compile(r"(-?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")


@dataclass(slots=True)
class Knob:
    """One name: where its value lives and what may be written to it."""

    owner: object
    attribute: str
    low: int = INT_MIN
    high: int = INT_MAX
    effect: bool = True
    writable: bool = True
    on_write: Callable[[], None] | None = None  # called after every write that was not refused
    on_change: Callable[[], None] | None = None  # then, if it gave another value

    @property
    def value(self) -> Value:
        """As the stack sees it."""
        value: Value = getattr(self.owner, self.attribute)
        return value

    @property
    def text(self) -> str:
        """As /proc/sys shows it, without the newline."""
        value = self.value
        return (
            "\t".join(str(number) for number in value)
            if isinstance(value, tuple)
            else str(int(value))
            if (isinstance(value, int))
            else value
        )

    def write(self, text: str) -> None:
        """Store what a user wrote. Linux: kernel/sysctl.c proc_dointvec_minmax()"""
        if not self.writable:
            raise NetError(EPERM)
        current = self.value
        if isinstance(current, str):
            setattr(self.owner, self.attribute, text.strip())
        elif isinstance(current, tuple):
            numbers = [self._number(word) for word in text.split()]
            if not numbers:
                raise NetError(EINVAL)
            setattr(self.owner, self.attribute, (*numbers, *current[len(numbers) :])[: len(current)])
        else:
            words = text.split()
            if not words:
                raise NetError(EINVAL)
            setattr(self.owner, self.attribute, self._number(words[0]))
        if self.on_write is not None:
            self.on_write()
        if self.on_change is not None and self.value != current:
            self.on_change()

    def _number(self, word: str) -> int:
        parsed = _NUMBER.fullmatch(word)
        if parsed is None:
            raise NetError(EINVAL)
        sign, hexadecimal, octal, decimal = parsed.groups()
        size = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
        number = -size if sign else size
        if not self.low <= number <= self.high:
            raise NetError(EINVAL)
        return number


@dataclass(slots=True)
class Stored:
    """The home of a value that nothing in the stack reads yet."""

    value: Value


class Sysctls:
    """All names of one namespace. Keys are dotted, `net.ipv4.conf.eth0.rp_filter`."""

    def __init__(self) -> None:
        self._knobs: dict[tuple[str, ...], Knob] = {}

    def __iter__(self) -> Iterator[tuple[tuple[str, ...], Knob]]:
        return iter(sorted(self._knobs.items()))

    def bind(self, path: tuple[str, ...], knob: Knob) -> None:
        """Give a knob its name; a path, because device names may hold dots."""
        self._knobs[path] = knob

    def unbind(self, prefix: tuple[str, ...]) -> None:
        """Forget all names below a prefix."""
        length = len(prefix)
        for path in [known for known in self._knobs if known[:length] == prefix]:
            del self._knobs[path]

    def rename(self, old: tuple[str, ...], new: tuple[str, ...]) -> None:
        """Move all names below one prefix to another: a device was renamed."""
        length = len(old)
        for path in [known for known in self._knobs if known[:length] == old]:
            self._knobs[(*new, *path[length:])] = self._knobs.pop(path)

    def get(self, path: tuple[str, ...]) -> Knob | None:
        """The knob of that name."""
        return self._knobs.get(path)

    def find(self, key: str) -> Knob | None:
        """The knob that `net.ipv4.ip_forward` or `net/ipv4/conf/eth0.5/forwarding` names.

        With dots as separators a `/` stands for a dot inside a name, and the other way round, as sysctl(8)
        has it.
        """
        slash, dot = key.find("/"), key.find(".")
        slashes = slash >= 0 and (dot < 0 or slash < dot)
        words = key.strip("/").split("/") if slashes else [word.replace("/", ".") for word in key.split(".")]
        return self._knobs.get(tuple(words))
