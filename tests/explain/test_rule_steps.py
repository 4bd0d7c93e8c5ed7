"""Which rules of netfilter a packet met, and what they said to it."""

import pytest

from pystack.explain.stage import Stage
from pystack.netfilter.table import NFT
from tests.explain.lab import build, ends, stage, told

PING = "10.0.0.2 > 10.0.0.1: ICMP echo request"
AWAY = "0.0.0.0.1000 > 198.51.100.1.53: UDP, length 12"
FIRST = 15  # the line of lab.setup that the rules of these tests begin in
TWO_WAYS = """\
ip addr add 172.16.0.1/24 dev tap2
ip route add default via 192.0.2.7
ip route add default via 10.0.0.2 table 77
ip rule add fwmark 7 lookup 77
"""


def hook(words: str, rules: str, place: str, entry: str = "tap1") -> Stage:
    explanation = told(words, entry, host=build(rules))
    return next(found for found in explanation.stages if found.place == place and found.kind == "hook")


def test_the_rule_that_drops_is_named_with_its_chain_its_words_and_its_line() -> None:
    found = hook(
        PING, "iptables -A INPUT -s 10.9.0.0/16 -j DROP\niptables -A INPUT -p icmp -j DROP\n", "ip INPUT"
    )
    assert (found.told.text, found.told.config) == (
        "filter:INPUT:2 (-p icmp -j DROP): DROP",
        f"lab.setup:{FIRST + 1}",
    )


def test_a_drop_by_a_rule_carries_the_rule_for_programs() -> None:
    explanation = told(PING, "tap1", host=build("iptables -A INPUT -p icmp -j DROP\n"))
    drop = stage(explanation, "drop").to_json()
    assert (drop["drop"], drop["config"]) == ("NETFILTER_DROP", f"lab.setup:{FIRST}")
    assert drop["why"] == [{"text": "filter:INPUT:1 (-p icmp -j DROP): DROP", "config": f"lab.setup:{FIRST}"}]
    assert drop["function"] == "net/ipv4/netfilter/ip_tables.c ipt_do_table()"


def test_rules_that_only_looked_on_are_reasons_and_so_are_jumps() -> None:
    rules = (
        "iptables -N users\niptables -A INPUT -j LOG\n"
        "iptables -A INPUT -p icmp -j users\niptables -A users -j ACCEPT\n"
    )
    found = hook(PING, rules, "ip INPUT")
    assert (found.told.text, found.told.config) == ("accepted", f"lab.setup:{FIRST + 3}")
    assert [reason.text for reason in found.told.reasons] == [
        "filter:INPUT:1 (-j LOG): on to the next rule",
        "filter:INPUT:2 (-p icmp -j users): on to users",
        "filter:users:1 (-j ACCEPT): ACCEPT",
    ]


def test_a_policy_is_named_with_the_line_that_set_it() -> None:
    found = hook("10.0.0.2.9 > 192.0.2.7.9: UDP, length 0", "iptables -P FORWARD DROP\n", "ip FORWARD")
    assert found.told.text == "filter:FORWARD: no rule decides, the policy is DROP"
    assert found.told.config == f"lab.setup:{FIRST}"


def test_a_reject_is_the_rule_that_made_the_error() -> None:
    explanation = told(PING, "tap1", host=build("iptables -A INPUT -p icmp -j REJECT\n"))
    assert "-j REJECT" in stage(explanation, "drop").told.reasons[0].text
    assert ends(explanation)[0].endswith("caused #2")


def test_the_tables_of_iptables_legacy_are_told_apart() -> None:
    found = hook(PING, "iptables-legacy -A INPUT -p icmp -j DROP\n", "ip INPUT")
    assert found.told.text.startswith("iptables-legacy filter:INPUT:1 ")


