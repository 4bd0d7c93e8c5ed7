"""What explain says of a packet's connection."""

from pystack.applets import virtual
from pystack.explain.journey import Explanation
from pystack.host import Host
from tests.explain.lab import build, reasons, stage, told

TRACKED = "iptables -A FORWARD -m conntrack --ctstate NEW -j ACCEPT\n"
ASKED = "10.0.0.2.5 > 192.0.2.7.6: UDP, length 4"


def state(explanation: Explanation) -> str:
    return stage(explanation, "connection").told.text


def test_nothing_is_said_of_connections_where_nothing_tracks_them() -> None:
    assert "connection" not in [found.kind for found in told(ASKED, "tap1").stages]


def test_a_first_packet_is_new() -> None:
    assert state(told(ASKED, "tap1", host=build(TRACKED))) == "NEW"


def test_an_answer_is_established_and_its_connection_is_shown() -> None:
    host = build(TRACKED)
    told(ASKED, "tap1", host=host)
    answer = told("192.0.2.7.6 > 10.0.0.2.5: UDP, length 4", "wan", host=host)
    assert state(answer) == "ESTABLISHED, in reply"
    (line,) = reasons(answer, "connection")
    assert line.startswith("udp      17 30 src=10.0.0.2 dst=192.0.2.7 sport=5 dport=6 ")


def reset_for(host: Host) -> Explanation:
    handshake = (
        ("10.0.0.2.1000 > 192.0.2.7.80: Flags [S], seq 100, win 1000, length 0", "tap1"),
        ("192.0.2.7.80 > 10.0.0.2.1000: Flags [S.], seq 500, ack 101, win 1000, length 0", "wan"),
        ("10.0.0.2.1000 > 192.0.2.7.80: Flags [.], seq 101, ack 501, win 1000, length 0", "tap1"),
    )
    for words, entry in handshake:
        told(words, entry, host=host)
    beyond = "10.0.0.2.1000 > 192.0.2.7.80: Flags [P.], seq 50000:50004, ack 501, win 1000, length 4"
    return told(beyond, "tap1", host=host)


def test_what_is_invalid_is_told_with_its_numbers() -> None:
    explanation = reset_for(build(TRACKED))
    assert state(explanation) == "INVALID"
    told_why = "SEQ is over upper bound 1102 (over the window of the receiver)"
    assert reasons(explanation, "connection") == [told_why]


def test_what_can_begin_nothing_is_invalid_without_more_to_say() -> None:
    explanation = told(
        "192.0.2.7 > 10.0.0.2: ICMP echo reply, id 7, seq 1, length 8", "wan", host=build(TRACKED)
    )
    assert reasons(explanation, "connection") == ["it belongs to no connection, and none begins so"]


def test_what_raw_sets_aside_is_untracked() -> None:
    host = build(TRACKED + "iptables -t raw -A PREROUTING -p udp -j NOTRACK\n")
    assert state(told(ASKED, "tap1", host=host)) == "UNTRACKED, as a rule said"


EXPECT = (
    "conntrack -I expect -p udp -s 10.0.0.2 -d 192.0.2.7 --sport 3000 --dport 69 -t 50 "
    "--tuple-src 192.0.2.7 --tuple-dst 10.0.0.2 --mask-src 255.255.255.255 --mask-dst 255.255.255.255 "
    "--tuple-port-src 0 --tuple-port-dst 3000 --mask-port-src 0 --mask-port-dst 65535"
)


def test_what_was_expected_is_related_and_it_is_told_by_whom() -> None:
    host = build(TRACKED + "iptables -t raw -A PREROUTING -p udp --dport 69 -j CT --helper tftp\n")
    told("10.0.0.2.3000 > 192.0.2.7.69: UDP, length 4", "tap1", host=host)
    assert virtual.run(EXPECT.split(), host).rc == 0
    answer = told("192.0.2.7.7777 > 10.0.0.2.3000: UDP, length 4", "wan", host=host)
    assert state(answer) == "RELATED"
    itself, master = reasons(answer, "connection")
    assert "sport=7777 dport=3000" in itself
    assert master.startswith("tftp expected it: udp      17 30 src=10.0.0.2 dst=192.0.2.7 sport=3000 ")
