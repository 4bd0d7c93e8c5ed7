"""A live namespace answers commands of ours, as a copy of it."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.daemon.running import pystack

pytestmark = pytest.mark.root

SETUP = """
ip link set tap1 address 02:00:00:00:00:01
ip address add 10.0.0.1/24 dev tap1
ip link set tap1 up
ip route add 10.9.0.0/16 via 10.0.0.9
iptables -A INPUT -p icmp -j DROP
"""
PING = "10.0.0.2 > 10.0.0.1: ICMP echo request, id 1, seq 1, length 64"


@pytest.fixture(scope="module")
def netns() -> Iterator[str]:
    with KernelNetns(["tap1"]) as lab:
        lab.sh(SETUP).check()
        yield lab.netns_path


def test_a_namespace_is_printed_as_a_setup(netns: str) -> None:
    told = pystack("import", netns)
    assert told.rc == 0
    assert told.out.startswith("# ports: tap1 (")
    lines = told.out.splitlines()
    assert "ip route add 10.9.0.0/16 via 10.0.0.9 dev tap1" in lines
    assert "iptables -A INPUT -p icmp -j DROP" in lines


def test_explain_knows_the_rules_of_a_live_namespace(netns: str) -> None:
    told = pystack("explain", PING, "--host", netns, "--in", "tap1")
    assert told.rc == 1
    assert "filter:INPUT:1 (-p icmp -j DROP): DROP" in told.out


def test_commands_run_on_a_copy_of_a_live_namespace(netns: str) -> None:
    told = pystack(f"--host={netns}", "ip", "route", "get", "10.9.1.1")
    assert told.out.startswith("10.9.1.1 via 10.0.0.9 dev tap1 src 10.0.0.1")


def test_a_namespace_that_is_not_there_is_one_line_and_4() -> None:
    told = pystack("import", "nowhere-at-all")
    assert (told.rc, told.out) == (4, "")
    assert told.err.count("\n") == 1
    assert "there is no network namespace nowhere-at-all" in told.err
