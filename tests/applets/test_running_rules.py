"""The rules of a setup: run again on a new host, they are the same rules in the same order."""

import pytest

from pystack.applets import virtual
from pystack.applets.running_setup import setup_lines
from pystack.host import Host
from tests.applets.test_running_routes import built


def rules(host: Host) -> str:
    return virtual.run(["ip", "-d", "rule"], host).out


def rule_lines(text: str) -> list[str]:
    return [line for line in setup_lines(*built(text)) if " rule " in line]


def assert_replays(text: str) -> None:
    host, ports = built(text)
    lines = setup_lines(host, ports)
    again, other_ports = built("\n".join(lines))
    assert rules(again) == rules(host), "\n".join(lines)
    assert setup_lines(again, other_ports) == lines


def test_the_rules_of_the_beginning_are_no_lines() -> None:
    assert rule_lines("ip link set lo up") == []


def test_a_rule_is_printed_so_that_it_can_be_typed() -> None:
    line = "ip rule add from 10.9.0.0/16 lookup 100 pref 200"
    assert rule_lines(line) == [line]


@pytest.mark.parametrize(
    "line",
    [
        "ip rule add table 100",
        "ip rule add not from 10.9.0.1/8 to 10.8.0.1 tos 0x10 fwmark 5 iif p1 oif nosuch lookup 300",
        "ip rule add fwmark 0/5 uidrange 0-9 ipproto 200 sport 5 dport 80-90 lookup main proto static",
        "ip rule add lookup main suppress_prefixlength 0 suppress_ifgroup default pref 7",
        "ip rule add goto 900 pref 7",
        "ip rule add nop pref 7",
        "ip rule add prohibit from 10.0.0.0/8",
        "ip rule add blackhole pref 0",
        "ip rule del pref 32766",
        "ip rule del pref 0; ip rule add pref 40000 lookup local",
        "ip rule del pref 0; ip rule add pref 0 lookup main; ip rule add pref 0 lookup local",
        "ip rule add pref 5 lookup 9; ip rule add pref 5 lookup 8; ip rule add pref 5 lookup 7",
        "ip rule flush",
        "ip rule add unicast",
    ],
)
def test_rules_run_again(line: str) -> None:
    assert_replays(line)


def test_a_route_that_only_a_rule_made_possible_runs_again() -> None:
    text = """\
ip link set p1 up
ip address add 10.0.0.1/24 dev p1
ip route add 192.168.0.0/24 dev p1 table 100
ip rule add lookup 100
ip route add 10.9.0.0/16 via 192.168.0.9
"""
    host, ports = built(text)
    again, _ = built("\n".join(setup_lines(host, ports)))
    shown = [virtual.run(["ip", "-4", "route", "show", "table", "all"], side).out for side in (host, again)]
    assert shown[0] == shown[1]
    assert "via 192.168.0.9" in shown[0]
