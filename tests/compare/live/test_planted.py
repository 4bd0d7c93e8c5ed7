"""What is changed behind the copy's back is found by the next packet that meets it, and named."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from tests.compare.lab.patience import wait_until
from tests.compare.live.box import SETUP
from tests.compare.live.watching import PATIENCE, Json, Watching

pytestmark = pytest.mark.root

FIRST = f"""{SETUP}
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.up0.rp_filter=0
ip addr add 192.0.2.22/24 dev up0
ip addr add 192.0.2.23/24 dev up0
ip route replace default via 192.0.2.1 src 192.0.2.2
iptables -A OUTPUT -p udp -m conntrack --ctstate RELATED -j DROP
ip -n out addr add 198.51.100.9/32 dev lo
ip -n out addr add 172.18.0.77/32 dev lo
"""
PING = "ping -q -c 3 -i 0.2 -W 1"


@pytest.fixture(scope="module")
def box() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(FIRST).check()
        yield lab


def found(box: KernelNetns, planted: str, undone: str, traffic: str, words: str) -> Json:
    """The cause that is told with these words, once something was planted; it is taken out again."""
    with Watching(box, "--no-follow", "--filter", "ip and not igmp") as watching:
        box.sh(f"{planted}; {traffic} || true").check()

        def causes() -> list[Json]:
            return [one for one in watching.told() if one["type"] == "cause" and words in one["cause"]]

        wait_until(lambda: bool(causes()), PATIENCE)
        box.sh(undone).check()
        return causes()[0]


def changed(cause: Json) -> list[tuple[str, str]]:
    return [(row["kernel"], row["pystack"]) for row in cause["state"] if row["what"] == "changed"]


def test_a_rule(box: KernelNetns) -> None:
    rule = "FORWARD 1 -s 172.18.0.2/32 -p icmp -j DROP"
    cause = found(
        box,
        f"iptables -I {rule}",
        "iptables -D FORWARD 1",
        f"ip netns exec ca {PING} 192.0.2.1",
        "filter:FORWARD: rule 3: -i br-c ! -o br-c -j ACCEPT",
    )
    assert cause["class"] == "VERDICT"
    assert ("iptables -A FORWARD -s 172.18.0.2/32 -p icmp -j DROP", "-") in changed(cause)


def test_a_rule_for_marks(box: KernelNetns) -> None:
    cause = found(
        box,
        "ip rule add fwmark 7 blackhole; iptables -t mangle -A PREROUTING -s 172.18.0.3 -j MARK --set-mark 7",
        "ip rule del fwmark 7 blackhole; iptables -t mangle -F PREROUTING",
        f"ip netns exec cb {PING} 192.0.2.1",
        "",
    )
    assert "ip rule add fwmark 0x7/0xffffffff blackhole pref 32765" in [
        kernel for kernel, _ in changed(cause)
    ]


def test_a_filter_for_sources_on_the_way_back(box: KernelNetns) -> None:
    cause = found(
        box,
        "sysctl -qw net.ipv4.conf.up0.rp_filter=1",
        "sysctl -qw net.ipv4.conf.up0.rp_filter=0",
        f"ip netns exec out ping -q -c 1 192.0.2.2; ip netns exec out {PING} -I 172.18.0.77 192.0.2.2",
        "only pystack has it",
    )
    assert ("sysctl -w net.ipv4.conf.up0.rp_filter=1", "-") in changed(cause)


def test_an_answer_that_is_not_given_any_more(box: KernelNetns) -> None:
    cause = found(
        box,
        "sysctl -qw net.ipv4.icmp_echo_ignore_all=1",
        "sysctl -qw net.ipv4.icmp_echo_ignore_all=0",
        f"ip netns exec ca {PING} 172.18.0.1",
        "only pystack has it at ip OUTPUT -450",
    )
    assert cause["class"] == "REPLY"
    assert ("sysctl -w net.ipv4.icmp_echo_ignore_all=1", "-") in changed(cause)


def test_a_helper(box: KernelNetns) -> None:
    rule = "PREROUTING -p udp -m udp --dport 69 -j CT --helper tftp"
    cause = found(
        box,
        f"iptables -t raw -A {rule}",
        f"iptables -t raw -D {rule}",
        r"printf '\0\1file\0octet\0' | ip netns exec out nc -u -p 4444 -w 0 192.0.2.2 69; "
        "echo answer | nc -u -s 192.0.2.2 -p 5555 -w 0 192.0.2.1 4444",
        "only pystack has it at ip OUTPUT 40",
    )
    assert (f"iptables -t raw -A {rule}", "-") in changed(cause)


def test_another_source_of_a_route(box: KernelNetns) -> None:
    cause = found(
        box,
        "ip route replace default via 192.0.2.1 src 192.0.2.22",
        "ip route replace default via 192.0.2.1 src 192.0.2.2",
        f"{PING} 198.51.100.9",
        "the route to 198.51.100.9 gives source 192.0.2.22, pystack's 192.0.2.2",
    )
    assert ("ip route add default via 192.0.2.1 dev up0 src 192.0.2.22",) in [
        row[:1] for row in changed(cause)
    ]


def test_a_program_that_is_bound_to_another_source_is_no_difference(box: KernelNetns) -> None:
    with Watching(box, "--no-follow", "--filter", "icmp") as watching:
        box.sh(f"{PING} -I 192.0.2.23 198.51.100.9").check()
        summary = watching.end()[-1]
    assert (summary["same"], summary["differ"], summary["causes"]) == (6, 0, [])
