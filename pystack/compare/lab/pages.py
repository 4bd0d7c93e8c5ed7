"""Pages that a script makes of what the program does: written, or only held against what is there."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path


def write_or_check(pages: Mapping[Path, str], script: str, arguments: Sequence[str]) -> int:
    """Write the pages; with --check only say which of them are not current."""
    if "--check" not in arguments:
        for path, text in pages.items():
            path.write_text(text, encoding="utf-8")
        return 0
    stale = [path for path, text in pages.items() if not path.exists() or path.read_text("utf-8") != text]
    for path in stale:
        print(f"{path} is not current: run {script}", file=sys.stderr)
    return 1 if stale else 0
