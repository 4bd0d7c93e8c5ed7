"""Sets and maps, asked.

Linux: net/netfilter/nft_lookup.c, nft_objref.c
"""

from __future__ import annotations

from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.needs import Element, SetContent
from pystack.netfilter.rule import CONTINUE, Match, Target, Verdict
from pystack.netfilter.view import View


class _Asked:
    """What looks into a set."""

    __slots__ = ("expression", "set")

    def __init__(self, key: Expression, of: SetContent) -> None:
        self.expression = key
        self.set = of

    def found(self, view: View) -> Element | None:
        """Its element, whose own statements have been done; a limit of its own may hide it."""
        key = self.expression(view)
        if key is None:
            return None
        element = self.set.find(key)
        if element is None:
            return None
        for statement in element.statements:
            if not statement(view):
                return None
        return element


class InSet(Match, _Asked):
    """`tcp dport @open`, `!= @open`."""

    __slots__ = ("inverted", "uses_connections")

    def __init__(self, key: Expression, of: SetContent, *, inverted: bool = False) -> None:
        _Asked.__init__(self, key, of)
        self.inverted = inverted
        self.uses_connections = key.uses_connections

    def __call__(self, view: View) -> bool:
        """Linux: nft_lookup_eval()"""
        key = self.expression(view)
        if key is None:
            return False
        element = self.set.find(key)
        if element is None:
            return self.inverted
        return not self.inverted and all(statement(view) for statement in element.statements)


class Mapped(Expression, _Asked):
    """`ip saddr map @names`"""

    __slots__ = ("uses_connections",)

    is_plain = False

    def __init__(self, key: Expression, of: SetContent) -> None:
        _Asked.__init__(self, key, of)
        self.uses_connections = key.uses_connections

    def __call__(self, view: View) -> bytes | None:
        """What the map has for this packet. Linux: nft_lookup_eval()"""
        element = self.found(view)
        data = None if element is None else element.data
        return data if isinstance(data, bytes) else None


class MapsVerdict(Match, _Asked):
    """`tcp dport vmap @verdicts`: the rule's target is CHOSEN then."""

    __slots__ = ("uses_connections",)

    def __init__(self, key: Expression, of: SetContent) -> None:
        _Asked.__init__(self, key, of)
        self.uses_connections = key.uses_connections

    def __call__(self, view: View) -> bool:
        """Note what the map says. Linux: nft_lookup_eval()"""
        element = self.found(view)
        if element is None or not isinstance(element.data, Target):
            return False
        view.chosen = element.data
        return True


class MapsObject(Match, _Asked):
    """`counter name tcp dport map @counters`"""

    __slots__ = ("uses_connections",)

    def __init__(self, key: Expression, of: SetContent) -> None:
        _Asked.__init__(self, key, of)
        self.uses_connections = key.uses_connections

    def __call__(self, view: View) -> bool:
        """Let the object do its work. Linux: nft_objref_map_eval()"""
        element = self.found(view)
        return element is not None and isinstance(element.data, Match) and element.data(view)


# --- what is written behind a verdict map -------------------------------------------------------------------
# ---------------------------------------------------------------------


class WhileUndecided(Match):
    """A part of a rule that only packets meet for which the map in front said `continue`."""

    __slots__ = ("part", "uses_connections")

    def __init__(self, part: Match) -> None:
        self.part = part
        self.uses_connections = part.uses_connections

    def __call__(self, view: View) -> bool:
        """To the others the map's verdict is the end of the rule."""
        return not is_undecided(view) or self.part(view)


class Otherwise(Match):
    """A verdict, or another map's, for those packets."""

    __slots__ = ("target",)

    def __init__(self, target: Target) -> None:
        self.target = target

    def __call__(self, view: View) -> bool:
        """It takes the place of what the map said."""
        if is_undecided(view):
            view.chosen = self.target
        return True


def is_undecided(view: View) -> bool:
    """Whether a verdict map said `continue`."""
    return isinstance(view.chosen, Verdict) and view.chosen.code == CONTINUE
