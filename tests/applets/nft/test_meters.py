"""Meters and their commands."""

import json

import pytest

from pystack.applets import virtual
from pystack.host import Host

FIRST = """\
\tmeter mm {
\t\ttype ipv4_addr
\t\tsize 65535
\t\tflags dynamic
\t}
"""
SECOND = """\
\tmeter m2 {
\t\ttype ipv4_addr . ipv4_addr
\t\tsize 9
\t\tflags dynamic,timeout
\t}
"""


@pytest.fixture
def host() -> Host:
    made = Host()
    for words in (
        "ip link set lo up",
        "nft add table ip t",
        "nft add chain ip t c { type filter hook output priority 0; }",
        "nft add rule ip t c icmp type echo-request meter mm { ip daddr limit rate 1/second }",
        "nft add rule ip t c icmp type echo-reply meter m2 size 9 { ip daddr . ip saddr timeout 9s counter }",
        "nft add set ip t s { type ipv4_addr; }",
    ):
        assert virtual.run(words.split(), made).rc == 0
    return made


def nft(host: Host, words: str) -> str:
    done = virtual.run(["nft", *words.split()], host)
    return done.out + done.err


def test_they_are_shown_as_sets_are(host: Host) -> None:
    assert nft(host, "list meters") == f"table ip t {{\n{FIRST}{SECOND}}}\n"
    assert nft(host, "list meter ip t mm") == f"table ip t {{\n{FIRST}}}\n"


def test_those_of_other_families_and_tables_without_any(host: Host) -> None:
    nft(host, "add table ip6 t")
    assert nft(host, "list meters ip6") == "table ip6 t {\n}\n"


def test_the_commands_of_sets_do_not_show_them(host: Host) -> None:
    assert nft(host, "list sets") == "table ip t {\n\tset s {\n\t\ttype ipv4_addr\n\t}\n}\n"
    assert nft(host, "list set ip t mm").startswith("Error: No such file or directory\n")
    assert nft(host, "list meter ip t s").startswith("Error: No such file or directory\n")


def test_their_handles_come_before_the_rules(host: Host) -> None:
    assert "\tmeter mm { # handle 2\n" in nft(host, "-a list meter ip t mm")
    assert "\tmeter m2 { # handle 4\n" in nft(host, "-a list meters")


def test_packets_put_elements_into_them(host: Host) -> None:
    assert virtual.run(["ping", "-c", "1", "127.0.0.1"], host).rc == 0
    elements = "\t\telements = { 127.0.0.1 limit rate 1/second }\n"
    assert nft(host, "list meter ip t mm") == f"table ip t {{\n{FIRST[:-3]}{elements}\t}}\n}}\n"
    assert "127.0.0.1 . 127.0.0.1 counter packets 1 bytes 84 timeout 9s expires 9s }" in nft(
        host, "list meters"
    )
    assert nft(host, "-t list meters") == nft(host, "-s list meters") == f"table ip t {{\n{FIRST}{SECOND}}}\n"


def test_json_knows_them_too(host: Host) -> None:
    _, meter = json.loads(nft(host, "-j list meter ip t m2"))["nftables"]
    assert meter == {
        "meter": {
            "family": "ip",
            "name": "m2",
            "table": "t",
            "type": ["ipv4_addr", "ipv4_addr"],
            "handle": 4,
            "size": 9,
            "flags": ["timeout"],
        }
    }


def test_only_its_rule_may_change_it(host: Host) -> None:
    assert nft(host, "flush meter ip t mm").startswith(
        "Error: Could not process rule: Operation not supported\n"
    )