def test_a_mark_is_a_change_and_the_way_that_it_opens_is_a_stage() -> None:
    host = build(TWO_WAYS + "iptables -t mangle -A OUTPUT -p udp -j MARK --set-mark 7\n")
    explanation = told(AWAY, host=host)
    routes = [found.told for found in explanation.stages if found.kind == "route" and found.packet == 1]
    assert [route.text for route in routes] == [
        "by wan via 192.0.2.7, source 192.0.2.1",
        "routed again: by br0 via 10.0.0.2",
    ]
    assert [reason.text for reason in routes[1].reasons] == [
        "mark 0x0 -> 0x7",
        "rule 0: table local has nothing for 198.51.100.1",
        "rule 32765 (fwmark 0x7 lookup 77): it matches",
        "rule 32765: table 77 has default via 10.0.0.2 dev br0",
    ]
    assert [reason.config for reason in routes[1].reasons[2:]] == [
        f"lab.setup:{FIRST + 3}",
        f"lab.setup:{FIRST + 2}",
    ]
    assert stage(explanation, "hook").changes == ("mark 0x0 -> 0x7",)


def test_a_packet_that_no_rule_changes_is_routed_once() -> None:
    explanation = told(
        AWAY, host=build(TWO_WAYS + "iptables -t mangle -A OUTPUT -p tcp -j MARK --set-mark 7\n")
    )
    assert len([found for found in explanation.stages if found.kind == "route" and found.packet == 1]) == 1


def test_a_changed_packet_without_a_way_is_dropped_for_that() -> None:
    host = build(
        TWO_WAYS + "ip rule add fwmark 9 prohibit\niptables -t mangle -A OUTPUT -j MARK --set-mark 9\n"
    )
    explanation = told(AWAY, host=host)
    found = next(found for found in explanation.stages if found.place == "ip OUTPUT")
    assert found.told.text == "accepted, but as it is now no way leads there"


@pytest.mark.parametrize("words", [PING, AWAY])
def test_nobody_listens_to_the_rules_any_longer_when_all_is_told(words: str) -> None:
    host = build(TWO_WAYS + "iptables -A INPUT -j ACCEPT\n")
    told(words, "tap1" if words is PING else "", host=host)
    table = host.init.tables.get(NFT, "filter")
    assert table is not None
    assert table.listener is None


# --- bridges ----------------------------------------------------------------------------------------------

EBTABLES = """\
ebtables -t nat -A PREROUTING -p IPv4 -j CONTINUE
iptables -t raw -A PREROUTING -j ACCEPT
ebtables -A INPUT -p ARP -j DROP
ebtables-legacy -t broute -A BROUTING -p IPv4 --ip-destination 192.0.2.1 -j DROP
"""


def hooks_of(words: str, rules: str) -> list[tuple[str, str, str]]:
    """The hooks where rules spoke: place, what was said, the last reason."""
    found = (stage for stage in told(words, "tap1", host=build(rules)).stages if stage.packet == 1)
    return [
        (stage.place, stage.told.text, stage.told.reasons[-1].text if stage.told.reasons else "")
        for stage in found
        if stage.kind == "hook" and not stage.verbose
    ]


def test_rules_of_ebtables_speak_before_those_of_ip_that_are_asked_within_the_bridges_hook() -> None:
    assert hooks_of(PING, EBTABLES)[:3] == [
        (
            "bridge BROUTING",
            "accepted",
            "ebtables-legacy broute:BROUTING: no rule decides, the policy is ACCEPT",
        ),
        (
            "bridge PREROUTING",
            "accepted, and shown to IP",
            "nat:PREROUTING: no rule decides, the policy is ACCEPT",
        ),
        ("ip PREROUTING", "accepted", "raw:PREROUTING:1 (-j ACCEPT): ACCEPT"),
    ]


def test_a_rule_of_ebtables_that_drops_is_named() -> None:
    explanation = told("ARP, Request who-has 10.0.0.1 tell 10.0.0.2", "tap1", host=build(EBTABLES))
    found = stage(explanation, "drop")
    assert (found.told.text, found.told.config) == (
        "dropped: a rule or hook said drop",
        f"lab.setup:{FIRST + 2}",
    )
    assert [reason.text for reason in found.told.reasons] == ["filter:INPUT:1 (-p ARP -j DROP): DROP"]


