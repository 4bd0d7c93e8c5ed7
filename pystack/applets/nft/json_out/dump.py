"""JSON as a text, written as libjansson writes it: in one line, with nothing escaped that need not be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

Json = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None

_ESCAPES: Final = {
    **{number: f"\\u{number:04X}" for number in range(0x20)},
    **str.maketrans(
        {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
    ),
}


def dump(json: Json) -> str:
    """`{"family": "ip", "handle": 1}`"""
    if json is None:
        return "null"
    if isinstance(json, bool):
        return "true" if json else "false"
    if isinstance(json, int | float):
        return str(json)
    if isinstance(json, str):
        return f'"{json.translate(_ESCAPES)}"'
    if isinstance(json, Mapping):
        return f"{{{', '.join(f'{dump(key)}: {dump(value)}' for key, value in json.items())}}}"
    return f"[{', '.join(dump(item) for item in json)}]"


def one_or_list(items: Sequence[Json]) -> Json:
    """A single item stands alone."""
    return items[0] if len(items) == 1 else items
