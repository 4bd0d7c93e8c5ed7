"""What FTP and TFTP agree on is expected, and belongs to them when it comes."""

import pytest

from pystack.applets import virtual
from pystack.netfilter.conntrack.helper import helper_name
from pystack.netfilter.conntrack.helpers.ftp_words import PATTERNS, PATTERNS6, Kind, Partial, search
from pystack.wire import tcp, udp
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import ACK, SYN, TcpHeader
from tests.bridge6 import ALICE
from tests.frames import ip
from tests.netfilter.conntrack.agreements import FTP, RULES, TFTP
from tests.netfilter.conntrack.router import PystackRouter
from tests.netfilter.conntrack.talk import ADDRESSES, Said, in_ip

CLIENT = 5000
PORT_LINE = b"PORT 10,1,0,2,19,137\r\n"  # 5001
PASSIVE_LINE = b"227 Entering Passive Mode (10,2,0,2,19,138).\r\n"  # 5002


@pytest.fixture
def router() -> PystackRouter:
    router = PystackRouter()
    for line in RULES.strip().splitlines():
        assert virtual.run(line.split(), router.box.host).rc == 0
    return router


def segment(side: int, ports: tuple[int, int], flags: int, seq: int, ack: int, data: bytes = b"") -> Said:
    fields = TcpHeader(*ports, seq=seq, ack=ack, flags=flags, window=60000)
    return in_ip(side, tcp.build(fields, data, ADDRESSES[side], ADDRESSES[1 - side]), IPPROTO_TCP)


def control(side: int, flags: int, seq: int, ack: int, data: bytes = b"") -> Said:
    return segment(side, (CLIENT, FTP) if side == 0 else (FTP, CLIENT), flags, seq, ack, data)


def logged_in(router: PystackRouter) -> None:
    """One line of each side, so that it is known where lines begin."""
    for said in (
        control(0, SYN, 99, 0),
        control(1, SYN | ACK, 499, 100),
        control(0, ACK, 100, 500),
        control(1, ACK, 500, 100, b"220 \r\n"),
        control(0, ACK, 100, 506, b"NOOP\r\n"),
    ):
        assert router.send(*said) is not None


def opened(side: int, port: int, source: int = 20) -> Said:
    return segment(side, (source, port), SYN, 1, 0)


def listed(router: PystackRouter, table: str = "expect") -> str:
    return virtual.run(["conntrack", "-L", table], router.box.host).out


# --- FTP ----------------------------------------------------------------------------------------------------


def test_an_active_transfer_is_related(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(0, ACK, 106, 506, PORT_LINE))
    assert "src=10.2.0.2 dst=10.1.0.2 sport=0 dport=5001" in listed(router)
    assert router.send(*opened(1, 5001)) == "RELATED"
    assert listed(router) == ""


def test_a_passive_transfer_is_related(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(1, ACK, 506, 106, PASSIVE_LINE))
    assert router.send(*opened(0, 5002, 6000)) == "RELATED"


def test_a_connection_to_another_port_is_new(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(0, ACK, 106, 506, PORT_LINE))
    assert router.send(*opened(1, 5003)) == "NEW"
    assert listed(router).count("dport=5001") == 1


def test_what_the_other_side_says_counts_only_as_an_answer(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(1, ACK, 506, 106, PORT_LINE))
    assert listed(router) == ""


def test_an_address_of_somebody_else_is_not_believed(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(0, ACK, 106, 506, PORT_LINE.replace(b"10,1,0,2", b"10,1,0,3")))
    assert listed(router) == ""


def test_a_line_that_is_cut_off_is_dropped_and_logged(router: PystackRouter) -> None:
    logged_in(router)
    assert router.send(*control(0, ACK, 106, 506, b"PORT 10,1,")) is None
    assert [line.partition(" IN=")[0] for line in router.lines] == [
        "nf_ct_ftp: dropping packet: partial matching of `PORT'"
    ]


def test_a_second_agreement_takes_the_place_of_the_first(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(0, ACK, 106, 506, PORT_LINE))
    router.send(*control(0, ACK, 106 + len(PORT_LINE), 506, PORT_LINE.replace(b"137", b"140")))
    assert "dport=5004" in listed(router)
    assert "dport=5001" not in listed(router)


def test_what_is_expected_is_forgotten_after_five_minutes(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(0, ACK, 106, 506, PORT_LINE))
    router.box.advance(300)
    assert listed(router) == ""
    assert router.send(*opened(1, 5001)) == "NEW"


def test_what_is_expected_ends_with_its_master(router: PystackRouter) -> None:
    logged_in(router)
    router.send(*control(0, ACK, 106, 506, PORT_LINE))
    virtual.run(["conntrack", "-F"], router.box.host)
    assert router.tracking.context.expectations.count == 0


def test_an_expected_connection_has_the_mark_of_its_master(router: PystackRouter) -> None:
    logged_in(router)
    virtual.run("conntrack -U -s 10.1.0.2 -m 9".split(), router.box.host)
    router.send(*control(0, ACK, 106, 506, PORT_LINE))
    router.send(*opened(1, 5001))
    assert listed(router, "conntrack").count("mark=9") == 2


def test_a_full_table_of_expectations_refuses_and_says_so(router: PystackRouter) -> None:
    router.tracking.context.limits.expect_max = 0
    logged_in(router)
    assert router.send(*control(0, ACK, 106, 506, PORT_LINE)) is None
    assert "nf_conntrack: nf_conntrack: expectation table full" in router.lines


