"""Can this packet really come from there?"""

import pytest

from pystack.drop import IP_INVALID_SOURCE, IP_LOCAL_SOURCE, IP_RPFILTER, DropReason
from pystack.l3.addresses import RT_SCOPE_HOST
from pystack.l3.fib_types import RT_TABLE_LOCAL, RTN_LOCAL
from pystack.l3.rules import FibRule
from pystack.l3.source_check import Arrival, SourceCheck
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

    def verdict(self, source: str, dev: str, *, out: str = "", mark: int = 0) -> DropReason | None:
        """Why the packet is dropped, None if it is not."""
        checked = self.judged(source, dev, out=out, mark=mark)
        return checked if isinstance(checked, DropReason) else None

    def judged(self, source: str, dev: str, *, out: str = "", mark: int = 0) -> DropReason | bool:
        oif = self.ns.devices[out].ifindex if out else 0
        arrival = Arrival(ip("10.0.0.1"), ip(source), 0, mark, self.ns.devices[dev])
        return self.check.validate(arrival, arrival.daddr, oif)


@pytest.mark.parametrize(
    ("source", "dev", "off", "strict", "loose"),
    [
        ("10.0.0.9", "eth0", None, None, None),  # from where we would answer
        ("10.0.0.9", "eth1", None, IP_RPFILTER, None),  # from elsewhere
        ("8.8.8.8", "eth1", None, None, None),
        ("8.8.8.8", "eth0", None, IP_RPFILTER, None),
        ("10.0.0.9", "bare", None, IP_RPFILTER, IP_RPFILTER),  # no address there at all
        ("10.0.1.1", "eth0", IP_LOCAL_SOURCE, IP_LOCAL_SOURCE, IP_LOCAL_SOURCE),  # ourselves
        ("10.0.0.255", "eth0", None, IP_INVALID_SOURCE, IP_INVALID_SOURCE),  # looked up by the filter alone
    ],
)
def test_a_source_is_judged_as_rp_filter_says(
    source: str, dev: str, off: DropReason | None, strict: DropReason | None, loose: DropReason | None
) -> None:
    assert [Checked(mode).verdict(source, dev) for mode in (0, 1, 2)] == [off, strict, loose]


def test_the_stricter_of_all_and_device_counts_where_the_number_is_larger() -> None:
    box = Checked()
    box.sysctl("net.ipv4.conf.eth1.rp_filter", "1")
    assert box.verdict("10.0.0.9", "eth1") is IP_RPFILTER
    assert box.verdict("8.8.8.8", "eth0") is None
    box.sysctl("net.ipv4.conf.all.rp_filter", "2")
    assert box.verdict("10.0.0.9", "eth1") is None


def test_without_a_way_back_only_the_filter_minds() -> None:
    for mode, verdict in ((0, False), (1, IP_RPFILTER), (2, IP_RPFILTER)):
        box = Box()
        dev = box.port("eth0", OUR_MAC, "10.0.0.1/24")
        box.sysctl("net.ipv4.conf.all.rp_filter", str(mode))
        ipv4 = box.ns.ipv4
        check = SourceCheck(
            addresses=ipv4.addresses, confs=ipv4.confs, fib=ipv4.fib, loopback=box.ns.loopback
        )
        arrival = Arrival(ip("10.0.0.1"), ip("8.8.8.8"), 0, 0, dev)
        assert check.validate(arrival, arrival.daddr, 0) is verdict


@pytest.mark.parametrize("mode", [0, 1, 2])
def test_our_own_address_may_be_let_in(mode: int) -> None:
    box = Checked(mode)
    box.sysctl("net.ipv4.conf.eth0.accept_local", "1")
    assert box.verdict("10.0.0.1", "eth0") is None
    assert box.verdict("10.0.1.1", "eth1") is IP_LOCAL_SOURCE


def test_what_leaves_by_the_device_it_came_by_is_looked_up_even_without_the_filter() -> None:
    box = Checked()
    assert box.verdict("10.0.0.255", "eth0", out="eth0") is IP_INVALID_SOURCE
    assert box.verdict("10.0.0.9", "eth0", out="eth0") is None


def test_ourselves_on_the_loopback_are_no_martians_where_local_sources_are_accepted() -> None:
    box = Checked(1)
    box.sysctl("net.ipv4.conf.lo.accept_local", "1")
    assert box.verdict("10.0.0.1", "lo") is None


def test_who_is_on_the_link_itself_is_told_apart_from_who_is_behind_a_gateway() -> None:
    box = Checked()
    box.route("10.7.0.0/16", via="10.0.0.7")
    assert box.judged("10.0.0.9", "eth0", out="eth0") is True
    assert box.judged("10.7.0.1", "eth0", out="eth0") is False
    for name in ("all", "eth0"):
        box.sysctl(f"net.ipv4.conf.{name}.send_redirects", "0")
    assert box.judged("10.0.0.9", "eth0", out="eth0") is False  # nobody asks


def test_a_local_route_of_a_users_own_makes_its_addresses_ours_as_sources() -> None:
    box = Checked()
    assert box.verdict("192.0.2.7", "eth0") is None
    box.route("192.0.2.0/24", box.ns.loopback, type_=RTN_LOCAL, scope=RT_SCOPE_HOST, table=RT_TABLE_LOCAL)
    assert box.verdict("192.0.2.7", "eth0") is IP_LOCAL_SOURCE


def test_the_mark_counts_on_the_way_back_only_where_src_valid_mark_says_so() -> None:
    box = Checked(1)
    box.ns.ipv4.fib.add_rule(FibRule(100, table=100, mark=7, mark_mask=0xFFFFFFFF))
    box.route("10.9.0.0/16", via="10.0.0.9", table=100)
    assert box.verdict("10.9.0.1", "eth0", mark=7) is IP_RPFILTER
    box.sysctl("net.ipv4.conf.eth0.src_valid_mark", "1")
    assert box.verdict("10.9.0.1", "eth0", mark=7) is None
