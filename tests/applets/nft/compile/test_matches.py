"""Matches in nft's words hold for packets that are like that, and for no others."""

import pytest

from pystack.netfilter.hooks import NETDEV_INGRESS, PREROUTING, HookState
from pystack.netfilter.nft import view as views
from pystack.netfilter.view import View
from pystack.packet import PACKET_LOOPBACK, Packet
from pystack.wire import tcp
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.tcp import TcpHeader
from tests.applets.nft.compile.rules import in_ip, in_ip6, matches
from tests.frames import ethernet, ip
from tests.netfilter.rules import IN, view, view6

SYN_OPTIONS = bytes.fromhex("020405b40101040203030700")  # 1460, NOPs, SACK permitted, a window scale, the end
RECORD_ROUTE = bytes.fromhex("0707040000000000")
ADDRESSES = ip("10.0.0.1"), ip("10.0.0.2")

# --- a datagram from 10.0.0.1 port 5 to 10.0.0.2 port 6 -----------------------------------------------------

DATAGRAM = (
    "ip saddr 10.0.0.1",
    "ip saddr != 10.0.0.9",
    "ip saddr 10.0.0.0/24",
    "ip saddr != 10.1.0.0/16",
    "ip saddr 10.0.0.1-10.0.0.5",
    "ip saddr != 10.0.0.2-10.0.0.5",
    "ip saddr < 10.0.0.2",
    "ip saddr >= 10.0.0.1",
    "ip saddr { 10.0.0.1, 10.0.0.7 }",
    "ip saddr { 10.0.0.0/30, 10.0.0.7 }",
    "ip saddr != { 10.0.0.3, 10.0.0.7 }",
    "ip daddr & 255.255.0.0 == 10.0.0.0",
    "ip daddr . udp dport { 10.0.0.2 . 6, 10.0.0.3 . 9 }",
    "ip daddr . udp dport { 10.0.0.0/24 . 5-7 }",
    'iifname . ip saddr { "tap1" . 10.0.0.1 }',
    "meta mark . ip saddr { 0 . 10.0.0.1 }",
    "ip version 4",
    "ip hdrlength 5",
    "ip dscp cs0",
    "ip ecn not-ect",
    "ip length 32",
    "ip id 7",
    "ip ttl 64",
    "ip ttl > 63",
    "ip protocol udp",
    "ip protocol != tcp",
    "ip frag-off & 0x1fff == 0",
    "meta l4proto udp",
    "meta l4proto { tcp, udp }",
    "meta l4proto != sctp",
    "meta protocol ip",
    "meta length 32",
    "meta length 30-40",
    "udp sport 5",
    "udp dport 6",
    "udp dport { 6, 7 }",
    "udp dport != { 7, 8 }",
    "udp dport 1-6",
    "udp length 12",
    "th dport 6",
    "@th,16,16 6",
    "@th,18,3 0",
    "@nh,96,32 0x0a000001",
    "@nh,4,4 5",
    "@ih,0,32 0x64617461",
    "@ll,96,16 0x0800",
    "ether type ip",
    "ether saddr 02:00:00:00:00:01",
    'iifname "tap1"',
    'iifname "tap*"',
    'iifname { "tap1", "tap2" }',
    'iifname != "eth0"',
    'iifname != "eth*"',
    'oifname "wlan0"',
    "iiftype ether",
    "iifgroup 0",
    "iif != lo",
    "meta cpu 0",
    "meta mark 0",
    "meta mark & 0xff == 0",
    "meta priority 0",
    "meta pkttype host",
    "ct state invalid",
    "ct state != established",
    "ct state ! established,related",
    "ip option rr missing",
    'meta hour "00:00"-"23:59"',
    'meta time < "2100-01-01"',
    'meta day "Thursday"',
    "jhash ip saddr . ip daddr mod 4 seed 0x1 <= 3",
    "numgen inc mod 3 0",
    "numgen random mod 3 offset 10 >= 10",
    "symhash mod 1 0",
    "fib daddr type unicast",
    "fib saddr . iif oif missing",
    'fib daddr oifname != "lo"',
)


