"""Why a packet takes the way it takes: rules, tables, the source's check."""

import pytest

from tests.explain.lab import build, reasons, stage, told

RULES = """\
ip route add 10.9.9.0/24 via 192.0.2.7 table 7
ip route add throw 10.7.0.0/16 table 100
ip rule add from 10.0.0.1 lookup 7 pref 50
ip rule add to 10.7.0.0/16 lookup 100 pref 60
ip rule add lookup main suppress_prefixlength 0 pref 70
ip rule add fwmark 5 prohibit pref 80
ip route add default via 192.0.2.7
"""
PING_AWAY = "10.0.0.2 > 10.50.0.1: ICMP echo request"


def sent(source: str, destination: str, more: str = "") -> list[str]:
    return reasons(told(f"{source}.1 > {destination}.1: UDP", host=build(more)), "route")


def arrived(source: str, destination: str, entry: str, more: str = "") -> list[str]:
    return reasons(told(f"{source}.1 > {destination}.1: UDP", entry, host=build(more)), "route")


def test_the_tables_are_named_with_what_they_have() -> None:
    explanation = told("0.0.0.0.1 > 10.0.0.2.1: UDP")
    assert reasons(explanation, "route")[:2] == [
        "rule 0: table local has nothing for 10.0.0.2",
        "rule 32766: table main has 10.0.0.0/24 dev br0 src 10.0.0.1",
    ]
    assert [reason.config for reason in stage(explanation, "route").told.reasons][1] == "lab.setup:8"


def test_a_rule_that_does_not_match_says_what_is_different() -> None:
    assert sent("0.0.0.0", "10.8.0.1", RULES)[1:5] == [
        "rule 50 (from 10.0.0.1 lookup 7): no match: it has no source yet",
        "rule 60 (to 10.7.0.0/16 lookup 100): no match: its destination is 10.8.0.1",
        "rule 70 (lookup main suppress_prefixlength 0): it matches",
        "rule 70: table main has default via 192.0.2.7 dev wan, which the rule suppresses",
    ]


def test_a_rule_about_the_source_is_for_bound_sockets() -> None:
    told_of = sent("10.0.0.1", "10.9.9.1", RULES)
    assert told_of[1:3] == [
        "rule 50 (from 10.0.0.1 lookup 7): it matches",
        "rule 50: table 7 has 10.9.9.0/24 via 192.0.2.7 dev wan",
    ]
    assert told_of[-1] == "source 10.0.0.1, of br0: its socket is bound to it"


def test_a_throw_route_sends_the_question_on() -> None:
    thrown = "rule 60: table 100 has throw 10.7.0.0/16: on to the next rule"
    assert thrown in sent("0.0.0.0", "10.7.0.1", RULES)


def test_a_rule_that_matches_shows_its_own_line_besides_the_route_s() -> None:
    explanation = told("10.0.0.1.1 > 10.9.9.1.1: UDP, length 0", host=build(RULES))
    lines = {reason.text: reason.config for reason in stage(explanation, "route").told.reasons}
    assert lines["rule 50 (from 10.0.0.1 lookup 7): it matches"] == "lab.setup:17"
    assert lines["rule 50: table 7 has 10.9.9.0/24 via 192.0.2.7 dev wan"] == "lab.setup:15"


@pytest.mark.parametrize(
    ("kind", "becomes"),
    [
        ("blackhole", "a sender elsewhere hears nothing"),
        ("prohibit", "a sender elsewhere hears that it is forbidden (ICMP)"),
        ("unreachable", "a sender elsewhere hears that (ICMP)"),
    ],
)
def test_what_becomes_of_a_packet_at_a_route_to_nowhere_is_said_in_words(kind: str, becomes: str) -> None:
    explanation = told(PING_AWAY, "tap1", host=build(f"ip route add {kind} 10.50.0.0/16\n"))
    assert f"has {kind} 10.50.0.0/16: it ends here, and {becomes}" in reasons(explanation, "route")[-1]


def test_a_longer_prefix_of_main_beats_local_until_there_is_a_rule() -> None:
    more = "ip route add 127.1.2.3/32 via 192.0.2.7\n"
    assert sent("0.0.0.0", "127.1.2.3", more)[0] == (
        "rule 0: table local has local 127.0.0.0/8 dev lo src 127.0.0.1, "
        "but main has a longer prefix, and before a rule is added both are one table"
    )
    with_rule = sent("0.0.0.0", "127.1.2.3", more + "ip rule add fwmark 9 lookup main\n")
    assert with_rule[0] == "rule 0: table local has local 127.0.0.0/8 dev lo src 127.0.0.1"


def test_a_route_that_is_passed_over_says_why() -> None:
    more = "ip route add 10.9.0.0/16 tos 0x10 via 10.0.0.2\nip route add default via 192.0.2.7\n"
    passed_over, taken = sent("0.0.0.0", "10.9.0.1", more)[1:3]
    assert passed_over.endswith("10.9.0.0/16 tos 0x10 via 10.0.0.2 dev br0, but the TOS is 0x00")
    assert taken == "rule 32766: table main has default via 192.0.2.7 dev wan"


