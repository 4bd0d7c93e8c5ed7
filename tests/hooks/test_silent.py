"""What is changed in a namespace without a word of the kernel's is found by looking."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.silent import LEGACY, SETS, SYSCTLS, SilentChanges
from tests.compare.lab.patience import wait_until

pytestmark = pytest.mark.root

SETUP = """
ip link set lo up
iptables-legacy -A INPUT -i lo
ipset create bad hash:ip timeout 600
ipset add bad 192.0.2.6
"""
LOOKED_AT = (("net", "ipv4", "ip_default_ttl"), ("net", "ipv4", "conf", "lo", "rp_filter"))


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1"]) as lab:
        lab.sh(SETUP).check()
        yield lab


@pytest.fixture
def silent(kernel: KernelNetns) -> SilentChanges:
    silent = SilentChanges(kernel.netns_path, LOOKED_AT)
    silent.look()
    return silent


@pytest.mark.parametrize(
    ("commands", "kinds"),
    [
        ("sysctl -qw net.ipv4.ip_default_ttl=63", {SYSCTLS}),
        ("sysctl -qw net.ipv4.conf.tap1.rp_filter=2", {SYSCTLS}),
        ("sysctl -qw net.ipv4.conf.tap1.accept_local=1", set()),  # nobody asked for it
        ("iptables-legacy -A INPUT -p icmp", {LEGACY}),
        ("iptables-legacy -P INPUT DROP; iptables-legacy -A INPUT -i lo -j ACCEPT", {LEGACY}),
        ("ip6tables-legacy -t mangle -A INPUT -p tcp", {LEGACY}),
        ("ping -q -c 1 127.0.0.1", set()),  # a rule counts it
        ("ipset add bad 192.0.2.7", {SETS}),
        ("ipset destroy bad", {SETS}),
        ("ip link set tap1 mtu 1400", set()),
    ],
)
def test_a_change_is_found_once(
    kernel: KernelNetns, silent: SilentChanges, commands: str, kinds: set[str]
) -> None:
    kernel.sh(commands).check()
    silent.look()
    assert silent.taken()[0] == kinds
    silent.look()
    assert silent.taken()[0] == set()


def test_members_that_packets_bring_are_not_looked_at(kernel: KernelNetns, silent: SilentChanges) -> None:
    kernel.sh("ipset create good hash:ip").check()
    silent.sets_are_filled = True
    silent.look()
    kernel.sh("ipset add good 192.0.2.8").check()
    silent.look()
    assert silent.taken()[0] == set()


def test_a_device_that_comes_is_looked_at_from_then_on(kernel: KernelNetns, silent: SilentChanges) -> None:
    kernel.sh("ip link add br7 type bridge").check()
    silent.look()
    kernel.sh("sysctl -qw net.ipv4.conf.br7.rp_filter=2").check()
    silent.look()
    assert silent.taken()[0] == {SYSCTLS}


def test_it_looks_by_itself_until_it_is_closed(kernel: KernelNetns, silent: SilentChanges) -> None:
    silent.start()
    _, began = silent.taken()
    kernel.sh("sysctl -qw net.ipv4.ip_default_ttl=62").check()
    wait_until(lambda: silent.taken()[0] == {SYSCTLS})
    assert silent.taken()[1] > began
    silent.close()
