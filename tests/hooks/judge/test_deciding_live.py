"""What a copy of a host says of real packets becomes of them, whichever way their queues are reached."""

import sys
from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.netfilter.verdict import NF_DROP
from tests.compare.lab.patience import wait_until
from tests.hooks.judge.deputy import BEHIND_TRACKING, IN_FRONT_OF_TRACKING, TALK, Deputy, said, serve

pytestmark = pytest.mark.root

SETUP = """
for side in ca out; do ip netns add $side; ip -n $side link set lo up; done
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
ip link add va type veth peer name eth0 netns ca
ip link add up0 type veth peer name eth0 netns out
ip addr add 10.1.0.1/24 dev va
ip addr add 192.0.2.2/24 dev up0
ip link set lo up; ip link set va up; ip link set up0 up
ip -n ca addr add 10.1.0.2/24 dev eth0
ip -n out addr add 192.0.2.1/24 dev eth0
for side in ca out; do ip -n $side link set eth0 up; done
ip -n ca route add default via 10.1.0.1
"""
KNOWN_INSIDE = "ip -n out route replace 10.1.0.0/24 via 192.0.2.2"
UNKNOWN_INSIDE = "ip -n out route del 10.1.0.0/24"
SENDS_TEN_AS_ONE = """
from socket import *
UDP_SEGMENT = 103
with socket(AF_INET, SOCK_DGRAM) as sock:
    sock.setsockopt(IPPROTO_UDP, UDP_SEGMENT, 1000)
    sock.sendto(bytes(range(250)) * 40, ("192.0.2.1", 7777))
"""
RECEIVES_TEN = """
from socket import *
with socket(AF_INET, SOCK_DGRAM) as sock:
    sock.bind(("", 7777))
    sock.settimeout(10)
    got = [sock.recvfrom(2000) for _ in range(10)]
    print(sum(octets == bytes(range(250)) * 4 for octets, _ in got), "from", got[0][1][0])
"""
OUT, INSIDE, HOST = "ip netns exec out", "ip netns exec ca", ""


@pytest.fixture(scope="module")
def box() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        serve(lab, OUT, 8000)
        serve(lab, INSIDE, 80)
        yield lab


def is_silent(box: KernelNetns, side: str, words: str) -> bool:
    return box.sh(f"timeout 0.6 {side} {TALK} {words}").rc == 124


@pytest.mark.parametrize("by_library", [False, True], ids=["raw", "library"])
def test_a_rule_of_the_copys_is_obeyed_and_all_else_passes(box: KernelNetns, by_library: bool) -> None:
    box.sh(KNOWN_INSIDE).check()
    with Deputy(box.netns_path, BEHIND_TRACKING, by_library=by_library) as deputy:
        assert said(box, INSIDE, "fetch 192.0.2.1 8000 300000") == "whole"
        deputy.do("iptables -A FORWARD -p tcp --dport 8000 -j DROP")
        assert is_silent(box, INSIDE, "fetch 192.0.2.1 8000 1")
        assert said(box, OUT, "fetch 10.1.0.2 80 300000") == "whole"
        assert said(box, INSIDE, "ask 192.0.2.1 8000 5 0") == "5"
        for rejecting in ("REJECT", "REJECT --reject-with tcp-reset"):
            deputy.do(f"iptables -R FORWARD 1 -p tcp --dport 8000 -j {rejecting}")
            assert "Connection refused" in said(box, INSIDE, "fetch 192.0.2.1 8000 1")
        deputy.do("iptables -R FORWARD 1 -p udp --dport 8000 -j DROP")
        assert said(box, INSIDE, "fetch 192.0.2.1 8000 1") == "whole"
        assert {point for point, verdict in deputy.verdicts if verdict == NF_DROP} == {"mangle/forward"}
        assert sum(one.late for one in deputy.shims.counts()) == 0
    assert box.sh("nft list ruleset").out == ""


def test_the_copy_knows_whose_program_sends(box: KernelNetns) -> None:
    with Deputy(box.netns_path, ["mangle/output"]) as deputy:
        deputy.do("iptables -A OUTPUT -p tcp -m owner --uid-owner 65534 --gid-owner 65534 -j REJECT")
        assert said(box, HOST, "fetch 192.0.2.1 8000 1") == "whole"
        nobody = "setpriv --reuid 65534 --regid 65534 --clear-groups"
        assert "refused" in box.sh(f"{nobody} nc -vz -w 5 192.0.2.1 8000").err
        deputy.do("iptables -F OUTPUT")
        assert "refused" not in box.sh(f"{nobody} nc -vz -w 5 192.0.2.1 8000").err


