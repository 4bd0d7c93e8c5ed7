"""What one command of a batch knows of those in front of it: intervals that are there, were, or come."""

from __future__ import annotations

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host


@pytest.fixture
def host() -> Host:
    return Host()


def nft(host: Host, text: str) -> Completed:
    return virtual.run(["nft", "-f", "-"], host, outside=Outside(stdin=f"{text}\n".encode()))


def with_set(*intervals: str, flags: str = "") -> str:
    elements = ", ".join(intervals)
    return (
        f"table ip t {{\nset s {{ type ipv4_addr; flags interval; {flags} elements = {{ {elements} }}; }}\n}}"
    )


def elements(host: Host) -> str:
    listing = virtual.run(["nft", "list", "ruleset"], host).out
    return next((line.strip() for line in listing.splitlines() if "elements" in line), "")


OVERLAP = "Error: interval overlaps with an existing one"


def test_a_second_batch_must_leave_the_intervals_of_the_first_one_alone(host: Host) -> None:
    assert nft(host, with_set("1.1.1.0/24")).rc == 0
    assert OVERLAP in nft(host, "add element ip t s { 1.1.1.7 }").err


@pytest.mark.parametrize("away", ["flush ruleset", "delete table ip t", "flush set ip t s"])
def test_intervals_that_the_batch_takes_away_are_in_nobodys_way(host: Host, away: str) -> None:
    assert nft(host, with_set("1.1.1.0/24")).rc == 0
    assert nft(host, f"{away}\n{with_set('1.1.0.0/16')}").err == ""
    assert elements(host) == "elements = { 1.1.0.0/16 }"


def test_a_set_that_is_made_anew_holds_nothing_of_the_old_one(host: Host) -> None:
    assert nft(host, with_set("1.1.1.0/24")).rc == 0
    assert nft(host, f"delete set ip t s\n{with_set('1.1.0.0/16')}").err == ""


def test_an_interval_that_was_deleted_leaves_room_for_another(host: Host) -> None:
    assert nft(host, with_set("1.1.1.0/24")).rc == 0
    assert nft(host, "delete element ip t s { 1.1.1.0/24 }\nadd element ip t s { 1.1.1.7 }").err == ""


def test_auto_merge_joins_what_touches_in_another_batch(host: Host) -> None:
    assert nft(host, with_set("1.1.1.0/24", flags="auto-merge;")).rc == 0
    assert nft(host, "add element ip t s { 1.1.1.7, 1.1.2.0/24 }").err == ""
    assert elements(host) == "elements = { 1.1.1.0-1.1.2.255 }"


def test_of_a_set_that_was_there_an_error_knows_no_place(host: Host) -> None:
    assert nft(host, with_set("1.1.1.0/24")).rc == 0
    assert nft(host, "add element ip t s { 9.9.9.9 : 5 }").err == "netlink: Error: set is not a map\n"


def test_of_two_intervals_that_begin_alike_the_one_put_in_first_is_blamed(host: Host) -> None:
    said = nft(host, f"{with_set('1.1.1.0/24')}\nadd element ip t s {{ 1.1.1.0 }}").err
    assert said.startswith("/dev/stdin:2:")
    assert "conflicting intervals specified" in said


@pytest.mark.parametrize(
    "command", ["delete element ip t s { $one }", "add element ip t s { 1.1.1.1, $one }"]
)
def test_an_element_from_a_variable_is_blamed_where_the_variable_is_named(host: Host, command: str) -> None:
    nft(host, "table ip t {\nset s { type ipv4_addr; flags interval; elements = { 1.1.0.0/24 }; }\n}")
    said = nft(host, f"define one = 1.1.0.0/16\n{command}").err.splitlines()
    assert [said[1], said[2].index("^")] == [command, command.index("$one")]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("numgen inc mod 0", "Numerical result out of range"),
        ("jhash ip saddr mod 0 seed 1", "Numerical result out of range"),
        ("numgen random mod 4294967295 offset 2", "Value too large for defined data type"),
    ],
)
def test_numbers_are_only_made_of_a_span_that_32_bits_hold(host: Host, number: str, message: str) -> None:
    said = nft(host, f"table ip t {{\nchain c {{\nmeta mark set {number}\n}}\n}}").err.splitlines()
    assert said[0] == f"/dev/stdin:3:15-{14 + len(number)}: Error: Could not process rule: {message}"
