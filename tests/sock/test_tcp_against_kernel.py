"""Handshakes, data and ends mean the same to the kernel and to us, segment for segment."""

import socket

import pytest

from tests.sock.tcp_sides import MSS, SYN_OPTIONS, opened

pytestmark = pytest.mark.root


@pytest.mark.parametrize(
    "options", [b"", MSS, SYN_OPTIONS, MSS + bytes.fromhex("01030307"), MSS + bytes.fromhex("04020101")]
)
def test_a_handshake_is_the_same(options: bytes) -> None:
    with opened() as sides:
        sides.establish(options)
        sides.state()


@pytest.mark.parametrize("options", [MSS, SYN_OPTIONS])
def test_data_and_both_ends(options: bytes) -> None:
    ts = iter(range(300, 400)) if options == SYN_OPTIONS else iter([None] * 100)
    with opened() as sides:
        sides.establish(options)
        sides.send("P.", 1, 1, b"hello", ts=next(ts))
        sides.call("recv", 100)
        sides.call("send", b"world")
        sides.send(".", 6, 6, ts=next(ts))
        sides.call("shutdown", socket.SHUT_WR)
        sides.state()
        sides.send(".", 6, 7, ts=next(ts))
        sides.state()
        sides.send("F.", 6, 7, ts=next(ts))
        sides.send("F.", 6, 7, ts=next(ts))
