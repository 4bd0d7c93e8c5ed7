"""How packets stand to their connections, and how connections begin, live and end."""

import pytest

from pystack.netfilter.conntrack.conn import Conn, Zone, attach
from pystack.netfilter.conntrack.context import Event
from pystack.netfilter.conntrack.info import IP_CT_RELATED_REPLY, IPS_ASSURED, IPS_SEEN_REPLY
from pystack.netfilter.conntrack.snapshot import snapshot
from pystack.netfilter.conntrack.tcp_states import State
from pystack.netfilter.conntrack.tuples import Tuple, inverted
from pystack.netfilter.hooks import FORWARD, PREROUTING, HookState
from pystack.netfilter.targets.conntrack import Ct, NoTrack
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire import udp
from pystack.wire.ipv4 import IPPROTO_UDP
from pystack.wire.tcp import ACK, FIN, RST, SYN
from tests.frames import datagram
from tests.netfilter.conntrack import talk
from tests.netfilter.conntrack.router import PystackRouter
from tests.netfilter.conntrack.talk import ADDRESSES, Said, bare, error_about, ping, query, segment

HANDSHAKE = (segment(0, SYN, 100), segment(1, SYN | ACK, 500, 101), segment(0, ACK, 101, 501))
FLOW = Tuple(2, 6, *ADDRESSES, talk.CLIENT, talk.SERVER)


@pytest.fixture
def router() -> PystackRouter:
    return PystackRouter()


def say(router: PystackRouter, *said: Said) -> list[str | None]:
    return [router.send(side, packet) for side, packet in said]


def conn_of(router: PystackRouter, flow: Tuple = FLOW) -> Conn:
    conn = router.tracking.context.find(flow.key)
    assert conn is not None
    return conn


def state_of(router: PystackRouter) -> str:
    told = snapshot(conn_of(router), router.tracking.context)
    return State(told.state or 0).name


# --- states of packets --------------------------------------------------------------------------------------


def test_the_first_packet_is_new_and_all_after_an_answer_are_established(router: PystackRouter) -> None:
    assert say(router, query(0, 5, 6), query(0, 5, 6)) == ["NEW", "NEW"]
    assert say(router, query(1, 6, 5), query(0, 5, 6)) == ["ESTABLISHED", "ESTABLISHED"]


def test_what_goes_from_an_address_and_port_to_the_same_answers_itself(router: PystackRouter) -> None:
    address = ADDRESSES[1]
    said = 0, datagram(udp.build(5, 5, b"x", address, address), IPPROTO_UDP, src=address, dst=address)
    assert say(router, said, said) == ["NEW", "ESTABLISHED"]


def test_an_error_is_related_to_what_it_complains_of(router: PystackRouter) -> None:
    assert say(router, query(0, 5, 6), error_about(query(0, 5, 6))) == ["NEW", "RELATED"]


def test_an_error_about_nothing_is_invalid(router: PystackRouter) -> None:
    assert say(router, error_about(query(0, 5, 6))) == ["INVALID"]


def test_an_error_that_was_sent_to_somebody_else_is_invalid(router: PystackRouter) -> None:
    say(router, query(0, 5, 6))
    side, packet = error_about(query(0, 5, 6))
    assert say(router, (1 - side, packet[:12] + packet[16:20] + packet[12:16] + packet[20:])) == ["INVALID"]
    assert router.reasons == ["outer daddr 10.2.0.2 != inner 10.1.0.2"]


def test_an_answer_that_nobody_asked_for_is_invalid(router: PystackRouter) -> None:
    side, packet = ping()
    assert say(router, (side, packet[:20] + b"\0\0" + b"\x7f\x8e" + packet[24:])) == ["INVALID"]


def test_a_packet_that_is_not_to_be_tracked_is_untracked(router: PystackRouter) -> None:
    target = NoTrack()

    def notrack(pkt: Packet, state: HookState) -> int:
        target.apply(View.of_ipv4(pkt, state))
        return NF_ACCEPT

    router.box.ns.hooks.ip[PREROUTING].register(notrack, -300, "raw")
    assert say(router, ping()) == ["UNTRACKED"]
    assert router.tracking.count == 0


def test_a_protocol_that_nobody_knows_is_tracked_by_its_addresses(router: PystackRouter) -> None:
    assert say(router, bare(99), bare(99)) == ["NEW", "NEW"]
    assert router.tracking.count == 1


def test_a_bad_checksum_is_invalid_only_while_sums_are_checked(router: PystackRouter) -> None:
    side, packet = segment(0, SYN)
    spoilt = (side, packet[:36] + b"\x12\x34" + packet[38:])
    assert say(router, spoilt) == ["INVALID"]
    assert router.reasons == ["bad checksum"]
    router.box.sysctl("net.netfilter.nf_conntrack_checksum", "0")
    assert say(router, spoilt) == ["NEW"]


# --- confirmation -------------------------------------------------------------------------------------------


