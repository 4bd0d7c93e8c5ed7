"""What `ip` and `bridge` do besides what test_parity.py holds against the real ones: refusals and batches."""

import json

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import Completed, Outside
from pystack.host import Host

VETH = "ip link add v0 address 02:00:00:00:00:10 type veth peer name v1 address 02:00:00:00:00:11"


def run(setup: str, command: str, outside: Outside | None = None) -> Completed:
    host = Host(seed=1)
    assert virtual.run_setup(host, setup, "setup") == []
    return virtual.run(command.split(), host, outside=outside)


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("ip -6 addr add fe80::1/64 dev v0", "IPv6 address fe80::1/64"),
        ("ip link add x type vxlan id 5", "link type vxlan"),
        ("ip link add link v0 name x type vlan id 5 gvrp on", "vlan option gvrp on"),
        ("ip link set v0 link v1", "ip link set … link"),
        ("ip link set v0 xdp obj x", "ip link … xdp"),
        ("ip link set v0 vf 0 mac 02:00:00:00:00:01", "ip link … vf"),
        ("ip link replace v0", "ip link replace"),
        ("ip link property add dev v0 altname x", "ip link property"),
        ("ip link set group 5 up", "ip link set group … without a device"),
        ("ip link set v0 netns 1", "a namespace by process number (1)"),
        ("ip link set v0 type veth x 1", "ip link set … type veth x"),
        ("ip link add br0 type bridge vlan_filtering 1", "bridge option vlan_filtering 1"),
        ("ip addr add 10.0.0.1/24 dev v0 anycast 10.0.0.2", "anycast"),
        ("ip addr add 224.1.1.1/32 dev v0 autojoin", "autojoin"),
        ("ip addr save", "ip address save"),
        ("ip addr show vrf x", "vrf"),
        ("ip route add 10.0.0.0/8 nexthop encap ip dst 1.1.1.1", "ip route … nexthop encap"),
        ("ip route add 10.0.0.0/8 dev v0 realms 5", "ip route … realms"),
        ("ip nexthop add id 5 group 1 type resilient buckets 8", "ip nexthop … type resilient"),
        ("ip nexthop bucket list", "ip nexthop bucket"),
        ("ip nexthop add id 5 via 10.0.0.1 dev v0 fdb", "ip nexthop … fdb"),
        ("ip route add 10.0.0.0/8 via inet6 fe80::1 dev v0", "via inet6"),
        ("ip route show vrf x", "ip route show vrf"),
        ("ip route show realms 5", "ip route show realms"),
        ("ip route get 1.1.1.1 vrf x", "ip route get vrf"),
        ("ip rule add realms 5", "ip rule … realms"),
        ("ip rule add l3mdev", "ip rule … l3mdev"),
        ("ip rule add tun_id 5", "ip rule … tun_id"),
        ("ip rule add nat 1.2.3.4", "ip rule … nat"),
        ("ip -6 rule", "ip rule for family inet6"),
        ("ip rule save", "ip rule save"),
        ("ip -s neigh flush proxy", "ip -s neigh flush proxy"),
        ("ip neigh add 1.1.1.1 dev v0 router", "ip neigh … router"),
        ("ip netns monitor", "ip netns monitor"),
        ("ip netns identify 5", "ip netns identify PID"),
        ("ip -r addr", "ip -resolve"),
        ("ip -f mpls route", "family mpls"),
        ("bridge vlan", "bridge vlan"),
        ("bridge link set dev v0 hwmode vepa", "bridge link set … hwmode"),
        ("bridge fdb add 02:00:00:00:00:01 dev v0 dst 1.1.1.1", "bridge fdb … dst"),
        ("bridge fdb flush dev v0 vlan 3", "bridge fdb flush vlan"),
        ("bridge fdb get 02:00:00:00:00:01 br v0 vlan 1", "bridge fdb get vlan"),
    ],
)
def test_what_is_not_modelled_is_refused_by_name(command: str, name: str) -> None:
    done = run(VETH, command)
    assert done.rc == 2
    assert done.out == ""
    assert done.err.startswith(f"pystack: {name} is not modelled")


