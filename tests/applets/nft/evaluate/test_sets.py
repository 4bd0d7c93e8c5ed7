"""Declarations of sets and maps, and elements that are put into them."""

from __future__ import annotations

import pytest

from pystack.applets.nft.errors import NftError
from tests.applets.nft.evaluate.book import Book


def listed(text: str) -> list[str]:
    """What a listing says of sets' elements, without the breaks between lines."""
    book = Book()
    book.run(text)
    whole = book.text().replace(",\n\t\t\t     ", ", ")
    return [line.strip() for line in whole.splitlines() if "elements" in line]


def refused(text: str) -> list[str]:
    """The words of all errors."""
    with pytest.raises(NftError) as error:
        Book().run(text)
    return [complaint.message for complaint in error.value.complaints]


def of_set(inside: str) -> str:
    return f"table ip t {{\nset s {{\n{inside}\n}}\n}}"


@pytest.mark.parametrize(
    ("inside", "elements"),
    [
        ("type ipv4_addr; flags interval; auto-merge; elements = { 1.2.3.0/24, 1.2.3.4 }", "1.2.3.0/24"),
        ("type ipv4_addr; flags interval; elements = { 1.2.4.0-1.2.5.255, 9.9.9.9 }", "1.2.4.0/23, 9.9.9.9"),
        ("type ipv4_addr; flags interval; elements = { 0.0.0.0/0 }", "0.0.0.0/0"),
        ("type inet_service; flags interval; elements = { 1024-2047, 65535, 0-5 }", "0-5, 1024-2047, 65535"),
        ("type ifname; flags interval; elements = { \"eth*\" }", '"eth*"'),
        ("typeof ip length; elements = { 700 }", "700"),
        ("typeof ip saddr . tcp dport; elements = { 1.1.1.1 . http }", "1.1.1.1 . 80"),
        ("type mark; flags interval; elements = { 300-400, 2 }", "0x00000002, 0x0000012c-0x00000190"),
    ],
)  # fmt: skip
def test_elements_become_what_a_listing_shows(inside: str, elements: str) -> None:
    assert listed(of_set(inside)) == [f"elements = {{ {elements} }}"]


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        ("type ipv4_addr; flags interval; elements = { 1.2.3.0/24, 1.2.3.4 }", "conflicting intervals"),
        ("type ipv4_addr; auto-merge", "auto-merge only works with interval sets"),
        ("flags interval", "set definition does not specify key"),
        ("type inet_service; elements = { 1-5 }", "You must add 'flags interval' to your set declaration"),
        ("type integer", "unqualified type integer specified in set definition"),
        ("typeof ip length; elements = { 70000 }", "Value 70000 exceeds valid range 0-65535"),
        ("type ipv4_addr; elements = { 1.1.1.1 : 5 }", "set is not a map"),
        ("type ipv4_addr; elements = { 1.1.1.1 counter packets 1 bytes 2 }", "missing statement in set"),
        ("type ipv4_addr; counter; elements = { 1.1.1.1 limit rate 5/second }", "statement mismatch"),
    ],
)  # fmt: skip
def test_what_a_set_cannot_be_is_said(inside: str, message: str) -> None:
    assert refused(of_set(inside))[0].startswith(message)


def test_a_new_interval_does_not_touch_one_that_is_there() -> None:
    text = of_set("type ipv4_addr; flags interval; elements = { 1.2.3.0/24 }")
    assert refused(f"{text}\nadd element ip t s {{ 1.2.3.4 }}") == ["conflicting intervals specified"]


def test_auto_merge_gives_the_union_of_old_and_new() -> None:
    text = of_set("type ipv4_addr; flags interval; auto-merge; elements = { 1.2.3.0/24, 9.9.9.9 }")
    found = listed(f"{text}\nadd element ip t s {{ 1.2.3.4, 1.2.4.0/24 }}")
    assert found[0].endswith("1.2.3.0-1.2.4.255 }")


def test_an_interval_is_only_taken_out_whole() -> None:
    text = of_set("type ipv4_addr; flags interval; elements = { 1.2.3.0/24 }")
    assert refused(f"{text}\ndelete element ip t s {{ 1.2.3.4 }}") == ["element does not exist"]


def test_a_set_that_is_not_there_may_be_another_one() -> None:
    text = "table ip t {\nset abcdef { type ipv4_addr; }\nchain c { ip saddr @abcdeg; }\n}"
    assert refused(text) == ["No such file or directory; did you mean set ‘abcdef’ in table ip ‘t’?"]


def test_rules_know_a_set_in_whose_elements_something_is_wrong() -> None:
    text = "table ip t {\nset s { type ipv4_addr; elements = { 300.1.1.1 }; }\nchain c { tcp dport @s; }\n}"
    assert len(refused(text)) == 2
    assert refused(text)[1].startswith("datatype mismatch")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("meta mark set ip saddr map @v", "expected packet mark, expression has type netfilter verdict"),
        ("tcp dport vmap @v", "map expects IPv4 address, mapping expression has type internet"),
        ("ip saddr vmap @s", "Expression is not a map"),
        ("counter name ip saddr map @v", "Expression is not a map with objects"),
        ("add @s { tcp dport }", "expected IPv4 address, expression has type internet network service"),
    ],
)  # fmt: skip
def test_a_map_is_asked_for_what_it_has(rule: str, message: str) -> None:
    sets = "set s { type ipv4_addr; flags dynamic; }\nmap v { type ipv4_addr : verdict; }"
    assert message in refused(f"table ip t {{\n{sets}\nchain c {{\n{rule}\n}}\n}}")[0]
