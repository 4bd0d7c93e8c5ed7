"""iptables-restore takes a table whole or not at all, and says which line was wrong."""

from __future__ import annotations

import pytest

from pystack.applets import virtual
from pystack.applets.iptables.restore import split
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host
from pystack.netfilter.table import NFT

OWNERS = ("iptables-nft", "iptables-legacy")
GOOD = """*filter
:INPUT DROP [3:4]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:mine - [0:0]
[5:6] -A INPUT -i lo -j mine
[0:0] -A mine -j LOG --log-prefix "a \\"b\\" "
COMMIT
"""


def restore(host: Host, program: str, text: str, *options: str) -> Completed:
    outside = Outside(stdin=text.encode())
    return virtual.run([f"{program}-restore", *options], host, None, outside)


def saved(host: Host, program: str, *options: str) -> str:
    lines = virtual.run([f"{program}-save", *options], host).out.splitlines()
    return "".join(f"{line}\n" for line in lines if not line.startswith("#"))


@pytest.mark.parametrize("program", OWNERS)
def test_what_was_saved_with_counters_is_restored_to_the_letter(program: str) -> None:
    host = Host()
    assert restore(host, program, GOOD, "-c").rc == 0
    assert saved(host, program, "-c") == GOOD
    other = Host()
    restore(other, program, saved(host, program, "-c"), "-c")
    assert saved(other, program, "-c") == GOOD


@pytest.mark.parametrize("program", OWNERS)
def test_without_c_rules_begin_to_count_from_0(program: str) -> None:
    host = Host()
    restore(host, program, GOOD)
    assert "[0:0] -A INPUT" in saved(host, program, "-c")


@pytest.mark.parametrize("program", OWNERS)
@pytest.mark.parametrize("bad", ["-A INPUT -p nope", "-A INPUT --nope", "-A nosuch -j ACCEPT", "-D INPUT 9"])
def test_a_bad_line_changes_nothing_and_is_named(program: str, bad: str) -> None:
    host = Host()
    restore(host, program, GOOD, "-c")
    done = restore(host, program, f"*filter\n:INPUT ACCEPT\n-A INPUT -j DROP\n{bad}\nCOMMIT\n")
    assert done.rc != 0
    assert "line 4" in done.err or "line: 4" in done.err
    assert saved(host, program, "-c") == GOOD


@pytest.mark.parametrize("program", OWNERS)
def test_a_table_that_is_committed_stays_although_a_later_one_is_wrong(program: str) -> None:
    host = Host()
    text = "*filter\n-A INPUT -j DROP\nCOMMIT\n*mangle\n-A INPUT -p nope\nCOMMIT\n"
    assert restore(host, program, text).rc == 2
    assert "-A INPUT -j DROP" in saved(host, program)


@pytest.mark.parametrize("program", OWNERS)
def test_without_commit_nothing_is_taken(program: str) -> None:
    host = Host()
    done = restore(host, program, "*filter\n-A INPUT -j DROP\n")
    assert (done.rc, "COMMIT expected at line 3" in done.err) == (1, True)
    assert "DROP" not in saved(host, program)


@pytest.mark.parametrize("program", OWNERS)
def test_with_t_nothing_is_taken(program: str) -> None:
    host = Host()
    assert restore(host, program, GOOD, "-t").rc == 0
    assert "mine" not in saved(host, program)


@pytest.mark.parametrize("program", OWNERS)
def test_n_keeps_what_is_there(program: str) -> None:
    host = Host()
    restore(host, program, GOOD)
    restore(host, program, "*filter\n-A INPUT -j RETURN\nCOMMIT\n", "-n")
    assert "-A INPUT -i lo -j mine\n-A INPUT -j RETURN\n" in saved(host, program)


@pytest.mark.parametrize("program", OWNERS)
def test_table_chooses_one(program: str) -> None:
    host = Host()
    restore(host, program, GOOD + "*raw\n-A OUTPUT -j RETURN\nCOMMIT\n", "-T", "raw")
    assert saved(host, program, "-t", "raw").endswith("-A OUTPUT -j RETURN\nCOMMIT\n")
    assert "mine" not in saved(host, program)


def test_the_owners_do_not_see_each_other() -> None:
    host = Host()
    restore(host, "iptables-legacy", GOOD)
    assert saved(host, "iptables-nft") == ""
    assert virtual.run(["iptables", "-S", "INPUT"], host).out == "-P INPUT ACCEPT\n"


def test_rules_know_the_line_that_made_them() -> None:
    host = Host()
    text = "iptables -A INPUT -j DROP\niptables-restore -n <<END\n*filter\n-A INPUT -j ACCEPT\nCOMMIT\nEND\n"
    assert virtual.run_setup(host, text, "lab.setup") == []
    table = host.init.tables.get(NFT, "filter")
    assert table is not None
    origins = [rule.origin for rule in table.chains["INPUT"].rules]
    assert origins == ["lab.setup:1", "lab.setup:2+2"]


def test_quotes_and_backslashes_make_words() -> None:
    assert split('-A INPUT --log-prefix "a \\"b\\" " -j LOG') == [
        "-A",
        "INPUT",
        "--log-prefix",
        'a "b" ',
        "-j",
        "LOG",
    ]
    assert split('-m comment --comment ""') == ["-m", "comment", "--comment", ""]


def test_five_thousand_rules_come_back_as_they_went_in() -> None:
    host = Host()
    rules = "".join(
        f"-A INPUT -s 10.{number >> 8}.{number & 255}.0/24 -p udp -m udp --dport {number % 99 + 1} -j DROP\n"
        for number in range(5000)
    )
    assert restore(host, "iptables", f"*filter\n{rules}COMMIT\n").rc == 0
    assert rules in saved(host, "iptables")


def test_what_is_not_modelled_is_named_with_its_line_and_changes_nothing() -> None:
    host = Host()
    restore(host, "iptables", GOOD, "-c")
    done = restore(host, "iptables", "*filter\n-A INPUT -j DROP\n-A INPUT -m osf\nCOMMIT\n")
    assert done.rc == 2
    assert done.err.startswith("pystack: iptables-restore: line 3: iptables -m osf is not modelled (known: ")
    assert saved(host, "iptables", "-c") == GOOD
