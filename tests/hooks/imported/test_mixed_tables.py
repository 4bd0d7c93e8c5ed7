"""Hosts on which nft has put something into the tables of iptables."""

from collections.abc import Iterator

import pytest

from pystack.applets.virtual import run
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.host import Host

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        yield lab


def taken_over(kernel: KernelNetns, setup: str) -> Building:
    kernel.sh(f"nft flush ruleset\nset -e\n{setup}").check()
    return build(read(kernel.netns_path), Host(seed=1))


def listed(ours: Building, words: str) -> str:
    return run(words.split(), ours.host).out


def test_what_iptables_can_say_is_taken_as_it_says_it(kernel: KernelNetns) -> None:
    ours = taken_over(
        kernel,
        """
        iptables -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT
        nft insert rule ip filter FORWARD drop
        """,
    )
    assert ours.left_out == []
    assert listed(ours, "iptables -S FORWARD") == kernel.sh("iptables -S FORWARD").out
    assert "chain INPUT" not in listed(ours, "nft list ruleset"), "which is not there"


def test_where_iptables_misreads_rules_of_nft_these_are_taken(kernel: KernelNetns) -> None:
    ours = taken_over(
        kernel,
        """
        iptables -A FORWARD -p udp -j ACCEPT
        nft 'insert rule ip filter FORWARD tcp dport { 22, 80 } drop'
        nft 'add chain ip filter early { type filter hook input priority -5; }'
        """,
    )
    assert ours.left_out == []
    theirs = kernel.sh("nft -n list ruleset").out
    assert listed(ours, "nft -n list ruleset") == theirs


def test_what_neither_tool_says_exactly_is_named(kernel: KernelNetns) -> None:
    ours = taken_over(
        kernel,
        """
        iptables -A FORWARD -m state --state NEW -j ACCEPT
        nft add rule ip filter FORWARD ct mark 5 drop
        """,
    )
    assert ours.left_out == [
        "table ip filter: iptables-nft keeps it, and nft has put there what that cannot say"
    ]


def test_what_a_later_table_has_does_not_touch_the_others(kernel: KernelNetns) -> None:
    ours = taken_over(
        kernel,
        """
        iptables -t nat -A POSTROUTING -j MASQUERADE
        ip6tables -t nat -A POSTROUTING -j MASQUERADE
        ebtables -N users -P DROP
        arptables -A INPUT -j CLASSIFY --set-class 1:1 -i eth0 || true
        nft add table inet own
        """,
    )
    assert ours.left_out == []
    assert listed(ours, "nft list tables") == kernel.sh("nft list tables").out
