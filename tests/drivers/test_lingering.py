"""Waiting without trio for the next frame of any port."""

import os
import socket
from collections.abc import Iterator

import pytest

from pystack.drivers.lingering import Lingering
from pystack.drivers.unix_dgram import UnixDgramDriver
from tests.drivers.lab import Lab

Pair = tuple[UnixDgramDriver, socket.socket]


@pytest.fixture
def pairs() -> Iterator[list[Pair]]:
    lab, made = Lab(), []
    for port in lab.ports:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        made.append((UnixDgramDriver(port, ours), theirs))
    yield made
    for driver, theirs in made:
        driver.close()
        theirs.close()


def test_whoever_has_frames_is_named_and_nobody_if_none_come(pairs: list[Pair]) -> None:
    (one, to_one), (two, to_two) = pairs
    with Lingering() as lingering:
        lingering.watch(one)
        lingering.watch(two)
        lingering.watch(two)
        assert lingering.wait() == []
        to_two.send(b"x")
        assert lingering.wait() == [two]
        to_one.send(b"x")
        assert set(lingering.wait()) == {one, two}
        lingering.forget(two)
        lingering.forget(two)
        assert lingering.wait() == [one]


def test_a_descriptor_that_was_closed_and_came_back_as_anothers_is_the_others(pairs: list[Pair]) -> None:
    (one, _), (two, to_two) = pairs
    with Lingering() as lingering:
        lingering.watch(one)
        number = one.fileno()
        one.close()
        os.dup2(two.fileno(), number)
        again = UnixDgramDriver(two.dev, socket.socket(fileno=number))
        lingering.forget(one)
        lingering.watch(again)
        to_two.send(b"x")
        assert lingering.wait() == [again]
        lingering.forget(again)
        again.close()


def test_outside_of_its_block_it_watches_nothing(pairs: list[Pair]) -> None:
    (one, to_one), _ = pairs
    lingering = Lingering()
    lingering.watch(one)
    to_one.send(b"x")
    assert lingering.wait() == []
    with lingering:
        lingering.watch(one)
    lingering.forget(one)
    assert lingering.wait() == []