def test_a_frame_that_broute_takes_from_the_bridge_says_which_rule_did_it() -> None:
    link = "02:aa:00:00:00:01 > 02:00:00:00:00:01, ethertype IPv4 (0x0800), length 42: "
    place, text, _ = hooks_of(f"{link}10.0.0.2.1 > 192.0.2.1.1: UDP", EBTABLES)[0]
    rule = "ebtables-legacy broute:BROUTING:1 (-p IPv4 --ip-dst 192.0.2.1 -j DROP)"
    assert (place, text) == ("bridge BROUTING", f"{rule}: DROP, which means here: not for the bridge")


def test_a_rule_says_how_many_packets_it_matched_before() -> None:
    host = build("iptables -A INPUT -p icmp -j ACCEPT\n")
    told(PING, "tap1", host=host)
    told(PING, "tap1", host=host)
    found = next(found for found in told(PING, "tap1", host=host).stages if found.place == "ip INPUT")
    assert [reason.text for reason in found.told.reasons] == [
        "filter:INPUT:1 (-p icmp -j ACCEPT): ACCEPT (2 packets before)"
    ]


# --- nftables -----------------------------------------------------------------------------------------------

NFT_TABLE = """\
nft add table inet filter
nft 'add chain inet filter input { type filter hook input priority 0; policy drop; }'
nft add chain inet filter users
"""
BEHIND_TABLE = FIRST + 3


def test_a_rule_of_nft_is_named_with_its_table_its_words_and_its_line() -> None:
    rules = f"{NFT_TABLE}nft add rule inet filter input tcp dport 1 accept\n"
    rules += "nft add rule inet filter input icmp type 8 drop\n"
    found = hook(PING, rules, "ip INPUT")
    assert (found.told.text, found.told.config) == (
        "inet filter:input:2 (icmp type echo-request drop): DROP",
        f"lab.setup:{BEHIND_TABLE + 1}",
    )


def test_a_policy_of_nft_is_named_with_the_line_of_its_chain() -> None:
    found = hook(PING, NFT_TABLE, "ip INPUT")
    assert (found.told.text, found.told.config) == (
        "inet filter:input: no rule decides, the policy is DROP",
        f"lab.setup:{FIRST + 1}",
    )


def test_a_verdict_map_leads_on_to_where_it_says() -> None:
    rules = (
        f"{NFT_TABLE}nft 'add rule inet filter input ip saddr vmap {{ 10.0.0.2 : jump users }}'\n"
        "nft add rule inet filter users accept\n"
    )
    found = hook(PING, rules, "ip INPUT")
    assert [reason.text for reason in found.told.reasons] == [
        "inet filter:input:1 (ip saddr vmap { 10.0.0.2 : jump users }): on to users",
        "inet filter:users:1 (accept): ACCEPT",
    ]


CARD_RULES = """\
nft add table netdev t
nft 'add chain netdev t in { type filter hook ingress device tap1 priority 0; }'
nft add rule netdev t in udp dport 7 fwd to tap2
nft add rule netdev t in udp dport 8 accept
"""


def test_what_a_card_s_rules_let_by_is_told_with_the_rule() -> None:
    found = hook("10.0.0.2.9 > 10.0.0.1.8: UDP, length 0", CARD_RULES, "netdev INGRESS")
    assert found.told.text == "accepted"
    assert [reason.text for reason in found.told.reasons] == ["netdev t:in:2 (udp dport 8 accept): ACCEPT"]


def test_a_packet_that_a_card_s_rule_sends_on_is_told_before_it_leaves() -> None:
    explanation = told("10.0.0.2.9 > 10.0.0.1.7: UDP, length 0", "tap1", host=build(CARD_RULES))
    places = [found.place for found in explanation.stages]
    assert places.index("netdev INGRESS") < places.index("tap2")
    (reason,) = explanation.stages[places.index("netdev INGRESS")].told.reasons
    assert reason.text.startswith("netdev t:in:1 (udp dport 7 fwd to")
