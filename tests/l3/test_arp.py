"""ARP: what is answered, what is learnt, how it is asked."""

import pytest

from pystack.device import IFF_NOARP, IFF_POINTOPOINT
from pystack.l2.nud import NAMES, NUD_PERMANENT, NUD_STALE
from pystack.l2.port import PortDevice
from pystack.l3.addresses import RT_SCOPE_HOST
from pystack.wire.arp import ARPOP_REPLY, ARPOP_REQUEST
from pystack.wire.ethernet import BROADCAST, ZERO
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    ALICE_MAC,
    BOB_MAC,
    OUR_IP,
    OUR_MAC,
    OUR_MAC2,
    arp_frame,
    arp_reply,
    arp_request,
    ip,
    parsed_arp,
)


class Asked(Box):
    """eth0 10.0.0.1/24 and eth1 10.0.1.1/24."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")

    def answered(self, frame: bytes, dev: PortDevice | None = None) -> bool:
        """Whether a question gets the one right answer."""
        port = dev or self.eth0
        self.send(port, frame)
        answers = self.sent(port)
        if not answers:
            return False
        asked, told = parsed_arp(frame), parsed_arp(answers[0])
        assert answers[0][:12] == asked.sha + port.address
        assert (told.operation, told.sha, told.spa) == (ARPOP_REPLY, port.address, asked.tpa)
        assert (told.tha, told.tpa) == (asked.sha, asked.spa)
        assert len(answers) == 1
        return True

    def known(self, address: int = ALICE_IP, dev: PortDevice | None = None) -> str:
        """`STALE 02:…` or nothing."""
        neigh = self.ns.ipv4.neighbours.lookup(dev or self.eth0, address)
        return "" if neigh is None else f"{NAMES[neigh.state]} {neigh.ha.hex(':')}"

    def ask_for(self, text: str = "10.0.0.2") -> None:
        """A packet wants to go there."""
        self.ns.raw.open(1).send_to(bytes(8), ip(text))
        self.settle()


ALICE = ALICE_MAC.hex(":")
BOB = BOB_MAC.hex(":")


# -- answers -------------------------------------------------------------------------------------------------


def test_a_question_about_our_address_is_answered_and_the_asker_learnt() -> None:
    box = Asked()
    assert box.answered(arp_request())
    assert box.known() == f"STALE {ALICE}"
    box.assert_every_packet_is_accounted_for()


@pytest.mark.parametrize("target", ["10.0.0.2", "10.0.0.77", "8.8.8.8", "10.0.0.255", "255.255.255.255"])
def test_a_question_about_another_address_is_not_answered_and_nobody_learnt(target: str) -> None:
    box = Asked()
    assert not box.answered(arp_request(ip(target)))
    assert box.known() == ""
    box.assert_every_packet_is_accounted_for()


def test_an_address_of_another_device_is_answered_too() -> None:
    """The weak host model."""
    assert Asked().answered(arp_request(ip("10.0.1.1")))


def test_a_question_may_come_to_us_alone() -> None:
    assert Asked().answered(arp_request(to=OUR_MAC))


def test_a_probe_before_taking_an_address_is_answered_but_teaches_nothing() -> None:
    """RFC 5227: the sender's address is still 0.0.0.0."""
    box = Asked()
    assert box.answered(arp_request(spa=0))
    assert len(box.ns.ipv4.neighbours) == 0
    assert not box.answered(arp_request(ip("10.0.0.9"), spa=0))
    assert not box.answered(arp_frame(ARPOP_REPLY, spa=0))


def test_a_probe_is_not_answered_where_arp_ignore_says_so() -> None:
    box = Asked()
    box.sysctl("net.ipv4.conf.all.arp_ignore", "1")
    assert not box.answered(arp_request(ip("10.0.1.1"), spa=0))
    assert box.answered(arp_request(spa=0))


def test_whoever_has_no_address_yet_is_of_no_other_subnet() -> None:
    box = Asked()
    box.sysctl("net.ipv4.conf.all.arp_ignore", "2")
    assert box.answered(arp_request(spa=0))
    assert not box.answered(arp_request(ip("10.0.1.1"), spa=0))


