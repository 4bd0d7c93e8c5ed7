"""`add @set {…}`, `update @set {…}`, `delete @set {…}` as statements of rules."""

from __future__ import annotations

from typing import Final

from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.set_element import Stateful
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

ADD: Final = "add"
UPDATE: Final = "update"
DELETE: Final = "delete"


class SetUpdate(Match):
    """Holds unless there is no room for another element, or a statement of the element does not.

    Linux: net/netfilter/nft_dynset.c
    """

    __slots__ = ("_data", "_key", "_operation", "_set", "_statements", "_timeout", "uses_connections")

    def __init__(
        self,
        operation: str,
        to: NftSet,
        key: Expression,
        data: Expression | None = None,
        *,
        timeout: int = 0,
        statements: tuple[Stateful, ...] = (),
    ) -> None:
        """The timeout is in jiffies. Raises NetError where the set does not let rules do that."""
        to.take_updates(statements, timeout=bool(timeout))
        self._operation = operation
        self._set = to
        self._key = key
        self._data = data
        self._timeout = timeout
        self._statements = statements or to.form.statements
        self.uses_connections = key.uses_connections or (data is not None and data.uses_connections)

    @property
    def changed(self) -> NftSet:
        """The set that it adds to, or takes from."""
        return self._set

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/nft_dynset.c nft_dynset_eval()"""
        key = self._key(view)
        if key is None:
            return False
        if self._operation == DELETE:
            self._set.remove(key)
            return True
        data = None if self._data is None else self._data(view)
        if self._data is not None and data is None:
            return False
        renews = self._operation == UPDATE
        element = self._set.update(key, data, self._timeout, self._statements, renews=renews)
        return element is not None and all(statement(view) for statement in element.statements)
