"""From what a text says to what a rule means: `evaluate` of one command, `expand` of one with a body."""

from pystack.applets.nft.evaluate.commands import as_declared, evaluate, kinds_of
from pystack.applets.nft.evaluate.context import Context
from pystack.applets.nft.evaluate.expand import expand

__all__ = ["Context", "as_declared", "evaluate", "expand", "kinds_of"]