@pytest.mark.parametrize(
    ("level", "target", "asker", "answered"),
    [
        (0, "10.0.1.1", "10.0.0.2", True),
        (1, "10.0.1.1", "10.0.0.2", False),
        (1, "10.0.0.1", "10.7.0.2", True),
        (2, "10.0.0.1", "10.7.0.2", False),
        (2, "10.0.0.1", "10.0.0.2", True),
        (3, "10.0.0.1", "10.0.0.2", True),
        (3, "10.3.0.1", "10.0.0.2", False),
        (1, "10.3.0.1", "10.0.0.2", True),
        (4, "10.0.1.1", "10.0.0.2", True),
        (8, "10.0.0.1", "10.0.0.2", False),
    ],
)
def test_arp_ignore_chooses_which_addresses_are_told(
    level: int, target: str, asker: str, answered: bool
) -> None:
    box = Asked()
    box.address(box.eth0, "10.3.0.1/32", scope=RT_SCOPE_HOST)
    box.sysctl("net.ipv4.conf.eth0.arp_ignore", str(level))
    assert box.answered(arp_request(ip(target), spa=ip(asker))) is answered
    assert bool(box.known(ip(asker))) is answered


@pytest.mark.parametrize(
    ("asker", "answered", "counted"), [("10.0.0.2", True, 0), ("10.0.1.2", False, 1), ("10.9.9.9", False, 0)]
)
def test_arp_filter_answers_only_by_the_device_that_leads_back(
    asker: str, answered: bool, counted: int
) -> None:
    box = Asked()
    box.sysctl("net.ipv4.conf.eth0.arp_filter", "1")
    assert box.answered(arp_request(spa=ip(asker))) is answered
    assert box.ns.snmp.TcpExt.ArpFilter == counted


def test_a_question_from_our_own_address_is_not_answered() -> None:
    """The route to such a sender is a martian one."""
    assert not Asked().answered(arp_request(ip("10.0.1.1"), spa=OUR_IP))


@pytest.mark.parametrize(
    "frame",
    [
        arp_request(ip("224.0.0.1")),
        arp_request(ip("127.0.0.1")),
        arp_frame(3),
        arp_frame(0),
        arp_request()[:30],
        arp_request()[:14] + b"\x00\x02" + arp_request()[16:],
        arp_request()[:18] + b"\x08" + arp_request()[19:],
    ],
    ids=["group", "loopback", "RARP", "none", "short", "hardware", "lengths"],
)
def test_what_is_no_question_of_ours_is_dropped(frame: bytes) -> None:
    box = Asked()
    box.send(box.eth0, frame)
    assert box.sent(box.eth0) == []
    assert sum(box.drops().values()) == 1
    box.assert_every_packet_is_accounted_for()


def test_the_loopback_net_is_answered_for_where_it_is_routed() -> None:
    box = Asked()
    box.sysctl("net.ipv4.conf.eth0.route_localnet", "1")
    assert box.answered(arp_request(ip("127.0.0.1")))


def test_a_question_to_another_station_is_none_of_our_business() -> None:
    box = Asked()
    assert not box.answered(arp_request(to=BOB_MAC))
    assert box.drops() == {}
    box.assert_every_packet_is_accounted_for()


def test_a_device_without_arp_hears_none() -> None:
    box = Asked()
    box.eth0.flags |= IFF_NOARP
    assert not box.answered(arp_request())
    box.assert_every_packet_is_accounted_for()


# -- learning ------------------------------------------------------------------------------------------------


def test_an_answer_to_our_question_makes_the_neighbour_reachable() -> None:
    box = Asked()
    box.ask_for()
    box.send(box.eth0, arp_reply())
    assert box.known() == f"REACHABLE {ALICE}"


def test_an_answer_that_nobody_asked_for_teaches_nothing() -> None:
    box = Asked()
    box.send(box.eth0, arp_reply())
    box.send(box.eth0, arp_frame(ARPOP_REQUEST, tpa=ALICE_IP))
    assert box.known() == ""


def test_a_broadcast_answer_proves_no_way_there() -> None:
    box = Asked()
    box.ask_for()
    box.send(box.eth0, arp_reply(to=BROADCAST))
    assert box.known() == f"DELAY {ALICE}"


def test_of_two_answers_the_first_counts_for_a_second() -> None:
    """The lock time: two proxies may answer."""
    box = Asked()
    box.ask_for()
    box.advance(0.1)
    box.send(box.eth0, arp_reply())
    box.advance(0.9)
    box.send(box.eth0, arp_reply(sha=BOB_MAC))
    assert box.known() == f"REACHABLE {ALICE}"
    box.advance(0.2)
    box.send(box.eth0, arp_reply(sha=BOB_MAC))
    assert box.known() == f"REACHABLE {BOB}"


def test_the_lock_time_can_be_set() -> None:
    box = Asked()
    box.sysctl("net.ipv4.neigh.eth0.locktime", "0")
    box.ask_for()
    box.send(box.eth0, arp_reply())
    box.advance(0.01)
    box.send(box.eth0, arp_reply(sha=BOB_MAC))
    assert box.known() == f"REACHABLE {BOB}"