@pytest.mark.parametrize("text", DATAGRAM)
def test_a_datagram_is_like_this(text: str) -> None:
    assert matches(text, in_ip(view()))


NOT_THE_DATAGRAM = (
    "ip saddr 10.0.0.2",
    "ip saddr != 10.0.0.1",
    "ip saddr 10.0.1.0/24",
    "ip saddr != 10.0.0.0/24",
    "ip saddr { 10.0.0.2, 10.0.0.7 }",
    "ip saddr != { 10.0.0.1, 10.0.0.7 }",
    "ip daddr . udp dport { 10.0.0.2 . 7, 10.0.0.3 . 6 }",
    "ip daddr . udp dport { 10.0.0.0/24 . 7-8 }",
    "ip ttl < 64",
    "ip protocol tcp",
    "tcp dport 6",
    "tcp dport != 7",
    "udp dport 5",
    "udp dport != { 6, 7 }",
    "tcp flags syn",
    "tcp option maxseg exists",
    "icmp type echo-request",
    'iifname "tap"',
    'iifname != "tap*"',
    'iifname "eth*"',
    'oifname { "tap1", "tap2" }',
    "iif lo",
    "ct state established",
    "ct state ! invalid",
    "ct mark 0",
    "ct direction original",
    "ct original saddr 10.0.0.1",
    "ip option rr exists",
    "ip option rr ptr 4",
    "meta skuid 0",
    "meta cgroup 0",
    "rt classid 0",
    "rt nexthop 10.0.0.2",
    "socket transparent 0",
    "fib daddr type local",
    "fib saddr . iif oif exists",
)


@pytest.mark.parametrize("text", NOT_THE_DATAGRAM)
def test_a_datagram_is_not_like_this(text: str) -> None:
    assert not matches(text, in_ip(view()))


# --- a SYN from 10.0.0.1 port 1000 to 10.0.0.2 port 22 ------------------------------------------------------


def segment(flags: int = tcp.SYN, options: bytes = SYN_OPTIONS) -> View:
    header = TcpHeader(1000, 22, flags=flags, window=100, seq=7, options=options)
    return in_ip(view(protocol=6, body=tcp.build(header, b"", *ADDRESSES)))


SEGMENT = (
    "tcp dport 22",
    "tcp dport { 22, 80 }",
    "tcp sport 1000",
    "tcp flags syn",
    "tcp flags == syn",
    "tcp flags & (syn|ack) == syn",
    "tcp flags syn / syn,ack",
    "tcp flags { syn, ack }",
    "tcp flags ! ack,rst",
    "tcp flags != ack",
    "tcp window 100",
    "tcp sequence 7",
    "tcp doff 8",
    "tcp option maxseg size 1460",
    "tcp option maxseg size 1400-1500",
    "tcp option maxseg exists",
    "tcp option sack-perm exists",
    "tcp option window count 7",
    "tcp option timestamp missing",
    "tcp option @3,16,8 7",
)


@pytest.mark.parametrize("text", SEGMENT)
def test_a_segment_is_like_this(text: str) -> None:
    assert matches(text, segment())


NOT_THE_SEGMENT = (
    "udp dport 22",
    "tcp dport != 22",
    "tcp flags ack",
    "tcp flags ! syn",
    "tcp flags & (syn|ack) == ack",
    "tcp option maxseg size 1400",
    "tcp option timestamp tsval 0",
    "tcp option sack-perm missing",
)


@pytest.mark.parametrize("text", NOT_THE_SEGMENT)
def test_a_segment_is_not_like_this(text: str) -> None:
    assert not matches(text, segment())


def test_an_option_that_claims_more_than_the_header_has_is_not_there() -> None:
    cut = segment(options=bytes.fromhex("01010209"))
    assert not matches("tcp option maxseg size 0-65535", cut)
    assert matches("tcp option maxseg missing", cut)


