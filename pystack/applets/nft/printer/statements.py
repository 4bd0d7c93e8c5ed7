"""Statements in nft's words.

Linux: nftables src/statement.c
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.kinds import is_in_host_order
from pystack.applets.nft.printer.expressions import all_of, any_of, text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.units import octets_text
from pystack.applets.nft.printer.values import is_flags
from pystack.applets.nft.said import comment_words, said
from pystack.applets.nft.tree import expressions
from pystack.applets.nft.tree import statements as tree
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.statements import Statement

PACKETS_BURST: Final = 5  # of limits where none is written
_LOG_FLAGS: Final = ("tcp sequence", "tcp options", "ip options", "skuid", "ether")
_SET_BY_WORDS: Final = ("ct helper", "ct timeout", "ct expectation")
# Codes that nobody has to write: of icmpx, and of the families that know no other.
_DEFAULT_REJECT: Final = {("icmpx", ""): 1, ("icmp", "ip"): 3, ("icmpv6", "ip6"): 4}


def rule_text(statements: tuple[Statement, ...], page: Page) -> str:
    """All of a rule that nft prints."""
    return " ".join(
        text(statement, page)
        for statement in statements
        if not (isinstance(statement, tree.Match) and statement.implied)
    )


@text.register
def _(xt: tree.Xt, page: Page) -> str:
    return f"xt {xt.kind} {xt.name}" if xt.words is None else xt.words


# --- matches ------------------------------------------------------------------------------------------------


@text.register
def _(match: tree.Match, page: Page) -> str:
    left = text(match.left, page)
    if match.mask is not None:
        but = " !=" if match.operator == "!=" else ""
        return f"{left}{but} {any_of(match.right, page)} / {any_of(match.mask, page)}"
    operator = f" {match.operator} " if _says_operator(match) else " "
    return f"{left}{operator}{_right(match, page)}"


def _says_operator(match: tree.Match) -> bool:
    """Equality is only said where nothing, or something else, would mean another thing.

    Not of a masked number that is turned round to be held against a range: nft sees no mask there.
    """
    if match.operator != "==":
        return bool(match.operator)
    if isinstance(match.left, expressions.Binary):
        return not (isinstance(match.right, expressions.Range) and is_in_host_order(match.left))
    right = match.right
    return isinstance(right, expressions.Value) and is_flags(right.type) and not is_spelled_out(match)


def _right(match: tree.Match, page: Page) -> str:
    if match.operator in ("", "!"):
        return any_of(match.right, page)
    return all_of(match.right, page) if is_spelled_out(match) else text(match.right, page)


def is_spelled_out(match: tree.Match) -> bool:
    """Several flags at once are named; of a header's field nft only prints the number."""
    right = match.right
    several = isinstance(right, expressions.Value) and int.from_bytes(right.octets).bit_count() > 1
    return several and not isinstance(match.left, expressions.Payload)


@text.register
def _(decide: tree.Decide, page: Page) -> str:
    verdict = decide.verdict
    if isinstance(verdict, expressions.Verdict) and verdict.rules is not None:
        layout = page.layout
        return f"{verdict.word} {{{layout.newline}{_block(verdict.rules, page)}{layout.indent}}}"
    return text(verdict, page)


def _block(rules: Iterable[object], page: Page) -> str:
    """The rules of a chain without a name."""
    without_handles = replace(page, style=replace(page.style, handles=False))
    tab, end = page.layout.tab * 3, page.layout.separator
    return "".join(
        f"{tab}{commented(rule, without_handles)}{end}" for rule in rules if isinstance(rule, RuleText)
    )


def commented(rule: RuleText, page: Page) -> str:
    """A rule with its comment."""
    words = rule_text(rule.statements, page)
    return f"{words} {comment_words(rule.comment)}" if rule.comment else words


# --- statements with a memory -------------------------------------------------------------------------------


@text.register
def _(counter: tree.Counter, page: Page) -> str:
    if page.style.stateless:
        return "counter"
    return f"counter packets {counter.packets} bytes {counter.octets}"


@text.register
def _(limit: tree.Limit, page: Page) -> str:
    return f"limit {limit_text(limit)}"


def limit_text(limit: tree.Limit) -> str:
    """`rate over 10 mbytes/second burst 1 kbytes`"""
    over = "over " if limit.over else ""
    if limit.octets:
        burst = f" burst {octets_text(limit.burst)}" if limit.burst else ""
        return f"rate {over}{octets_text(limit.rate)}/{limit.unit}{burst}"
    burst = f" burst {limit.burst} packets" if limit.burst not in (None, 0, PACKETS_BURST) else ""
    return f"rate {over}{limit.rate}/{limit.unit}{burst}"


@text.register
def _(quota: tree.Quota, page: Page) -> str:
    return f"quota {quota_text(quota, page)}"


def quota_text(quota: tree.Quota, page: Page) -> str:
    """`over 25 mbytes used 3 bytes`"""
    over = "over " if quota.over else ""
    used = f" used {octets_text(quota.used)}" if quota.used and not page.style.stateless else ""
    return f"{over}{octets_text(quota.octets)}{used}"


@text.register
def _(limit: tree.ConnLimit, page: Page) -> str:
    return f"ct count {'over ' if limit.over else ''}{limit.count}"


