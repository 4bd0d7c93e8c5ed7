"""What one batch of changes did, so that all of it holds or nothing."""

from __future__ import annotations

from collections.abc import Callable

Step = Callable[[], object]


class Journal:
    """Everything is done at once, for no packet comes in between. Linux: struct nft_trans"""

    __slots__ = ("_finish", "_undo")

    def __init__(self) -> None:
        self._undo: list[Step] = []
        self._finish: list[Step] = []

    def undone_by(self, step: Step) -> None:
        """How what was just done is taken back."""
        self._undo.append(step)

    def finished_by(self, step: Step) -> None:
        """What may be done only once nothing can be refused any more."""
        self._finish.append(step)

    def roll_back(self) -> None:
        """As if nothing had been done. Linux: net/netfilter/nf_tables_api.c __nf_tables_abort()"""
        while self._undo:
            self._undo.pop()()
        self._finish.clear()

    def commit(self) -> None:
        """It holds. Linux: net/netfilter/nf_tables_api.c nf_tables_commit()"""
        for step in self._finish:
            step()
        self._finish.clear()
        self._undo.clear()
