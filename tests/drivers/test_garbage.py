"""The garbage collector, as the daemon wants it."""

import gc
from collections.abc import Iterator

import pytest

from pystack.drivers.garbage import NEVER, gc_discipline


@pytest.fixture(autouse=True)
def put_back() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.set_threshold(*thresholds)
    gc.unfreeze()


class Cycle:
    """Refers to itself, so that only the collector ends it."""

    ended = 0

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        type(self).ended += 1


def test_what_is_there_at_start_is_not_looked_at_again() -> None:
    gc_discipline()
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[2] == NEVER


def test_a_full_collection_never_comes_by_itself_and_the_young_ones_do() -> None:
    gc_discipline()
    before = gc.get_stats()[2]["collections"]
    Cycle.ended = 0
    keep = []
    for _ in range(100_000):
        keep.append([Cycle()])
        if len(keep) > 100:
            keep.clear()
    assert Cycle.ended > 90_000
    assert gc.get_stats()[2]["collections"] == before
