"""Constants as JSON: numbers where nft has them, words otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.json_out.dump import Json
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.values import flag_values, value_text
from pystack.applets.nft.tree.expressions import Value
from pystack.applets.nft.types import DataType

_ULONG: Final = (1 << 64) - 1
_FROM_FILES: Final = (types.MARK, types.DEVGROUP)


def value_json(value: Value, page: Page) -> Json:
    """Linux: nftables src/json.c datatype_json()"""
    at: DataType | None = value.type
    while at is not None:
        writer = _WRITERS.get(at)
        if writer is not None:
            return writer(value, page)
        if at in _FROM_FILES or at.symbols:
            return _word(value, page)
        at = at.base
    return value_text(value, page).strip('"')


def any_of_json(value: Value, page: Page) -> Json:
    """Several flags of which one is meant."""
    items = [value_json(one, page) for one in flag_values(value)]
    return items if len(items) > 1 else items[0]


def all_of_json(value: Value, page: Page) -> Json:
    """Several flags that are meant together."""
    first, *others = (value_json(one, page) for one in flag_values(value))
    for other in others:
        first = {"|": [first, other]}
    return first


def _word(value: Value, page: Page) -> Json:
    number = int.from_bytes(value.octets)
    words = page.around.words(value.type)
    word = next((word for word, known in words.items() if known == number), None)
    if word is None:
        return _integer(value, page)
    if page.style.numeric_symbol:
        # nft reads the octets in the processor's order, whatever their own is.
        return number if value.type.host_order else int.from_bytes(value.octets, "little")
    return word


def _integer(value: Value, page: Page) -> Json:
    number = int.from_bytes(value.octets)
    return number if number <= _ULONG else f"0x{number:x}"


def _string(value: Value, page: Page) -> Json:
    return value_text(value, page)[1:-1]


def _boolean(value: Value, page: Page) -> Json:
    return any(value.octets)


def _name_or_number(value: Value, page: Page) -> Json:
    """Protocols, services, users, groups: their words if the options ask for them."""
    text = value_text(value, page).strip('"')
    return int(text) if text.isdecimal() else text


def _text(value: Value, page: Page) -> Json:
    return value_text(value, page).strip('"')


def _seconds(value: Value, page: Page) -> Json:
    return int.from_bytes(value.octets) // 1000


_Writer = Callable[[Value, Page], Json]
_WRITERS: Final[Mapping[DataType, _Writer]] = {
    types.INTEGER: _integer,
    types.STRING: _string,
    types.BOOLEAN: _boolean,
    types.INET_PROTO: _name_or_number,
    types.INET_SERVICE: _name_or_number,
    types.UID: _name_or_number,
    types.GID: _name_or_number,
    types.CT_LABEL: _name_or_number,
    types.TIME: _seconds,
    **dict.fromkeys(
        (
            *(types.IPV4_ADDR, types.IPV6_ADDR, types.LL_ADDR, types.IFACE_INDEX, types.CLASSID, types.REALM),
            *(types.DATE, types.HOUR, types.CGROUPV2),
        ),
        _text,
    ),
}
