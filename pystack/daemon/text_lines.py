"""On which lines of a TOML file the lines of a text stand that is one of its values.

They are not simply those that follow: a text may begin on the line of its key or on the next, `\\` at the end
of a line joins it with the next that is not empty, and `\\n` begins a new line where the file has none.
"""

from __future__ import annotations

import re
from typing import Final

_OPENING: Final = re.compile(r"""[^=\n]*=[ \t]*(\"\"\"|'''|"|')(\n?)""")
_BASIC: Final = re.compile(r"\\[ \t]*\n\s*|\\u000[aA]|\\U0000000[aA]|\\.|\n|[^\\\n]")
_LITERAL: Final = re.compile(r"\n|[^\n]")
_NEWLINES: Final = ("\n", r"\n", r"\u000a", r"\u000A", r"\U0000000a", r"\U0000000A")


def lines_of_text(source: str, key_line: int, text: str) -> tuple[int, ...]:
    """For each line of `text`, the value of the key on line `key_line` of `source`, where it stands there."""
    source = source.replace("\r\n", "\n")
    start = sum(len(line) + 1 for line in source.split("\n")[: key_line - 1])
    opening = _OPENING.match(source, start)
    if opening is None:  # inside an inline table, which is all on one line
        return (key_line,) * (text.count("\n") + 1)
    line, position = key_line, opening.end()
    if opening[2]:
        line += 1
    token = _BASIC if opening[1].startswith('"') else _LITERAL
    lines = [line]
    while len(lines) <= text.count("\n") and (found := token.match(source, position)):
        position = found.end()
        line += found[0].count("\n")
        if found[0] in _NEWLINES:
            lines.append(line)
    return tuple(lines)
