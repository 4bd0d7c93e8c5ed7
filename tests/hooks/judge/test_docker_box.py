"""A copy decides on a host whose kernel translates addresses itself, as docker has it do."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.netfilter.verdict import NF_DROP
from tests.compare.lab.patience import wait_until
from tests.compare.live.box import SETUP
from tests.hooks.judge.deputy import BEHIND_TRACKING, Deputy, said, serve

pytestmark = pytest.mark.root

OUT, ONE, OTHER, HOST = "ip netns exec out", "ip netns exec ca", "ip netns exec cb", ""
PUBLISHED = "fetch 192.0.2.2 8080 300000"  # of ONE's port 80


@pytest.fixture(scope="module")
def box() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        wait_until(lambda: lab.run("ip -br link").out.count(" UP ") == 4)
        serve(lab, OUT, 8000)
        serve(lab, ONE, 80)
        yield lab


@pytest.fixture(scope="module")
def deputy(box: KernelNetns) -> Iterator[Deputy]:
    with Deputy(box.netns_path, BEHIND_TRACKING) as deputy:
        yield deputy


def test_everything_passes_that_the_hosts_own_rules_let_pass(box: KernelNetns, deputy: Deputy) -> None:
    assert said(box, OUT, PUBLISHED) == "whole"
    assert said(box, OTHER, "fetch 192.0.2.1 8000 300000") == "whole"
    assert said(box, OTHER, "fetch 172.18.0.2 80 300000") == "whole"
    assert said(box, HOST, "fetch 172.18.0.2 80 300000") == "whole"
    assert said(box, ONE, "ask 192.0.2.1 8000 5 0") == "5"
    traced = box.sh(f"{ONE} traceroute -n -q 1 -w 5 192.0.2.1").out
    assert [line.split()[1] for line in traced.splitlines()[1:]] == ["172.18.0.1", "192.0.2.1"]
    for side, target in ((ONE, "-s 5000 172.18.0.3"), (ONE, "192.0.2.1"), (HOST, "127.0.0.1")):
        assert "2 received" in box.sh(f"{side} ping -c 2 -i 0.1 -W 5 {target}").out
    assert [point for point, verdict in deputy.verdicts if verdict == NF_DROP] == []


def test_the_copy_has_the_connections_as_the_kernel_has_them(box: KernelNetns, deputy: Deputy) -> None:
    said(box, OUT, PUBLISHED)
    ours = {" ".join(line.split()[4:]) for line in deputy.do("conntrack -L -p tcp").splitlines()}
    kernels = {
        " ".join(line.split()[4:]) for line in box.sh("conntrack -L -p tcp --dport 8080").out.splitlines()
    }
    assert kernels
    assert kernels <= ours


@pytest.mark.parametrize("rejecting", ["REJECT", "REJECT --reject-with tcp-reset"])
def test_whom_the_copy_rejects_is_told_so_in_the_name_of_whom_he_asked(
    box: KernelNetns, deputy: Deputy, rejecting: str
) -> None:
    deputy.do(f"iptables -I FORWARD -p tcp -d 172.18.0.2 --dport 80 -j {rejecting}")
    try:
        assert "Connection refused" in said(box, OUT, PUBLISHED)
        assert "Connection refused" in said(box, OTHER, "fetch 172.18.0.2 80 1")
    finally:
        deputy.do("iptables -D FORWARD 1")
