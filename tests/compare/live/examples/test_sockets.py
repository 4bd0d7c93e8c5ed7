"""What programs did, said again as calls."""

from collections.abc import Iterable

import pytest

from pystack.compare.live.examples.sockets import Sockets, Untold
from pystack.compare.scenario import Call, Run, Step
from pystack.explain.words import packet_of
from pystack.wire.ethernet import ETH_P_IP, header

LINK = header(bytes(6), bytes(6), ETH_P_IP)


def packet(words: str) -> bytes:
    return packet_of(words).payload


def said(steps: Iterable[Step]) -> list[str]:
    return [
        step.text if isinstance(step, Call) else step.command
        for step in steps
        if isinstance(step, Call | Run)
    ]


def test_a_datagram_is_sent_from_where_it_was() -> None:
    sockets = Sockets()
    assert said(sockets.sent(packet("10.0.0.1.4000 > 10.0.0.5.53: UDP, length 3"), 7)) == [
        "udp1 socket udp",
        "udp1 set SO_BROADCAST 1",
        "udp1 set SO_MARK 7",
        "udp1 bind 10.0.0.1 4000",
        "udp1 sendto 10.0.0.5 53 x*3",
    ]
    assert said(sockets.sent(packet("10.0.0.1.4000 > 10.0.0.6.53: UDP, length 0"), 7)) == [
        "udp1 sendto 10.0.0.6 53 x*0"
    ]


def test_a_connection_begins_speaks_and_ends() -> None:
    sockets = Sockets()
    way = "10.0.0.1.4000 > 10.0.0.5.80: Flags"
    begun = said(sockets.sent(packet(f"{way} [S], seq 700, win 1000, length 0"), 0))
    assert begun == ["tcp1 socket tcp", "tcp1 bind 10.0.0.1 4000", "tcp1 connect 10.0.0.5 80"]
    assert said(sockets.sent(packet(f"{way} [.], ack 9, length 0"), 0)) == []
    assert said(sockets.sent(packet(f"{way} [.], ack 9, length 5"), 0)) == ["tcp1 send x*5"]
    assert said(sockets.sent(packet(f"{way} [F.], ack 9, length 0"), 0)) == ["tcp1 shutdown wr"]
    assert said(sockets.sent(packet(f"{way} [R], seq 9, length 0"), 0)) == [
        "tcp1 set SO_LINGER 1 0",
        "tcp1 close",
    ]


def test_a_server_listens_before_it_is_asked_and_accepts_before_it_speaks() -> None:
    sockets = Sockets()
    asked = packet("10.0.0.5.4000 > 10.0.0.1.80: Flags [S], seq 1, win 1000, length 0")
    way = "10.0.0.1.80 > 10.0.0.5.4000: Flags"
    assert said(sockets.taken(asked)) == ["tcp1 socket tcp", "tcp1 bind 10.0.0.1 80", "tcp1 listen 8"]
    assert said(sockets.taken(asked)) == []
    assert said(sockets.sent(packet(f"{way} [S.], seq 700, ack 2, win 1000, length 0"), 0)) == []
    assert said(sockets.sent(packet(f"{way} [.], ack 2, length 5"), 0)) == ["tcp1 accept one", "one send x*5"]


def test_what_answers_counts_from_the_first_number_of_the_socket() -> None:
    sockets = Sockets()
    list(sockets.sent(packet("10.0.0.1.4000 > 10.0.0.5.80: Flags [S], seq 700, win 1000, length 0"), 0))
    answer = packet("10.0.0.5.80 > 10.0.0.1.4000: Flags [S.], seq 5, ack 701, win 1000, length 0")
    assert int.from_bytes(sockets.relative(LINK + answer)[14 + 28 : 14 + 32], "big") == 1
    assert sockets.relative(LINK + answer)[14 + 24 : 14 + 28] == answer[24:28]


def test_somebody_takes_a_datagram_that_was_taken() -> None:
    steps = said(Sockets().taken(packet("10.0.0.5.4000 > 10.0.0.1.53: UDP, length 3")))
    assert steps[-1] == "udp1 bind 0.0.0.0 53"


def test_a_ping_is_one() -> None:
    sent = packet("10.0.0.1 > 10.0.0.5: ICMP echo request, id 77, seq 3, length 64")
    assert said(Sockets().sent(sent, 0)) == ["ping -c 1 -W 0.1 -e 77 -s 56 -I 10.0.0.1 10.0.0.5"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("10.0.0.1.4000 > 10.0.0.5.80: Flags [.], ack 1, length 0", "a connection that began before"),
        ("10.0.0.1 > 10.0.0.5: ICMP echo reply, id 7, seq 1, length 16", "protocol 1"),
    ],
)
def test_what_no_call_makes_is_named(words: str, says: str) -> None:
    with pytest.raises(Untold, match=says):
        list(Sockets().sent(packet(words), 0))
