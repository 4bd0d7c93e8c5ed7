"""Which packets are looked at."""

from dataclasses import replace

import pytest

from pystack.compare.live.comparison import Comparison
from pystack.compare.live.judge import Verdict
from pystack.compare.live.passing import SETTLED, Passing
from pystack.compare.live.sample import Sample, learn
from pystack.compare.records import Hop
from pystack.hooks.imported.building import Building
from pystack.l2.bridge import Bridge
from pystack.wire import icmp
from pystack.wire.ipv4 import IPPROTO_UDP
from pystack.wire.ipv6 import IPPROTO_ICMPV6
from tests.compare.live.made import ANSWER, NEIGHBOUR, PING, building, entering, ipv6, leaving

MANY = 400
FLOWS = [f"10.0.0.5.{port} > 10.0.0.1.99: UDP, length 3" for port in range(1000, 1000 + MANY)]


class Clock:
    """Of a test's own."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def passing(words: str) -> Passing:
    return Passing(0.0, 0.0, entering(words))


def error_about(words: str) -> Passing:
    """Of an ICMP error."""
    hops = entering(PING)
    quoted = entering(words)[1].data
    message = icmp.build(icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, 0, 1400, quoted)
    return Passing(0.0, 0.0, [replace(hops[0], data=hops[0].data[:34] + message)])


def test_without_limits_everything_is() -> None:
    sample = Sample()
    assert {sample.why_not(passing(words)) for words in FLOWS} == {""}


def test_one_flow_in_so_many_is_with_all_its_packets() -> None:
    sample = Sample(one_in=10)
    chosen = [words for words in FLOWS if not sample.why_not(passing(words))]
    assert MANY / 20 < len(chosen) < MANY / 5
    assert [words for words in FLOWS if not sample.why_not(passing(words))] == chosen


def test_an_answer_is_where_its_question_is() -> None:
    sample = Sample(one_in=2)
    for number in range(32):
        asked, said = (words.replace("id 7", f"id {number}") for words in (PING, ANSWER))
        why_not = sample.why_not(passing(asked))
        assert sample.why_not(Passing(0.0, 0.0, leaving(said))) == why_not


def test_no_more_packets_a_second_are_and_a_flow_stays_out() -> None:
    clock = Clock()
    sample = Sample(rate=3, clock=clock)
    told = [sample.why_not(passing(words)) for words in FLOWS[:5]]
    assert told == ["", "", "", *["more than 3 packets a second"] * 2]
    clock.now += 1
    assert sample.why_not(passing(FLOWS[5])) == ""
    assert sample.why_not(passing(FLOWS[4])) != ""


@pytest.mark.parametrize(
    "words",
    [
        "10.0.0.5.4000 > 10.0.0.1.21: Flags [S], seq 1, win 10, length 0",
        "10.0.0.5.4000 > 10.0.0.1.69: UDP, length 9",
    ],
)
def test_what_lets_other_flows_in_always_is(words: str) -> None:
    assert Sample(one_in=1 << 30).why_not(passing(words)) == ""


def test_what_is_no_ip_always_is() -> None:
    arp = replace(entering(PING)[0], data=bytes(12) + b"\x08\x06" + bytes(46))
    assert Sample(one_in=1 << 30).why_not(Passing(0.0, 0.0, [arp])) == ""


@pytest.mark.parametrize(("kind", "is_left_out"), [(135, False), (143, False), (128, True), (2, True)])
def test_of_ipv6_what_finds_neighbours_and_groups_always_is(kind: int, is_left_out: bool) -> None:
    message = bytes([kind]) + bytes(7) + ipv6(IPPROTO_UDP, 1, 5, bytes(8))[14:]
    hop = replace(entering(PING)[0], data=ipv6(IPPROTO_ICMPV6, 1, 5, message))
    assert bool(Sample(one_in=1 << 30).why_not(Passing(0.0, 0.0, [hop]))) is is_left_out


def test_an_error_goes_through_the_copy_even_so() -> None:
    sample = Sample(one_in=1 << 30)
    assert sample.why_not(error_about(FLOWS[0])) == sample.why_not(passing(FLOWS[0])) != ""
    assert sample.goes_through(error_about(FLOWS[0]))
    assert not sample.goes_through(passing(FLOWS[0]))


@pytest.mark.parametrize(
    ("rule", "counts"),
    [
        ("iptables -A INPUT -m limit --limit 5/s -j ACCEPT", True),
        ("iptables -A INPUT -m recent --set", True),
        ("iptables -A INPUT -p udp -j ACCEPT", False),
        (
            "nft add table ip t; nft 'add chain ip t c'; nft 'add rule ip t c limit rate 5/second accept'",
            True,
        ),
        ("nft add table ip t; nft 'add chain ip t c'; nft 'add rule ip t c tcp dport 22 accept'", False),
    ],
)
def test_where_rules_count_all_packets_go_through_the_copy(rule: str, counts: bool) -> None:
    made, sample = building(), Sample(one_in=2)
    for command in rule.split("; "):
        assert made.do([word.strip("'") for word in command.split()]), made.left_out
    sample.use(made)
    assert sample.goes_through(passing(FLOWS[0])) is counts


def test_a_bridge_learns_from_what_nobody_looks_at() -> None:
    made = bridged()
    hops = entering(PING)
    learn(made, Passing(0.0, 0.0, hops[:1]))
    assert not knows(made, NEIGHBOUR)  # it did not come as far as that
    learn(made, Passing(0.0, 0.0, [hops[0], replace(hops[0], family="bridge", hook="INPUT", priority=-1000)]))
    assert knows(made, NEIGHBOUR)


def bridged() -> Building:
    made = building()
    for words in ("ip link add br0 type bridge", "ip link set eth7 master br0", "ip link set br0 up"):
        assert made.do(words.split()), made.left_out
    return made


def knows(made: Building, address: bytes) -> bool:
    bridge = made.device("br0")
    assert isinstance(bridge, Bridge)
    return bridge.fdb.get(address) is not None


def told(comparison: Comparison, hops: list[Hop]) -> list[Verdict]:
    comparison.hear(hops, 1.0)
    return list(comparison.settled(1.0 + 2 * SETTLED))


def test_what_is_passed_over_is_counted_and_the_rest_is_compared() -> None:
    nobody = Comparison(building(), sample=Sample(one_in=1 << 30))
    assert told(nobody, entering(PING)) == []
    assert dict(nobody.tally.passed_over) == {f"one flow in {1 << 30} is looked at": 1}
    everybody = Comparison(building(), sample=Sample(one_in=1))
    assert [verdict.is_same for verdict in told(everybody, entering(PING))] == [True]
    assert not everybody.tally.passed_over
