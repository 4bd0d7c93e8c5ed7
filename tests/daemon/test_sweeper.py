"""When the daemon collects garbage."""

from pystack.daemon.sweeper import Sweeper


class World:
    """A clock, and collections that take time."""

    def __init__(self, seconds: float) -> None:
        self.now = 0.0
        self.seconds = seconds
        self.collections = 0
        self.sweeper = Sweeper(collect=self.collect, clock=lambda: self.now)

    def collect(self) -> None:
        self.collections += 1
        self.now += self.seconds

    def run(self, until: float, served: int | None = None) -> int:
        """A second at a time, a command each; how often was collected."""
        before = self.collections
        while self.now < until:
            self.now += 1
            self.sweeper.sweep_if_due(int(self.now) if served is None else served)
        return self.collections - before


def test_it_is_collected_only_if_commands_ran() -> None:
    world = World(seconds=0.001)
    assert world.run(until=10, served=0) == 0
    assert world.run(until=20, served=7) == 1


def test_a_small_heap_is_collected_every_few_seconds() -> None:
    assert 25 <= World(seconds=0.001).run(until=100) <= 50


def test_collecting_takes_no_more_than_a_thousandth_of_the_time() -> None:
    world = World(seconds=0.5)
    assert world.run(until=5000) * world.seconds <= 5000 / 1000 + world.seconds
