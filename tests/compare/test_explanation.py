"""A difference is explained by the step it lies in, the first hop that differs, and what the tables held."""

from __future__ import annotations

from dataclasses import replace

from pystack.compare.explanation import Explanation, explain
from pystack.compare.records import Log, Output, State
from pystack.compare.rows import ALSO, FIRST, UNMARKED, Row
from tests.compare.runs import bridged, echo, entered, hops, left, lost, outcome, run


def rows(told: Explanation, heading: str) -> tuple[Row, ...]:
    return next(section.rows for section in told.sections if section.heading == heading)


def test_the_first_hop_that_one_side_lacks_is_marked_apart_from_what_follows() -> None:
    (finding, *_) = run(outcome(bridged(echo()), lost(echo())))
    marks = [(row.mark, row.kernel.strip()) for row in rows(explain(finding), "hops")]
    assert (UNMARKED, "bridge PREROUTING 50  tap1>") in marks
    assert (FIRST, "bridge FORWARD -1000  tap1>tap2") in marks
    assert (ALSO, "bridge FORWARD -150  tap1>tap2") in marks
    assert [mark for mark, _ in marks].count(FIRST) == 1


def test_the_ways_of_the_packet_stand_side_by_side() -> None:
    (finding, *_) = run(outcome(bridged(echo()), lost(echo())))
    (row,) = rows(explain(finding), "paths")
    assert row == Row(FIRST, "1-7 sent by tap2", "1-? dropped after bridge PREROUTING 50")


def test_a_packet_that_one_side_alone_has_stands_alone() -> None:
    answer = hops(echo(9), "ip/OUTPUT:>br0", packet=2)
    (finding, *_) = run(outcome([*bridged(echo()), *answer], bridged(echo())))
    assert rows(explain(finding), "paths") == (
        Row(UNMARKED, "1-7 sent by tap2", "1-7 sent by tap2"),
        Row(FIRST, "4-2-8 dropped after ip OUTPUT 400", "-"),
    )


def test_the_packets_words_are_repeated_only_where_they_change() -> None:
    (finding, *_) = run(outcome(bridged(echo()), lost(echo())))
    told = [row for row in rows(explain(finding), "hops") if "packet 1" in row.kernel]
    assert len(told) == 1


def test_fields_that_differ_are_shown_in_digits() -> None:
    (finding,) = run(outcome([entered(echo()), left(echo(63))], [entered(echo()), left(echo(62))]))
    shown = rows(explain(finding), "frames that left")
    assert shown[0].mark == FIRST
    assert Row(ALSO, "    ip.ttl 3f", "    ip.ttl 3e") in shown


def test_tables_are_set_side_by_side_without_order() -> None:
    theirs, ours = State(1, "fdb", "b dev tap2\na dev tap1\n"), State(1, "fdb", "a dev tap1\nb dev tap3\n")
    (finding,) = run(outcome([theirs], [ours]))
    assert rows(explain(finding), "fdb at the end") == (
        Row(UNMARKED, "a dev tap1", "a dev tap1"),
        Row(FIRST, "b dev tap2", "b dev tap3"),
    )


def test_a_table_that_one_side_cannot_show_is_said_to_be_so() -> None:
    found = outcome([entered(echo()), left(echo()), State(1, "conntrack", "x\n")], [entered(echo())])
    (finding,) = run(found)
    assert Row(UNMARKED, "", "(not observable)") in rows(explain(finding), "conntrack at the end")


def test_outputs_are_compared_line_by_line_and_times_in_them_are_not_marked() -> None:
    theirs = Output(1, "ping x", 0, "time=0.1 ms\nfrom a\n", "time=0.1 ms\nfrom a\n", "")
    ours = replace(theirs, text="time=0.2 ms\nfrom b\n", out="time=0.2 ms\nfrom b\n")
    (finding,) = run(outcome([theirs], [ours]))
    assert [row.mark for row in rows(explain(finding), "commands")] == [UNMARKED, UNMARKED, FIRST, UNMARKED]


def test_a_hops_reason_stands_beside_it() -> None:
    (arrival,) = hops(echo(), "netdev/INGRESS:tap1>")
    dropped = replace(arrival, verdict="drop", reason="IP_RPFILTER")
    (finding, *_) = run(outcome([entered(echo()), dropped], bridged(echo())))
    assert any(row.kernel.endswith("drop: IP_RPFILTER") for row in rows(explain(finding), "hops"))


def test_of_a_long_step_what_is_alike_is_counted_instead_of_shown() -> None:
    alike = [Log(1, f"line {number}") for number in range(100)]
    (finding,) = run(outcome([*alike, Log(1, "IN= x")], [*alike, Log(1, "IN= y")]))
    shown = rows(explain(finding), "log lines")
    assert shown == (Row(FIRST, "IN= x", "IN= y"), Row(UNMARKED, "(and 100 that are alike)", ""))


def test_of_a_step_with_many_hops_those_of_the_packet_are_shown() -> None:
    others = hops(echo(9), *["bridge/FORWARD:tap1>tap2"] * 50, packet=2)
    (finding, *_) = run(outcome([*others, *bridged(echo())], [*others, *lost(echo())]))
    told = [row.kernel.split(":")[0] for row in rows(explain(finding), "hops")]
    assert {text for text in told if text.startswith("packet")} == {"packet 1"}


def test_a_field_that_is_forgiven_is_shown_without_a_mark() -> None:
    theirs, ours = (hops(echo(ttl, ident), "ip/OUTPUT:>tap2") for ttl, ident in ((64, 7), (63, 8)))
    (finding, *_) = run(outcome(theirs, ours))
    marks = {
        row.kernel.split()[0]: row.mark for row in rows(explain(finding), "hops") if "    " in row.kernel
    }
    assert (marks["ip.ttl"], marks["ip.id"]) == (ALSO, UNMARKED)


def test_what_follows_from_the_first_difference_of_a_packet_is_marked_too() -> None:
    theirs, ours = (hops(echo(ttl), "ip/OUTPUT:>tap2", "ip/POSTROUTING:>tap2") for ttl in (64, 63))
    (finding, *_) = run(outcome(theirs, ours))
    marks = [row.mark for row in rows(explain(finding), "hops") if ">tap2" in row.kernel]
    assert marks == [FIRST, *[ALSO] * (len(marks) - 1)]


def test_a_port_that_one_side_cannot_see_is_asked_about() -> None:
    (theirs, *_), (ours, *_) = (hops(echo(ttl), "ip/OUTPUT:>br0") for ttl in (64, 63))
    (finding, *_) = run(outcome([theirs], [replace(ours, physout="tap2")]))
    hop = next(row for row in rows(explain(finding), "hops") if "OUTPUT" in row.kernel)
    assert (hop.kernel[-9:], hop.pystack[-12:]) == ("physout ?", "physout tap2")


def test_why_a_packet_was_dropped_makes_no_other_way() -> None:
    (arrival,) = hops(echo(), "netdev/INGRESS:tap1>")
    theirs = replace(arrival, verdict="drop", reason="IP_RPFILTER", mark=1)
    (finding, *_) = run(outcome([theirs], [replace(arrival, verdict="drop", reason="martian")]))
    assert [row.mark for row in rows(explain(finding), "paths")] == [UNMARKED]