def test_a_gratuitous_question_moves_a_known_neighbour_at_once() -> None:
    box = Asked()
    box.ask_for()
    box.send(box.eth0, arp_reply())
    box.send(box.eth0, arp_frame(ARPOP_REQUEST, sha=BOB_MAC, tpa=ALICE_IP))
    assert box.known() == f"STALE {BOB}"


@pytest.mark.parametrize(("tha", "moved"), [(BOB_MAC, True), (BROADCAST, False)])
def test_a_gratuitous_answer_moves_at_once_only_if_it_names_itself_twice(tha: bytes, moved: bool) -> None:
    box = Asked()
    box.ask_for()
    box.send(box.eth0, arp_reply())
    box.send(box.eth0, arp_frame(ARPOP_REPLY, sha=BOB_MAC, tha=tha, tpa=ALICE_IP))
    assert box.known().split()[1] == (BOB if moved else ALICE)


def test_an_asker_that_moved_is_believed_at_once() -> None:
    box = Asked()
    assert box.answered(arp_request())
    assert box.answered(arp_request(sha=BOB_MAC))
    assert box.known() == f"STALE {BOB}"


@pytest.mark.parametrize(
    ("level", "spa", "known"),
    [
        (0, "10.0.0.2", False),
        (1, "10.0.0.2", True),
        (1, "10.7.0.2", True),
        (2, "10.0.0.2", True),
        (2, "10.7.0.2", False),
        (3, "10.0.0.2", False),
    ],
)
def test_arp_accept_lets_announcements_make_entries(level: int, spa: str, known: bool) -> None:
    """Linux: net/ipv4/arp.c arp_accept()"""
    box = Asked()
    box.sysctl("net.ipv4.conf.eth0.arp_accept", str(level))
    box.send(box.eth0, arp_frame(ARPOP_REQUEST, spa=ip(spa), tpa=ip(spa)))
    assert bool(box.known(ip(spa))) is known


def test_arp_accept_takes_answers_that_nobody_asked_for() -> None:
    box = Asked()
    box.sysctl("net.ipv4.conf.all.arp_accept", "1")
    box.send(box.eth0, arp_reply())
    assert box.known() == f"REACHABLE {ALICE}"


def test_a_full_table_learns_nobody() -> None:
    box = Asked()
    box.sysctl("net.ipv4.neigh.default.gc_thresh3", "0")
    box.sysctl("net.ipv4.neigh.default.gc_thresh2", "0")
    box.sysctl("net.ipv4.conf.all.arp_accept", "1")
    box.send(box.eth0, arp_reply())
    assert not box.answered(arp_request())
    assert len(box.ns.ipv4.neighbours) == 0
    box.assert_every_packet_is_accounted_for()


def test_gratuitous_packets_can_be_shut_out() -> None:
    box = Asked()
    box.ask_for()
    box.send(box.eth0, arp_reply())
    box.sysctl("net.ipv4.conf.eth0.drop_gratuitous_arp", "1")
    box.send(box.eth0, arp_frame(ARPOP_REQUEST, sha=BOB_MAC, tpa=ALICE_IP))
    assert box.known() == f"REACHABLE {ALICE}"
    assert box.drops()["ARP_IGNORED"] == 1


# -- questions -----------------------------------------------------------------------------------------------


def test_we_ask_everybody_with_the_source_of_the_waiting_packet() -> None:
    box = Asked()
    box.ask_for()
    frame = box.sent(box.eth0)[0]
    assert frame[:12] == BROADCAST + OUR_MAC
    asked = parsed_arp(frame)
    assert (asked.operation, asked.sha, asked.spa) == (ARPOP_REQUEST, OUR_MAC, OUR_IP)
    assert (asked.tha, asked.tpa) == (ZERO, ALICE_IP)


@pytest.mark.parametrize(
    ("level", "source", "announced"),
    [
        (0, "10.0.1.1", "10.0.1.1"),
        (1, "10.0.1.1", "10.0.0.1"),
        (2, "10.0.0.3", "10.0.0.1"),
        (1, "10.0.0.3", "10.0.0.3"),
    ],
)
def test_arp_announce_chooses_the_source_of_a_question(level: int, source: str, announced: str) -> None:
    box = Asked()
    box.address(box.eth0, "10.0.0.3/24")
    box.sysctl("net.ipv4.conf.all.arp_announce", str(level))
    sock = box.ns.raw.open(1)
    sock.bind(ip(source))
    sock.send_to(bytes(8), ALICE_IP)
    assert parsed_arp(box.sent(box.eth0)[0]).spa == ip(announced)


