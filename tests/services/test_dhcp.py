"""The DHCP server: literal frames of clients in, its answers read octet by octet."""

from dataclasses import replace
from struct import unpack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.l2.kinds import create
from pystack.l2.nud import NUD_PERMANENT
from pystack.services.dhcp import DhcpConfig, DhcpServer, Refusal
from pystack.services.leases import OFFER_TIME, QUARANTINE
from pystack.wire import dhcp
from pystack.wire.checksum import transport_sum
from pystack.wire.dhcp import DhcpMessage
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IPPROTO_UDP
from pystack.wire.udp import build as build_udp
from tests.box import Box
from tests.frames import OUR_MAC, datagram, ip, packet_frame, parsed_ip

VM = bytes.fromhex("525400000101")
OTHER = bytes.fromhex("525400000102")
PRINTER = bytes.fromhex("525400000199")
SERVER = ip("10.0.0.1")
# From 0.0.0.0:68 to 255.255.255.255:67, as busybox's udhcpc sends it; the answer may come to its own address.
DISCOVER = bytes.fromhex(
    "ffffffffffff 525400000101 0800 4500013000000000401179be00000000ffffffff 0044 0043 011c 0000"
    "01010600 3903f326 0000 0000 00000000 00000000 00000000 00000000 525400000101"
    + 202 * "00"
    + "63825363 350101 3d0701525400000101 39020240 370701030c060f1c2a 0c03776562 ff"
).ljust(318, b"\0")

CONFIG = DhcpConfig(
    "br0",
    ip("10.0.0.100"),
    ip("10.0.0.101"),
    dns=(ip("10.0.0.53"), ip("9.9.9.9")),
    domain="lab",
    reserved={PRINTER: ip("10.0.0.9")},
)


class Lan(Box):
    """br0 10.0.0.1/24 with the ports p1 and p2; the server gives 10.0.0.100 and 101, and 9 to the printer."""

    def __init__(self, **config: object) -> None:
        super().__init__()
        self.br0 = create(self.ns.devices, "bridge", "br0")
        self.ns.devices.set_address(self.br0, OUR_MAC)
        self.p1 = self.port("p1", bytes.fromhex("02000000bb01"))
        self.p2 = self.port("p2", bytes.fromhex("02000000bb02"))
        for port in (self.p1, self.p2):
            port.features = 0
            self.ns.devices.set_master(port, self.br0)
        self.br0.features = 0
        self.ns.devices.set_up(self.br0)
        self.address(self.br0, "10.0.0.1/24")
        self.server = DhcpServer(replace(CONFIG, **config), self.ns, self.br0)  # type: ignore[arg-type]

    def knows(self, address: int) -> None:
        """The VM was asked for its address before."""
        neigh = self.ns.ipv4.neighbours.create(self.br0, address, self.ns.ipv4.confs.neigh_of(self.br0))
        assert neigh is not None
        neigh.set(VM, NUD_PERMANENT)

    def hear(self, message: bytes, *, saddr: int = 0, daddr: int = 0xFFFFFFFF, to: bytes = BROADCAST) -> None:
        segment = build_udp(68, 67, message, saddr, daddr)
        packet = datagram(segment, IPPROTO_UDP, src=saddr, dst=daddr)
        self.send(self.p1, packet_frame(packet, to=to, sender=VM))

    def ask(
        self, type_: int, chaddr: bytes = VM, options: dict[int, bytes] | None = None, **fields: int
    ) -> DhcpMessage | None:
        """What the server answers to a message that is broadcast."""
        self.hear(said(type_, chaddr, options, **fields))
        return self.answer()

    def answer(self) -> DhcpMessage | None:
        frames = self.sent(self.p1)
        self.assert_every_packet_is_accounted_for()
        return read_answer(*frames) if frames else None

    def lease(self, chaddr: bytes = VM) -> int:
        """An address by the book."""
        offer = self.ask(dhcp.DISCOVER, chaddr)
        assert offer is not None
        asked = {dhcp.REQUESTED_ADDRESS: octets(offer.yiaddr), dhcp.SERVER_ID: octets(SERVER)}
        ack = self.ask(dhcp.REQUEST, chaddr, options=asked)
        assert ack is not None
        assert (ack.type, ack.yiaddr) == (dhcp.ACK, offer.yiaddr)
        return ack.yiaddr


