"""A running ruleset, written down as commands, makes the same again."""

from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.applets.nft.running import ruleset_lines
from pystack.applets.running_setup import setup_lines
from pystack.host import Host

CORPUS = Path(__file__).parent / "corpus"


def loaded(text: str) -> Host:
    host = Host()
    for line in text.splitlines():
        virtual.run(["nft", line], host)  # names of /etc are not known here: such rules are left out
    return host


def listing(host: Host) -> str:
    return virtual.run(["nft", "-s", "-y", "list", "ruleset"], host).out


def test_each_thing_has_a_command_of_its_own() -> None:
    host = loaded(
        """\
add table inet t { comment "mine"; }
add chain inet t c { type filter hook input priority 5; policy drop; }
add set inet t s { type ipv4_addr; elements = { 10.0.0.1 }; }
add counter inet t k
add rule inet t c ip saddr @s counter packets 5 bytes 6 accept comment "it's"
"""
    )
    assert list(ruleset_lines(host.init)) == [
        'add table inet t { comment "mine"; }',
        "add chain inet t c { type filter hook input priority 5; policy drop; }",
        "add counter inet t k { }",
        "add set inet t s { type ipv4_addr; }",
        "add element inet t s { 10.0.0.1 }",
        'add rule inet t c ip saddr @s counter accept comment "it\'s"',
    ]


def test_what_rules_put_into_sets_is_not_written_down() -> None:
    host = loaded(
        "add table ip t\nadd set ip t s { type ipv4_addr; flags dynamic; elements = { 10.0.0.1 }; }\n"
    )
    assert [line for line in ruleset_lines(host.init) if "element" in line] == []


@pytest.mark.parametrize("name", ["inet", "bridge", "arp", "netdev", "dnat"])
def test_the_corpus_comes_back_as_it_was(name: str) -> None:
    setup, _, rules = (CORPUS / f"{name}.rules").read_text().partition("----\n")
    family = next(line for line in setup.splitlines() if line.startswith("add table")).split()[2]
    host = loaded(setup + "".join(f"add rule {family} t c {rule}\n" for rule in rules.splitlines()))
    again = Host()
    assert virtual.run_setup(again, "".join(f"{line}\n" for line in setup_lines(host, {})), "again") == []
    assert listing(again) == listing(host)
    assert listing(host).count("\n") > 20


def test_ports_that_nft_lists_without_a_type_are_written_as_numbers() -> None:
    head = "add table inet t\nadd chain inet t c { }\nadd rule inet t c "
    host = loaded(f"{head}meta l4proto {{ tcp, udp }} ct original proto-dst {{ 80, 90-100 }}\n")
    assert "0x50 [invalid type]" in listing(host)
    again = Host()
    assert virtual.run_setup(again, "".join(f"{line}\n" for line in setup_lines(host, {})), "again") == []
    assert listing(again) == listing(host)
