"""Saved rules of arptables come back."""

from __future__ import annotations

import pytest

from pystack.applets import virtual
from pystack.host import Host

SAVED = """\
*filter
:INPUT DROP
:OUTPUT ACCEPT
:mine -
-A INPUT -j mine -s 10.0.0.0/8
-A OUTPUT -j mangle --opcode 1 --mangle-ip-s 10.0.0.9
-A mine -j ACCEPT ! --src-mac 02:00:00:00:00:01
"""


def saved(host: Host, program: str = "arptables-save") -> str:
    lines = virtual.run([program], host).out.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def restore(host: Host, text: str, program: str = "arptables-restore") -> virtual.Completed:
    return virtual.run([program], host, None, virtual.Outside(stdin=text.encode()))


@pytest.mark.parametrize("variant", ["", "-legacy"])
def test_what_was_saved_comes_back_as_it_was(variant: str) -> None:
    host, again = Host(seed=1), Host(seed=1)
    for line in (
        "-P INPUT DROP",
        "-N mine",
        "-A INPUT -s 10.0.0.0/8 -j mine",
        "-A mine --src-mac 2:0:0:0:0:1 -j DROP",
    ):
        assert virtual.run([f"arptables{variant}", *line.split()], host).rc == 0
    text = saved(host, f"arptables{variant}-save")
    assert "-A INPUT -j mine" in text
    assert restore(again, text, f"arptables{variant}-restore").rc == 0
    assert saved(again, f"arptables{variant}-save") == text


def test_a_file_replaces_what_was_there() -> None:
    host = Host(seed=1)
    virtual.run("arptables -A OUTPUT -j DROP".split(), host)
    done = restore(host, SAVED)
    assert (done.rc, done.err) == (0, "")
    assert saved(host) == SAVED


def test_a_bad_line_is_refused_with_its_number() -> None:
    host = Host(seed=1)
    done = restore(host, SAVED.replace("--opcode 1", "--opcode never"))
    assert done.rc == 2
    assert "Error occurred at line: 6" in done.err
    assert saved(host) == ""
