"""IPv4 options of packets that come in, pass through, or are answered; more in scenarios/routing."""

import pytest

from pystack.events import Event, Printk
from pystack.l2.nud import NUD_PERMANENT
from pystack.wire import icmp
from tests.box import Box
from tests.frames import (
    ALICE_IP,
    ALICE_MAC,
    BOB_IP,
    BOB_MAC,
    OUR_IP,
    OUR_IP2,
    OUR_MAC,
    OUR_MAC2,
    datagram,
    echo_message,
    ip,
    packet_frame,
    parsed_icmp,
    parsed_ip,
)

ELSEWHERE = ip("10.9.0.1")


def words(*addresses: int) -> bytes:
    return b"".join(address.to_bytes(4, "big") for address in addresses)


def record_route(*slots: int, pointer: int = 4) -> bytes:
    return bytes((7, 3 + 4 * len(slots), pointer)) + words(*slots) + b"\0"


def source_route(*hops: int, kind: int = 131, pointer: int = 4) -> bytes:
    return bytes((kind, 3 + 4 * len(hops), pointer)) + words(*hops) + b"\0"


class Router(Box):
    """eth0 10.0.0.1/24 with Alice, eth1 10.0.1.1/24 with Bob, who is the way to 10.9/16."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        for dev, address, mac in ((self.eth0, ALICE_IP, ALICE_MAC), (self.eth1, BOB_IP, BOB_MAC)):
            neigh = self.ns.ipv4.neighbours.create(dev, address, self.ns.ipv4.confs.neigh_of(dev))
            assert neigh is not None
            neigh.set(mac, NUD_PERMANENT)
        self.forward()
        self.route("10.9.0.0/16", via="10.0.1.2")

    def ping(self, options: bytes, dst: int, *, ttl: int = 64) -> None:
        self.send(self.eth0, packet_frame(datagram(echo_message(b""), 1, dst=dst, options=options, ttl=ttl)))

    def accept_source_routes(self) -> None:
        self.sysctl("net.ipv4.conf.all.accept_source_route", "1")


def test_a_router_writes_down_the_address_it_sends_from() -> None:
    box = Router()
    box.ping(record_route(0, 0), BOB_IP)
    (frame,) = box.sent(box.eth1)
    assert parsed_ip(frame).options == record_route(OUR_IP2, 0, pointer=8)


def test_an_answer_lists_us_where_the_packet_came_and_where_it_goes() -> None:
    box = Router()
    box.ping(record_route(0, 0, 0), OUR_IP)
    (frame,) = box.sent(box.eth0)
    assert parsed_ip(frame).options == record_route(OUR_IP, OUR_IP, 0, pointer=12)


def test_an_error_lists_us_too() -> None:
    box = Router()
    box.ping(record_route(0, 0, 0), BOB_IP, ttl=1)
    (frame,) = box.sent(box.eth0)
    assert parsed_icmp(frame)[:2] == (icmp.ICMP_TIME_EXCEEDED, 0)
    assert parsed_ip(frame).options == record_route(OUR_IP, OUR_IP, 0, pointer=12)


def test_options_that_make_no_sense_are_complained_of_by_their_octet() -> None:
    box = Router()
    box.ping(b"\x01\x01\x01\x07", BOB_IP)
    assert box.sent(box.eth1) == []
    (frame,) = box.sent(box.eth0)
    assert parsed_icmp(frame)[:3] == (icmp.ICMP_PARAMETERPROB, 0, 23 << 24)
    assert box.drops() == {"IP_OPTIONS": 1}
    assert box.ns.snmp.Ip.InHdrErrors == 1


def test_a_source_route_is_not_followed_unless_it_is_accepted() -> None:
    box = Router()
    lines: list[Event] = []
    box.host.events.subscribe(lines.append)
    box.sysctl("net.ipv4.conf.all.log_martians", "1")
    box.ping(source_route(BOB_IP), OUR_IP)
    assert box.sent(box.eth0) == box.sent(box.eth1) == []
    assert Printk("", "source route option 10.0.0.2 -> 10.0.0.1") in lines


def test_a_source_route_leads_on_from_here() -> None:
    box = Router()
    box.accept_source_routes()
    box.ping(source_route(BOB_IP), OUR_IP)
    (frame,) = box.sent(box.eth1)
    header = parsed_ip(frame)
    assert (header.daddr, header.options) == (BOB_IP, source_route(OUR_IP2, pointer=8))


def test_hops_that_are_all_ours_are_taken_at_once() -> None:
    box = Router()
    box.accept_source_routes()
    box.ping(source_route(OUR_IP2, BOB_IP), OUR_IP)
    (frame,) = box.sent(box.eth1)
    assert parsed_ip(frame).daddr == BOB_IP


def test_an_answer_goes_back_the_way_that_the_question_came() -> None:
    box = Router()
    box.accept_source_routes()
    box.ping(source_route(BOB_IP, pointer=8), OUR_IP)
    (frame,) = box.sent(box.eth1)
    header = parsed_ip(frame)
    assert (header.daddr, header.options) == (BOB_IP, source_route(ALICE_IP))


@pytest.mark.parametrize(
    ("hop", "answer"),
    [(BOB_IP, None), (ELSEWHERE, (icmp.ICMP_DEST_UNREACH, icmp.ICMP_SR_FAILED))],
    ids=["a neighbour", "behind a gateway"],
)
def test_a_strict_route_leads_to_neighbours_only(hop: int, answer: tuple[int, int] | None) -> None:
    box = Router()
    box.accept_source_routes()
    box.ping(source_route(hop, kind=137), OUR_IP)
    answers = [parsed_icmp(frame)[:2] for frame in box.sent(box.eth0)]
    assert answers == ([] if answer is None else [answer])
    assert len(box.sent(box.eth1)) == (answer is None)


def test_a_strict_route_that_does_not_name_us_is_a_mistake() -> None:
    box = Router()
    box.accept_source_routes()
    box.ping(source_route(BOB_IP, kind=137), ELSEWHERE)
    (frame,) = box.sent(box.eth0)
    assert parsed_icmp(frame)[:3] == (icmp.ICMP_PARAMETERPROB, 0, 16 << 24)
