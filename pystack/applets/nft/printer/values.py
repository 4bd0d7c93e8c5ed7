"""Constants, sets of them, and verdicts.

Linux: nftables src/expression.c
"""

from __future__ import annotations

from pystack.applets.nft import types
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.tree.expressions import Prefix, Value
from pystack.applets.nft.types import DataType


def value_text(value: Value, page: Page) -> str:
    """A constant; a name that ends with an asterisk says that it means one."""
    if value.octets.endswith(b"*") and value.type.is_a(types.STRING):
        return page.show(value.octets[:-1] + rb"\*", value.type)
    return page.show(value.octets, value.type)


def prefix_text(prefix: Prefix, whole: str) -> str:
    """`10.0.0.0/8`, or `"eth*"`, which is a prefix too."""
    if isinstance(prefix.value, Value) and prefix.value.type.is_a(types.STRING):
        return f'{whole[:-1]}*"'
    return f"{whole}/{prefix.bits}"


def is_flags(kind: DataType) -> bool:
    """Whether the kind has words for its single bits."""
    return kind.base is types.BITMASK


def flag_values(value: Value) -> list[Value]:
    """The bits that are set, from the lowest one up; the value itself if they are not several."""
    number = int.from_bytes(value.octets)
    if not is_flags(value.type) or number.bit_count() < 2:
        return [value]
    bits = (1 << bit for bit in range(number.bit_length()) if number >> bit & 1)
    return [Value(bit.to_bytes(len(value.octets)), value.type) for bit in bits]
