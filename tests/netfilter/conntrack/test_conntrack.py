"""Connection tracking is there while anything uses it, and nat's chains are asked through it."""

from pystack.applets import virtual
from pystack.netfilter.hooks import INPUT, NFPROTO_IPV4, OUTPUT, POSTROUTING, PREROUTING
from pystack.netfilter.tables import NAT
from pystack.wire import ipv4
from tests.box import Box
from tests.frames import ALICE_IP, BOB_IP, OUR_MAC, datagram, echo_frame, packet_frame
from tests.netfilter.conntrack.router import PystackRouter
from tests.netfilter.conntrack.talk import ping, query

NAT_CHAINS = ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")


def do(box: Box, line: str) -> str:
    done = virtual.run(line.split(), box.host)
    assert done.rc == 0, done.text
    return done.out


def hanging(box: Box, hook: int) -> list[str]:
    return [
        entry.name
        for entry in box.ns.hooks.ip[hook].entries
        if entry.name in ("defrag", "conntrack", "confirm")
    ]


def test_nothing_is_tracked_until_a_rule_asks_for_connections() -> None:
    box = Box()
    do(box, "iptables -A INPUT -p icmp -j LOG")
    assert not box.ns.conntrack.tracks(NFPROTO_IPV4)
    do(box, "iptables -A INPUT -m conntrack --ctstate NEW")
    assert [hanging(box, hook) for hook in (PREROUTING, INPUT, OUTPUT, POSTROUTING)] == [
        ["defrag", "conntrack"],
        ["confirm"],
        ["defrag", "conntrack"],
        ["confirm"],
    ]


def test_the_last_user_switches_it_off_again() -> None:
    box = Box()
    do(box, "iptables -A INPUT -m state --state NEW")
    do(box, "iptables -t mangle -A INPUT -m connmark --mark 1 -j CONNMARK --set-mark 2")
    do(box, "iptables -F INPUT")
    assert box.ns.conntrack.tracks(NFPROTO_IPV4)
    do(box, "iptables -t mangle -D INPUT 1")
    assert not box.ns.conntrack.tracks(NFPROTO_IPV4)
    assert hanging(box, PREROUTING) == []


def test_each_enabler_of_the_kernels_is_one_and_the_others_are_none() -> None:
    enablers = {
        "filter -A INPUT -m conntrack --ctstate NEW": True,
        "filter -A INPUT -m state --state NEW": True,
        "filter -A INPUT -m connlimit --connlimit-above 3": True,
        "mangle -A INPUT -m connmark --mark 1": True,
        "mangle -A INPUT -j CONNMARK --save-mark": True,
        "raw -A PREROUTING -j CT --zone 1": True,
        "raw -A PREROUTING -j CT --notrack": False,
        "raw -A PREROUTING -j NOTRACK": False,
        "nat -A PREROUTING -j LOG": False,
    }
    for rule, enables in enablers.items():
        box = Box()
        do(box, f"iptables -t {rule}")
        assert box.ns.conntrack.tracks(NFPROTO_IPV4) is enables, rule


def test_each_namespace_tracks_for_itself() -> None:
    box = Box()
    do(box, "ip netns add b")
    do(box, "ip netns exec b iptables -A INPUT -m state --state NEW")
    assert not box.ns.conntrack.tracks(NFPROTO_IPV4)
    assert box.host.namespaces["b"].conntrack.tracks(NFPROTO_IPV4)


def test_a_namespace_that_goes_leaves_no_timer_of_its_connections() -> None:
    timers = []
    for rule in ("-p icmp", "-m state --state NEW"):
        box = Box()
        do(box, "ip netns add b")
        do(box, "ip netns exec b ip link set lo up")
        do(box, f"ip netns exec b iptables -A INPUT {rule}")
        do(box, "ip netns exec b ping -c 1 127.0.0.1")
        do(box, "ip netns delete b")
        timers.append(len(box.host.timers))
    assert timers[0] == timers[1]


def seen_by_nat(box: Box) -> dict[str, int]:
    table = box.ns.tables.use("nft", NAT)
    return {name: table.chains[name].rules[0].packets for name in NAT_CHAINS}


def log_in_nat(box: Box) -> None:
    for name in NAT_CHAINS:
        do(box, f"iptables -t nat -A {name} -j LOG")


def test_chains_of_nat_see_nothing_while_nothing_is_tracked() -> None:
    router = PystackRouter()
    router.tracking.release(NFPROTO_IPV4)
    log_in_nat(router.box)
    router.send(*ping())
    assert set(seen_by_nat(router.box).values()) == {0}


def test_chains_of_nat_see_the_first_packet_of_a_connection_once_each() -> None:
    router = PystackRouter()
    log_in_nat(router.box)
    for said in (query(0, 5, 6), query(0, 5, 6), query(1, 6, 5), query(0, 5, 6)):
        router.send(*said)
    assert seen_by_nat(router.box) == {"PREROUTING": 1, "INPUT": 0, "OUTPUT": 0, "POSTROUTING": 1}


def test_a_packet_that_loops_keeps_its_connection() -> None:
    box = Box()
    box.ns.conntrack.use(NFPROTO_IPV4)
    log_in_nat(box)
    do(box, "ping -c 2 127.0.0.1")
    assert seen_by_nat(box) == {"PREROUTING": 0, "INPUT": 0, "OUTPUT": 1, "POSTROUTING": 1}
    assert box.ns.conntrack.count == 1


def fragments(payload: bytes, cut: int) -> list[bytes]:
    parts = ((payload[:cut], ipv4.IP_MF), (payload[cut:], cut // 8))
    return [datagram(part, 17, src=ALICE_IP, dst=BOB_IP, id=9, frag_off=offset) for part, offset in parts]


def test_fragments_are_put_together_for_the_hooks_and_leave_as_they_came() -> None:
    box = Box()
    left, right = box.port("eth0", OUR_MAC, "10.0.0.1/24"), box.port("eth1", OUR_MAC, "10.0.1.1/24")
    box.forward()
    do(box, "ip neigh add 10.0.1.2 lladdr 02:00:00:00:00:02 dev eth1")
    do(box, "iptables -A FORWARD -m conntrack --ctstate NEW")
    sent = fragments(b"\x00\x05\x00\x06\x00\x78\x00\x00" + bytes(112), 24)
    for packet in sent:
        box.send(left, packet_frame(packet))
    came = box.sent(right)
    assert [len(frame) - 14 for frame in came] == [len(packet) for packet in sent]
    assert [frame[20:22] for frame in came] == [packet[6:8] for packet in sent]
    assert do(box, "iptables -v -n -L FORWARD").splitlines()[2].split()[:2] == ["1", "140"]
    box.assert_every_packet_is_accounted_for()


def test_a_ping_to_us_is_confirmed_where_it_is_delivered() -> None:
    box = Box()
    dev = box.port("eth0", OUR_MAC, "10.0.0.1/24")
    box.ns.conntrack.use(NFPROTO_IPV4)
    box.send(dev, echo_frame())
    assert box.ns.conntrack.count == 1
