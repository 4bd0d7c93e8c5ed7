"""Statements as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from pystack.applets.nft.json_out.dump import Json, one_or_list
from pystack.applets.nft.json_out.expressions import all_of, json_of
from pystack.applets.nft.json_out.values import any_of_json
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.statements import PACKETS_BURST, is_spelled_out, log_flags
from pystack.applets.nft.printer.units import amount
from pystack.applets.nft.said import said
from pystack.applets.nft.tree import expressions
from pystack.applets.nft.tree import statements as tree
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.statements import Statement

_NAT_FLAGS = ("random", "fully-random", "persistent")


def rule_json(statements: Sequence[Statement], page: Page) -> Json:
    """All of a rule that nft prints."""
    return [
        json_of(statement, page)
        for statement in statements
        if not (isinstance(statement, tree.Match) and statement.implied)
    ]


@json_of.register
def _(xt: tree.Xt, page: Page) -> Json:
    return {"xt": {"type": xt.kind, "name": xt.name}}


# --- matches ------------------------------------------------------------------------------------------------


@json_of.register
def _(match: tree.Match, page: Page) -> Json:
    left: Json = json_of(match.left, page)
    if match.mask is not None:
        left = {"&": [left, _any_of(match.mask, page)]}
    return {"match": {"op": match.operator or "in", "left": left, "right": _right(match, page)}}


def _right(match: tree.Match, page: Page) -> Json:
    if match.operator in ("", "!") or match.mask is not None:
        return _any_of(match.right, page)
    return all_of(match.right, page) if is_spelled_out(match) else json_of(match.right, page)


def _any_of(expression: Expression, page: Page) -> Json:
    if isinstance(expression, expressions.Value):
        return any_of_json(expression, page)
    return json_of(expression, page)


@json_of.register
def _(decide: tree.Decide, page: Page) -> Json:
    verdict = decide.verdict
    if isinstance(verdict, expressions.Verdict) and verdict.rules is not None:
        return text(decide, page)  # a block of rules: nft has no JSON for it, and puts the text in its place
    return json_of(verdict, page)


# --- statements with a memory -------------------------------------------------------------------------------


@json_of.register
def _(counter: tree.Counter, page: Page) -> Json:
    if page.style.stateless:
        return {"counter": None}
    return {"counter": {"packets": counter.packets, "bytes": counter.octets}}


@json_of.register
def _(limit: tree.Limit, page: Page) -> Json:
    rate, rate_unit = amount(limit.rate) if limit.octets else (limit.rate, "")
    burst, burst_unit = amount(limit.burst or 0) if limit.octets else (limit.burst or PACKETS_BURST, "")
    words: dict[str, Json] = {"rate": rate, "burst": burst, "per": limit.unit}
    if limit.over:
        words["inv"] = True
    if limit.octets:
        words |= {"rate_unit": rate_unit, "burst_unit": burst_unit}
    return {"limit": words}


@json_of.register
def _(quota: tree.Quota, page: Page) -> Json:
    octets, unit = amount(quota.octets)
    words: dict[str, Json] = {"val": octets, "val_unit": unit}
    if quota.over:
        words["inv"] = True
    if quota.used and not page.style.stateless:
        used, unit = amount(quota.used)
        words |= {"used": used, "used_unit": unit}
    return {"quota": words}


@json_of.register
def _(limit: tree.ConnLimit, page: Page) -> Json:
    return {"ct count": {"val": limit.count} | ({"inv": True} if limit.over else {})}


@json_of.register
def _(use: tree.ObjectUse, page: Page) -> Json:
    return {use.kind: json_of(use.name, page)}


# --- what is done with the packet ---------------------------------------------------------------------------


@json_of.register
def _(log: tree.Log, page: Page) -> Json:
    words: dict[str, Json] = {
        "prefix": said(log.prefix) if log.prefix is not None else None,
        "group": log.group,
        "snaplen": log.snaplen,
        "queue-threshold": log.threshold,
        "level": None if log.level == "warn" else log.level,
    }
    written = {word: value for word, value in words.items() if value is not None}
    return {"log": (written | _flags(log_flags(log.flags))) or None}


def _flags(flags: Sequence[str], name: str = "flags") -> dict[str, Json]:
    return {name: one_or_list(flags)} if flags else {}


@json_of.register
def _(reject: tree.Reject, page: Page) -> Json:
    if not reject.kind or reject.is_bare:
        return {"reject": None}
    code = {"expr": json_of(reject.code, page)} if reject.code is not None else {}
    return {"reject": {"type": reject.kind} | code}


@json_of.register
def _(nat: tree.Nat, page: Page) -> Json:
    words: dict[str, Json] = {"family": nat.family} if nat.family else {}
    if nat.address is not None:
        words["addr"] = json_of(nat.address, page)
    if nat.port is not None:
        words["port"] = json_of(nat.port, page)
    flags = [flag for flag in _NAT_FLAGS if flag in nat.flags]
    # A prefix is translated as a whole network, and the kernel's flag for that is shown as well.
    words |= _flags([*flags, "netmap"] if nat.prefix else flags)
    words |= _flags(["prefix"], "type_flags") if nat.prefix else {}
    return {nat.kind: words if words or nat.kind == "tproxy" else None}


@json_of.register
def _(notrack: tree.Notrack, page: Page) -> Json:
    return {"notrack": None}


@json_of.register
def _(assign: tree.Assign, page: Page) -> Json:
    several = all_of if isinstance(assign.target, expressions.Payload) else _any_of
    return {"mangle": {"key": json_of(assign.target, page), "value": several(assign.value, page)}}


@json_of.register
def _(reset: tree.Reset, page: Page) -> Json:
    option = reset.option
    if isinstance(option, expressions.TcpOption) and option.option.isdecimal():
        # Nothing of it is read, and so its length is none.
        option = expressions.TcpOption(option.option, raw=(int(option.option), 0, 0))
    return {"reset": json_of(option, page)}


@json_of.register
def _(dup: tree.Dup, page: Page) -> Json:
    if dup.to is None:
        return {"dup": None}
    device = {"dev": json_of(dup.device, page)} if dup.device is not None else {}
    return {"dup": {"addr": json_of(dup.to, page)} | device}


@json_of.register
def _(forward: tree.Forward, page: Page) -> Json:
    device: dict[str, Json] = {"dev": json_of(forward.device, page)}
    if forward.address is None:
        return {"fwd": device}
    return {"fwd": device | {"family": forward.family, "addr": json_of(forward.address, page)}}


@json_of.register
def _(queue: tree.Queue, page: Page) -> Json:
    words: dict[str, Json] = {"num": json_of(queue.to, page)} if queue.to is not None else {}
    flags = [flag for flag in ("bypass", "fanout") if flag in queue.flags]
    return {"queue": (words | _flags(flags)) or None}


# --- sets that packets change -------------------------------------------------------------------------------


@json_of.register
def _(update: tree.SetUpdate, page: Page) -> Json:
    element = update.element
    if isinstance(element, expressions.Element) and element.data is not None:
        return text(update, page)  # nft knows no JSON for it and puts the text in its place
    key, statements = _new_element(element, page)
    words: dict[str, Json] = {"op": update.operation, "elem": key, "set": f"@{update.name}"}
    return {"set": words | ({"stmt": statements} if statements else {})}


@json_of.register
def _(meter: tree.Meter, page: Page) -> Json:
    key, statements = _new_element(meter.element, page)
    return {"meter": {"key": key, "stmt": one_or_list(statements), "size": meter.size, "name": meter.name}}


def _new_element(element: Expression, page: Page) -> tuple[Json, list[Json]]:
    if not isinstance(element, expressions.Element):
        return json_of(element, page), []
    statements = [json_of(statement, page.stateless()) for statement in element.statements]
    return json_of(expressions.Element(element.key, timeout=element.timeout), page), statements
