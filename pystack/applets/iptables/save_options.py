"""The options of a -save command, and what is answered to those that are none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iptables.refused import OTHER_PROBLEM, VERSION
from pystack.applets.session import Session


@dataclass(frozen=True, slots=True)
class SaveOptions:
    """Which there are, and what the command is called."""

    program: str
    variant: str
    short: str
    long: Mapping[str, int]
    manual: str = ""  # whose page is recommended, if it is not the program's own

    def read(self, args: Sequence[str], session: Session) -> Mapping[str, str] | int:
        """What was given, or the exit code if all is said with that."""
        out, err = session.io.out, session.io.err
        try:
            getopt = Getopt(args, self.short, self.long)
            given = dict(getopt)
        except BadOption as bad:
            err.line(f"{self.program}: {bad}")
            err.line(f"Look at manual page `{self.manual or self.program}.8' for more information.")
            return OTHER_PROBLEM
        if getopt.operands:
            err.line("Unknown arguments found on commandline")
            return OTHER_PROBLEM
        if given.keys() & {"V", "version"}:
            out.line(f"{self.program} v{VERSION} ({self.variant})")
            return 0
        return given
