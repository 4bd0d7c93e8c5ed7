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
        raise SideError([f"{file}:{line}: the setup was still running after {SETUP_PATIENCE:.0f} s"])
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
    at = 0
    for command in ran:
        words = " ".join(command.split())
        at = next((number for number in _onwards(at, len(lines)) if _means(lines[number], words)), at)
    return at


def _onwards(at: int, count: int) -> Iterator[int]:
    """From here to the end, then from the start: a loop goes back."""
    yield from range(at, count)
    yield from range(at)


def _means(line: str, command: str) -> bool:
    """Whether one of the commands on a line can have become this one by expansion."""
    for piece in SEPARATORS.split(line):
        parts = EXPANDED.split(" ".join(piece.split()))
        if any(parts) and re.fullmatch(".*".join(map(re.escape, parts)), command):
            return True
    return False


def namespaces_of(setup: str) -> list[str]:
    """The namespaces that a setup names, the first one being ""."""
    return ["", *dict.fromkeys(GIVEN_NAMESPACE.findall(setup))]
