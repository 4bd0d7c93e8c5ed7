"""`nft describe`: of what kind an expression or a type is, and which words it knows.

Linux: nftables src/expression.c expr_describe(), src/datatype.c symbol_table_print()
"""

from __future__ import annotations

from pystack.applets.nft import types
from pystack.applets.nft.evaluate.typed import kind_name
from pystack.applets.nft.kinds import shape_of
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.expressions import Expression, Symbol
from pystack.applets.nft.types import DataType


def describe(expression: Expression, around: Surroundings) -> str:
    """All that is to be said, with its newlines; nft ends without one where it knows nothing."""
    if isinstance(expression, Symbol):
        kind = types.TYPES.get(expression.text, types.INVALID)
        if expression.text not in types.TYPES:
            return "symbol expression, datatype invalid (invalid)"
        size = f", {kind.bits} bits"
        head = f"datatype {kind.name} ({kind.description})"
    else:
        kind, bits = shape_of(expression)
        head = f"{kind_name(expression)} expression, datatype {kind.name} ({kind.description})"
        if kind is types.INVALID:
            return head
        size = f", {bits // 8} characters" if kind.is_a(types.STRING) else f", {bits} bits"
    return f"{head}{_bases(kind)}{size}\n{_words(kind, around, is_type=isinstance(expression, Symbol))}"


def _bases(kind: DataType) -> str:
    names = []
    at = kind.base
    while at is not None:
        names.append(at.description)
        at = at.base
    return f" (basetype {', '.join(names)})" if names else ""


def _words(kind: DataType, around: Surroundings, *, is_type: bool) -> str:
    if kind is types.INET_PROTO:
        known = sorted(around.protocol_names.items())
        return "".join(f"\t{name:<30}\t{number}\n" for number, name in known if number < 255)
    if not kind.symbols:
        return ""
    base = "hexadecimal" if kind.hex_symbols else "decimal"
    lines = (
        f"\t{word:<30}\t{_number(value, kind, is_type=is_type)}\n" for word, value in kind.symbols.items()
    )
    return f"\npre-defined symbolic constants (in {base}):\n{''.join(lines)}"


def _number(value: int, kind: DataType, *, is_type: bool) -> str:
    if not kind.hex_symbols:
        return f"{value:>20}"
    octets = value.to_bytes(kind.octets)
    # nft has these in the packet's order, and reads them in the processor's where it knows of none.
    is_swapped = is_type and not kind.host_order
    return f"0x{(octets[::-1] if is_swapped else octets).hex()}"
