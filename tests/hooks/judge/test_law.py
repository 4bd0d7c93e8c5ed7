"""A copy that forbids nothing opens nothing: what a host drops, it drops still, whatever the copy says."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.shim.placement import USUAL
from tests.compare.lab.patience import wait_until
from tests.hooks.judge.deputy import Deputy
from tests.hooks.shim.hosts import HOSTS, NET, fate, has_rules, rulesets

pytestmark = pytest.mark.root

KINDS = ("policies", "legacy", "tracked")
FORBID_NOTHING = "\n".join(
    f"iptables-{owner} {words}"
    for owner in ("nft", "legacy")
    for words in ("-F", "-t mangle -F", "-P INPUT ACCEPT", "-P FORWARD ACCEPT")
)


@pytest.fixture(scope="module")
def lab() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1", "tap2"]) as lab:
        yield lab


@pytest.fixture
def kernel(lab: KernelNetns) -> KernelNetns:
    lab.renew(["tap1", "tap2"])
    lab.sh(NET).check()
    return lab


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_host_forbids_stays_forbidden_whatever_the_copy_allows(kernel: KernelNetns, kind: str) -> None:
    kernel.sh(HOSTS[kind]).check()
    without, rules = fate(kernel), rulesets(kernel)
    with Deputy(kernel.netns_path, USUAL, deadline=0.2) as deputy:
        deputy.do(FORBID_NOTHING)
        deputy.do("nft flush ruleset")
        assert fate(kernel, without) == without
        if kind == "tracked":
            with deputy.hang():
                assert fate(kernel, without) == without
    assert rulesets(kernel) == rules


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ("iptables -t nat -A POSTROUTING -j MASQUERADE", "two translate"),
        ("iptables -t mangle -A INPUT -p icmp -j DROP", "it would follow ours"),
    ],
)
def test_a_rule_beside_which_nobody_may_decide_ends_the_shims(
    kernel: KernelNetns, rule: str, why: str
) -> None:
    kernel.sh("iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP").check()
    with Deputy(kernel.netns_path, USUAL if "mangle" in rule else ["mangle/forward"]):
        assert has_rules(kernel)
        kernel.sh(rule).check()
        if "nat" in rule:
            wait_until(lambda: not has_rules(kernel))
        else:
            wait_until(lambda: "NFQUEUE" not in kernel.sh("iptables -t mangle -S INPUT").out)
