"""`pystack setup`: what is printed, run again, gives the same state."""

import pytest

from pystack.applets.registry import start_setup
from pystack.applets.running_setup import setup_lines
from pystack.applets.running_words import quoted
from pystack.applets.virtual import Outside, VirtualJob, run
from pystack.host import Host
from pystack.l2.devices import Link


def built(text: str, seed: int = 0) -> tuple[Host, dict[str, Link]]:
    host = Host(seed=seed)
    ports: dict[str, Link] = {name: host.init.add_port(name) for name in ("p1", "p2")}
    ended = VirtualJob(host, start_setup(text, "test.setup", host), Outside()).run()
    assert ended.rc == 0, ended.err
    return host, ports


def printed(text: str, seed: int = 0) -> list[str]:
    return setup_lines(*built(text, seed))


BRIDGE = """\
ip link add br0 address 02:00:00:00:00:01 type bridge ageing_time 1000 group_fwd_mask 8
ip link set p1 master br0
ip link set p1 type bridge_slave hairpin on learning off cost 7
ip link set p1 up
ip link set br0 mtu 1400
"""
SETUPS = {
    "nothing": "",
    "bridge": BRIDGE,
    "names": "ip link set p1 name lan; ip link set lan alias 'my lan; yes' mtu 1300 txqueuelen 5 group 7",
    "namespaces": "ip netns add a; ip netns add b; ip link set p2 netns b; ip -n b link set p2 up",
    "veth": "ip link add v0 type veth peer name v1; ip link set v1 address 02:00:00:00:00:09",
    "veth across": "ip netns add a; ip link add w0 type veth peer name w1 netns a; ip -n a link set w1 up",
    "veth between": "ip netns add a; ip netns add b; ip -n a link add v0 type veth peer name v1 netns b",
    "dummy": "ip link add d0 type dummy; ip link set d0 up promisc on multicast on arp on",
    "vlans": (
        "ip netns add a; ip link set p1 mtu 9000;"
        "ip link add link p1 name p1.5 type vlan id 5 egress-qos-map 1:2;"
        "ip link add link p1 name own address 02:00:00:00:00:09 mtu 1400 type vlan id 6 protocol 802.1ad;"
        "ip link add link p1.5 name inner netns a type vlan id 7 reorder_hdr off loose_binding on;"
        "ip link set p1 up; ip link add link p1 name up6 address 02:00:00:00:00:08 type vlan id 9;"
        "ip link set up6 up; bridge fdb add 02:00:00:00:00:07 dev up6 self;"
        "ip link set own down; ip -n a link set inner up; ip addr add 10.0.0.1/24 dev p1.5"
    ),
    "a vlan of a bridge": (
        "ip link add br0 type bridge; ip link add link br0 name v type vlan id 5; ip link set br0 up"
    ),
    "nexthop objects": (
        "ip link set lo up; ip link set p1 up; ip address add 10.0.0.1/24 dev p1;"
        "ip nexthop add id 9 via 10.0.0.2 dev p1 proto static; ip nexthop add id 8 blackhole;"
        "ip nexthop add id 7 via 10.7.0.1 dev p1 onlink; ip nexthop add id 1 group 9,4/7;"
        "ip route add 10.1.0.0/16 nhid 1; ip route add 10.2.0.0/16 nhid 8 table 7 src 10.0.0.1;"
        "ip route add 10.3.0.0/16 via 10.0.0.2; ip route append 10.3.0.0/16 nhid 9 metric 5"
    ),
    "answers for others": "ip neigh add proxy 10.0.0.7 dev p1; ip neigh add proxy 10.0.0.8",
    "groups": "ip link set p1 up; ip maddr add 01:00:5e:01:02:03 dev p1",
    "addresses": (
        "ip address add 10.0.0.1/24 broadcast + dev p1; ip address add 10.0.0.2/24 dev p1 label p1:x;"
        "ip address add 10.0.0.9 peer 10.9.9.9/32 dev p1 scope link; ip link set lo up;"
        "ip address add 127.0.0.2/32 dev lo; ip link set p1 up"
    ),
}


