"""A scenario's setup, run in a lab; a command that fails is named with its line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pystack.compare.lab.agent import SCRIPT_PATH
from pystack.compare.lab.kernel_netns import SETUP_PATIENCE, KernelNetns
from pystack.compare.lab.process import Completed, LabProcess
from pystack.compare.lab.setup_trace import SETUP_ARGV, SETUP_ENVIRONMENT, TRACED
from pystack.compare.lab.side import SideError

SAID_LINE: Final = re.compile(re.escape(SCRIPT_PATH) + r": (\d+): ")  # what sh says of its own faults
SEPARATORS: Final = re.compile(r"&&|\|\||[;|&]|\b(?:do|then|else)\b")
EXPANDED: Final = re.compile(r"""\$\w+|\$\{[^}]*\}|\$\([^)]*\)|["'\\]|[*?]""")
GIVEN_NAMESPACE: Final = re.compile(r"\bip\s+netns\s+add\s+(\S+)")


def run_setup(kernel: KernelNetns, setup: str, file: str, line: int) -> None:
    """Run it to its end; raises SideError for the command that fails."""
    process = LabProcess(
        kernel.agent, SETUP_ARGV, command="setup", script=setup.encode(), env=SETUP_ENVIRONMENT
    )
    ended = process.wait(SETUP_PATIENCE)
    if ended is None:
        process.stop()
        raise SideError([f"{file}:{line}: the setup: still running after {SETUP_PATIENCE:g} s"])
    if ended.rc:
        raise SideError([_complaint(ended, setup, file, line)])


def _complaint(ended: Completed, setup: str, file: str, line: int) -> str:
    ran = TRACED.findall(ended.err)
    said = TRACED.sub("", ended.err).strip() or f"exit code {ended.rc}"
    if match := SAID_LINE.search(said):
        return f"{file}:{line + int(match[1]) - 1}: {SAID_LINE.sub('', said)}"
    at = failing_line(setup.splitlines(), ran)
    command = ran[-1] if ran else "setup"
    return f"{file}:{line + at}: {command}: {' '.join(said.splitlines())}"


def failing_line(lines: Sequence[str], ran: Sequence[str]) -> int:
    """Where the last of the commands that ran stands: sh's trace gives them expanded, and without lines."""
    pieces = [
        (number, EXPANDED.split(" ".join(piece.split())))
        for number, line in enumerate(lines)
        for piece in SEPARATORS.split(line)
        if piece.strip()
    ]
    at = -1
    for command in ran:
        words = " ".join(command.split())
        at = next((place for place in _onwards(at, len(pieces)) if _means(pieces[place][1], words)), at)
    return pieces[at][0] if at >= 0 else 0


def _onwards(at: int, count: int) -> Iterator[int]:
    """What comes after this one, then what is before: a loop goes back."""
    yield from range(at + 1, count)
    yield from range(at + 1)


def _means(parts: Sequence[str], command: str) -> bool:
    """Whether a command that is written so can have become this one by expansion."""
    return any(parts) and re.fullmatch(".*".join(map(re.escape, parts)), command) is not None


def namespaces_of(setup: str) -> list[str]:
    """The namespaces that a setup names, the first one being ""."""
    return ["", *dict.fromkeys(GIVEN_NAMESPACE.findall(setup))]
