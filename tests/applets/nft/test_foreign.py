"""nft beside the tables of iptables-nft: their names are listed, they can be flushed, and nothing else."""

import pytest

from pystack.applets import virtual
from pystack.host import Host

IPTABLES = """\
iptables -N users
iptables -A INPUT -j users
iptables -A users -p tcp -j DROP
nft add table inet own
"""


@pytest.fixture
def host() -> Host:
    host = Host()
    assert virtual.run_setup(host, IPTABLES, "setup") == []
    return host


def sh(host: Host, line: str) -> str:
    done = virtual.run(["sh", "-c", line], host)
    return done.out + done.err


def test_the_names_of_their_tables_are_listed(host: Host) -> None:
    assert sh(host, "nft list tables") == "table inet own\ntable ip filter\n"
    assert sh(host, "nft list tables ip6") == ""


@pytest.mark.parametrize(
    "command", ["list table ip filter", "list chains", "add chain ip filter mine", "delete table ip filter"]
)
def test_nothing_else_is_shown_of_them_or_changed(host: Host, command: str) -> None:
    said = sh(host, f"nft {command}")
    assert said.startswith("pystack: nft ")
    assert "where iptables has a table ip filter is not modelled (known: iptables-save" in said


def test_a_listing_of_everything_shows_the_rest_and_names_what_it_leaves_out(host: Host) -> None:
    own, said = sh(host, "nft list ruleset").split("pystack: ", 1)
    assert own == "table inet own {\n}\n"
    assert said.startswith("nft list ruleset where iptables has a table ip filter is not modelled (known: ")


def test_other_families_are_shown_as_ever(host: Host) -> None:
    assert sh(host, "nft list ruleset inet") == "table inet own {\n}\n"


def test_flushing_all_flushes_theirs(host: Host) -> None:
    assert sh(host, "nft flush ruleset") == ""
    assert sh(host, "nft list ruleset") == ""
    assert sh(host, "iptables -S").splitlines() == [
        "-P INPUT ACCEPT",
        "-P FORWARD ACCEPT",
        "-P OUTPUT ACCEPT",
    ]


def test_their_names_are_free_behind_a_flush(host: Host) -> None:
    assert sh(host, "nft 'flush ruleset; add table ip filter; add chain ip filter mine'") == ""
    assert sh(host, "nft list ruleset") == "table ip filter {\n\tchain mine {\n\t}\n}\n"


def test_a_flush_that_comes_to_nothing_leaves_theirs(host: Host) -> None:
    sh(host, "nft 'flush ruleset; delete table ip nosuch'")
    assert "-A users -p tcp -j DROP" in sh(host, "iptables -S")
    sh(host, "nft -c flush ruleset")
    assert "-A INPUT -j users" in sh(host, "iptables -S")