@pytest.mark.parametrize("text", SETUPS.values(), ids=SETUPS)
def test_what_is_printed_makes_the_same_again(text: str) -> None:
    first = printed(text, seed=1)
    assert printed("\n".join(first), seed=2) == first


def test_routes_that_a_user_added_are_printed_and_make_the_same_tables() -> None:
    text = """
ip link add d0 type dummy; ip link set d0 up; ip address add 10.0.0.1/24 dev d0
ip route add 10.2.0.0/16 dev d0
ip route add 10.1.0.0/16 via 10.2.0.1
ip route add default via 10.0.0.2 metric 7 mtu 1400 src 10.0.0.1
ip route append default via 10.0.0.3 metric 7
ip route add blackhole 10.8.0.0/16
ip route add 10.9.0.0/16 dev d0 scope global proto static tos 0x10
ip route add 10.10.0.1 via 192.0.2.1 dev d0 onlink table 100
ip route add local 10.11.0.0/16 dev lo
"""
    lines = printed(text)
    assert [line for line in lines if " route " in line][:2] == [
        "ip route add 10.2.0.0/16 dev d0",
        "ip route add blackhole 10.8.0.0/16",
    ]
    again = "\n".join(lines)
    assert printed(again) == lines
    tables = [run(["ip", "route", "show", "table", "all"], built(it)[0]).out for it in (text, again)]
    assert sorted(tables[0].splitlines()) == sorted(tables[1].splitlines())


PORTS = "# ports: p1 p2 (the daemon's configuration says what they are)"


def test_a_state_that_nobody_changed_is_no_command() -> None:
    assert printed("") == [PORTS]
    assert setup_lines(Host(), {}) == []


def test_what_is_printed_says_which_devices_have_to_be_there() -> None:
    host = Host()
    text = "\n".join(printed("ip link set p1 up"))
    ended = VirtualJob(host, start_setup(text, "test.setup", host), Outside()).run()
    assert text.startswith("# ports: p1 p2 (")
    assert ended.err.startswith('Cannot find device "p1"\n')


def test_what_a_user_decided_is_printed_and_what_was_drawn_is_not() -> None:
    assert printed(BRIDGE)[1:] == [
        "ip link add br0 address 02:00:00:00:00:01 type bridge ageing_time 1000 group_fwd_mask 8",
        "ip link set p1 master br0",
        "ip link set p1 type bridge_slave hairpin on learning off cost 7",
        "ip link set p1 up",
        "ip link set br0 mtu 1400",
    ]


def test_a_port_that_moved_is_moved_before_anything_else_is_made() -> None:
    lines = printed(SETUPS["namespaces"])
    assert lines[1:] == [
        "ip netns add a",
        "ip netns add b",
        "ip link set p2 netns b",
        "ip -n b link set p2 up",
    ]


def test_the_addresses_of_loopback_come_again_in_their_order() -> None:
    for text in (
        "ip link set lo up; ip address add 127.0.0.2/32 dev lo",
        "ip address add 127.0.0.2/32 dev lo; ip link set lo up",
        "ip link set lo up; ip address add 10.0.0.1/32 dev lo; ip link set lo down",
        "ip link set lo up; ip address del 127.0.0.1/8 dev lo",
        "ip link set lo up; ip address add 10.0.0.1/32 dev lo; ip address del 127.0.0.1/8 dev lo",
        "ip address add 127.0.0.1/16 dev lo; ip link set lo up",
    ):
        host, ports = built(text)
        again, _ = built("\n".join(setup_lines(host, ports)))
        before, after = (run(["ip", "-br", "address", "show", "dev", "lo"], it).out for it in (host, again))
        assert after == before


def test_a_word_with_signs_is_quoted() -> None:
    assert quoted("it's; so") == "'it'\\''s; so'"
    assert "ip link set lan mtu 1300 txqueuelen 5 group 7 alias 'my lan; yes'" in printed(SETUPS["names"])