def octets(address: int) -> bytes:
    return address.to_bytes(4, "big")


def said(type_: int, chaddr: bytes = VM, options: dict[int, bytes] | None = None, **fields: int) -> bytes:
    told = {dhcp.MESSAGE_TYPE: bytes([type_])} | (options or {})
    return dhcp.build(DhcpMessage(fields.pop("op", 1), 7, chaddr, options=told, **fields))


def read_answer(frame: bytes) -> DhcpMessage:
    """A frame that is whole: addresses, ports, length and checksum are right."""
    header, segment = parsed_ip(frame), frame[34:]
    assert header.saddr == SERVER
    assert unpack("!HHH", segment[:6]) == (67, 68, len(segment))
    assert transport_sum(header.saddr, header.daddr, IPPROTO_UDP, segment) == 0xFFFF
    parsed = dhcp.parse(segment[8:])
    assert isinstance(parsed, DhcpMessage)
    assert (parsed.op, parsed.options[dhcp.SERVER_ID]) == (dhcp.BOOTREPLY, octets(SERVER))
    return parsed


# -- by the book -------------------------------------------------------------------------------------------


def test_a_discover_is_answered_to_the_station_that_has_no_address_yet() -> None:
    lan = Lan()
    lan.send(lan.p1, DISCOVER)
    (frame,) = lan.sent(lan.p1)
    assert frame[:14] == VM + OUR_MAC + bytes.fromhex("0800")
    assert parsed_ip(frame).daddr == ip("10.0.0.100")
    assert frame[42:50] == bytes.fromhex("02010600 3903f326")
    assert frame[58:62] == octets(ip("10.0.0.100"))
    assert frame[278:].rstrip(b"\0") == bytes.fromhex(
        "63825363 350102 36040a000001 330400000e10 0104ffffff00 03040a000001 06080a00003509090909 0f036c6162"
        "1c040a0000ff 3d0701525400000101 ff"
    )
    assert [(lease.address, lease.host_name) for lease in lan.server.leases] == [(ip("10.0.0.100"), "web")]


def test_a_client_that_asks_for_it_is_answered_by_broadcast() -> None:
    lan = Lan()
    lan.hear(said(dhcp.DISCOVER, flags=dhcp.FLAG_BROADCAST))
    (frame,) = lan.sent(lan.p1)
    assert frame[:6] == BROADCAST
    assert parsed_ip(frame).daddr == 0xFFFFFFFF
    assert read_answer(frame).yiaddr == ip("10.0.0.100")


def test_a_request_makes_the_offer_a_lease() -> None:
    lan = Lan()
    assert lan.lease() == ip("10.0.0.100")
    lan.advance(3599.0)
    assert lan.lease(OTHER) == ip("10.0.0.101")
    assert lan.ask(dhcp.DISCOVER, bytes.fromhex("525400000103")) is None
    assert lan.server.refused == {Refusal.EXHAUSTED: 1}


def test_an_offer_that_nobody_takes_up_is_free_again() -> None:
    lan = Lan()
    for number in range(2):
        lan.ask(dhcp.DISCOVER, VM[:5] + bytes([number]))
    assert lan.ask(dhcp.DISCOVER, OTHER) is None
    lan.advance(OFFER_TIME)
    assert lan.lease(OTHER) == ip("10.0.0.100")


def test_only_what_was_asked_for_is_told() -> None:
    answer = Lan().ask(dhcp.DISCOVER, options={dhcp.PARAMETERS: bytes([1, 42])})
    assert answer is not None
    assert set(answer.options) == {dhcp.MESSAGE_TYPE, dhcp.SERVER_ID, dhcp.LEASE_TIME, dhcp.SUBNET_MASK}


def test_a_network_without_a_way_out_has_no_router() -> None:
    answer = Lan(router=0, dns=(), domain="").ask(dhcp.DISCOVER)
    assert answer is not None
    assert not answer.options.keys() & {dhcp.ROUTER, dhcp.DNS, dhcp.DOMAIN_NAME}


