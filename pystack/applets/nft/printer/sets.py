"""Sets and maps: what they are declared as, and their elements.

Linux: nftables src/rule.c do_set_print(), src/expression.c set_expr_print()
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.layout import LINES, Layout
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.said import comment_words
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Anything, Element, Expression, Prefix, Range, Value
from pystack.applets.nft.tree.listed import ListedSet
from pystack.applets.nft.types import DataType

_FLAGS: Final = ("constant", "dynamic", "interval", "timeout")
_BETWEEN_LINES: Final = ",\n\t\t\t     "
_FIVE: Final = (
    *(types.NF_PROTO, types.INTEGER, types.RAW_INTEGER, types.ARP_OP, types.INET_PROTO, types.INET_SERVICE),
    *(types.TCP_FLAG, types.DCCP_PKTTYPE, types.MARK, types.IFACE_INDEX, types.CLASSID, types.UID, types.GID),
    types.CT_DIR,
)
_TWO: Final = (types.IPV4_ADDR, types.CT_STATE, types.CT_STATUS, types.PKT_TYPE)
_IN_A_LINE: Final[Mapping[DataType, int]] = {**dict.fromkeys(_FIVE, 5), **dict.fromkeys(_TWO, 2)}


def set_text(listed: ListedSet, page: Page, layout: Layout = LINES, owner: str = "") -> str:
    """The whole of it; `owner` is its family and table where those are not around it."""
    is_short = page.style.terse or (listed.is_meter and page.style.stateless)
    elements = "" if is_short else _elements(listed.text.elements or (), page)
    if elements:
        elements = f"{layout.indent}elements = {elements}{layout.newline}"
    return f"{set_declaration(listed, page, layout, owner)}{elements}{layout.tab}}}{layout.newline}"


def set_declaration(listed: ListedSet, page: Page, layout: Layout = LINES, owner: str = "") -> str:
    """Without elements, and without the brace behind them."""
    declared = listed.text
    words = " ".join(word for word in (set_word(listed), owner, declared.name) if word)
    first = f"{layout.tab}{words} {{{page.handle(listed.handle)}{layout.newline}"
    lines = "".join(f"{layout.indent}{line}{layout.separator}" for line in _lines(declared, page))
    return first + lines


def set_word(listed: ListedSet) -> str:
    """What it is called."""
    if listed.is_meter:
        return "meter"
    return "map" if listed.text.is_map else "set"


def _lines(declared: SetText, page: Page) -> list[str]:
    lines = [key_and_data(declared, page)]
    if "constant" not in declared.flags:
        lines += [f"policy {declared.policy}"] if declared.policy not in ("", "performance") else []
        lines += [f"size {declared.size}"] if declared.size else []
    # Who gives a time to all elements need not say that they may have one.
    if any(flag != "timeout" or not declared.timeout for flag in declared.flags):
        lines.append(f"flags {','.join(flag for flag in _FLAGS if flag in declared.flags)}")
    if declared.statements:
        lines.append(" ".join(text(statement, page.stateless()) for statement in declared.statements))
    lines += ["auto-merge"] if declared.auto_merge else []
    lines += [f"timeout {page.duration(declared.timeout)}"] if declared.timeout else []
    lines += [f"gc-interval {page.duration(declared.gc_interval)}"] if declared.gc_interval else []
    lines += [comment_words(declared.comment)] if declared.comment else []
    return lines


def key_and_data(declared: SetText, page: Page) -> str:
    """`type ipv4_addr . inet_service : verdict`"""
    word = "typeof" if isinstance(declared.key, Expression) else "type"
    interval = "interval " if declared.data_interval else ""
    data = f" : {interval}{_kind(declared.data, page)}" if declared.data is not None else ""
    return f"{word} {_kind(declared.key, page)}{data}"


def _kind(kind: tuple[str, ...] | Expression | str, page: Page) -> str:
    if isinstance(kind, Expression):
        return text(kind, page)
    return kind if isinstance(kind, str) else " . ".join(kind)


def _elements(elements: tuple[Element, ...], page: Page) -> str:
    if not elements:
        return ""
    room = _IN_A_LINE.get(_type_of(elements), 1)
    words = [text(element, page) for element in elements]
    lines = (", ".join(words[at : at + room]) for at in range(0, len(words), room))
    return f"{{ {_BETWEEN_LINES.join(lines)} }}"


def _type_of(elements: tuple[Element, ...]) -> DataType:
    """Of the keys: how many of them stand in a line hangs on it."""
    key = next((element.key for element in elements if not isinstance(element.key, Anything)), None)
    while isinstance(key, Prefix | Range):
        key = key.value if isinstance(key, Prefix) else key.low
    return key.type if isinstance(key, Value) else types.INVALID
