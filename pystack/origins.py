"""Which line of a setup made an object: what `explain` shows beside a decision."""

from __future__ import annotations


class Origins:
    """By object. Only what a setup makes is noted, nothing that packets make."""

    __slots__ = ("_made_by", "line")

    def __init__(self) -> None:
        self.line = ""  # that is being obeyed now, FILE:LINE
        # By id, the object beside it: one that is gone may have left its id to another.
        self._made_by: dict[int, tuple[object, str]] = {}

    def note(self, made: object) -> None:
        """This came into being, or was changed."""
        if self.line:
            self._made_by[id(made)] = (made, self.line)

    def of(self, made: object) -> str:
        """FILE:LINE; empty if no setup made it."""
        known = self._made_by.get(id(made))
        return known[1] if known is not None and known[0] is made else ""
