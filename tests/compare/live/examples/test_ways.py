"""The way of one packet among all that a lab saw."""

from dataclasses import replace

from pystack.compare.live.examples.ways import is_same_way, way_of
from pystack.compare.live.judge import Verdict
from pystack.compare.records import Hop
from tests.compare.live.made import ANSWER, PING, entering, leaving

LIVE = Verdict(1, entering(PING), [])


def numbered(hops: list[Hop], number: int) -> list[Hop]:
    return [replace(hop, packet=number) for hop in hops]


def test_the_last_packet_of_the_flow_that_began_alike_is_taken() -> None:
    one, two = numbered(entering(PING), 1), numbered(entering(PING), 2)
    assert way_of([*one, *two, *numbered(leaving(ANSWER), 3)], LIVE) == two


def test_fragments_are_one_packet() -> None:
    entered, first = entering(PING)[:2]
    pieces = [
        replace(entered, packet=number, data=entered.data[:20] + flags + entered.data[22:])
        for number, flags in enumerate((b"\x20\0", b"\0\2"), 1)
    ]
    together = replace(first, packet=2)
    assert way_of([*pieces, together], LIVE) == [*pieces, together]


def test_another_flow_is_not() -> None:
    assert way_of(entering(PING.replace("id 7", "id 8")), LIVE) == []


def test_another_message_of_the_flow_is_not() -> None:
    assert way_of(entering(ANSWER), LIVE) == []


def test_a_way_is_where_a_packet_was_seen() -> None:
    hops = entering(PING)
    assert is_same_way(hops, [replace(hop, mark=7) for hop in hops])
    assert not is_same_way(hops, hops[:-1])