def test_a_field_of_an_option_must_lie_within_the_option() -> None:
    assert not matches("tcp option maxseg size 0-65535", segment(options=bytes.fromhex("0203050000000000")))


def test_an_option_without_a_length_is_stepped_over() -> None:
    assert matches("tcp option maxseg size 536", segment(options=bytes.fromhex("0500020402180000")))


# --- what only some packets have ----------------------------------------------------------------------------


def test_a_later_fragment_has_no_transport_header() -> None:
    later = in_ip(view(header=Ipv4Header(*ADDRESSES, 17, frag_off=3)))
    assert matches("meta l4proto udp", later)
    assert not matches("@th,0,48 != 0", later)
    assert not matches("@ih,0,8 0x64", later)


def test_what_stands_in_the_place_of_a_port_is_taken_for_it_in_later_fragments() -> None:
    later = in_ip(view(header=Ipv4Header(*ADDRESSES, 17, frag_off=3)))
    for text in ("udp dport 6", "udp dport != 7", "udp dport { 6, 8 }", "udp dport 5-7", "@th,16,16 6"):
        assert matches(text, later), text


def test_options_of_ipv4_are_found_by_name() -> None:
    recorded = in_ip(view(header=Ipv4Header(*ADDRESSES, 17, options=RECORD_ROUTE)))
    assert matches("ip option rr exists", recorded)
    assert matches("ip option rr ptr 4", recorded)
    assert matches("ip option rr length 7", recorded)
    assert matches("ip option ra missing", recorded)
    assert matches("udp dport 6", recorded)


def test_malformed_options_of_ipv4_are_none() -> None:
    mangled = in_ip(view())
    data = mangled.pkt.writable()
    data[14] = 0x46  # six words; the datagram's ports are taken for options
    assert matches("ip option rr missing", mangled)


def test_a_packet_of_ours_has_no_link_header() -> None:
    ours = in_ip(view())
    ours.pkt.mac_header = ours.pkt.network_header
    assert not matches("ether type ip", ours)
    assert not matches("@ll,0,8 != 0", ours)


def test_what_came_over_lo_is_told_by_its_address() -> None:
    for destination, kind in (("10.0.0.2", "broadcast"), ("224.0.0.5", "multicast")):
        seen = in_ip(view(destination=destination))
        seen.pkt.pkt_type = PACKET_LOOPBACK
        assert matches(f"meta pkttype {kind}", seen)


# --- IPv6 ---------------------------------------------------------------------------------------------------

FRAGMENT = bytes.fromhex("11000001000000ff")  # the first one of a datagram, more to follow
DATAGRAM6 = b"\0\5\0\6\0\x0c\0\0data"


@pytest.mark.parametrize(
    "text",
    [
        "ip6 saddr ::a",
        "ip6 saddr ::/64",
        "ip6 daddr != ::a",
        "ip6 nexthdr udp",
        "ip6 hoplimit 64",
        "ip6 version 6",
        "ip6 dscp cs0",
        "ip6 flowlabel 0",
        "udp dport 6",
        "meta l4proto udp",
        "meta protocol ip6",
        "exthdr frag missing",
        "ip6 saddr { ::a, ::b }",
        "ip6 saddr . udp dport { ::a . 6 }",
        "fib daddr type unreachable",
    ],
)
def test_a_datagram_of_ipv6_is_like_this(text: str) -> None:
    assert matches(text, in_ip6(view6()), "ip6")


@pytest.mark.parametrize(
    "text",
    [
        "exthdr frag exists",
        "frag more-fragments 1",
        "frag id 255",
        "frag frag-off 0",
        "frag nexthdr udp",
        "exthdr hbh missing",
        "udp dport 6",
    ],
)
def test_a_first_fragment_of_ipv6_is_like_this(text: str) -> None:
    assert matches(text, in_ip6(view6(44, FRAGMENT + DATAGRAM6)), "ip6")


