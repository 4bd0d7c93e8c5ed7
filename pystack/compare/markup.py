"""Text inside XML and HTML: nothing that was seen on a wire can end the element it stands in."""

from __future__ import annotations

import re
from typing import Final

_ENTITIES: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
# What no XML document may hold, not even escaped. Reading: XML 1.0, section 2.2
_UNSPEAKABLE: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def escaped(text: str) -> str:
    """For content and for quoted attributes; what XML has no place for becomes the replacement character."""
    return _UNSPEAKABLE.sub("\ufffd", text).translate(_ENTITIES)


def attributes(**values: object) -> str:
    """` name="value"` for each, in order."""
    return "".join(f' {name}="{escaped(str(value))}"' for name, value in values.items())
