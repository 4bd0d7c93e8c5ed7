"""Blocks of rules, `jump { … }`: chains without names, each bound to its rule."""

from __future__ import annotations

import pytest

from pystack.applets import virtual
from pystack.applets.nft.running import ruleset_lines
from pystack.host import Host

BEGINNING = (
    "ip link set lo up",
    "nft add table ip t",
    "nft add chain ip t c { type filter hook output priority 0; }",
)


@pytest.fixture
def host() -> Host:
    made = Host()
    for words in BEGINNING:
        assert virtual.run(words.split(), made).rc == 0
    return made


def nft(host: Host, words: str) -> str:
    done = virtual.run(["nft", *words.split()], host)
    return done.out + done.err


def rules(host: Host, options: str = "") -> list[str]:
    """The lines of the chain, without those around them."""
    lines = nft(host, f"{options} list chain ip t c").splitlines()
    return [line.removeprefix("\t\t") for line in lines[3:-2]]


def ping(host: Host) -> int:
    return virtual.run(["ping", "-c", "1", "-W", "1", "127.0.0.1"], host).rc


def test_packets_go_through_the_block_and_come_back(host: Host) -> None:
    nft(host, "add rule ip t c icmp type echo-request jump { counter; ip ttl 64 counter; ip ttl 3 drop; }")
    nft(host, "add rule ip t c counter")
    assert ping(host) == 0
    assert rules(host) == [
        "icmp type echo-request jump {",
        "\tcounter packets 1 bytes 84",
        "\tip ttl 64 counter packets 1 bytes 84",
        "\tip ttl 3 drop",
        "}",
        "counter packets 2 bytes 168",
    ]


def test_a_verdict_in_it_is_the_last_word(host: Host) -> None:
    nft(host, "add rule ip t c goto { icmp type echo-request drop; }")
    assert ping(host) == 1


def test_no_packet_comes_to_what_stands_behind_it_in_the_rule(host: Host) -> None:
    nft(host, "add rule ip t c jump { counter; } counter drop")
    assert ping(host) == 0
    assert rules(host) == ["jump {", "\tcounter packets 2 bytes 168", "} counter packets 0 bytes 0 drop"]


def test_its_sets_its_chain_and_its_rules_have_the_handles_in_front_of_the_rules(host: Host) -> None:
    block = "jump { ip ttl { 1, 3 } drop; ip id 3 accept; }"
    assert nft(host, f"-ae add rule ip t c ip daddr {{ 1.1.1.1, 2.2.2.2 }} {block}").splitlines()[:-1] == [
        "add chain ip t __chain3 # handle 3",
        "add rule ip t __chain3 ip ttl { 1, 3 } drop # handle 5",
        "add rule ip t __chain3 ip id 3 accept # handle 6",
        "add rule ip t c ip daddr { 1.1.1.1, 2.2.2.2 } jump __chain3 # handle 7",
    ]
    assert rules(host, "-a") == [
        "ip daddr { 1.1.1.1, 2.2.2.2 } jump {",
        "\tip ttl { 1, 3 } drop",
        "\tip id 3 accept",
        "} # handle 7",
    ]


def test_nobody_else_leads_to_its_chain(host: Host) -> None:
    nft(host, "add rule ip t c jump { accept; }")
    assert nft(host, "list chain ip t __chain2").startswith("Error: No such file or directory\n")
    assert "No such file or directory" in nft(host, "add rule ip t c jump __chain2")
    assert "__chain" not in nft(host, "list chains")


def test_it_holds_no_other_block(host: Host) -> None:
    assert nft(host, "add rule ip t c jump { jump { accept; }; }").splitlines() == [
        "Error: Could not process rule: Operation not supported",
        "add rule ip t c jump { jump { accept; }; }",
        "                       ^^^^^^^^^^^^^^^^",
    ]


def test_what_may_not_stand_in_the_chain_may_not_stand_in_its_blocks(host: Host) -> None:
    assert "Operation not supported" in nft(host, "add rule ip t c jump { masquerade; }")
    assert rules(host) == []


def test_what_it_speaks_of_cannot_go(host: Host) -> None:
    nft(host, "add chain ip t other")
    nft(host, "add set ip t s { type ipv4_addr; }")
    nft(host, "add rule ip t c jump { ip daddr @s jump other; }")
    assert "Device or resource busy" in nft(host, "delete chain ip t other")
    assert "Device or resource busy" in nft(host, "delete set ip t s")
    nft(host, "flush chain ip t c")
    assert nft(host, "delete chain ip t other; delete set ip t s") == ""


def test_a_running_block_is_written_down_in_one_line(host: Host) -> None:
    nft(host, 'add rule ip t c ip ttl 3 jump { counter; accept comment "why"; } comment "all"')
    *_, line = ruleset_lines(host.init)
    assert line == 'add rule ip t c ip ttl 3 jump { counter; accept comment "why"; } comment "all"'
    before = rules(host)
    nft(host, "flush chain ip t c")
    assert virtual.run(["nft", line], host).rc == 0
    assert rules(host) == before


def test_json_has_it_as_text_and_nft_says_so(host: Host) -> None:
    nft(host, "add map ip t m { type ipv4_addr : mark; size 10; flags dynamic; }")
    nft(host, "add rule ip t c jump { counter; }")
    done = virtual.run(["nft", "-j", "list", "chain", "ip", "t", "c"], host)
    assert done.err == "warning: stmt ops chain have no json callback\n"
    assert r'"expr": ["jump {\n\t\t\tcounter packets 0 bytes 0\n\t\t}"]' in done.out
    done = virtual.run(["nft", "-je", "add rule ip t c update @m { ip saddr : 2 }"], host)
    assert done.err == "warning: stmt ops map have no json callback\n"
