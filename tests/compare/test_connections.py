"""Tables of connections of two sides: seconds may differ by one, nothing else."""

import pytest

from pystack.compare.connections import reconciled, reconciled_events, without_time

LINE = "udp      17 {} src=10.1.0.2 dst=10.2.0.2 sport=5 dport=6 [UNREPLIED] src=10.2.0.2 mark=0 use={}"


def test_lines_that_last_alike_but_for_a_second_are_equal() -> None:
    theirs, ours = reconciled([LINE.format(29, 1)], [LINE.format(30, 1)])
    assert theirs == ours


def test_who_holds_an_entry_makes_no_difference() -> None:
    theirs, ours = reconciled([LINE.format(29, 2)], [LINE.format(30, 1)])
    assert theirs == ours


def test_the_family_in_front_makes_no_difference_to_what_lasts() -> None:
    line = "ipv6     10 " + LINE.replace("10.1.0.2", "2001:db8::a")
    theirs, ours = reconciled([line.format(29, 1)], [line.format(30, 1)])
    assert theirs == ours


def test_lines_that_last_otherwise_stay_as_they_are() -> None:
    theirs, ours = reconciled([LINE.format(29, 1)], [LINE.format(31, 1)])
    assert (theirs, ours) == ([LINE.format(29, 1)], [LINE.format(31, 1)])


def test_each_line_finds_its_own_twin() -> None:
    other = LINE.replace("sport=5", "sport=9")
    theirs, ours = reconciled(
        [LINE.format(29, 1), other.format(120, 1)], [other.format(119, 1), LINE.format(30, 1)]
    )
    assert sorted(theirs) == sorted(ours)


def test_what_is_no_connection_keeps_its_text() -> None:
    assert without_time("10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE") == (
        "10.0.0.1 dev eth0 lladdr 02:00:00:00:00:01 REACHABLE"
    )


EVENT = " [UPDATE] tcp      6 {} ESTABLISHED src=10.1.0.2 dst=10.2.0.2{}"
END = "[DESTROY] udp      17 {}src=10.1.0.{} dst=10.2.0.2"


def test_who_changed_a_connection_makes_no_difference_but_that_somebody_did() -> None:
    by_one, by_other = " [USERSPACE] portid=7 progname=conntrack", " [USERSPACE] portid=9"
    assert without_time(EVENT.format(9, by_one)) == without_time(EVENT.format(9, by_other))
    assert without_time(EVENT.format(9, by_one)) != without_time(EVENT.format(9, ""))


def test_events_are_compared_in_their_order() -> None:
    lines = [EVENT.format(9, " mark=1"), EVENT.format(9, " mark=2")]
    theirs, ours = reconciled_events(lines, lines[::-1])
    assert theirs != ours


def test_connections_that_end_together_may_end_in_any_order() -> None:
    theirs, ours = reconciled_events(
        [END.format("29 ", 1), END.format("29 ", 2)], [END.format("30 ", 2), END.format("30 ", 1)]
    )
    assert theirs == ours


def test_an_end_that_says_no_time_has_none_left() -> None:
    theirs, ours = reconciled_events([END.format("", 1)], [END.format("1 ", 1)])
    assert theirs == ours


@pytest.mark.parametrize(
    "line",
    [
        "{} proto=6 src=10.2.0.2 dst=10.1.0.2 sport=0 dport=5001 class=0 helper=ftp",
        "{} l3proto = 2 proto=6 src=10.2.0.2 dst=10.1.0.2 sport=0 dport=5001 ftp",
        "    [NEW] {} proto=6 src=10.2.0.2 dst=10.1.0.2",
        "-A -t {} -u SEEN_REPLY -s 10.1.0.2 -d 10.2.0.2",
        "ipv4     2 tcp      6 {} ESTABLISHED src=10.1.0.2",
    ],
)
def test_a_second_makes_no_difference_in_any_listing(line: str) -> None:
    theirs, ours = reconciled([line.format(299)], [line.format(300)])
    assert theirs == ours
    theirs, ours = reconciled([line.format(290)], [line.format(300)])
    assert theirs != ours
