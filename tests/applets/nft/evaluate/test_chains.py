"""Base chains: hooks, priorities, policies and devices; and chains that are not there."""

from __future__ import annotations

import pytest

from pystack.applets.nft.errors import NftError
from tests.applets.nft.evaluate.book import Book


def listed(text: str) -> str:
    """The line that tells of the only chain's hook."""
    book = Book()
    book.run(text)
    return next(line.strip() for line in book.text().splitlines() if "hook" in line)


def of_chain(family: str, inside: str) -> str:
    return f"table {family} t {{\nchain c {{\n{inside}\n}}\n}}"


@pytest.mark.parametrize(
    ("family", "inside", "line"),
    [
        ("ip", "type filter hook input priority 0; policy drop", "priority filter; policy drop;"),
        ("ip", "type filter hook input priority filter + 10", "priority filter + 10;"),
        ("ip", "type nat hook prerouting priority -100", "priority dstnat;"),
        ("bridge", "type filter hook output priority out - 5", "priority out - 5;"),
        ("netdev", "type filter hook ingress devices = { lo, eth0 } priority 0", "{ eth0, lo }"),
        ("inet", 'type filter hook ingress device "lo" priority 7', 'device "lo"'),
    ],
)
def test_a_chain_hangs_where_its_text_says(family: str, inside: str, line: str) -> None:
    assert line in listed(of_chain(family, inside))


@pytest.mark.parametrize(
    ("family", "inside", "message"),
    [
        ("ip", "type filter hook ingress priority 0", "The ip family does not support this hook"),
        ("arp", "type filter hook prerouting priority 0", "The arp family does not support this hook"),
        (
            "ip",
            "type filter hook input priority dstnat",
            "invalid priority expression value in this context.",
        ),
        ("inet", "type filter hook ingress priority 0", "Missing `device' in this chain definition"),
        ("inet", "type filter hook input device lo priority 0", "This chain type cannot be bound to device"),
    ],
)
def test_a_chain_is_refused_where_it_cannot_hang(family: str, inside: str, message: str) -> None:
    with pytest.raises(NftError) as refused:
        Book().run(of_chain(family, inside))
    assert [complaint.message for complaint in refused.value.complaints] == [message]


def test_a_variable_may_hold_a_priority_and_a_policy() -> None:
    text = 'define p = "filter + 5"\ndefine q = "drop"\n'
    chain = of_chain("ip", "type filter hook output priority $p; policy $q")
    assert "priority filter + 5; policy drop;" in listed(text + chain)


def test_a_wrong_policy_is_told_twice() -> None:
    chain = of_chain("ip", "type filter hook output priority 0; policy $q")
    with pytest.raises(NftError) as refused:
        Book().run(f"define q = foo\n{chain}")
    messages = [complaint.message for complaint in refused.value.complaints]
    assert messages == ["wrong policy", "invalid policy expression variable"]


def test_rules_of_an_inner_chain_know_nothing_of_the_one_around_it() -> None:
    book = Book()
    book.run(of_chain("inet", "tcp dport 5 jump {\nudp dport 7 accept\n}"))
    assert "udp dport 7 accept" in book.text()


def test_each_command_of_a_table_fails_alone() -> None:
    rules = "tcp dport 70000\nip saddr 1.1.1.1 accept\nip6 saddr ::1 ip saddr 1.1.1.1"
    with pytest.raises(NftError) as refused:
        Book().run(of_chain("inet", rules))
    assert len(refused.value.complaints) == 2


def test_states_of_a_timeout_must_be_those_of_its_protocol() -> None:
    text = "table ip t {\nct timeout x { protocol udp; l3proto ip; policy = { close : 6 }; }\n}"
    with pytest.raises(NftError) as refused:
        Book().run(text)
    assert refused.value.complaints[0].message == "invalid state for this protocol"


def test_what_is_not_modelled_is_refused_by_name() -> None:
    with pytest.raises(NftError) as refused:
        Book().run("table inet t {\nflowtable f { hook ingress priority 0; devices = { lo }; }\n}")
    assert refused.value.complaints[0].message == "flowtable is not modelled"
