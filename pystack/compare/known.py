"""Differences that are known: each with its reason, and the kernels on which it is expected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pystack.compare.diff import Difference

_BOUND = re.compile(r"\s*(>=|<=|<|>|==)\s*(\d+)\.(\d+)\s*")


class BadRange(Exception):
    """Not a range of kernels such as `>=5.10,<6.1`."""


@dataclass(frozen=True, slots=True)
class KernelRange:
    """Kernels by version; the empty range holds them all."""

    bounds: tuple[tuple[str, tuple[int, int]], ...] = ()

    @classmethod
    def parse(cls, text: str) -> KernelRange:
        """`>=5.10`, `>=5.10,<6.1`. Raises BadRange."""
        bounds = []
        for part in text.split(",") if text.strip() else []:
            found = _BOUND.fullmatch(part)
            if found is None:
                raise BadRange(f"{part.strip()!r} is no bound such as >=5.10")
            bounds.append((found[1], (int(found[2]), int(found[3]))))
        return cls(tuple(bounds))

    def holds(self, version: tuple[int, int]) -> bool:
        """Whether a kernel is in the range."""
        tests = {
            ">=": version.__ge__,
            "<=": version.__le__,
            "<": version.__lt__,
            ">": version.__gt__,
            "==": version.__eq__,
        }
        return all(tests[sign](bound) for sign, bound in self.bounds)


@dataclass(frozen=True, slots=True)
class Known:
    """One row of known.toml: which difference, and why it is there."""

    scenario: str  # the end of the file's name; empty: any
    cls: str
    cause: str  # the beginning of the cause
    reason: str
    kernels: KernelRange

    def covers(self, file: str, difference: Difference, kernel: tuple[int, int]) -> bool:
        """Whether this row expects that difference."""
        return (
            file.endswith(self.scenario)
            and difference.cls == self.cls
            and difference.cause.startswith(self.cause)
            and self.kernels.holds(kernel)
        )


def sort_out(
    file: str, differences: Iterable[Difference], rows: Iterable[Known], kernel: tuple[int, int]
) -> list[Difference]:
    """The differences, the known ones with their reason."""
    known = tuple(rows)
    sorted_out = []
    for difference in differences:
        row = next((row for row in known if row.covers(file, difference, kernel)), None)
        sorted_out.append(difference if row is None else replace(difference, known=row.reason))
    return sorted_out
