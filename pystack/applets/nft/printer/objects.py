"""Named counters, quotas, limits, and what is named for connections.

Linux: nftables src/rule.c obj_print_data()
"""

from __future__ import annotations

from collections.abc import Mapping

from pystack.applets.nft.printer.layout import LINES, Layout
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.statements import limit_text, quota_text
from pystack.applets.nft.said import comment_words
from pystack.applets.nft.tree.commands import ObjectText
from pystack.applets.nft.tree.listed import ListedObject
from pystack.applets.nft.tree.statements import Counter, Limit, Quota


def object_text(listed: ListedObject, page: Page, layout: Layout = LINES, owner: str = "") -> str:
    """The whole of it; `owner` is its family and table where those are not around it."""
    named = listed.text
    words = " ".join(word for word in (named.kind, owner, named.name) if word)
    comment = f"{layout.newline}{layout.indent}{comment_words(named.comment)}" if named.comment else ""
    first = f"{layout.tab}{words} {{{page.handle(listed.handle)}{comment}{layout.newline}"
    return f"{first}{_body(named, page, layout)}{layout.tab}}}{layout.newline}"


def _body(named: ObjectText, page: Page, layout: Layout) -> str:
    match named.statement:
        case Counter(packets, octets):
            counted = f"{layout.indent}packets {packets} bytes {octets}{layout.newline}"
            return "" if page.style.stateless else counted
        case Quota():
            return f"{layout.indent}{quota_text(named.statement, page)}{layout.newline}"
        case Limit():
            return f"{layout.indent}{limit_text(named.statement)}{layout.newline}"
    return "".join(f"{layout.indent}{line}{layout.separator}" for line in _lines(named, page))


def _lines(named: ObjectText, page: Page) -> list[str]:
    fields = named.fields
    protocol = f"protocol {fields['protocol']}"
    network = f"l3proto {fields['l3proto']}"
    if named.kind == "ct helper":
        return [f'type "{fields["type"]}" {protocol}', network]
    if named.kind == "ct expectation":
        timeout = fields["timeout"]
        lasting = page.duration(timeout) if isinstance(timeout, int) else ""
        return [protocol, f"dport {fields['dport']}", f"timeout {lasting}", f"size {fields['size']}", network]
    return [protocol, network, f"policy = {{ {_policy(fields['policy'])} }}"]


def _policy(policy: object) -> str:
    if not isinstance(policy, Mapping):
        return ""
    return ", ".join(f"{state} : {seconds}" for state, seconds in policy.items())
