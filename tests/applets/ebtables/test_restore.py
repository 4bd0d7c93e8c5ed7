"""Saved rules of ebtables come back, a table at a time or not at all."""

from __future__ import annotations

import pytest

from pystack.applets import virtual
from pystack.host import Host

SAVED = """\
*filter
:INPUT ACCEPT
:FORWARD DROP
:OUTPUT ACCEPT
:mine RETURN
-A FORWARD -p IPv4 -s ! 02:00:00:00:00:01 --log-level notice --log-prefix "a b" -j CONTINUE
-A FORWARD -i eth+ -j mine
-A mine -p ARP --arp-op Request -j ACCEPT
*nat
:PREROUTING ACCEPT
:OUTPUT ACCEPT
:POSTROUTING ACCEPT
-A POSTROUTING -j snat --to-src 02:00:00:00:00:09 --snat-target ACCEPT
"""


def saved(host: Host, program: str = "ebtables-save") -> str:
    lines = virtual.run([program], host).out.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


def restore(host: Host, text: str, *options: str, program: str = "ebtables-restore") -> virtual.Completed:
    return virtual.run([program, *options], host, None, virtual.Outside(stdin=text.encode()))


def test_what_was_saved_comes_back_as_it_was() -> None:
    host = Host(seed=1)
    assert restore(host, SAVED).rc == 0
    assert saved(host) == SAVED


def test_rules_that_were_there_are_gone_unless_noflush_is_given() -> None:
    host = Host(seed=1)
    virtual.run(["ebtables", "-A", "INPUT", "-j", "DROP"], host)
    restore(host, SAVED, "--noflush")
    assert "-A INPUT -j DROP" in saved(host)
    restore(host, SAVED)
    assert saved(host) == SAVED


def test_a_bad_line_leaves_its_table_as_it_was_and_the_one_before_it_changed() -> None:
    host = Host(seed=1)
    virtual.run("ebtables -t nat -A OUTPUT -j DROP".split(), host)
    done = restore(host, SAVED.replace("--to-src", "--to-scr"))
    assert done.rc == 2
    assert "Error occurred at line: 13" in done.err
    assert "-A OUTPUT -j DROP" in saved(host)
    assert "-A FORWARD -i eth+ -j mine" in saved(host)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("*nope\n", "line 1 table name 'nope' invalid"),
        ("*\n", "line 1 table name invalid"),
        ("*filter\n:INPUT\n", "line 2 policy invalid"),
        ("*filter\n:\n", "line 2 chain name invalid"),
        ("*filter\n:INPUT CONTINUE\n", "Can't set policy `CONTINUE' on `INPUT' line 2"),
        ("*filter\n-A nope -j DROP\n", "line 2 failed: No chain/target/match by that name."),
        ("*filter\n-A INPUT --among-src 1:2:3:4:5:6\n", "line 2: ebtables --among-src is not modelled"),
    ],
)
def test_a_bad_text_is_refused_with_its_line(text: str, why: str) -> None:
    done = restore(Host(seed=1), text)
    assert done.rc
    assert why in done.err


def test_legacy_tables_are_saved_and_come_back() -> None:
    host, again = Host(seed=1), Host(seed=1)
    for line in (
        "-t broute -A BROUTING -p IPv4 -s 2:0:0:0:0:1 -j redirect --redirect-target DROP",
        "-A FORWARD --log-prefix x",
        "-N mine -P DROP",
        "-A FORWARD -j mine",
    ):
        assert virtual.run(["ebtables-legacy", *line.split()], host).rc == 0
    text = saved(host, "ebtables-legacy-save")
    assert "-A BROUTING -p IPv4 -s 2:0:0:0:0:1 -j redirect  --redirect-target DROP" in text
    assert restore(again, text, program="ebtables-legacy-restore").rc == 0
    assert saved(again, "ebtables-legacy-save") == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("-A INPUT\n", "ebtables-restore: line 1: no table specified."),
        ("*nope\n", "ebtables-restore: line 1: table 'nope' was not recognized."),
        ("*filter\n:INPUT\n", "ebtables-restore: line 2: no policy specified."),
        ("*filter\n:INPUT CONTINUE\n", "ebtables-restore: line 2: invalid policy specified."),
        ('*filter\n-A INPUT --log-prefix "x\n', "ebtables-restore: line 2: wrong use of '\"'."),
        ("*filter\n-A INPUT -j nope\n", "Illegal target name 'nope'."),
    ],
)
def test_the_legacy_tool_refuses_a_bad_text_in_its_own_words(text: str, why: str) -> None:
    done = restore(Host(seed=1), text, program="ebtables-legacy-restore")
    assert (done.rc, done.err) == (255, f"{why}\n")
