"""What was read from one namespace of the kernel makes another one that reads the same."""

from collections.abc import Iterator

import pytest

from pystack.applets.virtual import run
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import read
from pystack.hooks.imported.text import lines
from pystack.host import Host

pytestmark = pytest.mark.root

PORTS = ("tap1", "tap2")
VPN = "ip tuntap add dev tun0 mode tun"  # whose other end is somebody else's, as that of the ports
SETUP = f"""
{VPN}
sysctl -qw net.ipv4.ip_forward=1
ip link set lo up
ip link add br0 address 02:aa:00:00:00:01 type bridge forward_delay 400 ageing_time 6000
ip link add v0 type veth peer name v1
ip link set tap1 master br0
ip link set tap1 type bridge_slave hairpin on priority 5
ip link set v0 master br0
ip addr add 10.1.0.1/24 brd + dev br0
ip addr add 10.1.0.2/24 dev br0
ip addr add 10.2.0.1/24 dev tap2 label tap2:x
ip addr add 192.0.2.1 peer 192.0.2.9/32 dev v1
ip link set tap2 mtu 1400 group 7
for dev in tap1 tap2 br0 v0 v1; do ip link set $dev up; done
sysctl -qw net.ipv4.conf.tap2.rp_filter=1
ip addr add 10.8.0.2 peer 10.8.0.1/32 dev tun0
ip link set tun0 up mtu 1400
ip route add 10.88.0.0/16 dev tun0
ip route add default via 10.2.0.2 metric 100 mtu 1300
ip route add 10.9.0.0/16 via 10.1.0.77 src 10.1.0.2
ip route add blackhole 10.66.0.0/16
ip route add table 77 default via 10.2.0.2
ip route add 10.10.0.0/16 nexthop via 10.1.0.5 weight 2 nexthop via 10.2.0.2
ip nexthop add id 21 via 10.1.0.5 dev br0 proto static
ip nexthop add id 22 via 10.99.0.9 dev tap2 onlink
ip nexthop add id 7 group 21,3/22
ip nexthop add id 8 blackhole
ip route add 10.11.0.0/16 nhid 7 src 10.1.0.2
ip route add 10.12.0.0/16 nhid 21 metric 9
ip route add 10.13.0.0/16 nhid 8 table 77
ip route del broadcast 10.1.0.255 dev br0 table local
ip rule add fwmark 7 lookup 77
ip rule del pref 32767
ip neigh add 10.1.0.77 lladdr 02:bb:00:00:00:01 dev br0
ip neigh add 10.1.0.78 lladdr 02:bb:00:00:00:02 dev br0 nud stale
ip neigh add proxy 10.1.0.99 dev br0
bridge fdb add 02:cc:00:00:00:01 dev tap1 master static
iptables -N LOGDROP
iptables -A LOGDROP -m limit --limit 3/min -j LOG --log-prefix "in: "
iptables -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables -A INPUT -p tcp -m multiport --dports 22,80 -j LOGDROP
iptables -P FORWARD DROP
iptables -t nat -A POSTROUTING -o tap2 -j MASQUERADE
iptables-legacy -t mangle -A PREROUTING -i br0 -j MARK --set-mark 7
ebtables -A FORWARD -p ARP -j ACCEPT
arptables -A INPUT -s 10.1.0.66 -j DROP
"""


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(PORTS) as lab:
        lab.sh(SETUP).check()
        yield lab


@pytest.fixture(scope="module")
def ours(kernel: KernelNetns) -> Building:
    return taken_over(kernel)


def taken_over(kernel: KernelNetns) -> Building:
    return build(read(kernel.netns_path), Host(seed=1))


def listings(kernel: KernelNetns) -> str:
    """All that a reading could have changed."""
    tools = "nft list ruleset; cat /proc/net/ip_tables_names; ip -o link; ip route show table all; ip rule"
    return kernel.sh(tools).check().out


def test_a_reading_changes_nothing(kernel: KernelNetns) -> None:
    before = listings(kernel)
    read(kernel.netns_path)
    assert listings(kernel) == before


def test_nothing_of_it_is_left_out(ours: Building) -> None:
    assert ours.left_out == []


def test_the_text_makes_another_namespace_that_reads_the_same(ours: Building) -> None:
    text = lines(ours)
    with KernelNetns(PORTS) as other:
        other.sh("set -e\n" + "\n".join((VPN, *text))).check()
        assert lines(taken_over(other)) == text


@pytest.mark.parametrize(
    "listing",
    [
        "ip -4 route show table all",
        "ip rule",
        "ip nexthop",
        "ip -4 -o address",
        "ip neigh",
        "bridge link",
        "iptables-save",
        "iptables -t nat -S",
        "iptables-legacy -t mangle -S",
        "ebtables -L",
        "arptables -L",
    ],
)
def test_our_tools_list_what_the_kernels_list(kernel: KernelNetns, ours: Building, listing: str) -> None:
    told = run(listing.split(), ours.host).out
    assert sorted(without_comments(told)) == sorted(without_comments(kernel.sh(listing).check().out))


def without_comments(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines() if not line.startswith("#")]
