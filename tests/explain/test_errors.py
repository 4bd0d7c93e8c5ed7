"""ICMP errors that come in, what they teach, and packets that cannot go on yet."""

import pytest

from pystack.explain.journey import Explanation, Journey
from pystack.explain.words import packet_of
from pystack.host import Host
from tests.explain.lab import build, ends, reasons, stage, told

ROUTES = (
    "ip route add default via 192.0.2.7\nsysctl -q -w net.ipv4.ip_forward=0\n"
    "ip neigh add 192.0.2.8 lladdr 02:00:00:00:00:78 dev wan\n"
)


def sent(host: Host, destination: str) -> Explanation:
    journey = Journey(host, host.init)
    journey.leave(packet_of(f"0.0.0.0.4000 > {destination}.53: UDP, length 4"))
    return journey.close()


QUOTED = (
    "IP (tos 0x0, ttl 64, id 0, offset 0, flags [none], proto UDP (17), length 28) "
    "192.0.2.1.4000 > 10.9.9.9.53: UDP, length 0"
)


@pytest.fixture
def talking() -> Host:
    """With a socket that sent what is quoted: without one nobody learns anything."""
    host = build(ROUTES)
    sock = host.init.udp.open()
    sock.bind(0, 4000)
    sock.connect(0x0A090909, 53)
    return host


def test_fragmentation_needed_teaches_the_mtu_of_the_way(talking: Host) -> None:
    error = "192.0.2.7 > 192.0.2.1: ICMP 10.9.9.9 unreachable - need to frag (mtu 1400), length 36\n"
    explanation = told(f"{error}\t{QUOTED}", "wan", host=talking)
    assert stage(explanation, "protocol").told.text == (
        "fragmentation needed, about 192.0.2.1 > 10.9.9.9: told to the socket 192.0.2.1:4000 to 10.9.9.9:53"
    )
    assert stage(explanation, "learned").told.text == "learned: MTU 1400 on the way to 10.9.9.9"
    assert reasons(sent(talking, "10.9.9.9"), "route")[2].startswith(
        "MTU 1400 was learned from an ICMP error, for"
    )


def test_a_redirect_teaches_another_gateway(talking: Host) -> None:
    error = "192.0.2.7 > 192.0.2.1: ICMP redirect 10.9.9.9 to host 192.0.2.8, length 36\n"
    explanation = told(f"{error}\t{QUOTED}", "wan", host=talking)
    assert (
        stage(explanation, "learned").told.text == "learned: the way to 10.9.9.9 is via 192.0.2.8 from now on"
    )
    assert "the gateway 192.0.2.8 was learned from an ICMP redirect" in reasons(
        sent(talking, "10.9.9.9"), "route"
    )


def test_a_redirect_of_a_stranger_teaches_nothing() -> None:
    host = build(ROUTES)
    explanation = told("192.0.2.6 > 192.0.2.1: ICMP redirect 10.9.9.9 to host 192.0.2.8", "wan", host=host)
    assert stage(explanation, "learned").told.text == "nothing is learned from it"
    assert reasons(explanation, "learned") == [
        "it came from 192.0.2.6, and the gateway to 10.9.9.9 is 192.0.2.7"
    ]


@pytest.mark.parametrize(
    ("more", "gateway", "why"),
    [
        (
            "",
            "192.0.2.9",
            "the link address of 192.0.2.9 is not known: it is asked for, and the next redirect counts",
        ),
        ("", "192.0.2.1", "192.0.2.1 is no address of another host"),
        (
            "net.ipv4.conf.wan.accept_redirects=0 net.ipv4.conf.all.accept_redirects=0",
            "192.0.2.8",
            "wan.accept_redirects is 0",
        ),
    ],
)
def test_a_redirect_that_is_not_heeded_says_why(more: str, gateway: str, why: str) -> None:
    host = build(ROUTES + (f"sysctl -q -w {more}\n" if more else ""))
    words = f"192.0.2.7 > 192.0.2.1: ICMP redirect 10.9.9.9 to host {gateway}"
    assert reasons(told(words, "wan", host=host), "learned") == [why]


def test_an_error_for_nobody_says_so() -> None:
    explanation = told("192.0.2.7 > 192.0.2.1: ICMP 10.9.9.9 udp port 53 unreachable", "wan")
    assert stage(explanation, "protocol").told.text == (
        "port unreachable, about 192.0.2.1 > 10.9.9.9: no socket sent that"
    )


def test_a_fragment_waits_for_the_others() -> None:
    words = (
        "IP (tos 0x0, ttl 64, id 7, offset 0, flags [+], proto UDP (17), length 100) "
        "10.0.0.2.1 > 10.0.0.1.2: UDP, length 500"
    )
    assert ends(told(words, "tap1")) == ["waits for the other fragments of datagram 7 from 10.0.0.2"]


def test_the_source_of_an_error_is_told_with_its_sysctl() -> None:
    words = (
        "IP (tos 0x0, ttl 1, id 7, offset 0, flags [none], proto UDP (17), length 28) "
        "10.0.0.2.1 > 192.0.2.7.2: UDP, length 0"
    )
    whence = ("of the way back to the sender", "of the device by which the packet came")
    for value, words_for_it in enumerate(whence):
        sysctl = f"icmp_errors_use_inbound_ifaddr is {value}"
        host = build(f"sysctl -q -w net.ipv4.{sysctl.replace(' is ', '=')}\n")
        assert reasons(told(words, "tap1", host=host), "route", packet=2)[-1] == (
            f"source 10.0.0.1, of br0: {words_for_it} ({sysctl})"
        )


def test_a_packet_that_is_too_big_for_the_way_on_is_answered_with_its_mtu() -> None:
    host = build("ip link set wan mtu 1000\n")
    words = (
        "IP (tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto UDP (17), length 1328) "
        "10.0.0.2.1 > 192.0.2.7.2: UDP, length 1300"
    )
    explanation = told(words, "tap1", host=host)
    assert ends(explanation)[0] == "dropped: the packet is larger than the device's MTU; caused #2"
    assert stage(explanation, "drop").drop == "PKT_TOO_BIG"


def test_a_far_end_that_is_down_takes_nothing() -> None:
    host = build(
        "ip netns add far\nip link add v0 type veth peer name v1 netns far\nip link set v0 up\n"
        "ip addr add 172.16.0.1/24 dev v0\nip neigh add 172.16.0.9 lladdr 02:00:00:00:00:99 dev v0\n"
    )
    explanation = told("0.0.0.0.1 > 172.16.0.9.1: UDP, length 0", host=host)
    assert stage(explanation, "tx").told.text == "not taken: v0 is down, or has no carrier"
    assert ends(explanation) == ["dropped: the device has no carrier, so its queue takes nothing"]
