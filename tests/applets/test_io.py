"""What applets write, and what of it may reach a terminal."""

from __future__ import annotations

import pytest

from pystack.applets import registry, virtual
from pystack.applets.io import Io, inert
from pystack.applets.virtual import Outside, VirtualJob
from pystack.host import Host

PREFIX = "\x1b]0;gone\x07"


@pytest.mark.parametrize(
    ("text", "shown"),
    [("plain\ttext\n", "plain\ttext\n"), ("\x1b[31m\x07\r", "\\x1b[31m\\x07\\r"), ("\x9b31m", "\\x9b31m")],
)
def test_what_would_steer_a_terminal_is_shown_instead(text: str, shown: str) -> None:
    assert inert(text) == shown


@pytest.mark.parametrize("tty", [True, False])
@pytest.mark.parametrize("command", ["-S", "-nL"])
def test_a_listing_is_inert_on_a_terminal_and_the_tools_own_elsewhere(command: str, tty: bool) -> None:
    host = Host()
    virtual.run(["iptables", "-A", "INPUT", "-j", "LOG", "--log-prefix", PREFIX], host)
    job = VirtualJob(host, registry.start(["iptables", command], host, None, Io(tty=tty)), Outside())
    out = job.run().out
    assert (PREFIX in out, "\\x1b]0;gone\\x07" in out) == (not tty, tty)
