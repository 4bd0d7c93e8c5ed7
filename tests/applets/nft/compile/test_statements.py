"""Statements written in nft's language do to packets what they say, and to their checksums what is right."""

import pytest

from pystack.errors import NetError, NotModelled
from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.info import IP_CT_NEW, IP_CT_UNTRACKED
from pystack.netfilter.rule import CHOSEN, CONTINUE
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from pystack.packet import PACKET_MULTICAST
from pystack.wire import ipv4, tcp, udp
from pystack.wire.checksum import transport_sum, verifies
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.tcp import TcpHeader
from tests.applets.nft.compile.rules import in_ip, rule, verdict
from tests.box import Box
from tests.frames import ip
from tests.netfilter.rules import view

OPTIONS = bytes.fromhex("020405b40402080a0000000100000002")  # 1460, SACK permitted, a timestamp
ADDRESSES = ip("10.0.0.1"), ip("10.0.0.2")


def segment(options: bytes = OPTIONS) -> View:
    header = TcpHeader(1000, 22, flags=tcp.SYN, options=options)
    return in_ip(view(protocol=6, body=tcp.build(header, b"", *ADDRESSES)))


def done(text: str, seen: View | None = None, box: Box | None = None) -> View:
    """A packet that a rule has matched."""
    seen = in_ip(view()) if seen is None else seen
    assert rule(text, box=box).matches(seen)
    return seen


def is_right(seen: View, protocol: int) -> bool:
    """Whether both checksums of a packet are."""
    packet = bytes(seen.pkt.payload())
    parsed = ipv4.parse(packet, 0)
    assert isinstance(parsed, Ipv4Header)
    body = packet[parsed.ihl :]
    return (
        verifies(packet[: parsed.ihl]) and transport_sum(parsed.saddr, parsed.daddr, protocol, body) == 0xFFFF
    )


# --- what is noted ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "mark"),
    [
        ("meta mark set 0x1234", 0x1234),
        ("meta mark set 5 meta mark set meta mark or 0x10", 0x15),
        ("meta mark set 0xff meta mark set meta mark and 0xf", 0xF),
        ("meta mark set 0xff meta mark set meta mark xor 0xf", 0xF0),
        ("meta mark set 0x10 meta mark set meta mark lshift 4", 0x100),
        ("meta mark set 0x10 meta mark set meta mark rshift 4", 0x1),
        ("meta mark set ip saddr map { 10.0.0.1 : 7, 10.0.0.9 : 8 }", 7),
        ("meta mark set ip saddr map { 10.0.0.0/24 : 9 }", 9),
        ("meta mark set numgen inc mod 3 offset 20", 20),
    ],
)
def test_a_mark_is_set_to_what_is_worked_out(text: str, mark: int) -> None:
    assert done(text).pkt.mark == mark


def test_a_map_that_has_nothing_for_a_packet_ends_the_rule() -> None:
    seen = in_ip(view())
    assert not rule("meta mark set ip saddr map { 10.0.0.9 : 8 }").matches(seen)
    assert seen.pkt.mark == 0


def test_numbers_that_are_counted_begin_again_behind_the_last() -> None:
    counting, marks = rule("meta mark set numgen inc mod 3 offset 5"), []
    for _ in range(4):
        seen = in_ip(view())
        counting.matches(seen)
        marks.append(seen.pkt.mark)
    assert marks == [5, 6, 7, 5]


def test_priority_and_packet_type_are_set() -> None:
    pkt = done("meta priority set 1:10 meta pkttype set multicast").pkt
    assert (pkt.priority, pkt.pkt_type) == (0x10010, PACKET_MULTICAST)


def test_a_packet_is_followed_until_a_rule_says_otherwise() -> None:
    seen = done("meta nftrace set 1")
    assert seen.pkt.nf_trace
    assert not done("meta nftrace set 0", seen).pkt.nf_trace


def test_notrack_leaves_a_packet_without_a_connection_and_a_known_one_alone() -> None:
    assert done("notrack").pkt.ctinfo == IP_CT_UNTRACKED
    known = in_ip(view())
    known.pkt.ct = Conn(bytes(14), bytes(14))
    assert done("notrack", known).pkt.ctinfo == 0


