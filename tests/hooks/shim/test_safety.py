"""What a host accepts and drops is the same with shims and without, also while nobody answers for them."""

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.nfnetlink import NETLINK_NETFILTER
from pystack.hooks.queue.raw import RawQueue
from pystack.hooks.shim.placement import USUAL, Refused, place
from pystack.hooks.shim.rules import install, is_orphaned, saved_rules, take_back_orphans
from pystack.hooks.shim.shims import BASE, Shims
from tests.compare.lab.patience import wait_until
from tests.daemon.running import pystack
from tests.hooks.shim.hosts import HOSTS, NET, fate, has_rules, rulesets

pytestmark = pytest.mark.root


@pytest.fixture(params=list(HOSTS.values()), ids=list(HOSTS))
def kernel(request: pytest.FixtureRequest) -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2"]) as lab:
        lab.sh(NET + request.param).check()
        yield lab


def test_the_fate_of_packets_is_the_same_whatever_happens_to_who_answers(kernel: KernelNetns) -> None:
    without = fate(kernel)
    rules = rulesets(kernel)
    shims = Shims(kernel.netns_path, USUAL).start()
    try:
        assert fate(kernel, without) == without
        server, _ = shims.processes
        os.kill(server, signal.SIGSTOP)
        assert fate(kernel, without) == without
        os.kill(server, signal.SIGKILL)
        assert fate(kernel, without) == without
    finally:
        shims.stop()
    assert fate(kernel) == without
    assert rulesets(kernel) == rules


@pytest.fixture
def plain() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2"]) as lab:
        lab.sh(NET).check()
        yield lab


def test_every_packet_passes_by(plain: KernelNetns) -> None:
    without = fate(plain)
    shims = Shims(plain.netns_path, ["mangle/postrouting"]).start()
    try:
        assert fate(plain, without) == without
        (counts,) = shims.counts()
        assert counts.seen == sum(map(len, without))
        assert (counts.dropped_by_queue, counts.dropped_by_socket) == (0, 0)
    finally:
        shims.stop()


def test_a_chain_that_drops_at_its_end_gets_no_shim(plain: KernelNetns) -> None:
    plain.sh("iptables -P INPUT DROP").check()
    with pytest.raises(Refused, match=r"filter/input: the policy of iptables-nft's is DROP"):
        Shims(plain.netns_path, ["filter/input"]).start()
    assert not has_rules(plain)


def test_a_rule_that_somebody_appends_behind_ours_ends_the_shim(plain: KernelNetns) -> None:
    shims = Shims(plain.netns_path, ["mangle/input"]).start()
    try:
        assert has_rules(plain)
        plain.sh("iptables -t mangle -A INPUT -p icmp -j DROP").check()
        wait_until(lambda: not has_rules(plain))
        assert fate(plain)[0] == []  # no echo reply
    finally:
        shims.stop()


def test_nothing_is_left_when_whoever_began_it_is_killed(plain: KernelNetns) -> None:
    netns = plain.netns_path
    child = os.fork()
    if not child:
        Shims(netns, USUAL).start()
        signal.pause()
    wait_until(lambda: has_rules(plain))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    wait_until(lambda: not has_rules(plain))


def test_a_server_that_does_not_wake_up_is_given_up(plain: KernelNetns) -> None:
    without = fate(plain)
    shims = Shims(plain.netns_path, USUAL).start()
    try:
        os.kill(shims.processes[0], signal.SIGSTOP)
        wait_until(lambda: not has_rules(plain))
        assert fate(plain) == without
    finally:
        os.kill(shims.processes[0], signal.SIGCONT)
        shims.stop()


@pytest.mark.parametrize("program", ["iptables-nft", "iptables-legacy"])
def test_a_rule_that_nobody_answers_for_is_found_and_taken_back(plain: KernelNetns, program: str) -> None:
    netns = plain.netns_path
    plain.sh(f"{program} -t mangle -A INPUT -p udp -j ACCEPT").check()
    install(netns, replace(place("mangle/input", 107, saved_rules(netns)), program=program))
    queue = RawQueue(plain.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER), 107)
    assert not is_orphaned(netns)
    queue.close()
    assert is_orphaned(netns)
    assert (take_back_orphans(netns), take_back_orphans(netns)) == (1, 0)
    kept = plain.sh(f"{program} -t mangle -S INPUT").out.splitlines()
    assert kept == ["-P INPUT ACCEPT", "-A INPUT -p udp -j ACCEPT"]


def test_a_queue_that_somebody_has_is_one_line_and_nothing_is_changed(plain: KernelNetns) -> None:
    queue = RawQueue(plain.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER), BASE + 1)
    rules = plain.sh("nft list ruleset").out
    told = pystack("compare", "live", plain.netns_path, "--shims", "--seconds", "1")
    queue.close()
    assert (told.rc, told.out) == (4, "")
    said = told.err.splitlines()[-1]
    assert said == f"pystack: compare live: queue {BASE + 1}: somebody else listens to it"
    assert plain.sh("nft list ruleset").out == rules


def test_two_do_not_stand_at_one_point_and_one_leaves_the_others_alone(plain: KernelNetns) -> None:
    with Shims(plain.netns_path, ["mangle/input"]):
        with pytest.raises(Refused, match="mangle/input: shims of another pystack stand there"):
            Shims(plain.netns_path, ["mangle/input"], base=200).start()
        with Shims(plain.netns_path, ["mangle/output"], base=200):
            assert plain.sh("iptables -t mangle -S").out.count("pystack-shim") == 2
        assert plain.sh("iptables -t mangle -S").out.count("pystack-shim") == 1


def test_what_a_killed_one_left_does_not_stand_in_the_way(plain: KernelNetns) -> None:
    netns = plain.netns_path
    install(netns, place("mangle/input", 107, saved_rules(netns)))
    with Shims(netns, ["mangle/input"]):
        rules = plain.sh("iptables -t mangle -S INPUT").out
        assert f"--queue-num {BASE}" in rules
        assert "107" not in rules