def test_a_packet_that_is_dropped_leaves_no_connection(router: PystackRouter) -> None:
    router.box.ns.hooks.ip[FORWARD].register(lambda pkt, state: NF_DROP, 1, "drop")
    assert say(router, ping()) == [None]
    assert router.tracking.count == 0
    assert len(list(router.tracking.context.table)) == 0


def _begun(flow: Tuple) -> Conn:
    """A connection whose first packet is still under way."""
    conn = Conn(flow.key, inverted(flow.key) or b"")
    conn.expires = 1000
    return conn


def test_two_first_packets_of_one_udp_flow_share_the_connection_of_the_faster(router: PystackRouter) -> None:
    context, tracker = router.tracking.context, router.tracking.tracker
    packets = []
    for _ in range(2):
        packet = Packet(bytearray(query(0, 5, 6)[1]), router.devices[0])
        packet.ct = _begun(Tuple(2, 17, *ADDRESSES, 5, 6))
        packets.append(packet)
    state = HookState(4, None, None, lambda pkt: None)
    assert [tracker.confirm(packet, state) for packet in packets] == [NF_ACCEPT, NF_ACCEPT]
    assert packets[0].ct is packets[1].ct
    assert context.stats.clash_resolve == 1


def test_two_first_segments_of_one_tcp_connection_cannot_both_pass(router: PystackRouter) -> None:
    tracker = router.tracking.tracker
    first, second = (Packet(bytearray(segment(0, SYN)[1]), router.devices[0]) for _ in range(2))
    first.ct, second.ct = _begun(FLOW), _begun(FLOW)
    state = HookState(4, None, None, lambda pkt: None)
    assert (tracker.confirm(first, state), tracker.confirm(second, state)) == (NF_ACCEPT, NF_DROP)
    assert router.tracking.context.stats.insert_failed == 1


# --- TCP ----------------------------------------------------------------------------------------------------


def test_a_conversation_goes_through_its_states(router: PystackRouter) -> None:
    seen = []
    for said in (
        *HANDSHAKE,
        segment(0, FIN | ACK, 101, 501),
        segment(1, ACK, 501, 102),
        segment(1, FIN | ACK, 501, 102),
        segment(0, ACK, 102, 502),
    ):
        say(router, said)
        seen.append(state_of(router))
    assert seen == "SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT".split()


def test_a_handshake_makes_a_connection_assured(router: PystackRouter) -> None:
    say(router, *HANDSHAKE[:2])
    assert not conn_of(router).status & IPS_ASSURED
    say(router, HANDSHAKE[2])
    assert conn_of(router).status & (IPS_ASSURED | IPS_SEEN_REPLY) == IPS_ASSURED | IPS_SEEN_REPLY


def test_a_refusal_ends_what_was_only_asked_for(router: PystackRouter) -> None:
    assert say(router, segment(0, SYN, 100), segment(1, RST | ACK, 0, 101)) == ["NEW", "ESTABLISHED"]
    assert router.tracking.count == 0
    assert say(router, segment(0, SYN, 100), segment(0, RST, 101)) == ["NEW", "NEW"]
    assert router.tracking.count == 0


def test_a_syn_in_time_wait_begins_a_new_connection(router: PystackRouter) -> None:
    close = (segment(0, FIN | ACK, 101, 501), segment(1, FIN | ACK, 501, 102), segment(0, ACK, 102, 502))
    say(router, *HANDSHAKE, *close)
    old = conn_of(router)
    assert state_of(router) == "TIME_WAIT"
    assert say(router, segment(0, SYN, 90000)) == ["NEW"]
    assert conn_of(router) is not old
    assert state_of(router) == "SYN_SENT"


def test_a_connection_is_picked_up_in_its_middle_unless_that_is_switched_off(router: PystackRouter) -> None:
    assert say(router, segment(0, ACK, 7, 8)) == ["NEW"]
    router.tracking.flush()
    router.box.sysctl("net.netfilter.nf_conntrack_tcp_loose", "0")
    assert say(router, segment(0, ACK, 7, 8)) == ["INVALID"]


def test_a_reset_outside_the_window_is_invalid_with_its_reason(router: PystackRouter) -> None:
    say(router, *HANDSHAKE)
    assert say(router, segment(1, RST, 400)) == ["INVALID"]
    assert router.reasons == ["invalid rst"]
    assert state_of(router) == "ESTABLISHED"


def test_a_reset_that_is_near_may_be_challenged_and_one_that_is_right_ends_it(router: PystackRouter) -> None:
    say(router, *HANDSHAKE, segment(1, RST, 600))
    assert state_of(router) == "ESTABLISHED"
    say(router, segment(1, RST, 501))
    assert state_of(router) == "CLOSE"


def test_a_segment_without_sense_is_invalid(router: PystackRouter) -> None:
    assert say(router, segment(0, SYN | FIN)) == ["INVALID"]
    assert router.reasons == ["invalid tcp flag combination"]


# --- time ---------------------------------------------------------------------------------------------------


