"""What a half-open connection believes. Held against the kernel: scenarios/sockets/tcp/half-open-*.toml."""

import pytest

from tests.sock.tcp_peer import MSS, Peer


def timestamp(value: int, echo: int) -> bytes:
    return b"\x01\x01\x08\x0a" + value.to_bytes(4, "big") + (echo & 0xFFFFFFFF).to_bytes(4, "big")


@pytest.mark.parametrize("ack", [1, 3, -900])
def test_a_reset_must_be_exact_whatever_it_acknowledges(ack: int) -> None:
    peer = Peer()
    peer.listen()
    peer.send("S", 0)
    peer.heard()
    peer.send("R.", 990, ack)
    assert peer.heard() == [". 1 ack 1"]
    peer.send("R.", 70_000, ack)
    assert peer.heard() == [], "beyond the window"
    assert peer.box.ns.tcp.tcp.connections
    peer.send("R.", 1, ack)
    assert peer.heard() == []
    assert not peer.box.ns.tcp.tcp.connections


@pytest.mark.parametrize(("flags", "opens"), [(".", False), ("F.", True)])
def test_who_waits_for_data_lets_in_a_peer_that_has_ended(flags: str, opens: bool) -> None:
    peer = Peer()
    listener = peer.listen()
    listener.defer_accept = 3
    peer.send("S", 0)
    peer.heard()
    peer.send(flags, 1, 1)
    assert (listener.accept() is not None) is opens


@pytest.mark.parametrize("error", [5, -5])
def test_the_echo_of_a_timestamp_that_was_never_told_is_not_believed(error: int) -> None:
    peer = Peer()
    listener = peer.listen()
    peer.send("S", 0, options=MSS + timestamp(500, 0))
    peer.heard()
    told = peer.last.tsval
    assert told is not None
    peer.send("R", 1, options=timestamp(501, told + error))
    assert peer.box.ns.tcp.tcp.connections
    peer.send(".", 1, 1, options=timestamp(501, told + error))
    assert peer.heard() == [". 1 ack 1"]
    assert listener.accept() is None
    assert peer.box.ns.snmp.TcpExt.TSEcrRejected == 2
    peer.send(".", 1, 1, options=timestamp(501, told))
    assert listener.accept() is not None
