"""What is learned of single destinations; scenarios/routing/cache-*.toml compare it with the kernel."""

import pytest

from pystack.clock import Clock
from pystack.l3.exceptions import RouteException, RouteExceptions
from pystack.l3.fib_types import Nexthop
from tests.box import Box
from tests.frames import OUR_MAC, ip

THERE = ip("10.7.0.1")
LASTS = 600.0


class Learning:
    """Exceptions behind one hop over eth0."""

    def __init__(self) -> None:
        self.eth0 = Box().port("eth0", OUR_MAC)
        self.clock = Clock()
        self.known = RouteExceptions(self.clock)
        self.hop = Nexthop(self.eth0, ip("10.0.0.7"))

    def learn(self, *, pmtu: int = 0, gateway: int = 0, locked: bool = False) -> RouteException:
        self.known.note(self.hop, THERE, LASTS, pmtu=pmtu, gateway=gateway, locked=locked)
        learned = self.known.find(self.hop, THERE)
        assert learned is not None
        return learned

    def resize(self, mtu: int) -> None:
        self.eth0.mtu = mtu
        self.known.fit(self.eth0)


def test_what_was_learned_is_void_when_its_time_is_over() -> None:
    learning = Learning()
    assert learning.learn(pmtu=1000).seconds_left == LASTS
    learning.clock.now += LASTS + 1
    assert learning.known.find(learning.hop, THERE) is None


def test_a_second_lesson_leaves_what_it_does_not_say() -> None:
    learning = Learning()
    learning.learn(pmtu=1000)
    learned = learning.learn(gateway=ip("10.0.0.8"))
    assert (learned.live_pmtu, learned.gateway) == (1000, ip("10.0.0.8"))


def test_it_belongs_to_its_next_hop() -> None:
    learning = Learning()
    learning.learn(pmtu=1000)
    assert learning.known.find(Nexthop(learning.eth0, ip("10.0.0.7")), THERE) is None


def test_only_what_somebody_followed_is_listed() -> None:
    learning = Learning()
    learning.known.note(learning.hop, THERE, LASTS, pmtu=1000)
    assert learning.known.followed() == {}
    learned = learning.known.find(learning.hop, THERE)
    assert learning.known.followed() == {learning.hop: [(THERE, learned)]}


@pytest.mark.parametrize(
    ("pmtu", "locked", "mtus", "expected"),
    [
        (1000, False, (1200,), (1000, False)),
        (1000, False, (800,), (800, False)),
        (1000, False, (800, 1500), (1500, False)),  # the device was what limited it
        (1500, False, (9000,), (9000, False)),
        (552, True, (800,), (552, True)),
        (552, True, (552,), (552, False)),
        (552, True, (500,), (500, False)),
    ],
)
def test_a_way_is_not_wider_than_the_device_and_grows_with_it_if_as_wide(
    pmtu: int, locked: bool, mtus: tuple[int, ...], expected: tuple[int, bool]
) -> None:
    learning = Learning()
    learned = learning.learn(pmtu=pmtu, locked=locked)
    for mtu in mtus:
        learning.resize(mtu)
    assert (learned.live_pmtu, learned.locked) == expected


def test_a_better_gateway_says_nothing_of_the_mtu() -> None:
    learning = Learning()
    learned = learning.learn(gateway=ip("10.0.0.8"))
    learning.resize(800)
    assert learned.live_pmtu == 0


def test_other_devices_change_nothing() -> None:
    learning = Learning()
    learned = learning.learn(pmtu=1000)
    learning.known.fit(Box().port("eth1", OUR_MAC))
    assert learned.live_pmtu == 1000


def test_flushed_is_forgotten_for_good() -> None:
    learning = Learning()
    learned = learning.learn(pmtu=1000, gateway=ip("10.0.0.8"), locked=True)
    learning.known.flush()
    assert learning.known.followed() == {}
    assert learning.known.find(learning.hop, THERE) is learned  # as in Linux: of which nothing is known
    assert (learned.live_pmtu, learned.gateway, learned.locked) == (0, 0, False)
