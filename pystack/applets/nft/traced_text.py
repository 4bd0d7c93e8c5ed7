"""What `nft monitor trace` says of a packet that is followed.

nft: src/netlink.c netlink_events_trace_cb()
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.dissect import matches_of
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.statements import rule_text
from pystack.applets.nft.tree.expressions import Meta, Value
from pystack.applets.nft.tree.statements import Match
from pystack.applets.nft.types import DataType
from pystack.events import Traced, TracedPacket
from pystack.netfilter.nft.table import NUMBERS
from pystack.netfilter.rule import Rule

FAMILIES: Final[Mapping[int, str]] = {number: family for family, number in NUMBERS.items()}


def traced_text(event: Traced, rules: Mapping[Rule, str], page: Page) -> str:
    """One line or two; rules have the texts that they had when the tool began."""
    family = FAMILIES[event.family]
    page = replace(page, family=family)
    head = f"trace id {event.id:08x} {family} {event.table} {event.chain} "
    lines = "" if event.packet is None else f"{head}packet: {_packet(event.packet, page)}\n"
    if not isinstance(event.rule, Rule):
        mark = _meta("mark", types.MARK, event.mark, page) if event.mark else ""
        return f"{lines}{head}policy {event.verdict} {mark}\n"
    written = rules.get(event.rule)
    words = f"unknown rule handle {event.rule.handle}" if written is None else f"rule {written}"
    return f"{lines}{head}{words} (verdict {event.verdict})\n"


def _packet(packet: TracedPacket, page: Page) -> str:
    words = "".join(
        _meta(key, types.IFACE_INDEX, index, page)
        for key, index in (("iif", packet.iif), ("oif", packet.oif))
        if index
    )
    return words + "".join(f"{rule_text((match,), page)} " for match in matches_of(page.family, packet))


def _meta(key: str, kind: DataType, value: int, page: Page) -> str:
    match = Match(Meta(key), Value(value.to_bytes(4), kind), "==")
    return f"{rule_text((match,), page)} "