def test_a_reserved_address_is_given_by_hardware_address_whatever_the_client_calls_itself() -> None:
    lan = Lan()
    assert lan.lease(PRINTER) == ip("10.0.0.9")
    offer = lan.ask(dhcp.DISCOVER, PRINTER, options={dhcp.CLIENT_ID: b"\0pxe"})
    assert offer is not None
    assert offer.yiaddr == ip("10.0.0.9")


def test_a_client_with_another_identifier_is_another_client() -> None:
    lan = Lan()
    offers = [lan.ask(dhcp.DISCOVER, options={dhcp.CLIENT_ID: identifier}) for identifier in (b"\0a", b"\0b")]
    assert [offer.yiaddr - SERVER for offer in offers if offer] == [99, 100]


def test_a_lease_is_renewed_at_its_address() -> None:
    lan = Lan()
    mine = lan.lease()
    lan.knows(mine)
    lan.advance(1800.0)
    lan.hear(said(dhcp.REQUEST, ciaddr=mine), saddr=mine, daddr=SERVER, to=OUR_MAC)
    (frame,) = lan.sent(lan.p1)
    assert parsed_ip(frame).daddr == mine
    assert read_answer(frame).type == dhcp.ACK
    assert [lease.expires for lease in lan.server.leases] == [lan.host.clock.now + 3600]


def test_a_client_that_starts_again_keeps_its_address() -> None:
    lan = Lan()
    mine = lan.lease()
    again = lan.ask(dhcp.REQUEST, options={dhcp.REQUESTED_ADDRESS: octets(mine)})
    assert again is not None
    assert (again.type, again.yiaddr) == (dhcp.ACK, mine)


def test_a_client_that_nobody_knows_keeps_an_address_that_is_free() -> None:
    """The leases are gone with a daemon, the VMs are not."""
    answer = Lan().ask(dhcp.REQUEST, options={dhcp.REQUESTED_ADDRESS: octets(ip("10.0.0.101"))})
    assert answer is not None
    assert answer.type == dhcp.ACK


@pytest.mark.parametrize("wanted", ["10.0.0.100", "10.0.0.9", "10.0.0.1", "10.0.0.200", "192.168.7.7"])
def test_an_address_that_cannot_be_had_is_refused_for_all_to_hear(wanted: str) -> None:
    lan = Lan()
    lan.lease(OTHER)
    lan.hear(said(dhcp.REQUEST, options={dhcp.REQUESTED_ADDRESS: octets(ip(wanted))}))
    (frame,) = lan.sent(lan.p1)
    assert frame[:6] == BROADCAST
    assert (read_answer(frame).type, read_answer(frame).yiaddr) == (dhcp.NAK, 0)


def test_a_released_address_is_free_and_a_declined_one_rests() -> None:
    lan = Lan()
    mine = lan.lease()
    assert lan.ask(dhcp.RELEASE, ciaddr=mine) is None
    assert lan.lease() == mine
    assert lan.ask(dhcp.DECLINE, options={dhcp.REQUESTED_ADDRESS: octets(mine)}) is None
    assert lan.lease() == mine + 1
    assert lan.ask(dhcp.DISCOVER, OTHER) is None
    lan.advance(QUARANTINE)
    assert lan.lease(OTHER) == mine


def test_a_host_of_the_network_is_told_the_parameters_alone() -> None:
    lan = Lan()
    mine = ip("10.0.0.77")
    lan.knows(mine)
    lan.hear(said(dhcp.INFORM, ciaddr=mine), saddr=mine)
    answer = lan.answer()
    assert answer is not None
    assert (answer.type, answer.yiaddr) == (dhcp.ACK, 0)
    assert dhcp.LEASE_TIME not in answer.options
    assert answer.options[dhcp.DOMAIN_NAME] == b"lab"


def test_no_lease_is_given_of_an_address_of_ours() -> None:
    lan = Lan()
    lan.address(lan.br0, "10.0.0.100/24")
    assert lan.lease() == ip("10.0.0.101")


def test_another_server_takes_over_leases_and_counters() -> None:
    lan, other = Lan(), Lan()
    mine = lan.lease()
    other.server.inherit(lan.server)
    assert other.server.heeded == 2
    assert other.lease(OTHER) == mine + 1


