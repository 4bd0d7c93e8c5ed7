"""What explain says of NAT."""

from pystack.explain.journey import Explanation
from tests.explain.lab import build, reasons, stage, told

MASQUERADE = "iptables -t nat -A POSTROUTING -o wan -j MASQUERADE\n"
FORWARDED = "iptables -t nat -A PREROUTING -i wan -p tcp --dport 8080 -j DNAT --to-destination 10.0.0.2:80\n"
ROUTE = "ip addr add 10.6.0.1/32 dev lo; ip route add 198.51.100.0/24 via 192.0.2.7 src 10.6.0.1\n"
ASKED = "10.0.0.2.1000 > 192.0.2.7.53: UDP, length 4"
OPENED = "10.0.0.2.1000 > 198.51.100.9.80: Flags [S], seq 1, win 1000, length 0"


def said(explanation: Explanation) -> list[str]:
    return [found.told.text for found in explanation.stages if found.kind == "nat"]


def test_the_rule_and_the_mapping_are_told() -> None:
    explanation = told(
        "192.0.2.7.5 > 192.0.2.1.8080: Flags [S], seq 1, win 1000, length 0", "wan", host=build(FORWARDED)
    )
    assert said(explanation)[0] == "destination 192.0.2.1:8080 becomes 10.0.0.2:80"
    assert stage(explanation, "nat").told.config == "lab.setup:15"
    assert reasons(explanation, "nat")[0].endswith("src=10.0.0.2 dst=192.0.2.7 sport=80 dport=5 mark=0 use=1")


def test_an_answer_is_turned_back() -> None:
    host = build(MASQUERADE)
    told(ASKED, "tap1", host=host)
    answer = told("192.0.2.7.53 > 192.0.2.1.1000: UDP, length 4", "wan", host=host)
    assert said(answer) == [
        "destination 192.0.2.1:1000 becomes 10.0.0.2:1000: what was changed is turned back"
    ]
    again = told(ASKED, "tap1", host=host)
    first = "as with the first packet of its connection"
    assert said(again) == [f"source 10.0.0.2:1000 becomes 192.0.2.1:1000: {first}"]


def test_masquerade_tells_why_it_takes_this_source_and_not_the_routes() -> None:
    explanation = told(OPENED, "tap1", host=build(ROUTE + MASQUERADE))
    chosen = [found for found in explanation.stages if found.kind == "nat"][-1]
    _, not_the_routes, source = (reason.text for reason in chosen.told.reasons)
    assert not_the_routes == "the route's src 10.6.0.1 does not count: MASQUERADE looks at wan alone"
    assert source == "source 192.0.2.1, of wan: the first that will do"


def test_why_a_port_changed_is_told() -> None:
    host = build(MASQUERADE + "ip neigh add 10.0.0.3 lladdr 02:aa:00:00:00:01 dev br0\n")
    told(ASKED, "tap1", host=host)
    second = told(ASKED.replace("10.0.0.2", "10.0.0.3"), "tap1", host=host)
    mapped = [found for found in second.stages if found.kind == "nat"][-1]
    assert mapped.told.text.startswith("source 10.0.0.3:1000 becomes 192.0.2.1:")
    taken = "with its own port its answers could be taken for those of another connection"
    assert taken in [reason.text for reason in mapped.told.reasons]


def test_a_null_binding_is_told_where_chains_were_asked() -> None:
    explanation = told(
        ASKED, "tap1", host=build("iptables -t nat -A POSTROUTING -s 10.9.0.0/16 -j MASQUERADE\n")
    )
    assert said(explanation) == ["its source stays as it is (a null binding): no rule of nat says otherwise"]


def test_what_is_invalid_is_not_translated() -> None:
    strange = "10.0.0.2.1000 > 192.0.2.7.80: Flags [FU], seq 1, win 1000, length 0"
    explanation = told(strange, "tap1", host=build(MASQUERADE))
    assert said(explanation) == [
        "INVALID: not translated, it goes to the destination that it has",
        "INVALID: not translated, it leaves with the source that it has",
    ]


def test_an_error_goes_the_way_of_what_it_is_about() -> None:
    host = build(MASQUERADE)
    told(ASKED, "tap1", host=host)
    error = "192.0.2.7 > 192.0.2.1: ICMP 192.0.2.7 udp port 53 unreachable, length 40"
    quoted = (
        "IP (tos 0x0, ttl 63, id 0, offset 0, flags [none], proto UDP (17), length 32) "
        "192.0.2.1.1000 > 192.0.2.7.53: UDP, length 4"
    )
    explanation = told(f"{error}\n\t{quoted}", "wan", host=host)
    assert said(explanation) == ["translated as the connection that it is about, and what it quotes with it"]


def test_without_nat_nothing_is_said_of_it() -> None:
    assert said(told(ASKED, "tap1")) == []
