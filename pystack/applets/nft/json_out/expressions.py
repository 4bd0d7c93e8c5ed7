"""Expressions as JSON."""

from __future__ import annotations

from dataclasses import replace
from functools import singledispatch

from pystack.applets.nft import keys
from pystack.applets.nft.json_out.dump import Json
from pystack.applets.nft.json_out.values import all_of_json, value_json
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.said import said
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.tree.expressions import Expression


@singledispatch
def json_of(node: object, page: Page) -> Json:
    """What `nft -j` prints for an evaluated expression, or for a statement (statements.py)."""
    raise TypeError(f"{type(node).__name__} is not printed")


def all_of(expression: Expression, page: Page) -> Json:
    """A constant whose bits are meant together."""
    return all_of_json(expression, page) if isinstance(expression, tree.Value) else json_of(expression, page)


# --- constants ----------------------------------------------------------------------------------------------


@json_of.register
def _(value: tree.Value, page: Page) -> Json:
    return value_json(value, page)


@json_of.register
def _(prefix: tree.Prefix, page: Page) -> Json:
    words = text(prefix, page)
    if words.startswith('"'):
        return words[1:-1]
    return {"prefix": {"addr": json_of(prefix.value, page), "len": prefix.bits}}


@json_of.register
def _(between: tree.Range, page: Page) -> Json:
    page = replace(page, style=replace(page.style, services=False, numeric_protocol=True))
    return {"range": [json_of(between.low, page), json_of(between.high, page)]}


@json_of.register
def _(anything: tree.Anything, page: Page) -> Json:
    return "*"


@json_of.register
def _(flags: tree.Flags, page: Page) -> Json:
    return [json_of(item, page) for item in flags.items]


@json_of.register
def _(boolean: tree.Boolean, page: Page) -> Json:
    return boolean.value


@json_of.register
def _(verdict: tree.Verdict, page: Page) -> Json:
    return {verdict.word: {"target": verdict.chain} if verdict.chain else None}


# --- sets ---------------------------------------------------------------------------------------------------


@json_of.register
def _(elements: tree.Elements, page: Page) -> Json:
    return {"set": [json_of(element, page) for element in elements.items]}


@json_of.register
def _(element: tree.Element, page: Page) -> Json:
    key = _key(element, page)
    return key if element.data is None else [key, all_of(element.data, page)]


def _key(element: tree.Element, page: Page) -> Json:
    key = all_of(element.key, page)
    if not (element.timeout or element.expires or element.comment or element.statements):
        return key
    words: dict[str, Json] = {"val": key}
    if element.timeout:
        words["timeout"] = element.timeout // 1000
    if element.expires:
        words["expires"] = element.expires // 1000
    if element.comment:
        words["comment"] = said(element.comment)
    for statement in element.statements[:1]:
        made = json_of(statement, page)
        words |= made if isinstance(made, dict) else {}
    return {"elem": words}


@json_of.register
def _(name: tree.SetName, page: Page) -> Json:
    return f"@{name.name}"


@json_of.register
def _(lookup: tree.Lookup, page: Page) -> Json:
    word = "vmap" if lookup.is_verdict else "map"
    return {word: {"key": json_of(lookup.key, page), "data": json_of(lookup.set, page)}}


@json_of.register
def _(concatenation: tree.Concatenation, page: Page) -> Json:
    return {"concat": [all_of(part, page) for part in concatenation.parts]}


# --- what is looked at --------------------------------------------------------------------------------------


@json_of.register
def _(meta: tree.Meta, page: Page) -> Json:
    return {"meta": {"key": meta.key}}


@json_of.register
def _(ct: tree.Ct, page: Page) -> Json:
    return {"ct": {"key": ct.key} | ({"dir": ct.direction} if ct.direction else {})}


@json_of.register
def _(payload: tree.Payload, page: Page) -> Json:
    return {"payload": {"protocol": payload.protocol, "field": payload.field}}


@json_of.register
def _(payload: tree.RawPayload, page: Page) -> Json:
    return {"payload": {"base": payload.base, "offset": payload.offset, "len": payload.length}}


@json_of.register
def _(header: tree.ExtensionHeader, page: Page) -> Json:
    return {"exthdr": _named(header.header, header.field)}


@json_of.register
def _(option: tree.TcpOption, page: Page) -> Json:
    if option.raw is not None:
        return _raw_option(*option.raw)
    if option.option.isdecimal():
        return _raw_option(int(option.option), 0, 8)
    return {"tcp option": _named("sack" if option.option == "sack0" else option.option, option.field)}


def _raw_option(kind: int, offset: int, length: int) -> Json:
    return {"tcp option": {"base": kind, "offset": offset, "len": length}}


@json_of.register
def _(option: tree.IpOption, page: Page) -> Json:
    return {"ip option": _named(option.option, option.field)}


@json_of.register
def _(chunk: tree.SctpChunk, page: Page) -> Json:
    return {"sctp chunk": _named(chunk.chunk, chunk.field)}


def _named(name: str, field: str) -> Json:
    return {"name": name} | ({"field": field} if field else {})


@json_of.register
def _(fib: tree.Fib, page: Page) -> Json:
    return {"fib": {"result": fib.result, "flags": [flag for flag in keys.FIB_FLAGS if flag in fib.flags]}}


@json_of.register
def _(route: tree.Rt, page: Page) -> Json:
    family, _, key = route.key.rpartition(" ")
    return {"rt": {"key": key} | ({"family": family} if family else {})}


@json_of.register
def _(socket: tree.SocketOf, page: Page) -> Json:
    return {"socket": {"key": socket.key}}


@json_of.register
def _(number: tree.Numgen, page: Page) -> Json:
    return {"numgen": {"mode": number.mode, "mod": number.modulus, "offset": number.offset}}


@json_of.register
def _(number: tree.Hash, page: Page) -> Json:
    words: dict[str, Json] = {"mod": number.modulus}
    if number.seed is not None:
        words["seed"] = number.seed
    if number.offset:
        words["offset"] = number.offset
    if number.key is None:
        return {"symhash": words}
    return {"jhash": words | {"expr": json_of(number.key, page)}}


@json_of.register
def _(binary: tree.Binary, page: Page) -> Json:
    return {binary.operator: [json_of(binary.left, page), all_of(binary.right, page)]}
