"""Which line of a setup made an object: what `explain` shows beside a decision."""

from __future__ import annotations

from collections.abc import Sequence


class Origins:
    """By object. Only what a setup makes is noted, nothing that packets make."""

    __slots__ = ("_made_by", "line", "lines")

    def __init__(self) -> None:
        self.line = ""  # that is being obeyed now, FILE:LINE
        # By file: where each line of its setup stands in it, if that is not the file's own text
        self.lines: dict[str, Sequence[int]] = {}
        # By id, the object beside it: one that is gone may have left its id to another.
        self._made_by: dict[int, tuple[object, str]] = {}

    def place(self, file: str, line: int) -> str:
        """FILE:LINE of a line of a setup."""
        lines = self.lines.get(file, ())
        return f"{file}:{lines[line - 1] if 0 < line <= len(lines) else line}"

    def note(self, made: object) -> None:
        """This came into being, or was changed."""
        if self.line:
            self._made_by[id(made)] = (made, self.line)

    def of(self, made: object) -> str:
        """FILE:LINE; empty if no setup made it."""
        known = self._made_by.get(id(made))
        return known[1] if known is not None and known[0] is made else ""
