"""What is kept of the packets that have passed."""

from dataclasses import replace

import pytest

from pystack.compare.live import history as module
from pystack.compare.live.history import LONGEST, History
from pystack.compare.live.passing import Passing
from pystack.compare.records import Hop
from pystack.explain.words import packet_of
from pystack.hooks.imported.building import Building
from pystack.host import Host

FIRST = Hop(0, 1, "ip", "OUTPUT", -450, None, None, None, None, "eth0", None, None, 0, b"")


def passing(words: str) -> Passing:
    return Passing(0.0, 0.0, [replace(FIRST, data=packet_of(words).payload)])


@pytest.fixture
def building() -> Building:
    host = Host(seed=1)
    return Building(host, host.init)


def udp(port: int) -> Passing:
    return passing(f"10.0.0.1.{port} > 10.0.0.5.53: UDP, length 100")


def test_a_story_is_told_up_to_one_of_its_packets(building: Building) -> None:
    history = History()
    for number, port in enumerate([1, 2, 1, 1], 1):
        history.note(number, udp(port), building, is_answer=False)
    story = history.of(udp(1).hops)
    assert [seen.number for seen in story.until(3)] == [1, 3]
    assert story.before is None


def test_the_connection_that_was_known_before_is_kept(building: Building) -> None:
    words = "-I -s 10.0.0.1 -d 10.0.0.5 -p udp --sport 1 --dport 53 -t 60"
    assert building.do(["conntrack", *words.split()]), building.left_out
    history = History()
    history.note(1, udp(1), building, is_answer=False)
    before = history.of(udp(1).hops).before
    assert before is not None
    assert (before.original.sport, before.original.dport) == (1, 53)


def test_of_a_long_flow_only_what_came_last_is_kept_and_the_rest_is_counted(building: Building) -> None:
    history = History()
    for number in range(LONGEST + 3):
        history.note(number, udp(1), building, is_answer=False)
    story = history.of(udp(1).hops)
    assert (story.forgotten, len(story.packets)) == (LONGEST, 3)


def test_flows_that_are_silent_are_forgotten_when_there_are_too_many_octets(
    building: Building, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_OCTETS", 300)  # two packets
    history = History()
    for number, port in enumerate([1, 2, 1, 3], 1):
        history.note(number, udp(port), building, is_answer=False)
    left = {port: [seen.number for seen in history.of(udp(port).hops).packets] for port in (1, 2, 3)}
    assert left == {1: [], 2: [], 3: [4]}