def test_a_packet_to_an_own_address_goes_by_lo_and_says_why() -> None:
    explanation = told("0.0.0.0.1 > 192.0.2.1.1: UDP")
    assert stage(explanation, "route").told.text == "by lo, source 192.0.2.1"
    assert "192.0.2.1 is this host's own: the way there is lo, not wan" in reasons(explanation, "route")
    seen = "sockets see it come by wan, which has the address, not by lo"
    assert seen in reasons(explanation, "protocol")


def test_an_address_of_lo_itself_is_not_set_against_lo() -> None:
    told_of = sent("0.0.0.0", "127.0.0.1")
    assert "127.0.0.1 is this host's own: the way there is lo" in told_of


def test_several_next_hops_are_told_with_their_share() -> None:
    more = "ip route add 10.8.0.0/16 nexthop via 10.0.0.2 weight 2 nexthop via 192.0.2.7\n"
    told_of = sent("0.0.0.0", "10.8.0.1", more)
    assert any("its seed is this stack's own" in text for text in told_of)
    shares = [text for text in told_of if " of 3 flows" in text]
    assert sorted(text.removesuffix(": this one") for text in shares) == [
        "  via 10.0.0.2 dev br0, 2 of 3 flows",
        "  via 192.0.2.7 dev wan, 1 of 3 flows",
    ]
    assert sum(text.endswith(": this one") for text in shares) == 1


def test_a_source_that_is_not_checked_says_so() -> None:
    assert arrived("10.0.0.2", "10.0.0.1", "tap1")[-1] == "source 10.0.0.2 is not checked: br0.rp_filter is 0"


def test_the_reverse_path_is_told_with_the_line_of_the_sysctl() -> None:
    more = "sysctl -q -w net.ipv4.conf.br0.rp_filter=1\n"
    explanation = told("192.0.2.9.1 > 10.0.0.1.1: UDP", "tap1", host=build(more))
    why = stage(explanation, "route").told.reasons[-1]
    assert why.text == (
        "the way back to 192.0.2.9 is not br0, by which it came, "
        "and strict needs that (br0.rp_filter is 1: strict)"
    )
    assert why.config == "lab.setup:15"
    assert stage(explanation, "drop").drop == "IP_RPFILTER"


@pytest.mark.parametrize(
    ("source", "destination", "why"),
    [
        ("127.0.0.1", "10.0.0.1", "127.0.0.1 belongs on lo alone, and br0.route_localnet is 0"),
        ("10.0.0.2", "127.0.0.1", "127.0.0.1 belongs on lo alone, and br0.route_localnet is 0"),
        ("224.0.0.9", "10.0.0.1", "nobody sends as 224.0.0.9"),
        ("192.0.2.1", "10.0.0.1", "source 192.0.2.1 is an address of wan here, and br0.accept_local is 0"),
        ("10.0.0.2", "224.1.1.1", "224.1.1.1 was joined by nobody on br0 (ip maddr)"),
    ],
)
def test_a_martian_says_what_is_wrong_with_it(source: str, destination: str, why: str) -> None:
    assert why in arrived(source, destination, "tap1")


def test_a_host_that_does_not_forward_says_so() -> None:
    more = "sysctl -q -w net.ipv4.ip_forward=0\n"
    why = "br0.forwarding is 0: what is not for this host is not passed on"
    explanation = told("10.0.0.2.1 > 192.0.2.7.1: UDP", "tap1", host=build(more))
    last = stage(explanation, "route").told.reasons[-1]
    assert (last.text, last.config) == (why, "lab.setup:15")


ANOTHER_WAY = "ip route add 198.51.100.0/24 via 192.0.2.7\n"


@pytest.mark.parametrize(
    ("mode", "more", "verdict"),
    [
        (1, ANOTHER_WAY, "is not br0, by which it came, and strict needs that (br0.rp_filter is 1: strict)"),
        (
            2,
            ANOTHER_WAY,
            "is not br0, by which it came, but loose needs any way alone (br0.rp_filter is 2: loose)",
        ),
        (1, "", "at all, and strict needs one (br0.rp_filter is 1: strict)"),
        (2, "", "at all, and loose needs one (br0.rp_filter is 2: loose)"),
    ],
)
def test_the_check_of_the_source_is_told_in_words(mode: int, more: str, verdict: str) -> None:
    told_of = arrived(
        "198.51.100.9", "10.0.0.1", "tap1", f"sysctl -q -w net.ipv4.conf.br0.rp_filter={mode}\n{more}"
    )
    assert told_of[-1].endswith(verdict)


def test_the_way_back_shows_its_rule_its_table_and_its_line() -> None:
    host = build("sysctl -q -w net.ipv4.conf.br0.rp_filter=1\n" + ANOTHER_WAY)
    explanation = told("198.51.100.9.1 > 10.0.0.1.1: UDP", "tap1", host=host)
    back, verdict = stage(explanation, "route").told.reasons[-2:]
    assert back.text == (
        "  back to 198.51.100.9: rule 32766: table main has 198.51.100.0/24 via 192.0.2.7 dev wan"
    )
    assert (back.config, verdict.config) == ("lab.setup:16", "lab.setup:15")
