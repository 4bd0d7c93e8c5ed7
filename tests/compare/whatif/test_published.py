"""Ports that rules publish are read off them."""

import pytest

from pystack.compare.whatif.published import published

NAT = "iptables -t nat -A PREROUTING"
RULE = "nft 'add rule ip n pre"


def told(*lines: str) -> list[tuple[str, str, int, str]]:
    return [(one.protocol, one.address, one.port, one.process) for one in published(lines)]


@pytest.mark.parametrize(
    ("rule", "ports"),
    [
        (
            f"{NAT} ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
            [("tcp", "0.0.0.0", 8080, "DNAT to 172.17.0.2:80")],
        ),
        (
            f"{NAT} -d 192.0.2.7/32 -p udp -m multiport --dports 53,100:110 -j DNAT --to 10.0.0.2",
            [("udp", "192.0.2.7", 53, "DNAT to 10.0.0.2"), ("udp", "192.0.2.7", 100, "DNAT to 10.0.0.2")],
        ),
        (
            "iptables-legacy -t nat -A OUTPUT -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 3128",
            [("tcp", "0.0.0.0", 80, "REDIRECT to 3128")],
        ),
        (f"{NAT} -p tcp -m tcp --dport 81 -j REDIRECT", [("tcp", "0.0.0.0", 81, "REDIRECT")]),
        (f"{RULE} tcp dport 443 dnat to 10.0.0.9:8443'", [("tcp", "0.0.0.0", 443, "DNAT to 10.0.0.9:8443")]),
        (
            f"{RULE} tcp dport {{ 22, 2222-2225 }} counter dnat to 10.0.0.9'",
            [("tcp", "0.0.0.0", 22, "DNAT to 10.0.0.9"), ("tcp", "0.0.0.0", 2222, "DNAT to 10.0.0.9")],
        ),
        (
            f"{RULE} dnat to tcp dport map {{ 25 : 10.0.0.8, 110 : 10.0.0.9 }}'",
            [("tcp", "0.0.0.0", 25, "DNAT"), ("tcp", "0.0.0.0", 110, "DNAT")],
        ),
        (
            "nft 'add rule inet n pre ip daddr 192.0.2.7 udp dport 5000-5010 redirect to :53'",
            [("udp", "192.0.2.7", 5000, "REDIRECT to :53")],
        ),
    ],
)
def test_a_rule_publishes_its_ports(rule: str, ports: list[tuple[str, str, int, str]]) -> None:
    assert told(rule) == ports


@pytest.mark.parametrize(
    "rule",
    [
        f"{NAT} -p tcp -m tcp ! --dport 80 -j DNAT --to-destination 10.0.0.2",
        f"{NAT} ! -p tcp --dport 80 -j DNAT --to-destination 10.0.0.2",
        f"{NAT} -j DNAT --to-destination 10.0.0.2",
        "iptables -A INPUT -p tcp -m tcp --dport 80 -j ACCEPT",
        f"{RULE} tcp dport 80 accept'",
        "nft 'add table ip n'",
        "ipset create bad hash:ip",
    ],
)
def test_a_rule_that_names_no_port_publishes_none(rule: str) -> None:
    assert told(rule) == []


def test_ports_of_a_named_map_are_its_elements() -> None:
    elements = "nft 'add element ip n ports { 8081 : 10.0.0.4, 8082 : 10.0.0.5 }'"
    assert [port for _, _, port, _ in told(elements, f"{RULE} dnat to tcp dport map @ports'")] == [8081, 8082]


def test_a_port_is_told_once() -> None:
    rule = f"{NAT} -p tcp -m tcp --dport 81 -j REDIRECT"
    assert len(told(rule, rule)) == 1
