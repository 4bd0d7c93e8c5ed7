"""What is changed in the kernel while a comparison runs is changed in the copy, too."""

from collections.abc import Iterator

import pytest

from pystack.applets.virtual import run
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.live.following import CALM, Following
from pystack.compare.live.neighbours import Neighbours
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.host import Host

pytestmark = pytest.mark.root

SETUP = "ip link set tap1 up; ip addr add 10.0.0.1/24 dev tap1; ip link set lo up"


class Followed:
    """A namespace and its copy; a change is looked for when there was time enough for it."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        self.building: Building = build(read(kernel.netns_path), Host(seed=1))
        self.following = Following(kernel.netns_path)
        self.neighbours = Neighbours()
        self.now = 1.0

    def after(self, commands: str) -> set[str]:
        """What has to be read again after these."""
        self.kernel.sh(commands).check()
        self._look()
        self.now += 2 * CALM
        changed = self._look()
        self.neighbours.give(self.building, self.now + CALM)
        return changed

    def _look(self) -> set[str]:
        neighbours, changed = self.following.look(self.now)
        self.neighbours.hear(neighbours, self.now)
        return changed

    def known(self) -> list[str]:
        return run(["ip", "neigh"], self.building.host).out.splitlines()


@pytest.fixture
def followed() -> Iterator[Followed]:
    with KernelNetns(["tap1"]) as lab:
        lab.sh(SETUP).check()
        followed = Followed(lab)
        yield followed
        followed.following.close()


@pytest.mark.parametrize(
    ("commands", "kinds"),
    [
        ("ip link add br7 type bridge", {"links"}),
        ("ip addr add 10.3.0.1/24 dev tap1", {"addresses", "routes"}),
        ("ip route add 10.4.0.0/16 via 10.0.0.9", {"routes"}),
        ("ip rule add fwmark 3 lookup 77", {"rules"}),
        ("iptables -A INPUT -p icmp -j DROP", {"nft's tables"}),
        ("nft add table inet t", {"nft's tables"}),
    ],
)
def test_a_change_says_what_has_to_be_read_again(followed: Followed, commands: str, kinds: set[str]) -> None:
    assert followed.after(commands) == kinds


def test_a_change_is_waited_out(followed: Followed) -> None:
    followed.kernel.sh("ip rule add fwmark 3 lookup 77").check()
    assert followed.following.look(1.0) == ([], set())
    assert followed.following.look(1.0 + CALM / 2) == ([], set())
    assert followed.following.look(1.0 + 2 * CALM) == ([], {"rules"})
    assert followed.following.look(1.0 + 4 * CALM) == ([], set())


def test_neighbours_are_given_one_by_one(followed: Followed) -> None:
    assert followed.after("ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev tap1") == set()
    assert followed.known() == ["10.0.0.5 dev tap1 lladdr 02:00:00:00:00:05 PERMANENT "]
    followed.after("ip neigh change 10.0.0.5 lladdr 02:00:00:00:00:06 dev tap1 nud stale")
    assert followed.known() == ["10.0.0.5 dev tap1 lladdr 02:00:00:00:00:06 PERMANENT "]
    followed.after("ip neigh del 10.0.0.5 dev tap1")
    assert not any("lladdr" in line for line in followed.known())


def test_a_neighbour_is_not_known_to_packets_that_began_before_it_was(followed: Followed) -> None:
    followed.kernel.sh("ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev tap1").check()
    told, _ = followed.following.look(3.0)
    followed.neighbours.hear(told, 3.0)
    followed.neighbours.give(followed.building, 3.0)
    assert followed.known() == []
    followed.neighbours.give(followed.building, 3.1)
    assert len(followed.known()) == 1
