"""Named objects: counters, quotas, limits, and what is named for connections."""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.compile.live import statement_now
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.statement import compile_statement
from pystack.applets.nft.tree.commands import ObjectText
from pystack.errors import NotModelled
from pystack.netfilter.rule import Match


def compile_object(text: ObjectText, site: Site) -> Match:
    """A statement that has a name."""
    if text.statement is None:
        raise NotModelled(f"nft's {text.kind}", ("counter", "quota", "limit"))
    return compile_statement(text.statement, site)


def object_now(text: ObjectText, made: Match) -> ObjectText:
    """With its counts as they are."""
    if text.statement is None:
        return text
    return replace(text, statement=statement_now(text.statement, made))
