"""Chains of nftables see packets at their hooks, in the order of their priorities, while they hang."""

import pytest

from pystack.applets.virtual import run_setup
from pystack.netfilter.hooks import NFPROTO_IPV4
from pystack.wire.ethernet import BROADCAST
from tests.frames import (
    ALICE_IP,
    BOB_IP,
    OUR_IP,
    OUR_IP2,
    arp_request,
    echo_frame,
    ethernet,
)
from tests.netfilter.nft.router import Router


def chain(hook: str, rules: str, *, family: str = "ip", kind: str = "filter", priority: str = "0") -> str:
    return f"table {family} t {{ chain c {{ type {kind} hook {hook} priority {priority}; {rules}; }} ; }}"


@pytest.mark.parametrize(
    ("hook", "seen"), [("prerouting", 3), ("input", 1), ("forward", 2), ("output", 1), ("postrouting", 3)]
)
@pytest.mark.parametrize("family", ["ip", "inet"])
def test_a_chain_sees_what_crosses_its_hook(family: str, hook: str, seen: int) -> None:
    router = Router(chain(hook, "counter", family=family))
    router.alice_sends()
    router.alice_sends(54)
    router.send(router.eth0, echo_frame(dst=OUR_IP, src=ALICE_IP))
    assert router.counted() == [seen]


def test_chains_are_asked_by_priority_and_of_equals_the_youngest_first() -> None:
    router = Router(
        """table ip t {
          chain late { type filter hook forward priority 5; meta mark 3 counter; }
          chain early { type filter hook forward priority -5; meta mark set 1; }
          chain elder { type filter hook forward priority 0; meta mark 2 meta mark set 3; }
          chain younger { type filter hook forward priority 0; meta mark 1 meta mark set 2; }
        }"""
    )
    router.alice_sends()
    assert router.counted("late") == [1]


def test_a_policy_holds_for_what_no_rule_decides() -> None:
    router = Router(chain("forward", "policy drop; udp dport 53 accept"))
    router.alice_sends(53)
    router.alice_sends(54)
    assert len(router.sent(router.eth1)) == 1
    assert router.drops() == {"NETFILTER_DROP": 1}


def test_a_chain_that_is_deleted_sees_nothing_more() -> None:
    router = Router(chain("forward", "drop"))
    router.alice_sends()
    router.setup("nft delete table ip t")
    router.alice_sends()
    assert len(router.sent(router.eth1)) == 1
    assert not any(point.entries for point in router.ns.hooks.ip)


def test_a_dormant_table_sees_nothing_until_it_wakes() -> None:
    router = Router(chain("forward", "counter drop"))
    router.nft("add table ip t { flags dormant; }")
    router.alice_sends()
    router.nft("add table ip t { }")
    router.alice_sends()
    assert router.counted() == [1]


# --- nat and route ------------------------------------------------------------------------------------------


def test_nat_chains_translate_the_first_packet_and_all_that_follow() -> None:
    router = Router(chain("postrouting", 'oifname "eth1" masquerade', kind="nat", priority="srcnat"))
    router.alice_sends()
    router.alice_sends()
    sources = {frame[26:30] for frame in router.sent(router.eth1)}
    assert sources == {OUR_IP2.to_bytes(4, "big")}
    router.bob_sends(53, 1000, dst=OUR_IP2)
    (answer,) = router.sent(router.eth0)
    assert answer[30:34] == ALICE_IP.to_bytes(4, "big")


def test_nat_chains_of_inet_translate_ipv4() -> None:
    rules = "meta nfproto ipv4 udp dport 7 dnat ip to 10.0.1.2:9"
    router = Router(chain("prerouting", rules, family="inet", kind="nat", priority="dstnat"))
    router.alice_sends(7, dst=OUR_IP)
    (sent,) = router.sent(router.eth1)
    assert (sent[30:34], sent[36:38]) == (BOB_IP.to_bytes(4, "big"), b"\0\x09")


