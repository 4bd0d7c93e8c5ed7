"""Lines of a setup that only the kernel has, or only the copy."""

from pystack.compare.live.changed import MOST, differing_lines

RULE = "iptables -A INPUT -p icmp -j DROP"


def test_what_both_have_is_not_told() -> None:
    assert list(differing_lines([RULE, "ip link set lo up"], ["ip link set lo up", RULE])) == []


def test_a_line_of_one_side_stands_beside_one_of_the_other() -> None:
    rows = differing_lines(["sysctl -w net.ipv4.ip_forward=1", RULE], ["sysctl -w net.ipv4.ip_forward=0"])
    assert [row[1:] for row in rows] == [
        ("sysctl -w net.ipv4.ip_forward=1", "sysctl -w net.ipv4.ip_forward=0"),
        (RULE, "-"),
    ]


def test_a_line_that_one_has_twice_is_told() -> None:
    assert [row[1:] for row in differing_lines([RULE, RULE], [RULE])] == [(RULE, "-")]


def test_what_is_learned_is_no_change() -> None:
    learned = ["# ports: a", "bridge fdb add 02:00:00:00:00:05 dev a", "ip neighbour replace 10.0.0.5 dev a"]
    assert list(differing_lines(learned, [])) == []


def test_of_many_lines_some_are_shown_and_the_rest_are_counted() -> None:
    rows = list(differing_lines([f"ip route add 10.{number}.0.0/16 dev a" for number in range(MOST + 3)], []))
    assert len(rows) == MOST + 1
    assert rows[-1].kernel == "3 more lines"
