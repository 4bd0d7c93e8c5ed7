"""What is changed in the kernel while a comparison runs is changed in the copy, too."""

from collections.abc import Iterator

import pytest

from pystack.applets.virtual import run
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.live.following import CALM, PATIENCE, Following
from pystack.compare.live.neighbours import Neighbours
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.hooks.ours import PROBES
from pystack.host import Host
from tests.compare.lab.patience import wait_until

pytestmark = pytest.mark.root

SETUP = """
ip link set tap1 up
ip addr add 10.0.0.1/24 dev tap1
ip link set lo up
iptables-legacy -A INPUT -i lo
"""


class Followed:
    """A namespace and its copy; a change is looked for when there was time enough for it."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        self.following = Following(kernel.netns_path)
        self.building: Building = build(read(kernel.netns_path), Host(seed=1))
        self.neighbours = Neighbours()
        self.now = 1.0

    def after(self, commands: str) -> str:
        """What has to be read again after these."""
        self.kernel.sh(commands).check()
        changed = self.following.look_closely(self.now)
        self.neighbours.hear(self.following.neighbours(), self.now)
        self.now += 2 * CALM
        assert self.following.is_calm(self.now)
        self.neighbours.give(self.building, self.now + CALM)
        self.following.begin()
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
        ("ip link add br7 type bridge", "entries of bridges, links"),
        ("ip link set tap1 mtu 1400", "links"),
        ("ip addr add 10.3.0.1/24 dev tap1", "addresses, routes"),
        ("ip route add 10.4.0.0/16 via 10.0.0.9", "routes"),
        ("ip rule add fwmark 3 lookup 77", "rules"),
        ("iptables-nft -A INPUT -p icmp -j DROP", "nft's tables"),
        ("nft add table inet t", "nft's tables"),
        ("bridge fdb add 02:00:00:00:00:09 dev tap1", "entries of bridges"),
        ("sysctl -qw net.ipv4.conf.tap1.rp_filter=2", "sysctls"),
        ("iptables-legacy -A INPUT -p icmp -j DROP", "legacy tables"),
    ],
)
def test_a_change_says_what_has_to_be_read_again(followed: Followed, commands: str, kinds: str) -> None:
    assert followed.after(commands) == kinds


@pytest.mark.parametrize(
    "commands",
    [
        "ip link set tap1 up mtu 1500",  # it is
        "ping -q -c 1 127.0.0.1",  # a rule counts it
        f"nft add table ip {PROBES}; nft add chain ip {PROBES} one",
    ],
)
def test_what_says_nothing_new_is_no_change(followed: Followed, commands: str) -> None:
    assert followed.after(commands) == ""


def test_members_of_a_set_are_no_change_where_packets_bring_them(followed: Followed) -> None:
    followed.after("ipset create bad hash:ip; iptables -A INPUT -j SET --add-set bad src")
    followed.following.keep(build(read(followed.kernel.netns_path), Host(seed=1)))
    followed.following.begin()
    assert followed.after("ipset add bad 192.0.2.8") == ""


def test_a_change_is_waited_out(followed: Followed) -> None:
    followed.kernel.sh("ip rule add fwmark 3 lookup 77").check()
    assert followed.following.look(1.0) == "rules"
    assert not followed.following.is_calm(1.0 + CALM / 2)
    assert followed.following.look(1.0 + 2 * CALM) == "rules", "nobody has read them again"
    assert followed.following.is_calm(1.0 + 2 * CALM)
    followed.following.begin()
    assert followed.following.look(1.0 + 4 * CALM) == ""


def test_changes_that_do_not_end_are_read_all_the_same(followed: Followed) -> None:
    calm = []
    for moment in range(25):
        followed.kernel.sh(f"ip rule add pref {1000 + moment} fwmark 3 lookup 77").check()
        assert followed.following.look(moment * CALM / 2) == "rules"
        calm.append(followed.following.is_calm(moment * CALM / 2))
    assert calm == [moment * CALM / 2 >= PATIENCE for moment in range(25)]


def test_what_nobody_tells_is_looked_at_again_and_again(followed: Followed) -> None:
    followed.kernel.sh("sysctl -qw net.ipv4.conf.tap1.rp_filter=2").check()
    wait_until(lambda: followed.following.look(1.0) == "sysctls")


def test_neighbours_are_given_one_by_one(followed: Followed) -> None:
    assert followed.after("ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev tap1") == ""
    assert followed.known() == ["10.0.0.5 dev tap1 lladdr 02:00:00:00:00:05 PERMANENT "]
    followed.after("ip neigh change 10.0.0.5 lladdr 02:00:00:00:00:06 dev tap1 nud stale")
    assert followed.known() == ["10.0.0.5 dev tap1 lladdr 02:00:00:00:00:06 PERMANENT "]
    followed.after("ip neigh del 10.0.0.5 dev tap1")
    assert not any("lladdr" in line for line in followed.known())


def test_a_neighbour_is_not_known_to_packets_that_began_before_it_was(followed: Followed) -> None:
    followed.kernel.sh("ip neigh add 10.0.0.5 lladdr 02:00:00:00:00:05 dev tap1").check()
    followed.following.look(3.0)
    followed.neighbours.hear(followed.following.neighbours(), 3.0)
    followed.neighbours.give(followed.building, 3.0)
    assert followed.known() == []
    followed.neighbours.give(followed.building, 3.1)
    assert len(followed.known()) == 1
