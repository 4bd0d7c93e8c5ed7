"""IPv6 that crosses a bridge has connections, as IPv4 has."""

import pytest

from pystack.applets import virtual
from pystack.netfilter.hooks import NFPROTO_INET, NFPROTO_IPV4
from tests.box import Box
from tests.bridge6 import ALICE, BOB, NETWORK, Bridge6, packet, udp


def tcp(flags: int, seq: int = 1, ack: int = 0, sport: int = 1024, dport: int = 80) -> bytes:
    ports = sport.to_bytes(2, "big") + dport.to_bytes(2, "big")
    numbers = seq.to_bytes(4, "big") + ack.to_bytes(4, "big")
    return ports + numbers + bytes((0x50, flags)) + (1000).to_bytes(2, "big") + bytes(4)


def icmpv6(kind: int, rest: bytes = bytes(4), code: int = 0) -> bytes:
    return bytes((kind, code, 0, 0)) + rest


def error(quoted: bytes, kind: int = 1) -> bytes:
    return icmpv6(kind) + quoted


def test_a_datagram_begins_a_connection_and_its_answer_belongs_to_it() -> None:
    bridge = Bridge6()
    assert bridge.crosses(packet(udp(), 17)) == "NEW"
    answer = packet(udp(sport=53, dport=1024), 17, BOB, ALICE)
    assert bridge.crosses(answer, back=True) == "ESTABLISHED"
    (conn,) = bridge.context.table
    assert (conn.family, conn.tuple(0).saddr, conn.tuple(1).saddr) == (10, ALICE, BOB)


def test_tcp_is_tracked_with_its_windows() -> None:
    bridge = Bridge6()
    assert bridge.crosses(packet(tcp(0x02), 6)) == "NEW"
    answer = packet(tcp(0x12, 50, 2, 80, 1024), 6, BOB, ALICE)
    assert bridge.crosses(answer, back=True) == "ESTABLISHED"
    assert bridge.crosses(packet(tcp(0x10, 2, 51), 6)) == "ESTABLISHED"
    assert bridge.crosses(packet(tcp(0x10, 900_000, 51), 6)) == "INVALID"


@pytest.mark.parametrize(("kind", "body"), [(17, udp()), (6, tcp(2)), (58, icmpv6(128))])
def test_a_wrong_sum_makes_a_packet_invalid(kind: int, body: bytes) -> None:
    bridge = Bridge6()
    at = {17: 6, 6: 16, 58: 2}[kind]
    body = body[:at] + b"\1\2" + body[at + 2 :]
    assert bridge.crosses(packet(body, kind, summed=False)) == "INVALID"
    assert len(bridge.reasons) == 1


def test_an_echo_is_tracked_by_its_id_and_a_lone_answer_is_invalid() -> None:
    bridge = Bridge6()
    assert bridge.crosses(packet(icmpv6(128, b"\0\7\0\1"), 58)) == "NEW"
    assert bridge.crosses(packet(icmpv6(129, b"\0\7\0\1"), 58, BOB, ALICE), back=True) == "ESTABLISHED"
    assert bridge.crosses(packet(icmpv6(129, b"\0\x08\0\1"), 58, BOB, ALICE), back=True) == "INVALID"


def test_the_time_of_an_echo_is_icmpv6s_own() -> None:
    bridge = Bridge6("sysctl -w net.netfilter.nf_conntrack_icmpv6_timeout=77\n")
    bridge.send(packet(icmpv6(128), 58))
    (conn,) = bridge.context.table
    assert bridge.context.left(conn) == 77 * bridge.context.clock.hz


@pytest.mark.parametrize("kind", [130, 131, 132, 133, 134, 135, 136, 143])
def test_what_neighbours_say_to_each_other_is_not_tracked(kind: int) -> None:
    bridge = Bridge6()
    assert bridge.crosses(packet(icmpv6(kind, bytes(20)), 58, ttl=255)) == "UNTRACKED"
    assert not bridge.context.table.count


@pytest.mark.parametrize("kind", [1, 2, 3, 4, 127])
def test_an_error_belongs_to_the_connection_that_it_complains_of(kind: int) -> None:
    bridge = Bridge6()
    sent = packet(udp(), 17)
    bridge.send(sent)
    assert bridge.crosses(packet(error(sent, kind), 58, NETWORK | 1, ALICE), back=True) == "RELATED"


def test_an_error_that_goes_to_somebody_else_is_invalid() -> None:
    bridge = Bridge6()
    sent = packet(udp(), 17)
    bridge.send(sent)
    assert bridge.crosses(packet(error(sent), 58, BOB, NETWORK | 0xC), back=True) == "INVALID"
    addresses = [f"2001:0db8:0000:0000:0000:0000:0000:000{last}" for last in "ca"]
    assert bridge.reasons == [f"outer daddr {addresses[0]} != inner {addresses[1]}"]


def redirect(quoted: bytes, option: bytes = b"\4\x0a") -> bytes:
    return icmpv6(137) + bytes(32) + option + bytes(6) + quoted


def test_a_redirect_belongs_to_the_connection_if_a_router_of_the_link_says_it() -> None:
    bridge, router = Bridge6(), 0xFE80 << 112 | 1
    sent = packet(udp(), 17)
    bridge.send(sent)
    told = redirect(sent)
    assert bridge.crosses(packet(told, 58, router, ALICE, ttl=255), back=True) == "RELATED"
    assert bridge.crosses(packet(told, 58, router, ALICE, ttl=254), back=True) == "INVALID"
    assert bridge.crosses(packet(told, 58, BOB, ALICE, ttl=255), back=True) == "INVALID"
    assert bridge.reasons == ["invalid saddr or hoplimit for redirect"] * 2
    bridge.send(packet(redirect(sent, b"\4\0"), 58, router, ALICE, ttl=255), back=True)
    bridge.send(packet(told[:30], 58, router, ALICE, ttl=255), back=True)
    assert bridge.reasons[2:] == ["redirect without options", "short redirect"]


def test_icmp_of_the_other_family_is_invalid() -> None:
    bridge = Bridge6()
    assert bridge.crosses(packet(bytes.fromhex("0800f7ff00000000"), 1)) == "INVALID"


def test_each_family_is_tracked_while_a_rule_of_its_own_asks() -> None:
    box = Box()
    tracking, hooks = box.ns.conntrack, box.ns.hooks

    def on() -> tuple[bool, bool]:
        return bool(hooks.ip[0].entries), bool(hooks.ip6[0].entries)

    virtual.run("ip6tables -A FORWARD -m state --state NEW".split(), box.host)
    assert on() == (False, True)
    virtual.run("ip6tables -F FORWARD".split(), box.host)
    assert on() == (False, False)
    tracking.use(NFPROTO_INET)
    tracking.use(NFPROTO_IPV4)
    assert on() == (True, True)
    tracking.release(NFPROTO_INET)
    assert on() == (True, False)


def test_connlimit_counts_networks_of_ipv6() -> None:
    bridge = Bridge6("ip6tables -A FORWARD -m connlimit --connlimit-above 2 --connlimit-mask 64 -j DROP\n")
    got = [bool(bridge.send(packet(udp(), 17, NETWORK | host, BOB))) for host in (1, 2, 3)]
    assert got == [True, True, False]
    assert bridge.send(packet(udp(), 17, NETWORK | 1 << 64, BOB))