# -- the hostile -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", Refusal.MALFORMED),
        (said(dhcp.DISCOVER)[:200], Refusal.MALFORMED),
        (said(99), Refusal.MALFORMED),
        (said(dhcp.OFFER), Refusal.MALFORMED),
        (said(dhcp.DISCOVER, op=2), Refusal.NO_REQUEST),
        (said(dhcp.DISCOVER, giaddr=ip("10.0.9.1")), Refusal.RELAYED),
        (said(dhcp.DISCOVER, htype=6), Refusal.NOT_ETHERNET),
        (said(dhcp.DISCOVER, b""), Refusal.NOT_ETHERNET),
        (said(dhcp.DISCOVER, BROADCAST), Refusal.NOT_ETHERNET),
        (said(dhcp.DISCOVER, bytes(6)), Refusal.NOT_ETHERNET),
        (said(dhcp.DISCOVER, options={dhcp.CLIENT_ID: bytes(129)}), Refusal.CLIENT_ID),
        (said(dhcp.DISCOVER, options={dhcp.CLIENT_ID: b""}), Refusal.CLIENT_ID),
        (dhcp.build(DhcpMessage(1, 7, VM)), Refusal.BOOTP),
        (said(dhcp.REQUEST), Refusal.UNKNOWN),
        (said(dhcp.REQUEST, options={dhcp.SERVER_ID: bytes(4)}), Refusal.OTHER_SERVER),
        (said(dhcp.RELEASE, ciaddr=ip("10.0.0.100")), Refusal.UNKNOWN),
        (said(dhcp.DECLINE), Refusal.UNKNOWN),
        (said(dhcp.INFORM, ciaddr=ip("8.8.8.8")), Refusal.FOREIGN),
    ],
)
def test_what_no_client_would_say_gets_no_answer_and_is_counted(message: bytes, why: Refusal) -> None:
    lan = Lan()
    lan.hear(message)
    assert lan.sent(lan.p1) == []
    assert lan.server.refused == {why: 1}
    assert len(lan.server.leases) == 0


def test_a_parameter_request_from_elsewhere_is_not_sent_there() -> None:
    lan = Lan()
    lan.hear(said(dhcp.INFORM, ciaddr=ip("10.0.0.77")), saddr=ip("10.0.0.78"))
    assert lan.server.refused == {Refusal.FOREIGN: 1}


def test_a_device_without_an_address_gives_none() -> None:
    lan = Lan()
    (own,) = lan.ns.ipv4.addresses.of(lan.br0)
    lan.ns.ipv4.addresses.remove(own)
    lan.hear(said(dhcp.DISCOVER))
    assert lan.server.refused == {Refusal.NO_ADDRESS: 1}


def test_a_flood_of_clients_costs_a_record_an_address() -> None:
    lan = Lan(last=ip("10.0.0.200"))
    for number in range(1000):
        lan.hear(said(dhcp.DISCOVER, b"\2\0\0\0" + number.to_bytes(2, "big")))
    assert len(lan.server.leases) == 101
    assert lan.server.refused == {Refusal.EXHAUSTED: 899}
    lan.sent(lan.p1)
    lan.advance(OFFER_TIME)
    assert lan.ask(dhcp.DISCOVER, PRINTER[:5] + b"\1") is not None


@given(
    st.lists(
        st.builds(
            lambda type_, station, fields, options, tail: said(type_, station, options, **fields)[
                : 300 - tail
            ],
            st.integers(0, 9),
            st.sampled_from([VM, OTHER, PRINTER]),
            st.fixed_dictionaries(
                {}, optional={"ciaddr": st.sampled_from([ip("10.0.0.100"), SERVER, 1, 0xFFFFFFFF])}
            ),
            st.dictionaries(st.sampled_from([12, 50, 52, 54, 55, 61]), st.binary(max_size=12), max_size=4),
            st.sampled_from([0, 0, 0, 1, 60, 100]),
        ),
        max_size=12,
    )
)
def test_no_message_brings_more_than_one_answer_or_a_longer_one(messages: list[bytes]) -> None:
    lan = Lan()
    for message in messages:
        lan.hear(message)
        answers = [frame for frame in lan.sent(lan.p1) if frame[12:14] == b"\x08\x00"]
        assert len(answers) <= 1
        assert all(len(frame) <= 400 for frame in answers)
        assert len(lan.server.leases) <= 3
    assert lan.server.heeded + sum(lan.server.refused.values()) == len(messages)
