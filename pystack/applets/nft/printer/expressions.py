"""Expressions in nft's words.

Linux: nftables src/expression.c, src/payload.c, src/meta.c, src/ct.c, src/exthdr.c, …
"""

from __future__ import annotations

from functools import singledispatch
from typing import Final

from pystack.applets.nft import keys, types
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.values import flag_values, prefix_text, value_text
from pystack.applets.nft.said import comment_words
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.tree.expressions import Expression

_BINDING: Final = {"<<": 1, ">>": 1, "&": 2, "^": 3, "|": 4}  # the lower, the tighter


@singledispatch
def text(node: object, page: Page) -> str:
    """What nft prints for an evaluated expression, or for a statement (statements.py)."""
    raise TypeError(f"{type(node).__name__} is not printed")


# --- constants ----------------------------------------------------------------------------------------------


@text.register
def _(value: tree.Value, page: Page) -> str:
    return value_text(value, page)


@text.register
def _(prefix: tree.Prefix, page: Page) -> str:
    return prefix_text(prefix, text(prefix.value, page))


@text.register
def _(between: tree.Range, page: Page) -> str:
    page = page.numeric()
    return f"{text(between.low, page)}-{text(between.high, page)}"


@text.register
def _(anything: tree.Anything, page: Page) -> str:
    return "*"


@text.register
def _(flags: tree.Flags, page: Page) -> str:
    return ",".join(text(item, page) for item in flags.items)


@text.register
def _(boolean: tree.Boolean, page: Page) -> str:
    return page.show(bytes([boolean.value]), types.BOOLEAN)


@text.register
def _(verdict: tree.Verdict, page: Page) -> str:
    return f"{verdict.word} {verdict.chain}" if verdict.chain else verdict.word


def any_of(expression: Expression, page: Page) -> str:
    """A constant of which one bit or another is meant: `established,related`."""
    if isinstance(expression, tree.Value):
        return ",".join(value_text(one, page) for one in flag_values(expression))
    return text(expression, page)


def all_of(expression: Expression, page: Page) -> str:
    """A constant whose bits are meant together: `syn | ack`."""
    if isinstance(expression, tree.Value):
        return " | ".join(value_text(one, page) for one in flag_values(expression))
    return text(expression, page)


# --- sets ---------------------------------------------------------------------------------------------------


@text.register
def _(elements: tree.Elements, page: Page) -> str:
    return f"{{ {', '.join(text(element, page) for element in elements.items)} }}"


@text.register
def _(element: tree.Element, page: Page) -> str:
    words = [all_of(element.key, page), *(text(statement, page) for statement in element.statements)]
    if element.timeout:
        words.append(f"timeout {page.duration(element.timeout)}")
    if element.expires and not page.style.stateless:
        words.append(f"expires {page.duration(element.expires)}")
    if element.comment:
        words.append(comment_words(element.comment))
    return " ".join(words) + (f" : {all_of(element.data, page)}" if element.data is not None else "")


@text.register
def _(name: tree.SetName, page: Page) -> str:
    return f"@{name.name}"


@text.register
def _(lookup: tree.Lookup, page: Page) -> str:
    word = "vmap" if lookup.is_verdict else "map"
    return f"{text(lookup.key, page)} {word} {text(lookup.set, page)}"


@text.register
def _(concatenation: tree.Concatenation, page: Page) -> str:
    return " . ".join(all_of(part, page) for part in concatenation.parts)


# --- what is looked at --------------------------------------------------------------------------------------


@text.register
def _(meta: tree.Meta, page: Page) -> str:
    return meta.key if meta.key in keys.BARE_META_KEYS else f"meta {meta.key}"


@text.register
def _(ct: tree.Ct, page: Page) -> str:
    return f"ct {ct.direction} {ct.full_key}" if ct.direction else f"ct {ct.full_key}"


@text.register
def _(payload: tree.Payload, page: Page) -> str:
    return f"{payload.protocol} {payload.field}"


@text.register
def _(payload: tree.RawPayload, page: Page) -> str:
    return f"@{payload.base},{payload.offset},{payload.length}"


@text.register
def _(header: tree.ExtensionHeader, page: Page) -> str:
    return f"{header.header} {header.field}" if header.field else f"exthdr {header.header}"


@text.register
def _(option: tree.TcpOption, page: Page) -> str:
    if option.raw is not None:
        return "tcp option @{},{},{}".format(*option.raw)
    name = "sack" if option.option == "sack0" else option.option
    return f"tcp option {name} {option.field}" if option.field else f"tcp option {name}"


@text.register
def _(option: tree.IpOption, page: Page) -> str:
    return f"ip option {option.option} {option.field}" if option.field else f"ip option {option.option}"


@text.register
def _(chunk: tree.SctpChunk, page: Page) -> str:
    return f"sctp chunk {chunk.chunk} {chunk.field}" if chunk.field else f"sctp chunk {chunk.chunk}"


@text.register
def _(fib: tree.Fib, page: Page) -> str:
    return f"fib {' . '.join(flag for flag in keys.FIB_FLAGS if flag in fib.flags)} {fib.result}"


@text.register
def _(route: tree.Rt, page: Page) -> str:
    return f"rt {route.key}"


@text.register
def _(socket: tree.SocketOf, page: Page) -> str:
    return f"socket {socket.key} level {socket.level}" if socket.key == "cgroupv2" else f"socket {socket.key}"


@text.register
def _(number: tree.Numgen, page: Page) -> str:
    offset = f" offset {number.offset}" if number.offset else ""
    return f"numgen {number.mode} mod {number.modulus}{offset}"


@text.register
def _(number: tree.Hash, page: Page) -> str:
    what = f"jhash {text(number.key, page)}" if number.key is not None else "symhash"
    seed = f" seed 0x{number.seed:x}" if number.seed is not None else ""
    offset = f" offset {number.offset}" if number.offset else ""
    return f"{what} mod {number.modulus}{seed}{offset}"


@text.register
def _(binary: tree.Binary, page: Page) -> str:
    left, right = (_operand(side, binary.operator, page) for side in (binary.left, binary.right))
    return f"{left} {binary.operator} {right}"


def _operand(side: Expression, operator: str, page: Page) -> str:
    """In parentheses where it would be taken apart otherwise."""
    inner = side.operator if isinstance(side, tree.Binary) else ""
    words = all_of(side, page)
    if isinstance(side, tree.Value) and " | " in words:
        inner = "|"
    return f"({words})" if inner and _BINDING[operator] < _BINDING[inner] else words
