"""The socket of a packet that is asked about: it is there for the answer, and hears what the kernel tells."""

import pytest

from pystack.explain.journey import NoWay
from pystack.host import Host
from tests.explain.lab import build, ends, reasons, stage, told

FIRST = 15
NARROW = (
    "ip route add 10.8.0.0/16 via 192.0.2.7 mtu 1000\nip route add unreachable 10.5.0.0/16\n"
    "ip route add default via 192.0.2.7\n"
)
FAR = """\
ip netns add far
ip link add v0 type veth peer name v1 netns far
ip link set v0 up
ip -n far link set v1 up
ip addr add 172.16.0.1/24 dev v0
ip -n far addr add 172.16.0.2/24 dev v1
ip -n far route add default via 172.16.0.1
ip netns exec far sysctl -q -w net.ipv4.ip_forward=1
ip -n far route add unreachable 10.51.0.0/16
ip route add 10.51.0.0/16 via 172.16.0.2
ip neigh add 172.16.0.2 lladdr 02:00:00:00:00:e2 dev v0
ip -n far link set v1 address 02:00:00:00:00:e2
ip link set v0 address 02:00:00:00:00:e1
ip -n far neigh add 172.16.0.1 lladdr 02:00:00:00:00:e1 dev v1
"""


def with_a_router() -> Host:
    return build(FAR)


def of_the_answer(words: str) -> tuple[str, list[str]]:
    explanation = told(words, host=with_a_router())
    last = [found for found in explanation.stages if found.kind == "protocol"][-1].told
    return last.text, [reason.text for reason in last.reasons]


def test_the_raw_socket_of_an_echo_request_hears_of_its_failure() -> None:
    text, why = of_the_answer("0.0.0.0 > 10.51.0.1: ICMP echo request, id 7, seq 1")
    assert text == "host unreachable, about 172.16.0.1 > 10.51.0.1: told to the socket 0.0.0.0:icmp"
    assert why[0] == "its error queue tells it (IP_RECVERR), and its next call fails: No route to host"


def test_a_syn_that_is_reset_fails_the_connect() -> None:
    text, why = of_the_answer("0.0.0.0.4000 > 172.16.0.2.80: Flags [S], seq 77")
    assert text == "to the connection 172.16.0.1:4000 to 172.16.0.2:80 (SYN_SENT)"
    assert why == ["its connect() fails: Connection refused"]


def test_a_syn_that_a_router_cannot_pass_on_fails_the_connect() -> None:
    text, why = of_the_answer("0.0.0.0.4000 > 10.51.0.1.80: Flags [S]")
    assert text.endswith("told to the socket 172.16.0.1:4000 to 10.51.0.1:80")
    assert why == ["its connect() fails: No route to host"]


def test_a_datagram_s_socket_that_is_not_connected_notices_nothing() -> None:
    text, why = of_the_answer("0.0.0.0.4000 > 172.16.0.2.53: UDP, length 4")
    assert text.startswith("port unreachable, about 172.16.0.1 > 172.16.0.2: told to the socket 0.0.0.0:4000")
    assert why == [
        "it is not connected and does without IP_RECVERR: its program notices nothing (Connection refused)"
    ]


def test_only_the_syn_that_was_asked_about_leaves() -> None:
    explanation = told("0.0.0.0.4000 > 192.0.2.7.80: Flags [S], seq 77")
    assert ends(explanation) == ["sent by wan"]
    assert explanation.travellers[0].first[24:28] == (77).to_bytes(4, "big")


def test_what_may_not_be_cut_is_refused_to_the_socket_as_sendto_does() -> None:
    words = (
        "IP (tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto ICMP (1), length 1228) "
        "0.0.0.0 > 10.8.0.1: ICMP echo request, id 1, seq 1, length 1208"
    )
    with pytest.raises(NoWay, match="Message too long") as caught:
        told(words, host=build(NARROW))
    assert [(reason.text, reason.config) for reason in caught.value.reasons] == [
        ("its 1228 octets may not be cut (DF)", ""),
        ("MTU 1000, as the route says", f"lab.setup:{FIRST}"),
    ]


def test_the_cutting_of_a_long_packet_is_a_stage_with_its_mtu() -> None:
    explanation = told("0.0.0.0.4000 > 10.8.0.1.53: UDP, length 1500", host=build(NARROW))
    found = stage(explanation, "length").told
    assert (found.text, found.reasons[0].config) == (
        "cut into 2 fragments: 1528 octets",
        f"lab.setup:{FIRST}",
    )
    assert len([one for one in explanation.stages if one.kind == "tx"]) == 2


def test_a_forwarded_packet_that_may_not_be_cut_names_the_device_s_mtu() -> None:
    words = (
        "IP (tos 0x0, ttl 64, id 7, offset 0, flags [DF], proto UDP (17), length 1528) "
        "10.0.0.2.1 > 192.0.2.7.1: UDP, length 1500"
    )
    explanation = told(words, "tap1", host=build("ip link set wan mtu 1200\n"))
    assert ends(explanation)[0].startswith("dropped")
    assert reasons(explanation, "route")[-2:] == [
        "its 1528 octets may not be cut (DF)",
        "MTU 1200, that of wan",
    ]


def test_an_address_of_nobody_here_is_refused_by_bind_with_the_reason() -> None:
    with pytest.raises(NoWay, match="Cannot assign requested address") as caught:
        told("203.0.113.9.1 > 192.0.2.7.1: UDP, length 0")
    assert caught.value.reasons[0].text == (
        "bind(): 203.0.113.9 is not an address of this host, and net.ipv4.ip_nonlocal_bind is 0"
    )


def test_a_local_route_names_the_line_of_its_own_address() -> None:
    host = build("ip addr add 10.0.0.9/24 dev br0\n")
    explanation = told("10.0.0.2 > 10.0.0.9: ICMP echo request", "tap1", host=host)
    route = stage(explanation, "route").told
    assert route.reasons[0].text == "rule 0: table local has local 10.0.0.9 dev br0 src 10.0.0.1"
    assert route.reasons[0].config == f"lab.setup:{FIRST}"
    assert reasons(explanation, "rx")
