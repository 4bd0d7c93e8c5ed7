"""Names of priorities have a meaning where nft gives them one."""

import pytest

from pystack.applets.nft.priorities import priority_number, priority_text


@pytest.mark.parametrize(
    ("family", "hook", "value", "text"),
    [
        ("ip", "input", 0, "filter"),
        ("ip", "input", -10, "filter - 10"),
        ("ip", "input", 11, "11"),
        ("inet", "prerouting", -100, "dstnat"),
        ("inet", "output", -100, "-100"),
        ("inet", "postrouting", 105, "srcnat + 5"),
        ("ip6", "input", -300, "raw"),
        ("arp", "input", -300, "-300"),
        ("netdev", "ingress", 1, "filter + 1"),
        ("bridge", "output", 100, "out"),
        ("bridge", "input", 100, "100"),
        ("bridge", "prerouting", -200, "filter"),
    ],
)
def test_a_priority_is_printed_by_the_name_next_to_it(family: str, hook: str, value: int, text: str) -> None:
    assert priority_text(value, family, hook) == text
    assert priority_text(value, family, hook, numeric=True) == str(value)


def test_a_name_means_a_number_only_at_its_hooks() -> None:
    assert priority_number("srcnat", "ip", "postrouting") == 100
    assert priority_number("srcnat", "ip", "input") is None
    assert priority_number("filter", "bridge", "forward") == -200
    assert priority_number("mangle", "netdev", "ingress") is None
