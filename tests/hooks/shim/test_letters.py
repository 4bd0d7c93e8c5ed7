"""What goes between the process that answers for queues and whoever is asked arrives as it was sent."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.queue.packet import NF_DROP, NF_REPEAT, Queued
from pystack.hooks.shim.letters import Mail, pair

PACKET = Queued(
    7, 0x0800, 2, 3, 4, 5, 6, 0xFFFFFFFF, b"octets", 65535, bytes(range(6)), 3, (1000, 4294967295)
)


@pytest.fixture
def ends() -> Iterator[tuple[Mail, Mail]]:
    ours, theirs = pair()
    with closing(ours), closing(theirs):
        yield ours, theirs


def test_a_packet_is_shown_as_it_is(ends: tuple[Mail, Mail]) -> None:
    ours, theirs = ends
    bare = Queued(0xFFFFFFFF, 0, 0, 0, 0, 0, 0, 0, b"", 0)
    large = Queued(1, 2, 3, 0, 0, 0, 0, 0, bytes(65535), 65535)
    for place, packet in enumerate((PACKET, bare, large)):
        assert theirs.show(place, packet)
    assert ours.shown(2) == [(0, PACKET), (1, bare)]
    assert ours.shown(64) == [(2, large)]
    assert ours.shown(64) == []


@pytest.mark.parametrize(
    "answer",
    [ACCEPT, Answer(NF_DROP), Answer(NF_REPEAT, mark=0), Answer(mark=7, payload=b""), Answer(payload=b"x")],
)
def test_an_answer_arrives_as_it_was_given(ends: tuple[Mail, Mail], answer: Answer) -> None:
    ours, theirs = ends
    assert ours.reply(4, 0xFFFFFFFF, answer)
    assert theirs.replies(64) == [(4, 0xFFFFFFFF, answer)]


def test_what_nobody_reads_is_refused_at_some_time_and_nobody_waits(ends: tuple[Mail, Mail]) -> None:
    ours, theirs = ends
    count = 0
    while theirs.show(0, PACKET):
        count += 1
    assert count > 1000
    assert len(ours.shown(count + 1)) == count
    assert theirs.show(0, PACKET)


def test_an_end_that_is_closed_is_told(ends: tuple[Mail, Mail]) -> None:
    ours, theirs = ends
    theirs.show(0, PACKET)
    theirs.close()
    assert ours.shown(1) == [(0, PACKET)]
    with pytest.raises(EOFError):
        ours.shown(1)
    assert not ours.reply(0, 1, ACCEPT)