def test_a_zone_is_wished_for_before_the_connection_is_found() -> None:
    seen = done("ct zone set 7")
    template = seen.pkt.ct
    assert isinstance(template, Conn)
    assert (template.is_template, template.zone.number, seen.pkt.ctinfo) == (True, 7, IP_CT_NEW)
    assert tracked(seen.pkt) is None


def test_the_mark_of_a_connection_is_set_where_there_is_one() -> None:
    seen = in_ip(view())
    seen.pkt.ct = Conn(bytes(14), bytes(14))
    done("ct mark set 5 meta mark set ct mark", seen)
    assert seen.pkt.mark == 5
    done("ct mark set 6")


def test_who_asks_how_much_went_over_a_connection_has_it_counted() -> None:
    box = Box()
    rule("ct bytes > 100", box=box)
    assert box.ns.conntrack.context.conf.acct == 1


# --- what counts --------------------------------------------------------------------------------------------


def test_a_counter_stands_where_it_is_written() -> None:
    counting = rule("counter udp dport 7 counter")
    assert not counting.matches(in_ip(view()))
    first, _, _, last = counting.tests
    assert (vars_of(first), vars_of(last)) == ((1, 32), (0, 0))


def vars_of(counter: object) -> tuple[int, int]:
    return counter.packets, counter.octets  # type: ignore[attr-defined]


def test_a_limit_lets_so_many_pass_at_once_and_more_with_time() -> None:
    box = Box()
    limited = rule("limit rate 2/second burst 3 packets", box=box)
    assert [limited.matches(in_ip(view())) for _ in range(5)] == [True, True, True, False, False]
    box.host.clock.set(box.host.clock.now + 0.5)
    assert [limited.matches(in_ip(view())) for _ in range(2)] == [True, False]


def test_a_limit_that_says_over_holds_for_the_others() -> None:
    over = rule("limit rate over 1/minute burst 2 packets")
    assert [over.matches(in_ip(view())) for _ in range(4)] == [False, False, True, True]


def test_a_limit_of_octets_counts_these() -> None:
    limited = rule("limit rate 64 bytes/second")  # two packets of 32 octets
    assert [limited.matches(in_ip(view())) for _ in range(3)] == [True, True, False]


@pytest.mark.parametrize("text", ["limit rate 0/second", "limit rate 10/week burst 4294967295 packets"])
def test_a_limit_that_the_kernel_cannot_keep_is_refused(text: str) -> None:
    with pytest.raises(NetError):
        rule(text)


def test_a_quota_holds_until_it_is_used_up() -> None:
    quota = rule("quota 70 bytes")
    assert [quota.matches(in_ip(view())) for _ in range(4)] == [True, True, False, False]
    over = rule("quota over 70 bytes used 10 bytes")
    assert [over.matches(in_ip(view())) for _ in range(3)] == [False, True, True]


def test_elements_of_a_set_in_a_rule_have_counters_of_their_own() -> None:
    counting = rule("ip saddr { 10.0.0.1 counter, 10.0.0.9 counter } accept")
    for source in ("10.0.0.1", "10.0.0.1", "10.0.0.9"):
        assert verdict(counting, in_ip(view(source))) == NF_ACCEPT


def test_connections_are_counted_once() -> None:
    counting = rule("ct count 1")
    assert counting.matches(in_ip(view()))
    assert not counting.matches(in_ip(view("10.0.0.7")))


# --- what is written ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ip ttl set 9",
        "ip dscp set cs5",
        "ip ecn set ce",
        "ip id set 0x1234",
        "ip saddr set 10.7.7.7",
        "ip daddr set 10.7.7.8 udp dport set 99",
        "udp sport set 17",
        "@ih,0,16 set 0x4142",
    ],
)
def test_both_checksums_are_right_after_a_field_is_written(text: str) -> None:
    seen = done(f"meta l4proto udp {text}")
    assert is_right(seen, 17)


def test_what_was_written_is_what_rules_see_next() -> None:
    seen = done("ip saddr set 10.7.7.7 ip ttl set 5 udp dport set 99 ip saddr 10.7.7.7 ip ttl 5 udp dport 99")
    assert (seen.saddr, seen.ports) == (ip("10.7.7.7"), (5, 99))
    assert seen.pkt.ip is not None
    assert seen.pkt.ip.ttl == 5


