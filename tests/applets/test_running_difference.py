"""What `reload --dry-run` tells: what was typed since, and what was undone."""

import pytest

from pystack.applets.running_difference import lost_lines
from pystack.applets.virtual import run_setup
from pystack.host import Host

FILE = """
ip netns add b
ip link add d0 type dummy
ip address add 10.0.0.1/24 dev d0
ip link set d0 up
sysctl -w net.ipv4.ip_forward=1
sysctl -w net.ipv4.conf.d0.rp_filter=1
ip netns exec b sysctl -w net.ipv4.ip_default_ttl=9
iptables -A INPUT -p icmp -j DROP
"""


def host(text: str) -> Host:
    made = Host()
    assert run_setup(made, text, "setup") == []
    return made


def lost(typed: str, file: str = FILE) -> list[str]:
    return lost_lines((host(FILE + typed), {}), (host(file), {}))


def test_nothing_typed_is_nothing_lost() -> None:
    assert lost("") == []


@pytest.mark.parametrize(
    "line",
    [
        "ip link add d1 type dummy",
        "sysctl -w net.ipv4.conf.d0.arp_ignore=2",
        "iptables -t mangle -A OUTPUT -j MARK --set-xmark 0x5/0xffffffff",
        "iptables-legacy -P FORWARD DROP",
        "ip netns exec b iptables -N mine",
    ],
)
def test_what_was_typed_is_told_as_it_has_to_be_written_down(line: str) -> None:
    assert lost(line) == [line]


@pytest.mark.parametrize(
    ("line", "file_says"),
    [
        ("sysctl -w net.ipv4.conf.d0.rp_filter=0", "sysctl -w net.ipv4.conf.d0.rp_filter=1"),
        ("sysctl -w net.ipv4.ip_forward=0", "sysctl -w net.ipv4.ip_forward=1"),
        (
            "ip netns exec b sysctl -w net.ipv4.ip_default_ttl=64",
            "ip netns exec b sysctl -w net.ipv4.ip_default_ttl=9",
        ),
        ("sysctl -w net.ipv4.conf.d0.rp_filter=2", "sysctl -w net.ipv4.conf.d0.rp_filter=1"),
    ],
)
def test_a_sysctl_that_was_set_back_is_told_although_it_is_the_default(line: str, file_says: str) -> None:
    told = lost(line)
    assert told[0] == line
    assert f"# brings: {file_says}" in told


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("ip address del 10.0.0.1/24 dev d0", "ip address add 10.0.0.1/24 dev d0"),
        ("iptables -F", "iptables -A INPUT -p icmp -j DROP"),
    ],
)
def test_what_was_taken_away_comes_back(typed: str, line: str) -> None:
    assert lost(typed) == [f"# brings: {line}"]


def test_what_is_new_in_the_file_is_told_too() -> None:
    assert lost("", FILE + "ip link add d2 type dummy") == ["# brings: ip link add d2 type dummy"]


def test_a_namespace_that_only_one_of_both_has_is_told() -> None:
    assert lost("ip netns add c", FILE + "ip netns add d") == ["ip netns add c", "# brings: ip netns add d"]
