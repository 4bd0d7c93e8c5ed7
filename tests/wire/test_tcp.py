"""TCP headers on the wire."""

import pytest

from pystack.wire import tcp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.malformed import Malformed
from pystack.wire.tcp import TcpHeader
from tests.frames import ALICE_IP, OUR_IP

OPTIONS = b"\2\4\5\xb4\1\3\3\7"


def whole(options: bytes = OPTIONS, payload: bytes = b"hello") -> bytes:
    header = TcpHeader(1, 2, seq=3, ack=4, flags=tcp.SYN | tcp.ACK, window=5, options=options)
    return tcp.build(header, payload, OUR_IP, ALICE_IP)


def test_what_was_built_is_read_again_and_adds_up() -> None:
    segment = whole()
    header = tcp.parse(segment)
    assert isinstance(header, TcpHeader)
    assert (header.sport, header.dport, header.seq, header.ack) == (1, 2, 3, 4)
    assert (header.flags, header.window, header.options) == (tcp.SYN | tcp.ACK, 5, OPTIONS)
    assert segment[header.length :] == b"hello"
    assert transport_sum(OUR_IP, ALICE_IP, IPPROTO_TCP, segment) == 0xFFFF


@pytest.mark.parametrize("length", range(len(whole(payload=b""))))
def test_a_header_that_is_cut_is_named_so(length: int) -> None:
    expected = Malformed.TRUNCATED if length < 20 else Malformed.TOTAL_LENGTH
    assert tcp.parse(whole(payload=b"")[:length]) is expected


def test_a_header_shorter_than_itself_is_named_so() -> None:
    assert tcp.parse(bytes(12) + b"\x40" + bytes(20)) is Malformed.HEADER_LENGTH


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (OPTIONS, b"\5\xb4"),
        (b"\1\1\2\4\5\xb4\0\0", b"\5\xb4"),
        (b"\0\0\2\4\5\xb4\0\0", None),
        (b"\3\1\2\4\5\xb4\0\0", None),
        (b"\3\x09\2\4\5\xb4\0\0", None),
        (b"\1\1\1\2", None),
        (b"", None),
    ],
    ids=["first", "behind nothing", "behind the end", "too short", "too long", "cut", "none"],
)
def test_an_option_is_found_where_the_options_make_sense(options: bytes, found: bytes | None) -> None:
    header = tcp.parse(whole(options))
    assert isinstance(header, TcpHeader)
    assert header.option(2) == found
