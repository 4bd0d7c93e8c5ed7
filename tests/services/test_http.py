"""The status page's HTTP: what is served, and what hostile clients get."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.clock import Clock
from pystack.services.http import LONGEST_HEAD, MOST_REQUESTS, PORT, HttpConversation, Page
from pystack.services.stream_server import LINGER, PATIENCE, StreamServer
from pystack.sock.tcp import TcpSocket
from tests.frames import ip
from tests.sock.tcp_link import ADDRESSES, Link

CLOCK = Clock(wall=1_795_176_000.0)
PAGES = {"/": Page("text/plain", lambda: "hello\n"), "/a.json": Page("application/json", lambda: "[1]\n")}
HOST = b"Host: x\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"
ANSWER = (
    b"HTTP/1.1 200 OK\r\nDate: Fri, 20 Nov 2026 12:00:00 GMT\r\nContent-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: 6\r\nCache-Control: no-store\r\n\r\nhello\n"
)


def conversation() -> HttpConversation:
    return HttpConversation(PAGES, CLOCK)


def status(request: bytes) -> int:
    answer = conversation().hear(request)
    assert answer is not None
    return int(answer.split()[1])


def test_a_page_is_served_with_its_date_and_length() -> None:
    one = conversation()
    assert one.hear(GET) == ANSWER
    assert not one.is_over


def test_a_request_may_come_in_pieces_and_several_in_one() -> None:
    one = conversation()
    assert [one.hear(GET[at : at + 1]) for at in range(len(GET) - 1)] == [None] * (len(GET) - 1)
    assert one.hear(GET[-1:] + GET + GET[:5]) == ANSWER + ANSWER
    assert one.hear(GET[5:]) == ANSWER


def test_head_is_get_without_the_page() -> None:
    assert conversation().hear(b"HEAD" + GET[3:]) == ANSWER.removesuffix(b"hello\n")


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"Connection: Close\r\n\r\n",
        b"GET http://elsewhere/ HTTP/1.1\r\nhost:x\r\nconnection: te , close\r\n\r\n",
        b"GET /?a=b HTTP/1.0\n\n",
    ],
)
def test_who_wants_no_more_is_served_and_hung_up_on(head: bytes) -> None:
    one = conversation()
    answer = one.hear(head)
    assert answer == ANSWER.replace(b"no-store\r\n", b"no-store\r\nConnection: close\r\n")
    assert one.is_over


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (GET.replace(b" / ", b" /nowhere "), 404),
        (GET.replace(b" / ", b" /../etc/passwd "), 404),
        (GET.replace(b"GET", b"DELETE"), 405),
        (GET.replace(HOST, b""), 400),
        (GET.replace(HOST, HOST + HOST), 400),
        (GET.replace(HOST, b" folded\r\n"), 400),
        (GET.replace(HOST, b"Host : x\r\n"), 400),
        (GET.replace(b" / ", b" nowhere "), 400),
        (GET.replace(b"1.1", b"2.0"), 400),
        (GET.replace(HOST, HOST + b"Content-Length: 5\r\n"), 413),
        (GET.replace(HOST, HOST + b"Transfer-Encoding: chunked\r\n"), 413),
        (b"x" * (LONGEST_HEAD + 1), 431),
        (b"GET / HTTP/1.1\r\nX: " + b"y" * LONGEST_HEAD + b"\r\n\r\n", 431),
        (b"\x16\x03\x01\0\r\n\r\n", 400),
    ],
)
def test_what_cannot_be_served_is_answered_with_why(request_: bytes, code: int) -> None:
    assert status(request_) == code


def test_a_connection_has_its_last_request() -> None:
    one = conversation()
    answers = one.hear(GET * (MOST_REQUESTS + 1))
    assert answers is not None
    assert answers.count(b"HTTP/1.1 200") == MOST_REQUESTS
    assert one.is_over


@given(st.lists(st.binary(max_size=60) | st.sampled_from([GET, b"\r\n", b"\r\n\r\n", HOST]), max_size=20))
def test_whatever_is_said_is_answered_with_a_response_or_not_yet(pieces: list[bytes]) -> None:
    one = conversation()
    for piece in pieces:
        answer = one.hear(piece)
        assert answer is None or answer.startswith(b"HTTP/1.1 ")


def served() -> Link:
    link = Link()
    StreamServer(link.right.ns, PORT, conversation)
    return link


def connect(link: Link) -> TcpSocket:
    sock = link.left.ns.tcp.open()
    sock.connect(ip(ADDRESSES[1]), PORT)
    link.run(1.0)
    return sock


def test_an_error_arrives_though_more_was_said_than_was_read() -> None:
    link = served()
    sock = connect(link)
    sock.send(b"x" * 60_000)
    link.run(1.0)
    answer = sock.recv()
    assert answer is not None
    assert answer.startswith(b"HTTP/1.1 431")
    assert sock.recv() == b""
    link.run(LINGER)
    assert [other for other in link.right.ns.tcp if isinstance(other, TcpSocket) and other.daddr] == []


def test_who_says_a_letter_now_and_then_is_hung_up_on_all_the_same() -> None:
    link = served()
    sock = connect(link)
    for _ in range(7):
        sock.send(b"G")
        link.run(PATIENCE / 7 + 1)
    assert sock.recv() == b""


def test_a_page_can_be_made_of_what_is_so_now() -> None:
    numbers = iter(range(9))
    one = HttpConversation({"/": Page("application/json", lambda: json.dumps(next(numbers)))}, CLOCK)
    answers = one.hear(GET * 2)
    assert answers is not None
    assert answers.endswith(b"\r\n\r\n1")