def test_a_connection_that_is_silent_for_its_time_is_gone(router: PystackRouter) -> None:
    say(router, query(0, 5, 6))
    router.box.advance(29.5)
    assert router.tracking.count == 1
    router.box.advance(1.0)
    assert say(router, query(1, 6, 5)) == ["NEW"]


def test_what_is_over_is_cleared_away_without_anybody_asking(router: PystackRouter) -> None:
    say(router, *(query(0, port, 6) for port in range(100)))
    router.box.advance(95)
    assert router.tracking.count == 0


def test_a_udp_flow_lives_longer_once_both_talked_for_two_seconds(router: PystackRouter) -> None:
    flow = Tuple(2, 17, *ADDRESSES, 5, 6)
    say(router, query(0, 5, 6), query(1, 6, 5))
    assert not conn_of(router, flow).status & IPS_ASSURED
    router.box.advance(2.1)
    say(router, query(0, 5, 6))
    conn = conn_of(router, flow)
    assert conn.status & IPS_ASSURED
    assert router.tracking.context.left(conn) == 120 * 250


def test_syns_alone_keep_nothing_alive(router: PystackRouter) -> None:
    say(router, segment(0, SYN, 100))
    router.box.advance(100)
    say(router, segment(0, SYN, 100))
    assert router.tracking.context.left(conn_of(router)) == 20 * 250


def test_an_acknowledgement_repeated_too_often_shortens_the_life(router: PystackRouter) -> None:
    say(router, *HANDSHAKE, *[segment(1, ACK, 501, 101)] * 4)
    assert router.tracking.context.left(conn_of(router)) == 300 * 250


# --- a full table -------------------------------------------------------------------------------------------


def test_a_full_table_gives_up_what_nobody_answered(router: PystackRouter) -> None:
    say(router, *HANDSHAKE)
    router.box.sysctl("net.netfilter.nf_conntrack_max", "200")
    passed = say(router, *(segment(0, SYN, 100, port=2000 + number) for number in range(2000)))
    assert router.tracking.count <= 200
    assert conn_of(router).status & IPS_ASSURED
    assert router.tracking.context.stats.early_drop == passed.count("NEW") - 199


def test_without_anything_to_give_up_a_new_connection_is_refused_aloud(router: PystackRouter) -> None:
    say(router, *HANDSHAKE)
    router.box.sysctl("net.netfilter.nf_conntrack_max", "1")
    assert say(router, query(0, 5, 6)) == [None]
    assert router.lines == ["nf_conntrack: nf_conntrack: table full, dropping packet"]
    assert router.box.drops()["NETFILTER_DROP"] == 1


# --- besides ------------------------------------------------------------------------------------------------


def test_packets_and_octets_are_counted_where_that_was_asked_for(router: PystackRouter) -> None:
    say(router, query(0, 5, 5))
    router.box.sysctl("net.netfilter.nf_conntrack_acct", "1")
    say(router, query(0, 5, 6), query(0, 5, 6), query(1, 6, 5))
    told = [snapshot(conn, router.tracking.context).counters for conn in router.tracking.context.table]
    assert sorted(told, key=str) == [((2, 58), (1, 29)), None]


def test_equal_tuples_in_two_zones_are_two_connections(router: PystackRouter) -> None:
    targets = [Ct(Zone(1)), Ct(Zone(2))]

    def choose(pkt: Packet, state: HookState) -> int:
        targets[0].apply(View.of_ipv4(pkt, state))
        return NF_ACCEPT

    router.box.ns.hooks.ip[PREROUTING].register(choose, -300, "raw")
    say(router, ping())
    targets.reverse()
    assert say(router, ping()) == ["NEW"]
    assert sorted(conn.zone.number for conn in router.tracking.context.table) == [1, 2]


def test_events_come_in_order_and_once_the_packet_has_got_through(router: PystackRouter) -> None:
    events: list[Event] = []
    stop = router.tracking.context.watch(lambda conn, event, portid: events.append(event))
    say(router, *HANDSHAKE)
    router.tracking.flush()
    stop()
    say(router, ping())
    assert events == [
        Event.NEW | Event.PROTOINFO,
        Event.REPLY | Event.PROTOINFO,
        Event.ASSURED | Event.PROTOINFO,
        Event.DESTROY,
    ]


def test_no_events_are_told_once_that_is_switched_off(router: PystackRouter) -> None:
    events: list[Event] = []
    router.tracking.context.watch(lambda conn, event, portid: events.append(event))
    router.box.sysctl("net.netfilter.nf_conntrack_events", "0")
    say(router, ping())
    assert events == []


def test_an_error_of_ours_belongs_to_the_connection_of_its_cause(router: PystackRouter) -> None:
    cause, answer = (Packet(bytearray(20), router.devices[0]) for _ in range(2))
    cause.ct = Conn(FLOW.key, inverted(FLOW.key) or b"")
    attach(answer, cause)
    assert (answer.ct, answer.ctinfo) == (cause.ct, IP_CT_RELATED_REPLY)
