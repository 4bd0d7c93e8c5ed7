"""Linux's own tools, asked where the caller is: inside a namespace, if a thread of in_netns() calls."""

from __future__ import annotations

import os
import subprocess
from typing import Final

PATIENCE: Final = 60.0  # seconds for one tool
_ALSO: Final = "/usr/sbin:/sbin"  # where they are on Debian, whatever a user's PATH says


class ToolMissing(Exception):
    """It is not installed; the text is its name."""


class ToolFailed(Exception):
    """It said no, or nothing; the text is its last line, with its name in front."""


def output(*argv: str, stdin: str = "") -> str:
    """What a tool prints, in the C locale. Raises ToolMissing, ToolFailed."""
    environment = {**os.environ, "LC_ALL": "C", "PATH": f"{os.environ.get('PATH', '')}:{_ALSO}"}
    try:
        ended = subprocess.run(
            argv,
            input=stdin.encode(errors="surrogateescape"),
            capture_output=True,
            env=environment,
            timeout=PATIENCE,
            check=False,
        )
    except FileNotFoundError:
        raise ToolMissing(argv[0]) from None
    except subprocess.TimeoutExpired:
        raise ToolFailed(f"`{' '.join(argv)}` does not end") from None
    if ended.returncode:
        said = ended.stderr.decode(errors="replace").strip().splitlines() or [f"exit code {ended.returncode}"]
        lacking = " (it takes root, or CAP_NET_ADMIN)" if "Operation not permitted" in said[-1] else ""
        raise ToolFailed(f"`{' '.join(argv)}`: {said[-1]}{lacking}")
    return ended.stdout.decode(errors="surrogateescape")
