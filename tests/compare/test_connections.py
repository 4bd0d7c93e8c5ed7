"""Tables of connections of two sides: seconds may differ by one, nothing else."""

from pystack.compare.connections import reconciled, without_time

LINE = "udp      17 {} src=10.1.0.2 dst=10.2.0.2 sport=5 dport=6 [UNREPLIED] src=10.2.0.2 mark=0 use={}"


def test_lines_that_last_alike_but_for_a_second_are_equal() -> None:
    theirs, ours = reconciled([LINE.format(29, 1)], [LINE.format(30, 1)])
    assert theirs == ours


def test_who_holds_an_entry_makes_no_difference() -> None:
    theirs, ours = reconciled([LINE.format(29, 2)], [LINE.format(30, 1)])
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