def test_a_neighbour_that_is_doubted_is_asked_directly() -> None:
    box = Asked()
    assert box.answered(arp_request())
    box.ask_for()
    box.sent(box.eth0)
    box.advance(5.1)
    frame = box.sent(box.eth0)[0]
    assert frame[:6] == ALICE_MAC
    assert parsed_arp(frame).tha == ZERO


def test_a_silent_neighbour_is_asked_three_times_and_the_sender_told() -> None:
    box = Asked()
    sock = box.ns.raw.open(1)
    sock.recverr = True
    sock.send_to(bytes(8), ALICE_IP)
    box.advance(10)
    assert [parsed_arp(frame).tpa for frame in box.sent(box.eth0)] == [ALICE_IP] * 3
    error = sock.recv_error()
    assert error is not None
    assert (error.type, error.code, error.offender) == (3, 1, OUR_IP)
    box.assert_every_packet_is_accounted_for()


def test_a_device_that_is_told_to_announces_its_addresses_when_it_comes_up() -> None:
    box = Asked()
    box.sysctl("net.ipv4.conf.eth0.arp_notify", "1")
    box.ns.devices.set_down(box.eth0)
    box.ns.devices.set_up(box.eth0)
    announced = parsed_arp(box.sent(box.eth0)[0])
    assert (announced.operation, announced.spa, announced.tpa) == (ARPOP_REQUEST, OUR_IP, OUR_IP)
    assert announced.tha == bytes(6)


# -- entries -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("224.0.0.1", "01005e000001"), ("239.255.255.255", "01005e7fffff"), ("10.0.0.255", "ffffffffffff")],
)
def test_groups_and_broadcasts_need_no_question(destination: str, expected: str) -> None:
    box = Asked()
    sock = box.ns.raw.open(1)
    sock.broadcast = True
    sock.bind_to_device("eth0")
    sock.send_to(bytes(8), ip(destination))
    frames = box.sent(box.eth0)
    assert frames[0][:6].hex() == expected
    neigh = box.ns.ipv4.neighbours.lookup(box.eth0, ip(destination))
    assert neigh is not None
    assert NAMES[neigh.state] == "NOARP"


def test_a_device_without_arp_sends_to_itself_and_a_point_to_point_one_to_all() -> None:
    box = Asked()
    box.eth0.flags |= IFF_NOARP
    box.ask_for("10.0.0.9")
    assert box.sent(box.eth0)[0][:6] == OUR_MAC
    box.eth0.flags = box.eth0.flags & ~IFF_NOARP | IFF_POINTOPOINT
    box.ask_for("10.0.0.8")
    assert box.sent(box.eth0)[0][:6] == BROADCAST
    assert box.ns.ipv4.neighbours.lookup(box.eth0, 0) is not None


def fill(box: Asked) -> None:
    """Two neighbours on eth0, one of them permanent, and one on eth1."""
    table = box.ns.ipv4.neighbours
    for dev, key, state in ((box.eth0, 1, NUD_STALE), (box.eth0, 2, NUD_PERMANENT), (box.eth1, 3, NUD_STALE)):
        neigh = table.create(dev, key, box.ns.ipv4.confs.neigh_of(dev))
        assert neigh is not None
        neigh.set(ALICE_MAC, state)


@pytest.mark.parametrize(
    ("event", "left"),
    [("down", [3]), ("address", [3]), ("carrier", [2, 3]), ("unregister", [3]), ("last address", [3])],
)
def test_what_happens_to_a_device_happens_to_its_neighbours(event: str, left: list[int]) -> None:
    """Linux: net/ipv4/arp.c arp_netdev_event()"""
    box = Asked()
    fill(box)
    devices = box.ns.devices
    if event == "down":
        devices.set_down(box.eth0)
    elif event == "address":
        devices.set_address(box.eth0, BOB_MAC)
    elif event == "carrier":
        devices.set_carrier(box.eth0, False)
    elif event == "unregister":
        devices.unregister(box.eth0)
    else:
        box.ns.ipv4.addresses.flush(box.eth0)
    assert sorted(neigh.key for neigh in box.ns.ipv4.neighbours) == left


def test_a_program_may_be_left_to_ask_first() -> None:
    """app_solicit: that many questions are left to user space, which pystack has not."""
    box = Asked()
    box.sysctl("net.ipv4.neigh.eth0.app_solicit", "2")
    box.ask_for()
    assert box.sent(box.eth0) == []
    box.advance(1.9)
    assert box.sent(box.eth0) == []
    box.advance(4)
    assert [parsed_arp(frame).tpa for frame in box.sent(box.eth0)] == [ALICE_IP] * 3