def test_in_inet_a_match_on_ipv4_says_nothing_of_ipv6() -> None:
    for text in ("ip saddr 0.0.0.10", "ip saddr != 1.1.1.1", "ip saddr 0.0.0.0/1", "ip version 6"):
        assert not matches(text, in_ip6(view6()), "inet")
    assert matches("ip6 version 6", in_ip6(view6()), "inet")
    assert matches("udp dport 6", in_ip6(view6()), "inet")


# --- frames -------------------------------------------------------------------------------------------------

TAG = bytes.fromhex("a0050800")  # priority 5, VLAN 5, IPv4 inside


def frame(payload: bytes, protocol: int, *, bridged: bool = True) -> View:
    pkt = Packet(ethernet(payload, protocol), IN)
    pkt.network_header, pkt.protocol = 14, protocol
    if bridged:
        return views.of_bridge(pkt, HookState(PREROUTING, IN, None, lambda _: None))
    return views.of_ingress(pkt, HookState(NETDEV_INGRESS, IN, None, lambda _: None))


def carried_packet() -> bytes:
    return bytes(view().pkt.payload())


@pytest.mark.parametrize("bridged", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "vlan id 5",
        "vlan id { 5, 7 }",
        "vlan pcp 5",
        "vlan type ip",
        "ether type 8021q",
        "vlan id 5 ip saddr 10.0.0.1",
        "vlan id 5 udp dport 6",
        "meta protocol ip",
        "meta length 32",
    ],
)
def test_a_tagged_frame_is_like_this(text: str, bridged: bool) -> None:
    family = "bridge" if bridged else "netdev"
    assert matches(text, frame(TAG + carried_packet(), 0x8100, bridged=bridged), family)


@pytest.mark.parametrize("bridged", [True, False])
def test_rules_of_frames_look_into_sound_packets_only(bridged: bool) -> None:
    family, packet = "bridge" if bridged else "netdev", carried_packet()
    whole = frame(packet, 0x0800, bridged=bridged)
    assert matches("ip saddr 10.0.0.1 udp dport 6", whole, family)
    assert matches("ip saddr 10.0.0.0/8", whole, family)
    cut = frame(packet[:-1], 0x0800, bridged=bridged)
    assert matches("ip saddr 10.0.0.1", cut, family)
    assert not matches("meta l4proto udp", cut, family)
    assert not matches("@th,16,16 != 0", cut, family)
    shorter = frame(packet[:15], 0x0800, bridged=bridged)
    assert not matches("ip saddr 0.0.0.0/0 ip saddr != 1.1.1.1", shorter, family)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("udp sport != 5 udp dport != 7", True),  # as nft compares both at once
        ("udp sport != 5 udp dport != 6", False),
        ("udp sport != 4 udp dport != 7", True),
        ("udp dport != 7 udp sport != 5", True),
        ("udp sport != 5 ip ttl 64 udp dport != 7", True),
        ("udp sport 5 udp dport != 6", False),
        ("udp sport 5 udp dport 6", True),
        ("ip saddr != 10.0.0.1 ip daddr != 10.0.0.9", False),  # too long together
        ("ether daddr != 02:00:00:00:aa:01 ether saddr != 02:00:00:00:00:09", True),
    ],
)
def test_neighbours_in_a_header_that_must_differ_are_compared_at_once(text: str, holds: bool) -> None:
    assert matches(text, in_ip(view())) is holds


QINQ = "ether type 8021ad vlan id 10 vlan type 8021q"


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        (f"{QINQ} vlan id 100", True),
        (f"{QINQ} vlan id 10", False),
        (f"{QINQ} vlan id 100 vlan pcp 3", True),
        (f"{QINQ} vlan id 100 vlan type ip", True),
        (f"{QINQ} vlan id 100 vlan type arp", False),
        ("ether type 8021ad vlan id 10", True),
    ],
)
def test_behind_one_tag_there_may_be_another(text: str, holds: bool) -> None:
    tags = bytes.fromhex("000a8100" + "60640800")
    assert matches(text, frame(tags + carried_packet(), 0x88A8), "bridge") is holds
