"""`--json` before a command: who can do it, and how a tool is asked for its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

TOOLS: Final = {"ip": "-j", "bridge": "-j", "hooks": "-j"}  # and their own option
VERBS: Final = ("compare", "doctor", "explain", "fuzz", "status")


def as_json(argv: Sequence[str]) -> list[str] | None:
    """The command with its tool's own option for JSON; None if the tool has none."""
    option = TOOLS.get(argv[0])
    return None if option is None else [argv[0], option, *argv[1:]]


def json_refusal(name: str) -> str:
    """What somebody is told who wants JSON of a command that has none."""
    return f"--json: {name} cannot do it ({', '.join(sorted((*TOOLS, *VERBS)))} can)"