def test_a_rule_asks_for_connections_that_a_helper_expected(router: PystackRouter) -> None:
    add = "iptables -A FORWARD -m helper --helper ftp -j LOG --log-prefix helped:"
    assert virtual.run(add.split(), router.box.host).rc == 0
    logged_in(router)
    router.send(*control(0, ACK, 106, 506, PORT_LINE))
    assert router.lines == []
    router.send(*opened(1, 5001))
    assert [line.partition(":")[0] for line in router.lines] == ["helped"]


@pytest.mark.parametrize("name", ["sip", "irc", "pptp"])
def test_a_helper_that_is_not_there_is_refused_by_name(router: PystackRouter, name: str) -> None:
    command = f"iptables -t raw -A PREROUTING -p tcp -j CT --helper {name}"
    done = virtual.run(command.split(), router.box.host)
    assert (done.rc, "not modelled" in done.err) == (2, True)


# --- TFTP ---------------------------------------------------------------------------------------------------


def test_an_answer_to_a_tftp_request_may_come_from_any_port(router: PystackRouter) -> None:
    request = udp.build(3000, TFTP, b"\0\1name\0octet\0", *ADDRESSES)
    answer = udp.build(7777, 3000, b"\0\3\0\1data", *ADDRESSES[::-1])
    assert router.send(*in_ip(0, request, IPPROTO_UDP)) == "NEW"
    assert router.send(*in_ip(1, answer, IPPROTO_UDP)) == "RELATED"
    assert router.send(*in_ip(1, answer, IPPROTO_UDP)) == "RELATED"
    assert {helper_name(conn) for conn in router.tracking.context.table} == {"", "tftp"}


# --- what is read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("side", "line", "kind", "address", "port"),
    [
        (0, b"PORT 1,2,3,4,5,6\r\n", Kind.PORT, 0x01020304, 1286),
        (0, b"eprt |1|1.2.3.4|99|\r\n", Kind.EPRT, 0x01020304, 99),
        (1, b"227 =1,2,3,4,5,6;", Kind.PASV, 0x01020304, 1286),
        (1, b"229 ok (|||99|)", Kind.EPSV, None, 99),
    ],
)
def test_all_ways_to_tell_a_port_are_understood(
    side: int, line: bytes, kind: Kind, address: int | None, port: int
) -> None:
    found = search(line, PATTERNS[side])
    assert isinstance(found, tuple)
    assert not isinstance(found, Partial)
    assert (found[0], found[1].address, found[1].port) == (kind, address, port)


@pytest.mark.parametrize(
    ("side", "line"), [(0, b"PORT 1,2,3,4,5,6\r"), (0, b"EPRT |1|1.2.3.4|99|"), (1, b"229 (|||99|")]
)
def test_every_beginning_of_a_line_is_partial(side: int, line: bytes) -> None:
    found = [search(line[:cut], PATTERNS[side]) for cut in range(1, len(line) + 1)]
    assert [isinstance(one, Partial) for one in found] == [True] * (len(line) - 1) + [False]


def test_the_same_words_tell_another_port() -> None:
    texts = {kind: kind.text(ip("1.2.3.4"), 1286, is_ipv6=False) for kind in Kind}
    assert texts == {
        Kind.PORT: b"1,2,3,4,5,6",
        Kind.PASV: b"1,2,3,4,5,6",
        Kind.EPRT: b"|1|1.2.3.4|1286|",
        Kind.EPSV: b"|||1286|",
    }


def test_of_an_address_of_ipv6_some_words_tell_only_the_beginning() -> None:
    texts = {kind: kind.text(ALICE, 1286, is_ipv6=True) for kind in Kind}
    assert texts == {
        Kind.PORT: b"32,1,13,184,5,6",
        Kind.PASV: b"32,1,13,184,5,6",
        Kind.EPRT: b"|2|2001:0db8:0000:0000:0000:0000:0000:000a|1286|",
        Kind.EPSV: b"|||1286|",
    }


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"EPRT |2|2001:db8::a|1286|", (ALICE, 1286)),
        (b"EPRT ,2,2001:db8::a,1286,", (ALICE, 1286)),
        (b"EPRT |2|::ffff:1.2.3.4|1|", (0xFFFF01020304, 1)),
        (b"EPRT |1|1.2.3.4|1286|", None),
        (b"EPRT |2|2001:db8::zz|1286|", None),
        (b"EPRT |2|2001:db8::a|", None),
        (b"EPRT |2|2001:db8::a", None),
    ],
)
def test_an_address_of_ipv6_is_read(line: bytes, told: tuple[int, int] | None) -> None:
    found = search(line, PATTERNS6[0])
    if told is None:
        assert isinstance(found, Partial)
    else:
        assert found is not None
        assert not isinstance(found, Partial)
        assert (found[1].address, found[1].port, found[1].length) == (*told, len(line) - 5)


def test_four_octets_are_held_against_the_beginning_of_an_address_of_ipv6() -> None:
    found = search(b"PORT 32,1,13,184,5,6\r", PATTERNS6[0])
    assert found is not None
    assert not isinstance(found, Partial)
    assert found[1].means(ALICE, found[0], is_ipv6=True)
    assert not found[1].means(ALICE + (1 << 96), found[0], is_ipv6=True)
