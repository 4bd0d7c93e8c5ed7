"""How a setup is run so that the command that failed can be named: `sh -e -x`, its trace marked.

The shell of Debian knows no $LINENO, and most tools do not say which of the setup's lines was theirs.
"""

from __future__ import annotations

import re
from typing import Final

from pystack.compare.lab.agent import SCRIPT_PATH
from pystack.compare.lab.process import Completed

MARK: Final = "\x02"  # begins a line of the trace; no command prints it
TRACED: Final = re.compile(f"{MARK}+(.*)\n")
SETUP_ARGV: Final = ("sh", "-e", "-x", SCRIPT_PATH)
SETUP_ENVIRONMENT: Final = {"PS4": MARK}
SETUP_COMMAND: Final = (
    f"cat >{SCRIPT_PATH}; PS4={MARK} exec sh -e -x {SCRIPT_PATH}"  # with the setup as input
)


def without_trace(ended: Completed) -> Completed:
    """Take the trace out of a setup's errors, and put the last command of it into `command` if it failed."""
    ran = TRACED.findall(ended.err)
    command = ran[-1] if ended.rc and ran else "setup"
    return Completed(command, ended.rc, ended.out, TRACED.sub("", ended.err), TRACED.sub("", ended.text))
