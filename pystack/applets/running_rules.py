"""The rules of a namespace as commands: what its user added to the three of the beginning, or took away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from pystack.applets.iproute.names import GROUPS, PROTOCOLS, ROUTE_TYPES, TABLES, dsfield_name
from pystack.l3.fib import Fib
from pystack.l3.rules import FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL, FibRule, FibRules, Range
from pystack.wire.ipv4 import address_text

_WORKED_OUT: Final = ("iifindex", "oifindex", "aim")
_SAID: Final = tuple(entry.name for entry in fields(FibRule) if entry.name not in _WORKED_OUT)


def rule_lines(fib: Fib) -> Iterator[str]:
    """The commands. They follow those of routes, which lean on the rules of the beginning."""
    wanted = list(fib.rules)
    kept: list[FibRule] = []
    for rule in FibRules():
        first = next((known for known in wanted if known.priority == rule.priority), None)
        if first is not None and _said(first) == _said(rule):
            kept.append(first)
        else:
            yield f"ip rule del pref {rule.priority}"
    yield from (f"ip rule add {_words(rule)}" for rule in wanted if rule not in kept)


def _said(rule: FibRule) -> tuple[object, ...]:
    return tuple(getattr(rule, name) for name in _SAID)


def _words(rule: FibRule) -> str:
    words = ["not"] if rule.inverted else []
    ends = (("from", rule.source, rule.source_length), ("to", rule.destination, rule.destination_length))
    words += [f"{name} {address_text(address)}/{length}" for name, address, length in ends if length]
    words += [f"tos {dsfield_name(rule.tos)}"] if rule.tos else []
    if rule.mark or rule.mark_mask:
        words.append(f"fwmark {rule.mark:#x}/{rule.mark_mask:#x}")
    words += [f"{name} {value}" for name, value in (("iif", rule.iif), ("oif", rule.oif)) if value]
    words += [f"ipproto {rule.ip_proto}"] if rule.ip_proto else []
    ranges = (("uidrange", rule.uids), ("sport", rule.sports), ("dport", rule.dports))
    words += [f"{name} {_range(value)}" for name, value in ranges if value is not None]
    words += [*_action(rule), f"pref {rule.priority}"]
    return " ".join([*words, *([f"proto {PROTOCOLS.name(rule.protocol)}"] if rule.protocol else [])])


def _range(value: Range) -> str:
    return f"{value[0]}-{value[1]}"


def _action(rule: FibRule) -> Iterator[str]:
    if rule.action == FR_ACT_GOTO:
        yield f"goto {rule.target}"
    elif rule.action == FR_ACT_NOP:
        yield "nop"
    elif rule.action != FR_ACT_TO_TBL:
        yield ROUTE_TYPES.name(rule.action)
    if rule.table:
        yield f"lookup {TABLES.name(rule.table)}"
    if rule.suppress_prefixlength >= 0:
        yield f"suppress_prefixlength {rule.suppress_prefixlength}"
    if rule.suppress_ifgroup >= 0:
        yield f"suppress_ifgroup {GROUPS.name(rule.suppress_ifgroup)}"
