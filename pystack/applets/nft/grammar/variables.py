"""`define`d names, and which block knows them."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.misspelt import nearest_word
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Expression

NESTED_MAX: Final = 4  # blocks that may hold names of their own, and the text around them


class Variables:
    """A block sees its own names and those around it."""

    def __init__(self) -> None:
        self._blocks: list[dict[str, Expression]] = [{}]
        self._too_deep = 0

    def open(self) -> bool:
        """A table's or chain's block begins; False if there are too many in each other already."""
        self._too_deep += len(self._blocks) == NESTED_MAX
        if len(self._blocks) < NESTED_MAX:
            self._blocks.append({})
        return not self._too_deep

    def close(self) -> None:
        """It ends."""
        if self._too_deep:
            self._too_deep -= 1
        else:
            self._blocks.pop()

    def define(self, name: str, value: Expression, at: Place) -> None:
        """A new name."""
        if self._find(name) is not None:
            raise NftError(at, f"redefinition of symbol '{name}'")
        self.redefine(name, value)

    def redefine(self, name: str, value: Expression) -> None:
        """A name that may be there already."""
        self._blocks[-1][name] = value

    def undefine(self, name: str) -> None:
        """Forget a name of this block; one that it does not have is no error."""
        self._blocks[-1].pop(name, None)

    def get(self, name: str, at: Place) -> Expression:
        """What it stands for."""
        value = self._find(name)
        if value is not None:
            return value
        known = (other for block in reversed(self._blocks) for other in reversed(block))
        near = nearest_word(name, known)
        hint = f"; did you mean identifier ‘{near}’?" if near else ""
        raise NftError(at, f"unknown identifier '{name}'{hint}")

    def _find(self, name: str) -> Expression | None:
        return next((block[name] for block in reversed(self._blocks) if name in block), None)
