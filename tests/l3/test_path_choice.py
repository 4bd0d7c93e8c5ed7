"""Which of several next hops a packet takes, forwarded or sent, and what is hashed for that."""

import pytest

from pystack.errors import NotModelled
from pystack.l2.nud import NUD_FAILED, NUD_PERMANENT
from pystack.l3.fib_types import RT_TABLE_MAIN, RTN_UNICAST, FibInfo, FibRoute, Flow, Nexthop
from pystack.l3.route import Rtable
from pystack.packet import Packet
from pystack.wire import icmp, ipv4
from pystack.wire.ipv4 import IP_MF, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, datagram, ip, udp_packet

THIRD_MAC = bytes.fromhex("02000000aa03")
SENDER = ip("10.0.0.9")
FAR = ip("10.9.0.0")


class Balanced(Box):
    """Forwards from eth0 10.0.0.1/24 to 10.9.0.0/16, by eth1 10.0.1.1/24 or by eth2 10.0.2.1/24."""

    def __init__(self, policy: int = 0) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.eth2 = self.port("eth2", THIRD_MAC, "10.0.2.1/24")
        self.forward()
        self.sysctl("net.ipv4.fib_multipath_hash_seed", "7")
        self.sysctl("net.ipv4.fib_multipath_hash_policy", str(policy))
        info = FibInfo(RTN_UNICAST, (Nexthop(None, ip("10.0.1.9")), Nexthop(None, ip("10.0.2.9"))))
        self.ns.ipv4.fib.add(FibRoute(RT_TABLE_MAIN, FAR, 16, info))

    def forwarded(self, packet: bytes) -> str:
        """By which device a packet leaves that came in by eth0."""
        header = ipv4.parse(packet, 0)
        assert isinstance(header, ipv4.Ipv4Header)
        pkt = Packet(packet, self.eth0)
        pkt.ip = header
        found = self.ns.ipv4.router.route_input(header.daddr, header.saddr, 0, 0, self.eth0, pkt)
        assert isinstance(found, Rtable)
        return found.dev.name

    def leaves_by(self, flow: Flow) -> str:
        found = self.ns.ipv4.router.route_output(flow)
        assert isinstance(found, Rtable), found
        return found.dev.name


def by_ports(box: Balanced) -> set[str]:
    return {box.forwarded(udp_packet(src=SENDER, dst=FAR + 1, sport=port)) for port in range(1, 40)}


def by_addresses(box: Balanced) -> set[str]:
    return {box.forwarded(udp_packet(src=SENDER, dst=FAR + host)) for host in range(1, 40)}


def test_by_default_addresses_decide_and_ports_do_not() -> None:
    box = Balanced()
    assert by_addresses(box) == {"eth1", "eth2"}
    assert len(by_ports(box)) == 1


def test_the_second_policy_looks_at_protocol_and_ports() -> None:
    assert by_ports(Balanced(1)) == {"eth1", "eth2"}


def test_what_looks_into_tunnels_is_refused_by_name() -> None:
    with pytest.raises(NotModelled, match="fib_multipath_hash_policy=2"):
        Balanced(2)


def test_the_same_seed_chooses_the_same() -> None:
    packets = [udp_packet(src=SENDER, dst=FAR + host) for host in range(1, 20)]
    one, other = Balanced(), Balanced()
    assert [one.forwarded(packet) for packet in packets] == [other.forwarded(packet) for packet in packets]
    other.sysctl("net.ipv4.fib_multipath_hash_seed", "8")
    assert [one.forwarded(packet) for packet in packets] != [other.forwarded(packet) for packet in packets]


def test_answers_go_the_way_of_their_questions() -> None:
    box = Balanced(1)
    there = Flow(FAR + 1, proto=IPPROTO_TCP, sport=4000, dport=80)
    ways = {box.leaves_by(Flow(FAR + 1, proto=IPPROTO_TCP, sport=port, dport=80)) for port in range(1, 40)}
    assert ways == {"eth1", "eth2"}
    assert box.leaves_by(there) == box.leaves_by(Flow(FAR + 1, proto=IPPROTO_TCP, sport=80, dport=4000))


def test_fragments_of_a_datagram_stay_together_though_only_the_first_has_ports() -> None:
    box = Balanced(1)
    payload = bytes(range(64))
    first = datagram(payload, IPPROTO_UDP, src=SENDER, dst=FAR + 1, frag_off=IP_MF)
    later = datagram(payload[::-1], IPPROTO_UDP, src=SENDER, dst=FAR + 1, frag_off=8)
    assert box.forwarded(first) == box.forwarded(later)


def test_an_error_goes_the_way_of_what_it_is_about() -> None:
    """So that the far end of the flow hears it (RFC 7690)."""
    box = Balanced()
    for host in range(1, 20):
        quoted = udp_packet(src=FAR + host, dst=ip("203.0.113.9"))
        error = icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH, 0, 0, quoted)
        about = datagram(error, IPPROTO_ICMP, src=SENDER, dst=FAR + host)
        assert box.forwarded(about) == box.forwarded(udp_packet(src=ip("203.0.113.9"), dst=FAR + host))


def test_an_error_of_our_own_goes_the_way_of_what_it_is_about() -> None:
    box = Balanced()
    for host in range(1, 20):
        refused = udp_packet(src=FAR + host, dst=ip("203.0.113.9"))
        header = ipv4.parse(refused, 0)
        assert isinstance(header, ipv4.Ipv4Header)
        pkt = Packet(refused, box.eth0)
        pkt.ip = header
        error = box.ns.ipv4.router.route_output(Flow(FAR + host), about=pkt)
        assert isinstance(error, Rtable)
        assert error.dev.name == box.forwarded(udp_packet(src=ip("203.0.113.9"), dst=FAR + host))


def test_a_named_device_leaves_no_choice() -> None:
    box = Balanced()
    for dev in (box.eth1, box.eth2):
        assert {box.leaves_by(Flow(FAR + host, oif=dev.ifindex)) for host in range(1, 20)} == {dev.name}


def test_a_bound_source_prefers_the_hop_that_would_choose_it() -> None:
    box = Balanced()
    for dev, source in ((box.eth1, "10.0.1.1"), (box.eth2, "10.0.2.1")):
        assert {box.leaves_by(Flow(FAR + host, ip(source))) for host in range(1, 20)} == {dev.name}


def test_a_gateway_that_is_known_to_be_gone_is_avoided_where_that_is_wanted() -> None:
    box = Balanced()
    neighbours = box.ns.ipv4.neighbours
    parms = box.ns.ipv4.confs.neigh_of(box.eth1)
    gone = neighbours.create(box.eth1, ip("10.0.1.9"), parms)
    assert gone is not None
    gone.state = NUD_FAILED
    assert by_addresses(box) == {"eth1", "eth2"}
    box.sysctl("net.ipv4.fib_multipath_use_neigh", "1")
    assert by_addresses(box) == {"eth2"}
    gone.state = NUD_PERMANENT
    assert by_addresses(box) == {"eth1", "eth2"}
    gone.state = 0  # so that its table lets it go without a word