def test_what_the_copy_writes_into_packets_arrives_with_right_sums(box: KernelNetns) -> None:
    box.sh(KNOWN_INSIDE).check()
    listened = "iptables -A INPUT -p tcp -m ttl --ttl-eq 33 -m dscp --dscp 10 -m tcpmss --mss 777 -j ACCEPT"
    box.sh(f"{OUT} {listened}; {OUT} iptables -A INPUT -p tcp --syn -j DROP").check()
    with Deputy(box.netns_path, BEHIND_TRACKING) as deputy:
        deputy.do("iptables -t mangle -A FORWARD -o up0 -p tcp -j TTL --ttl-set 33")
        deputy.do("iptables -t mangle -A FORWARD -o up0 -p tcp -j DSCP --set-dscp 10")
        deputy.do("iptables -t mangle -A POSTROUTING -o up0 -p tcp --syn -j TCPMSS --set-mss 777")
        fetched = said(box, INSIDE, "fetch 192.0.2.1 8000 300000")
        box.sh(f"{OUT} iptables -F INPUT").check()
        assert fetched == "whole"
        deputy.do("iptables -t mangle -A FORWARD -p udp -j TTL --ttl-set 33")
        deputy.do("iptables -t nat -A POSTROUTING -p udp -j MASQUERADE")
        receiving = box.start([*OUT.split(), sys.executable, "-c", RECEIVES_TEN])
        wait_until(lambda: ":7777 " in box.run(f"{OUT} ss -Huln").out)
        box.run([*INSIDE.split(), sys.executable, "-c", SENDS_TEN_AS_ONE]).check()
        ended = receiving.wait(15)
        assert ended is not None
        assert ended.out == "10 from 192.0.2.2\n"


def survives_a_hang(box: KernelNetns, deputy: Deputy, words: str) -> bool:
    """Untranslated, an answer would reach the host itself, which ends what it does not know."""
    running = box.start(f"{INSIDE} {TALK} {words}".split())
    count = len(deputy.verdicts)
    wait_until(lambda: len(deputy.verdicts) > count + 100)
    with deputy.hang():
        late = sum(one.late for one in deputy.shims.counts())
        wait_until(lambda: sum(one.late for one in deputy.shims.counts()) > late)
    ended = running.wait(15)
    return ended is not None and ended.out == "whole\n"


@pytest.mark.parametrize(
    ("by_library", "kernel_tracks"), [(False, False), (True, True)], ids=["raw-untracked", "library-tracked"]
)
def test_the_copy_translates_alone(box: KernelNetns, by_library: bool, kernel_tracks: bool) -> None:
    box.sh(f"{KNOWN_INSIDE}; {UNKNOWN_INSIDE}").check()
    if kernel_tracks:
        box.sh("iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP").check()
    with Deputy(box.netns_path, IN_FRONT_OF_TRACKING, by_library=by_library, deadline=0.4) as deputy:
        deputy.do("iptables -t nat -A POSTROUTING -o up0 -j MASQUERADE")
        for hook, port in (("PREROUTING", 8080), ("OUTPUT", 99)):
            deputy.do(f"iptables -t nat -A {hook} -p tcp --dport {port} -j DNAT --to-destination 10.1.0.2:80")
        assert said(box, INSIDE, "fetch 192.0.2.1 8000 1000000") == "whole"
        assert said(box, INSIDE, "ask 192.0.2.1 8000 5 0") == "5"
        assert said(box, OUT, "fetch 192.0.2.2 8080 1000000") == "whole"
        assert said(box, HOST, "fetch 10.1.0.1 99 300000") == "whole"
        assert "2 received" in box.sh(f"{INSIDE} ping -c 2 -i 0.1 -W 5 192.0.2.1").out
        traced = box.sh(f"{INSIDE} traceroute -n -q 1 -w 5 192.0.2.1").out
        assert [line.split()[1] for line in traced.splitlines()[1:]] == ["10.1.0.1", "192.0.2.1"]
        assert by_library or survives_a_hang(box, deputy, "fetch 192.0.2.1 8000 2000000 15 0.03")
        assert deputy.do("conntrack -L -j").count("[ASSURED]") >= 2
    box.sh("iptables -F").check()
    assert "MASQ" not in box.sh("nft list ruleset").out
