"""Calls on sockets as scenarios write them: what is one, and what is wrong with what is none."""

import pytest

from pystack.compare.calls import Spoken, parse, payload


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("web socket tcp", Spoken("web", "socket", ("tcp",))),
        ("web bind 10.0.0.1 53", Spoken("web", "bind", ("10.0.0.1", "53"))),
        ("web  close ", Spoken("web", "close", ())),
        ("web set SO_LINGER 1 0", Spoken("web", "set", ("SO_LINGER", "1", "0"))),
    ],
)
def test_a_call_is_a_name_a_verb_and_words(text: str, spoken: Spoken) -> None:
    assert parse(text) == spoken


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is NAME VERB"),
        ("web", "is NAME VERB"),
        ("web sing", '"sing" is nothing to do with a socket'),
        ("web bind 10.0.0.1", "bind: takes 2 words"),
        ("web bind 10.0.0 53", 'bind: "10.0.0" is no address'),
        ("web bind 10.0.0.1 http", 'bind: "http" is no port'),
        ("web connect 10.0.0.1 65536", 'connect: "65536" is no port'),
        ("web listen -1", 'listen: "-1" is no number'),
        ("web socket sctp", 'socket: "sctp" is none of tcp, udp'),
        ("web shutdown all", 'shutdown: "all" is none of rd, wr, rdwr'),
        ("web set SO_NOTHING 1", 'set: there is no option "SO_NOTHING"'),
        ("web send x*99999999", "send: more than"),
    ],
)
def test_what_is_no_call_is_told_why(text: str, fault: str) -> None:
    assert str(parse(text)).startswith(fault)


def test_a_payload_is_a_word_or_one_many_times() -> None:
    assert payload("hello") == b"hello"
    assert payload("ab*3") == b"ababab"
    assert payload("a*b") == b"a*b"
