"""A stream arrives whole, in order and once, whatever happens on the way."""

import random
from collections.abc import Callable

import pytest

from pystack.sock.tcp import SHUT_WR, TcpSocket
from pystack.sock.tcp_states import TcpState
from tests.sock.tcp_link import Link

OCTETS = 400_000


class Flow:
    """Octets from one end to the other, with a FIN behind them."""

    def __init__(self, source: TcpSocket, sink: TcpSocket, octets: int, seed: int) -> None:
        self.source, self.sink = source, sink
        self.data = random.Random(seed).randbytes(octets)
        self.sent = 0
        self.received = bytearray()
        self.has_ended = False

    def step(self) -> bool:
        """Send and receive what goes now; whether all has arrived."""
        while self.sent < len(self.data):
            taken = self.source.send(self.data[self.sent : self.sent + 50_000])
            if not taken:
                break
            self.sent += taken
            if self.sent == len(self.data):
                self.source.shut_down(SHUT_WR)
        while (got := self.sink.recv(65536)) is not None:
            if not got:
                self.has_ended = True
                break
            self.received += got
        return self.has_ended


def transfer(link: Link, octets: int = OCTETS) -> list[Flow]:
    client, server = link.pair()
    flows = [Flow(client, server, octets, 1), Flow(server, client, octets, 2)]
    link.run(3600, until=lambda: sum(flow.step() for flow in flows) == len(flows))
    return flows


def assert_intact(link: Link, flows: list[Flow]) -> None:
    for flow in flows:
        assert flow.has_ended
        assert bytes(flow.received) == flow.data
    link.run(200)
    for box in link.boxes:
        assert not box.ns.tcp.tcp.connections, "TIME_WAIT is over"
        box.assert_every_packet_is_accounted_for()
    assert {flow.source.state for flow in flows} == {TcpState.CLOSE}


@pytest.mark.parametrize("seed", range(4))
def test_a_stream_survives_loss_reordering_and_doubling(seed: int) -> None:
    link = Link(seed=seed, loss=0.01, doubled=0.01, reordered=0.05)
    assert_intact(link, transfer(link))
    assert link.lost > 5


@pytest.mark.slow
def test_a_hundred_megabytes_arrive_both_ways(scaled: Callable[[int], int]) -> None:
    link = Link(seed=9, loss=0.01, doubled=0.01, reordered=0.01)
    assert_intact(link, transfer(link, scaled(100_000_000)))
    assert link.lost > 50


@pytest.mark.parametrize("seed", range(2))
def test_a_stream_survives_a_very_bad_link(seed: int) -> None:
    link = Link(seed=seed, loss=0.15, doubled=0.1, reordered=0.2)
    assert_intact(link, transfer(link, 40_000))


def test_large_segments_survive_as_well() -> None:
    link = Link(seed=3, loss=0.02, doubled=0.02, reordered=0.1, features=None)
    assert_intact(link, transfer(link, 4_000_000))
    assert link.carried < 8_000_000 / 1448 / 2, "half of what frames of one MSS would be"


def test_without_loss_nothing_is_sent_twice() -> None:
    link = Link(seed=1)
    assert_intact(link, transfer(link))
    assert [box.ns.snmp.Tcp.RetransSegs for box in link.boxes] == [0, 0]


@pytest.mark.parametrize("name", ["tcp_timestamps", "tcp_window_scaling", "tcp_sack"])
def test_no_option_is_needed(name: str) -> None:
    link = Link(seed=5, loss=0.01, reordered=0.05)
    link.left.sysctl(f"net.ipv4.{name}", "0")
    assert_intact(link, transfer(link, 100_000))
