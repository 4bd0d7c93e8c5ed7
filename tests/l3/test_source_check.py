"""Can this packet really come from there?"""

import pytest

from pystack.errors import EINVAL, EXDEV
from pystack.l3.source_check import SourceCheck
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, ip


class Checked(Box):
    """eth0 10.0.0.1/24, eth1 10.0.1.1/24, bare without an address; a default route by eth1."""

    def __init__(self, rp_filter: int = 0) -> None:
        super().__init__()
        self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.port("bare", OUR_MAC2)
        self.route("0.0.0.0/0", via="10.0.1.254")
        self.sysctl("net.ipv4.conf.all.rp_filter", str(rp_filter))
        ipv4 = self.ns.ipv4
        self.check = SourceCheck(
            addresses=ipv4.addresses, confs=ipv4.confs, fib=ipv4.fib, loopback=self.ns.loopback
        )

    def verdict(self, source: str, dev: str, *, out: str = "") -> int:
        oif = self.ns.devices[out].ifindex if out else 0
        return self.check.validate(ip(source), ip("10.0.0.1"), 0, 0, oif, self.ns.devices[dev])


@pytest.mark.parametrize(
    ("source", "dev", "off", "strict", "loose"),
    [
        ("10.0.0.9", "eth0", 0, 0, 0),  # from where we would answer
        ("10.0.0.9", "eth1", 0, EXDEV, 0),  # from elsewhere
        ("8.8.8.8", "eth1", 0, 0, 0),
        ("8.8.8.8", "eth0", 0, EXDEV, 0),
        ("10.0.0.9", "bare", 0, EXDEV, EXDEV),  # no address there at all
        ("10.0.1.1", "eth0", EINVAL, EINVAL, EINVAL),  # ourselves
        ("10.0.0.255", "eth0", 0, EINVAL, EINVAL),  # a broadcast, which nobody looks at without the filter
    ],
)
def test_a_source_is_judged_as_rp_filter_says(
    source: str, dev: str, off: int, strict: int, loose: int
) -> None:
    assert [Checked(mode).verdict(source, dev) for mode in (0, 1, 2)] == [off, strict, loose]


def test_the_stricter_of_all_and_device_counts_where_the_number_is_larger() -> None:
    box = Checked()
    box.sysctl("net.ipv4.conf.eth1.rp_filter", "1")
    assert box.verdict("10.0.0.9", "eth1") == EXDEV
    assert box.verdict("8.8.8.8", "eth0") == 0
    box.sysctl("net.ipv4.conf.all.rp_filter", "2")
    assert box.verdict("10.0.0.9", "eth1") == 0


def test_without_a_way_back_only_the_filter_minds() -> None:
    for mode, verdict in ((0, 0), (1, EXDEV), (2, EXDEV)):
        box = Box()
        dev = box.port("eth0", OUR_MAC, "10.0.0.1/24")
        box.sysctl("net.ipv4.conf.all.rp_filter", str(mode))
        ipv4 = box.ns.ipv4
        check = SourceCheck(
            addresses=ipv4.addresses, confs=ipv4.confs, fib=ipv4.fib, loopback=box.ns.loopback
        )
        assert check.validate(ip("8.8.8.8"), ip("10.0.0.1"), 0, 0, 0, dev) == verdict


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_our_own_address_may_be_let_in(mode: int) -> None:
    box = Checked(mode)
    box.sysctl("net.ipv4.conf.eth0.accept_local", "1")
    assert box.verdict("10.0.0.1", "eth0") == 0
    assert box.verdict("10.0.1.1", "eth1") == EINVAL


def test_what_leaves_by_the_device_it_came_by_is_looked_up_even_without_the_filter() -> None:
    box = Checked()
    assert box.verdict("10.0.0.255", "eth0", out="eth0") == EINVAL
    assert box.verdict("10.0.0.9", "eth0", out="eth0") == 0


def test_ourselves_on_the_loopback_are_no_martians_where_local_sources_are_accepted() -> None:
    box = Checked(1)
    box.sysctl("net.ipv4.conf.lo.accept_local", "1")
    assert box.verdict("10.0.0.1", "lo") == 0
