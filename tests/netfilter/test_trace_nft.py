"""What is told of packets that are followed through tables of nft."""

from pystack.events import Traced
from pystack.netfilter.hooks import NFPROTO_BRIDGE, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_NETDEV
from pystack.netfilter.rule import RETURN, BaseChain, Chain, Jump, Rule, Verdict
from pystack.netfilter.targets.trace import follow
from pystack.netfilter.trace_nft import NftTrace, described
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import NO_PROTOCOL
from pystack.netfilter.walk import walk
from pystack.wire.ethernet import ETH_P_8021Q
from tests.netfilter.rules import view


class Told:
    def __init__(self) -> None:
        self.events: list[Traced] = []

    def traced(self, told: Traced) -> None:
        self.events.append(told)


def rules(*targets: Jump | Verdict | None) -> list[Rule]:
    return [Rule((), target, None) for target in targets]


def test_each_rule_is_told_with_its_verdict_and_at_last_the_policy() -> None:
    told, seen = Told(), view()
    base, user = BaseChain("out", 0, 0, NF_DROP), Chain("user")
    base.rules = rules(None, Jump(user), Verdict(RETURN))
    user.rules = rules(None)
    follow(seen.pkt)
    seen.pkt.mark = 7
    assert walk(base, seen, tracer=NftTrace(told, NFPROTO_IPV4, "t")) == NF_DROP
    assert [(one.chain, one.verdict, one.rule is None) for one in told.events] == [
        ("out", "continue", False),
        ("out", "jump user", False),
        ("user", "continue", False),
        ("out", "return", False),
        ("out", "drop", True),
    ]
    assert [one.packet is None for one in told.events] == [False, True, True, True, True]
    assert {(one.table, one.mark, one.id == seen.pkt.nf_trace) for one in told.events} == {("t", 7, True)}


def test_a_packet_that_nobody_marked_is_not_told() -> None:
    told, base = Told(), BaseChain("out", 0, 0, NF_ACCEPT)
    base.rules = rules(None)
    walk(base, view(), tracer=NftTrace(told, NFPROTO_IPV4, "t"))
    assert told.events == []


def test_a_packet_keeps_its_number() -> None:
    seen = view()
    follow(seen.pkt)
    number = seen.pkt.nf_trace
    seen.pkt.data = bytearray(bytes(seen.pkt.data) + b"more")
    follow(seen.pkt)
    assert seen.pkt.nf_trace == number != 0


def test_headers_are_told_as_far_as_the_kernel_tells_them() -> None:
    seen = view()
    packet = described(seen, NFPROTO_INET)
    assert packet is not None
    data, start = seen.pkt.data, seen.pkt.network_header
    assert packet.family == NFPROTO_IPV4
    assert packet.link == bytes(data[seen.pkt.mac_header : start])
    assert packet.network == bytes(data[start : seen.transport])
    assert packet.transport == bytes(data[seen.transport : seen.transport + 20])


def test_what_leaves_has_no_link_header_but_frames_of_a_bridge_have() -> None:
    seen = view()
    seen.indev = None
    links = [told.link for family in (NFPROTO_IPV4, NFPROTO_BRIDGE) if (told := described(seen, family))]
    assert [len(link) for link in links] == [0, 14]


def test_a_tagged_frame_that_leaves_is_not_told() -> None:
    told, seen, base = Told(), view(), BaseChain("late", 0, 0, NF_ACCEPT)
    follow(seen.pkt)
    seen.indev, seen.pkt.protocol = None, ETH_P_8021Q
    walk(base, seen, tracer=NftTrace(told, NFPROTO_NETDEV, "t"))
    assert told.events == []


def test_what_cannot_be_told_apart_is_all_network_header() -> None:
    seen = view()
    seen.protocol = NO_PROTOCOL
    packet = described(seen, NFPROTO_BRIDGE)
    assert packet is not None
    assert (len(packet.network), packet.transport) == (min(40, len(seen.pkt.data) - seen.start), b"")