def test_a_refused_command_changes_nothing() -> None:
    before = run(VETH, "ip -d link").out
    host = Host(seed=1)
    virtual.run_setup(host, VETH, "setup")
    virtual.run("ip link set v0 mtu 1400 up vf 0".split(), host)
    assert virtual.run("ip -d link".split(), host).out == before


def files(**texts: str) -> Outside:
    return Outside(read_file=lambda path: texts[path].encode())


def test_a_batch_runs_line_by_line() -> None:
    batch = "# two\nlink add d0 type dummy\n\nlink set d0 \\\n  up mtu 1400\nlink show d0\n"
    done = run("", "ip -batch f", files(f=batch))
    assert done.rc == 0
    assert "d0: <BROADCAST,NOARP,UP,LOWER_UP> mtu 1400" in done.out


def test_a_batch_stops_at_the_first_failure_and_names_the_line() -> None:
    done = run("", "ip -batch f", files(f="link set nosuch up\nlink add d0 type dummy\n"))
    assert (done.rc, done.err) == (1, 'Cannot find device "nosuch"\nCommand failed f:1\n')
    done = run("", "ip -force -batch f", files(f="link set nosuch up\nlink show lo\n"))
    assert done.rc == 1
    assert done.out.startswith("1: lo: ")


def test_a_batch_of_bridge_reads_standard_input() -> None:
    done = run(VETH, "bridge -batch -", Outside(stdin=b"link\nfdb show dev 'v0'\n"))
    assert (done.rc, done.out) == (0, "33:33:00:00:00:01 self permanent\n")


def test_a_batch_that_cannot_be_read_is_told() -> None:
    done = run("", "ip -batch nosuch")
    assert (done.rc, done.err) == (1, 'Cannot open file "nosuch" for reading: Permission denied\n')


def test_a_command_runs_in_every_namespace() -> None:
    done = run("ip netns add a\nip netns add b", "ip -all netns exec ip netns identify")
    assert done.out == "\nnetns: b\nb\n\nnetns: a\na\n"


def test_json_of_every_listing_is_json() -> None:
    setup = (
        f"{VETH}\nip link add br0 type bridge\nip link set v0 master br0 up\nip addr add 10.0.0.1/24 dev br0"
    )
    for command in ("ip -j -d -s link", "ip -j addr", "ip -j route show table all", "bridge -j -d link"):
        assert isinstance(json.loads(run(setup, command).out), list)


def test_statistics_may_be_human() -> None:
    host = Host(seed=1)
    virtual.run_setup(host, VETH, "setup")
    dev = host.init.devices["v0"]
    dev.stats.rx_bytes, dev.stats.rx_packets, dev.stats.tx_bytes = 1234567, 999, 5 << 40
    shown = virtual.run("ip -s -h link show v0".split(), host).out.splitlines()
    assert shown[3].split()[:2] == ["1.23M", "999"]
    assert shown[5].split()[0] == "5.50T"
    shown = virtual.run("ip -s -h -iec link show v0".split(), host).out.splitlines()
    assert shown[5].split()[0] == "5.00Ti"


def test_a_full_table_of_neighbours_still_takes_a_permanent_one() -> None:
    thresholds = "; ".join(f"sysctl -q -w net.ipv4.neigh.default.gc_thresh{n}=2" for n in (1, 2, 3))
    known = "; ".join(
        f"ip neigh add 10.0.0.{n} dev v0 lladdr 02:00:00:00:00:09 nud reachable" for n in (2, 3)
    )
    setup = f"{VETH}; ip link set v0 up; {thresholds}; {known}"
    one_more = "ip neigh add 10.0.0.4 dev v0 lladdr 02:00:00:00:00:09 nud"
    refused = run(setup, f"{one_more} reachable")
    assert (refused.rc, refused.err) == (2, "RTNETLINK answers: No buffer space available\n")
    assert run(setup, f"{one_more} permanent").rc == 0