def test_a_map_says_where_each_connection_goes() -> None:
    rules = "dnat ip to ip saddr . udp dport map { 10.0.0.2 . 7 : 10.0.1.2 . 9, 10.0.0.3 . 7 : 10.0.1.3 . 9 }"
    router = Router(chain("prerouting", f"meta l4proto udp {rules}", kind="nat", priority="dstnat"))
    router.alice_sends(7, dst=OUR_IP)
    (sent,) = router.sent(router.eth1)
    assert (sent[30:34], sent[36:38]) == (BOB_IP.to_bytes(4, "big"), b"\0\x09")
    router.alice_sends(8, dst=OUR_IP)
    assert router.sent(router.eth1) == []


def test_without_rules_of_nat_nobody_tracks_connections() -> None:
    router = Router(chain("postrouting", "masquerade", kind="nat", priority="srcnat"))
    assert router.ns.conntrack.tracks(NFPROTO_IPV4)
    router.setup("nft flush ruleset")
    assert not router.ns.conntrack.tracks(NFPROTO_IPV4)


def test_a_route_chain_sends_what_it_marks_another_way() -> None:
    router = Router(chain("output", "meta mark set 5", kind="route"))
    router.setup("ip rule add fwmark 5 lookup 100\nip route add default via 10.0.1.2 table 100")
    router.setup("ip route add default via 10.0.0.2")
    assert router.sent(router.eth1) == []
    run_setup(router.host, "ping -c1 -W0.1 192.0.2.1", "setup")
    assert len(router.sent(router.eth1)) == 1
    assert router.sent(router.eth0) == []


# --- devices ------------------------------------------------------------------------------------------------


def device_chain(hook: str, rules: str, *, family: str = "netdev", device: str = "eth0") -> str:
    return chain(f'{hook} device "{device}"', rules, family=family)


def test_ingress_sees_all_that_a_device_receives_and_nothing_else() -> None:
    router = Router(device_chain("ingress", "counter; ether type arp counter; udp dport 53 drop"))
    router.send(router.eth0, arp_request())
    router.alice_sends()
    router.alice_sends(54)
    router.bob_sends(5, 6)
    assert router.counted() == [3, 1]
    assert len(router.sent(router.eth1)) == 1


def test_egress_sees_all_that_a_device_sends() -> None:
    router = Router(device_chain("egress", "counter; udp dport 53 drop", device="eth1"))
    router.alice_sends()
    router.alice_sends(54)
    router.bob_sends(5, 6)
    assert router.counted() == [2]
    assert len(router.sent(router.eth1)) == 1


def test_a_chain_of_inet_at_a_device_passes_what_is_not_ip_and_drops_what_is_malformed() -> None:
    router = Router(device_chain("ingress", "counter", family="inet"))
    router.send(router.eth0, arp_request())
    assert len(router.sent(router.eth0)) == 1
    router.alice_sends()
    router.send(router.eth0, ethernet(b"\x44" + bytes(40), 0x0800))
    assert router.counted() == [1]
    assert router.drops() == {"NETFILTER_DROP": 1}


def test_a_chain_may_wait_for_a_device_that_is_not_there_yet() -> None:
    router = Router(device_chain("ingress", "counter", device="eth9"))
    late = router.port("eth9", b"\2\0\0\0\0\x99")
    router.send(late, ethernet(b"anything at all", 0x9000, to=BROADCAST))
    assert router.counted() == [1]


def test_devices_without_chains_pay_nothing() -> None:
    router = Router(device_chain("ingress", "counter"))
    assert set(router.ns.hooks.netdev) == {"eth0"}
    router.setup("nft flush ruleset")
    assert router.ns.hooks.netdev == {}


def test_arp_chains_see_arp() -> None:
    router = Router(
        """table arp t {
          chain c { type filter hook input priority 0; counter; arp saddr ip 10.0.0.9 drop; }
          chain out { type filter hook output priority 0; arp operation reply counter; }
        }"""
    )
    router.send(router.eth0, arp_request())
    router.alice_sends()
    assert (router.counted(), router.counted("out")) == ([1], [1])
