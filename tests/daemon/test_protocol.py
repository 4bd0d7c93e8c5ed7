"""Framing: what is sent arrives, however it is cut, and garbage is refused in one way only."""

import json
import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.daemon import protocol
from pystack.daemon.protocol import Decoder, Frame, ProtocolError, Request

kinds = st.integers(0, len(protocol.KINDS) - 1)
frames = st.lists(st.tuples(kinds, st.binary(max_size=300)), max_size=8)


def cut(octets: bytes, places: list[int]) -> list[bytes]:
    bounds = [0, *sorted(place % (len(octets) + 1) for place in places), len(octets)]
    return [octets[start:end] for start, end in pairwise(bounds)]


@given(frames, st.lists(st.integers(0, 10_000), max_size=20))
def test_frames_arrive_as_sent_wherever_the_stream_is_cut(
    sent: list[tuple[int, bytes]], places: list[int]
) -> None:
    stream = b"".join(protocol.encode(kind, payload) for kind, payload in sent)
    decoder = Decoder()
    arrived = [frame for piece in cut(stream, places) for frame in decoder.feed(piece)]
    assert arrived == sent


@given(st.lists(st.binary(max_size=200), max_size=20))
def test_any_octets_give_frames_or_the_one_named_error(pieces: list[bytes]) -> None:
    decoder = Decoder()
    try:
        for piece in pieces:
            for kind, payload in decoder.feed(piece):
                assert kind < len(protocol.KINDS)
                assert len(payload) <= protocol.MAX_PAYLOAD
    except ProtocolError:
        pass


def test_a_frame_longer_than_64_kib_is_refused_by_its_header_alone() -> None:
    with pytest.raises(ProtocolError, match="65537 octets"):
        Decoder().feed(protocol.HEADER.pack(protocol.OUT, protocol.MAX_PAYLOAD + 1))


def test_a_frame_longer_than_64_kib_is_not_sent() -> None:
    with pytest.raises(ProtocolError):
        protocol.encode(protocol.OUT, bytes(protocol.MAX_PAYLOAD + 1))


def test_output_of_any_length_is_cut_into_frames() -> None:
    octets = bytes(range(256)) * 1000
    decoder = Decoder()
    arrived = [
        frame for piece in protocol.encode_stream(protocol.OUT, octets) for frame in decoder.feed(piece)
    ]
    assert {frame.kind for frame in arrived} == {protocol.OUT}
    assert b"".join(frame.payload for frame in arrived) == octets


def test_no_octets_need_no_frame() -> None:
    assert list(protocol.encode_stream(protocol.OUT, b"")) == []


def test_a_decoder_holds_no_more_than_the_frame_that_is_not_complete() -> None:
    decoder = Decoder()
    frame = protocol.encode(protocol.OUT, bytes(60_000))
    tracemalloc.start()
    try:
        for _ in range(200):
            assert len(decoder.feed(frame)) == 1
        decoder.feed(frame[:-1])
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()


words = st.text(st.characters(codec="utf-8"), max_size=20)
requests = st.builds(
    Request,
    argv=st.lists(words, min_size=1, max_size=5),
    ns=words,
    env=st.dictionaries(words, words, max_size=3),
    tty=st.booleans(),
    columns=st.integers(0, 10_000),
    utc_offset=st.integers(-86400, 86400),
    json=st.booleans(),
)


@given(requests)
def test_a_request_arrives_as_sent(request: Request) -> None:
    [frame] = Decoder().feed(protocol.encode_request(request))
    assert frame.kind == protocol.REQUEST
    assert protocol.decode_request(frame.payload) == request


def test_a_word_that_is_not_utf_8_arrives_as_the_same_octets() -> None:
    word = b"caf\xe9".decode(errors="surrogateescape")
    [frame] = Decoder().feed(protocol.encode_request(Request([word])))
    arrived = protocol.decode_request(frame.payload).argv[0]
    assert arrived.encode(errors="surrogateescape") == b"caf\xe9"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
likely_keys = st.sampled_from([*Request._fields, "verb"])


@given(
    st.binary(max_size=300) | st.dictionaries(likely_keys, json_values).map(lambda v: json.dumps(v).encode())
)
def test_any_payload_gives_a_request_or_the_one_named_error(payload: bytes) -> None:
    try:
        request = protocol.decode_request(payload)
    except ProtocolError:
        return
    assert request.argv
    assert all(isinstance(word, str) for word in request.argv)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[]",
        b"null",
        b"[" * 60_000,
        b'{"argv": ' + b"9" * 5000 + b"}",
        b'{"argv": []}',
        b'{"argv": "ip link"}',
        b'{"argv": [1]}',
        b'{"argv": ["ip"], "columns": true}',
        b'{"argv": ["ip"], "columns": -1}',
        b'{"argv": ["ip"], "ns": null}',
        b'{"argv": ["ip"], "env": {"A": 1}}',
        b'{"argv": ["\\ud800"]}',
        b'{"argv": ["ip"], "tty": 1}',
        json.dumps({"argv": ["ip"], "env": {str(number): "" for number in range(1000)}}).encode(),
    ],
)
def test_a_malformed_request_is_refused(payload: bytes) -> None:
    with pytest.raises(ProtocolError):
        protocol.decode_request(payload)


def test_a_key_of_a_newer_client_is_no_harm() -> None:
    assert protocol.decode_request(b'{"argv": ["ip"], "colour": true}') == Request(["ip"])


@given(st.binary(max_size=50))
def test_any_file_payload_gives_a_message_or_the_one_named_error(payload: bytes) -> None:
    try:
        message = protocol.decode_file(payload)
    except ProtocolError:
        return
    assert protocol.READ <= message.operation <= protocol.REFUSED


def test_a_file_message_arrives_as_sent() -> None:
    [frame] = Decoder().feed(protocol.encode_file(protocol.DATA, 7, b"octets"))
    assert frame == Frame(protocol.FILE, frame.payload)
    assert protocol.decode_file(frame.payload) == (protocol.DATA, 7, b"octets")
