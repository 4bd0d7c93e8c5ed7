"""How pystack's own verbs are used: what a client tells without asking a daemon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

ASKED: Final = (["-h"], ["--help"])

_STATUS: Final = """\
usage: pystack [-S PATH] status [--json]

How the daemon is: its ports, what they moved, what was dropped and why.
"""
_RELOAD: Final = """\
usage: pystack [-S PATH] reload [--dry-run]

Build a second stack from the configuration as it is now and put it into the place of the one that runs.
What was learned and counted stays, and so do unchanged ports; what was typed and stands in no file is lost.

  --dry-run   change nothing; print what was typed and would be lost, as commands, and what the files
              would bring, as comments (# brings: …)
"""
_SETUP: Final = """\
usage: pystack [-S PATH | --setup FILE] setup

The running state as a setup: the commands that would make it, without what was learned.
"""
_STOP: Final = """\
usage: pystack [-S PATH] stop

End the daemon; done when nothing of it is left.
"""
_TEXTS: Final = {"status": _STATUS, "reload": _RELOAD, "setup": _SETUP, "stop": _STOP}


def help_of(command: Sequence[str]) -> str:
    """What a command that asks for help is told; empty if it asks for none, or its applet tells it."""
    verb, *rest = command
    if verb == "explain" and rest in ([], *ASKED):
        from pystack.explain.command import HELP

        return HELP
    return _TEXTS.get(verb, "") if rest in ASKED else ""


def asks_an_applet(command: Sequence[str]) -> bool:
    """For its usage, which it tells in any stack."""
    verb, *rest = command
    return rest[-1:] in ASKED or (verb in ("ip", "bridge", "ipset") and rest[-1:] == ["help"])