def test_udp_without_a_checksum_gets_none_by_a_new_address() -> None:
    body = bytearray(udp.build(5, 6, b"data", *ADDRESSES))
    body[6:8] = bytes(2)
    seen = done("meta l4proto udp ip saddr set 10.7.7.7", in_ip(view(body=bytes(body))))
    assert bytes(seen.pkt.data[seen.transport + 6 : seen.transport + 8]) == bytes(2)


def test_writing_behind_the_packets_end_ends_the_rule() -> None:
    assert not rule("@th,800,8 set 1").matches(in_ip(view()))


def test_the_largest_segment_is_made_smaller_but_never_larger() -> None:
    smaller = done("tcp option maxseg size set 1000", segment())
    assert rule("tcp option maxseg size 1000").matches(smaller)
    assert is_right(smaller, 6)
    larger = done("tcp option maxseg size set 9000", segment())
    assert rule("tcp option maxseg size 1460").matches(larger)


def test_an_option_that_is_taken_out_becomes_nops() -> None:
    seen = done("reset tcp option sack-perm reset tcp option timestamp", segment())
    assert bytes(seen.pkt.data[seen.transport + 24 : seen.transport + 36]) == b"\1" * 12
    assert is_right(seen, 6)


def test_an_option_that_is_cut_off_cannot_be_taken_out_so_the_packet_goes() -> None:
    seen = segment(bytes.fromhex("01010209"))
    assert not rule("reset tcp option maxseg").matches(seen)
    assert seen.hotdrop


def test_what_is_no_tcp_has_no_options_to_set() -> None:
    assert not rule("tcp option maxseg size set 1000").matches(in_ip(view()))
    assert not rule("reset tcp option maxseg").matches(in_ip(view()))


# --- verdicts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("accept", NF_ACCEPT),
        ("udp dport 6 drop", NF_DROP),
        ("udp dport 7 drop", None),
        ("jump other", "other"),
        ("goto other", "other"),
        ("continue", CONTINUE),
        ("udp dport vmap { 5 : drop, 6 : accept }", NF_ACCEPT),
        ("udp dport vmap { 5 : drop, 6 : jump other }", "other"),
        ("udp dport vmap { 5 : drop, 7 : accept }", None),
        ("udp dport vmap { 1-6 : drop, 7 : accept }", NF_DROP),
        ("udp dport vmap { 6 : continue } drop", NF_DROP),
        ("udp dport vmap { 6 : accept } drop", NF_ACCEPT),
        ("meta l4proto vmap { udp : continue } udp dport vmap { 6 : accept }", NF_ACCEPT),
        ("ip saddr . udp dport vmap { 10.0.0.1 . 6 : drop }", NF_DROP),
        ("ct state vmap { invalid : drop, new : accept }", NF_DROP),
        ("jhash ip saddr mod 1 vmap { 0 : accept }", NF_ACCEPT),
        ("queue", NF_DROP),
        ("queue flags bypass to 5", NF_ACCEPT),
    ],
)
def test_a_rule_says(text: str, said: int | str | None) -> None:
    assert verdict(rule(text), in_ip(view())) == said


def test_what_stands_behind_a_verdict_map_is_done_where_the_map_says_continue() -> None:
    marking = rule("udp dport vmap { 6 : continue, 7 : accept } meta mark set 5")
    seen = in_ip(view())
    assert verdict(marking, seen) == CONTINUE
    assert seen.pkt.mark == 5
    other = in_ip(view(body=udp.build(5, 7, b"data", *ADDRESSES)))
    assert verdict(marking, other) == NF_ACCEPT
    assert other.pkt.mark == 0


def test_a_verdict_map_is_the_rules_target() -> None:
    assert rule("udp dport vmap { 6 : accept }").target is CHOSEN


# --- what is not modelled -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "ct label set 5",
        "ct event set new",
        "tcp dport 80 tproxy to :50080",
        "ct label 5",
    ],
)
def test_what_has_no_model_is_refused_by_name(text: str) -> None:
    with pytest.raises(NotModelled, match="is not modelled"):
        rule(text)