@text.register
def _(use: tree.ObjectUse, page: Page) -> str:
    name = text(use.name, page)
    if use.kind in _SET_BY_WORDS:
        return f"{use.kind} set {name}"
    return f"meta secmark set {name}" if use.kind == "secmark" else f"{use.kind} name {name}"


# --- what is done with the packet ---------------------------------------------------------------------------


@text.register
def _(log: tree.Log, page: Page) -> str:
    words = ["log"]
    if log.prefix is not None:
        words.append(f'prefix "{said(log.prefix)}"')
    for word, number in (("group", log.group), ("snaplen", log.snaplen), ("queue-threshold", log.threshold)):
        if number is not None:
            words.append(f"{word} {number}")
    if log.level not in (None, "warn"):
        words.append(f"level {log.level}")
    return " ".join((*words, *_flag_words(log_flags(log.flags))))


def log_flags(flags: tuple[str, ...]) -> list[str]:
    """In nft's order; all of them have a word of their own."""
    if "all" in flags or all(flag in flags for flag in _LOG_FLAGS):
        return ["all"]
    return [flag for flag in _LOG_FLAGS if flag in flags]


def _flag_words(flags: list[str]) -> list[str]:
    tcp = [flag.removeprefix("tcp ") for flag in flags if flag.startswith("tcp ")]
    words = [f"flags tcp {','.join(tcp)}"] if tcp else []
    return words + [f"flags {flag}" for flag in flags if not flag.startswith("tcp ")]


@text.register
def _(reject: tree.Reject, page: Page) -> str:
    if reject.kind == "tcp reset":
        return "reject with tcp reset"
    if reject.code is None or reject.is_bare or _is_default(reject, page):
        return "reject"
    return f"reject with {reject.kind} {text(reject.code, page)}"


def _is_default(reject: tree.Reject, page: Page) -> bool:
    code = int.from_bytes(reject.code.octets) if isinstance(reject.code, expressions.Value) else None
    return any(_DEFAULT_REJECT.get((reject.kind, family)) == code for family in ("", page.family))


@text.register
def _(nat: tree.Nat, page: Page) -> str:
    words = nat.kind
    if nat.address is not None or nat.port is not None:
        words += f" {nat.family}" if nat.family else ""
        words += f"{' prefix' if nat.prefix else ''} to {_destination(nat, page)}"
    return words + (f" {','.join(nat.flags)}" if nat.flags else "")


def _destination(nat: tree.Nat, page: Page) -> str:
    address = nat.address
    port = f":{text(nat.port, page)}" if nat.port is not None else ""
    if address is None:
        return port
    if not port and nat.kind != "tproxy":
        return text(address, page)
    if isinstance(address, expressions.Range) and _is_ipv6(address.low):
        return f"[{text(address.low, page)}]-[{text(address.high, page)}]{port}"
    return f"[{text(address, page)}]{port}" if _is_ipv6(address) else f"{text(address, page)}{port}"


def _is_ipv6(address: Expression) -> bool:
    return isinstance(address, expressions.Value) and address.type is types.IPV6_ADDR


@text.register
def _(notrack: tree.Notrack, page: Page) -> str:
    return "notrack"


@text.register
def _(assign: tree.Assign, page: Page) -> str:
    several = all_of if isinstance(assign.target, expressions.Payload) else any_of
    return f"{text(assign.target, page)} set {several(assign.value, page)}"


@text.register
def _(reset: tree.Reset, page: Page) -> str:
    return f"reset {text(reset.option, page)}"


@text.register
def _(dup: tree.Dup, page: Page) -> str:
    to = f" to {text(dup.to, page)}" if dup.to is not None else ""
    return f"dup{to}" + (f" device {text(dup.device, page)}" if dup.device is not None else "")


@text.register
def _(forward: tree.Forward, page: Page) -> str:
    device = text(forward.device, page)
    if forward.address is None:
        return f"fwd to {device}"
    return f"fwd {forward.family} to {text(forward.address, page)} device {device}"


@text.register
def _(queue: tree.Queue, page: Page) -> str:
    flags = f" flags {','.join(flag for flag in ('bypass', 'fanout') if flag in queue.flags)}"
    return f"queue{flags if queue.flags else ''} to {text(queue.to, page) if queue.to is not None else 0}"


# --- sets that packets change -------------------------------------------------------------------------------


@text.register
def _(update: tree.SetUpdate, page: Page) -> str:
    return f"{update.operation} @{update.name} {{ {_new_element(update.element, page)} }}"


@text.register
def _(meter: tree.Meter, page: Page) -> str:
    size = f" size {meter.size}" if meter.size is not None else ""
    return f"meter {meter.name}{size} {{ {_new_element(meter.element, page)} }}"


def _new_element(element: Expression, page: Page) -> str:
    """Unlike those of a set: times stand in front of the statements, which have not counted anything yet."""
    if not isinstance(element, expressions.Element):
        return text(element, page)
    words = [text(expressions.Element(element.key, timeout=element.timeout), page)]
    words += [text(statement, page.stateless()) for statement in element.statements]
    data = f" : {all_of(element.data, page)}" if element.data is not None else ""
    return " ".join(words) + data
