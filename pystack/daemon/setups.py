"""Running the setups of a configuration, and saying everything that is wrong with them, each with its line.

What the text alone shows (commands that are none, quotes that do not end) is said first; then the commands
run, on a host that is thrown away if one of them fails. The others are run nevertheless: whoever mends a file
wants to hear of all mistakes at once.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from functools import partial
from typing import Final

from pystack.applets.lexer import parse
from pystack.applets.registry import check_setup, start_setup
from pystack.applets.virtual import Completed, Outside, VirtualJob
from pystack.daemon.config import ConfigError
from pystack.daemon.names import printable
from pystack.daemon.settings import SetupText
from pystack.drivers.named_files import find_files, read_file
from pystack.host import Host

OURS: Final = "pystack: "  # in front of a complaint of the shell's; whoever prints it puts it there again
MOST: Final = 20  # commands that fail, before the rest is left alone

logger = logging.getLogger("pystack.setup")


def read_setup(path: str) -> SetupText:
    """A setup of the user's, its text looked through. Raises ConfigError."""
    try:
        with open(path, encoding="utf-8") as file:
            setup = SetupText(path, file.read())
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise ConfigError([f"{path}: not UTF-8"]) from None
    if faults := setup_faults(setup):
        raise ConfigError(faults)
    return setup


def setup_faults(setup: SetupText) -> list[str]:
    """What is wrong with the text of a setup, each with its place."""
    return [_placed(setup, line) for line in check_setup(setup.text, setup.file)]


def run_setup(setup: SetupText, host: Host) -> None:
    """Run the commands of a setup. Raises ConfigError."""
    text, complaints = setup.text, []
    host.origins.lines[setup.file] = setup.lines
    while True:
        ended = _run(text, setup.file, host)
        if not ended.rc:
            break
        place, complaint = failure_of(ended, setup.file)
        complaints.append(_placed(setup, complaint))
        rest = _behind(text, place)
        if rest is None or len(complaints) == MOST:
            break
        text = rest
    if complaints:
        raise ConfigError(complaints)
    for line in ended.err.splitlines():
        logger.warning("%s: %s", setup.file, line)


def failure_of(ended: Completed, file: str) -> tuple[int, str]:
    """On which line of the text it failed, and that line with what the command said, else its exit code."""
    lines = _without_excerpts(line for line in ended.err.splitlines() if line.strip())
    *said, last = lines or [f"exit code {ended.rc}"]
    where, _, code = last.removeprefix(OURS).rpartition(": ")
    place = re.match(rf"{re.escape(file)}:(\d+): ", where + ": ")
    if place is None or not code.startswith("exit code ") or not said:
        first = re.match(rf"{re.escape(OURS + file)}:(\d+): ", last)
        return int(first[1]) if first else 0, "; ".join(line.removeprefix(OURS) for line in [*said, last])
    words = (line.removeprefix(OURS).removeprefix(place[0]) for line in said)
    return int(place[1]), f"{where}: {'; '.join(' '.join(word.split()) for word in words)}"


def _without_excerpts(lines: Iterable[str]) -> list[str]:
    """In one line, what nft quotes and marks with `^^^` would be in the way."""
    kept: list[str] = []
    for line in lines:
        if not re.fullmatch(r"[ \t]*[~^][~^ \t]*", line):
            kept.append(line)
        elif kept:
            kept.pop()
    return kept


def _run(text: str, file: str, host: Host) -> Completed:
    folder = os.path.dirname(file)
    outside = Outside(
        read_file=partial(read_file, folder=folder), find_files=partial(find_files, folder=folder)
    )
    return VirtualJob(host, start_setup(text, file, host), outside).run()


def _behind(text: str, line: int) -> str | None:
    """The commands on the lines behind one, each still on its own line; None if there are none."""
    following = [command.line for command in parse(text)[0] if command.line > line]
    if not line or not following:
        return None
    return "\n" * (following[0] - 1) + "\n".join(text.split("\n")[following[0] - 1 :])


def _placed(setup: SetupText, complaint: str) -> str:
    """With the lines of the file in place of those of the text, and fit for one line."""
    here = re.compile(rf"(?<![^ ]){re.escape(setup.file)}:(\d+)(?=:)")
    told = here.sub(lambda found: f"{setup.file}:{setup.line(int(found[1]))}", complaint.removeprefix(OURS))
    return printable(told)
