"""What a host accepts and drops is the same with shims and without, also while nobody answers for them."""

import os
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.explain.words import packet_of
from pystack.hooks.nfnetlink import NETLINK_NETFILTER
from pystack.hooks.queue.raw import RawQueue
from pystack.hooks.shim.placement import USUAL, Refused, place
from pystack.hooks.shim.rules import install, is_orphaned, saved_rules, take_back_orphans
from pystack.hooks.shim.shims import BASE, Shims
from pystack.wire.ethernet import ETH_P_IP, header
from tests.compare.lab.patience import wait_until
from tests.daemon.running import pystack

pytestmark = pytest.mark.root

OURS = bytes.fromhex("020000000001")
THEIRS = bytes.fromhex("02aa00000005")
NET = """
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
ip link set tap1 address 02:00:00:00:00:01
ip addr add 10.0.0.1/24 dev tap1
ip link set tap1 up
ip addr add 10.2.0.1/24 dev tap2
ip link set tap2 up
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev tap1
ip neigh add 10.2.0.6 lladdr 02:aa:00:00:00:06 dev tap2
"""
MANGLE = "iptables -t mangle"
CHAIN = "add chain inet t c { type filter hook prerouting priority -149; policy accept; }"
HOSTS = {
    "nothing": "",
    "policies": "iptables -P INPUT DROP; iptables -A INPUT -p icmp -j ACCEPT; iptables -P FORWARD DROP",
    "drops-before": f"{MANGLE} -A PREROUTING -p udp -j DROP; {MANGLE} -A FORWARD -j ACCEPT",
    "drops-behind": "iptables -A INPUT -p udp -j DROP; iptables -A FORWARD -p udp -j DROP",
    "user-chains": f"{MANGLE} -N U; {MANGLE} -A PREROUTING -j U; {MANGLE} -A U -p udp -j DROP",
    "legacy": "iptables-legacy -t mangle -A PREROUTING -p udp -j DROP; iptables-legacy -P FORWARD DROP",
    "both": "iptables-legacy -A INPUT -p udp -j DROP; iptables-nft -A FORWARD -p icmp -j DROP",
    "tracked": "iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "nft": f"nft add table inet t; nft '{CHAIN}'; nft add rule inet t c udp dport 53 drop",
}
PACKETS = [
    "10.0.0.5 > 10.0.0.1: ICMP echo request, id 3, seq {n}, length 16",
    "10.0.0.5.4000 > 10.0.0.1.53: UDP, length 4",
    "10.0.0.5.4000 > 10.0.0.1.99: UDP, length 4",
    "10.0.0.5 > 10.2.0.6: ICMP echo request, id 4, seq {n}, length 16",
    "10.0.0.5.4000 > 10.2.0.6.53: UDP, length 4",
    "IP (tos 0x0, ttl 1, id 5, offset 0, flags [none], proto UDP (17), length 32) "
    "10.0.0.5.4001 > 10.2.0.6.99: UDP, length 4",
]


@pytest.fixture(params=list(HOSTS.values()), ids=list(HOSTS))
def kernel(request: pytest.FixtureRequest) -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2"]) as lab:
        lab.sh(NET + request.param).check()
        yield lab


Fate = list[tuple[str, bytes]]


def fate(kernel: KernelNetns, expected: list[Fate] | None = None) -> list[Fate]:
    """What comes out of the host for each packet: by which port, and what tells one from another.

    What is expected is waited for, because somebody has to answer for it first.
    """
    told: list[Fate] = []
    for number, words in enumerate(PACKETS):
        kernel.send("tap1", header(OURS, THEIRS, ETH_P_IP) + packet_of(words.replace("{n}", "1")).payload)
        out = _emitted(kernel)
        patience = time.monotonic() + 2.0
        while expected is not None and len(out) < len(expected[number]) and time.monotonic() < patience:
            time.sleep(0.005)
            out += _emitted(kernel)
        told.append(out)
    time.sleep(0.3 if expected is not None else 0.0)  # for what should have been dropped
    return [*told, _emitted(kernel)]


def _emitted(kernel: KernelNetns) -> Fate:
    """Without the kernel's own IGMP."""
    frames = [(port, data) for port, data in kernel.drain() if data[12:14] == b"\x08\0"]
    return [(port, data[23:24] + data[26:38]) for port, data in frames if data[23] != 2]


def rulesets(kernel: KernelNetns) -> str:
    told = kernel.sh("nft list ruleset; iptables-legacy-save -t mangle; iptables-legacy-save -t filter").out
    return "\n".join(
        line for line in told.splitlines() if "packets" not in line and not line.startswith(("#", ":"))
    )


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


def has_rules(kernel: KernelNetns) -> bool:
    return any("pystack-shim" in text for text in saved_rules(kernel.netns_path).values())


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
