"""Which socket gets a packet, and why no other does."""

from pystack.explain.journey import Explanation, Journey
from pystack.explain.text import packet_line
from pystack.explain.words import packet_of
from pystack.host import Host
from pystack.sock.udp import UdpSocket
from pystack.wire.ipv4 import parse_address
from tests.explain.lab import build, ends, reasons, stage, told

DATAGRAM = "10.0.0.2.1000 > 10.0.0.1.53: UDP, length 3"


def bound(host: Host, address: str = "0.0.0.0", port: int = 53, device: str = "") -> UdpSocket:
    sock = host.init.udp.open()
    sock.reuse = True
    sock.bind_to_device(device)
    number = parse_address(address)
    assert number is not None
    sock.bind(number, port)
    return sock


def sent_by(device: str, words: str, host: Host | None = None) -> Explanation:
    host = build() if host is None else host
    journey = Journey(host, host.init)
    journey.leave(packet_of(words), bound_to=device)
    return journey.close()


def test_every_socket_of_the_port_is_judged_and_the_winner_named() -> None:
    host = build()
    bound(host)
    bound(host, device="br0")
    bound(host, device="wan")
    explanation = told(DATAGRAM, "tap1", host=host)
    assert stage(explanation, "protocol").told.text == "to the UDP socket 0.0.0.0%br0:53"
    assert reasons(explanation, "protocol") == [
        "0.0.0.0%wan:53: no: it is bound to another device",
        "0.0.0.0%br0:53: score 6",
        "0.0.0.0:53: score 2",
        "the highest score gets it; of equals the one that was bound last",
    ]
    assert ends(explanation) == ["delivered to the UDP socket 0.0.0.0%br0:53"]


def test_a_socket_is_bound_to_an_address_and_not_to_the_card_that_has_it() -> None:
    host = build()
    bound(host, "192.0.2.1")
    explanation = told("10.0.0.2.1000 > 192.0.2.1.53: UDP, length 3", "tap1", host=host)
    assert ends(explanation) == ["delivered to the UDP socket 192.0.2.1:53"]


def test_nobody_on_the_port_means_port_unreachable_and_says_who_was_asked() -> None:
    host = build()
    bound(host, "192.0.2.1")
    explanation = told(DATAGRAM, "tap1", host=host)
    assert stage(explanation, "protocol").told.text == "no socket for UDP port 53 of 10.0.0.1"
    assert reasons(explanation, "protocol") == [
        "192.0.2.1:53: no: it is bound to 192.0.2.1",
        "an ICMP port unreachable answers it",
    ]
    assert ends(explanation)[0] == "dropped: no socket wants the packet; caused #2"


def test_a_broadcast_goes_to_every_socket_that_hears_it() -> None:
    host = build()
    bound(host)
    bound(host, device="br0")
    explanation = told("10.0.0.2.1000 > 10.0.0.255.53: UDP, length 3", "tap1", host=host)
    assert stage(explanation, "protocol").told.text == (
        "a copy to each UDP socket: 0.0.0.0%br0:53, 0.0.0.0:53"
    )


def test_a_segment_for_nobody_is_answered_by_a_reset() -> None:
    explanation = told("10.0.0.2.1000 > 10.0.0.1.80: Flags [S], seq 1, win 1, length 0", "tap1")
    assert reasons(explanation, "protocol") == ["a reset answers it"]
    assert "10.0.0.1.80 > 10.0.0.2.1000: Flags [R.]" in packet_line(explanation.travellers[1])


def test_a_reset_is_answered_by_silence() -> None:
    explanation = told("10.0.0.2.1000 > 10.0.0.1.80: Flags [R], seq 1, win 1, length 0", "tap1")
    assert reasons(explanation, "protocol") == ["a reset is not answered"]
    assert len(explanation.travellers) == 1


def test_the_answer_to_a_ping_finds_the_socket_that_asked() -> None:
    explanation = sent_by("", "0.0.0.0 > 10.0.0.1: ICMP echo request")
    assert ends(explanation) == ["delivered; caused #2", "delivered to the raw socket 0.0.0.0:icmp"]


def test_a_ping_that_is_bound_to_lo_does_not_hear_the_answer_of_an_own_address() -> None:
    explanation = sent_by("lo", "0.0.0.0 > 192.0.2.1: ICMP echo request")
    assert ends(explanation)[1] == "gone: nobody waits for it"
    assert reasons(explanation, "protocol", packet=2)[-1] == (
        "not for the raw socket 0.0.0.0%lo:icmp: it is bound to another device"
    )


def test_an_echo_request_that_is_not_answered_names_the_sysctl() -> None:
    host = build("sysctl -q -w net.ipv4.icmp_echo_ignore_all=1\n")
    explanation = told("10.0.0.2 > 10.0.0.1: ICMP echo request", "tap1", host=host)
    assert stage(explanation, "protocol").told.text == "not answered: icmp_echo_ignore_all is 1"
    assert len(explanation.travellers) == 1


def test_a_syn_goes_to_the_listener_that_fits() -> None:
    host = build()
    for address in (0xC0000201, 0x0A000001):
        listener = host.init.tcp.open()
        listener.bind(address, 80)
        listener.listen(5)
    explanation = told("10.0.0.2.1000 > 10.0.0.1.80: Flags [S], seq 1, win 1000, length 0", "tap1", host=host)
    assert stage(explanation, "protocol").told.text == "to the listener 10.0.0.1:80"
    assert reasons(explanation, "protocol") == [
        "192.0.2.1:80: no: it is bound to 192.0.2.1",
        "10.0.0.1:80: score 2",
    ]
    assert ends(explanation) == ["delivered to the TCP socket 10.0.0.1:80; caused #2", "sent by tap1"]


def test_a_segment_of_a_connection_is_told_with_its_state() -> None:
    host = build()
    sock = host.init.tcp.open()
    sock.connect(0x0A000002, 80)
    words = f"10.0.0.2.80 > 10.0.0.1.{sock.num}: Flags [S.], seq 1, ack 1, win 1000, length 0"
    explanation = told(words, "tap1", host=host)
    assert stage(explanation, "protocol").told.text == (
        f"to the connection 10.0.0.1:{sock.num} to 10.0.0.2:80 (SYN_SENT)"
    )
