"""Who may have a port, and who of those that have it gets a packet."""

import pytest

from pystack.errors import EADDRINUSE, NetError
from pystack.sock.lookup import NO_MATCH, Endpoints, compute_score
from pystack.sock.udp import UdpSocket
from tests.box import Box
from tests.frames import ALICE_IP, OUR_IP, OUR_MAC, OUR_MAC2, ip


class Host(Box):
    """eth0 10.0.0.1/24 and 10.0.0.3/24, eth1 10.0.1.1/24."""

    def __init__(self, seed: int = 1) -> None:
        super().__init__(seed=seed)
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24", "10.0.0.3/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.ports = self.ns.udp.ports

    def sock(self, words: str = "", port: int = 53) -> UdpSocket:
        """`10.0.0.1 eth0 reuse` is bound to that address and device and has that option."""
        sock, address = self.ns.udp.open(), 0
        for word in words.split():
            if word[0].isdigit():
                address = ip(word)
            elif word in ("reuse", "reuseport"):
                setattr(sock, word, True)
            else:
                sock.bind_to_device(word)
        sock.bind(address, port)
        return sock

    def at(self, daddr: int = OUR_IP, sport: int = 1000) -> Endpoints:
        return Endpoints(ALICE_IP, sport, daddr, 53, self.eth0.ifindex)


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        ("", "", False),
        ("10.0.0.1", "", False),
        ("", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.1", False),
        ("10.0.0.1", "10.0.0.3", True),
        ("eth0", "eth1", True),
        ("eth0", "", False),
        ("eth0", "eth0", False),
        ("reuse", "reuse", True),
        ("reuse", "", False),
        ("reuseport", "reuseport", True),
        ("reuseport", "", False),
        ("reuse", "reuseport", False),
    ],
)
def test_a_port_is_shared_only_by_those_who_agree_or_are_apart(first: str, second: str, both: bool) -> None:
    """Linux: net/ipv4/udp.c udp_lib_lport_inuse()"""
    box = Host()
    box.sock(first)
    if both:
        box.sock(second)
        assert len(box.ports) == 2
        return
    with pytest.raises(NetError) as error:
        box.sock(second)
    assert error.value.number == EADDRINUSE


def test_a_drawn_port_is_free_within_the_range_and_not_reserved() -> None:
    box = Host()
    box.sysctl("net.ipv4.ip_local_port_range", "40000 40009")
    box.sysctl("net.ipv4.ip_local_reserved_ports", "40001,40003-40005")
    drawn = {box.sock(port=0).num for _ in range(6)}
    assert drawn == {40000, 40002, 40006, 40007, 40008, 40009}
    with pytest.raises(NetError) as error:
        box.sock(port=0)
    assert error.value.number == EADDRINUSE


def test_seeds_draw_different_ports_and_the_same_seed_the_same() -> None:
    first, again, other = (Host(seed).sock(port=0).num for seed in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("worse", "better"),
    [
        ("reuse", "10.0.0.1 reuse"),
        ("reuse", "eth0 reuse"),
        ("eth0 reuse", "10.0.0.1 reuse"),
        ("10.0.0.1 reuse", "10.0.0.1 eth0 reuse"),
    ],
)
def test_the_more_a_socket_names_the_better_it_fits(worse: str, better: str) -> None:
    """Linux: net/ipv4/udp.c compute_score(); an address goes before any number of other things."""
    for words in ((worse, better), (better, worse)):
        box = Host()
        socks = {word: box.sock(word) for word in words}
        assert box.ports.lookup(box.at()) is socks[better]


def test_of_equals_the_newest_gets_the_packet() -> None:
    box = Host()
    box.sock("reuse")
    newest = box.sock("reuse")
    assert box.ports.lookup(box.at()) is newest


def test_a_connected_socket_hears_its_peer_and_nobody_else() -> None:
    box = Host()
    listener, talker = box.sock("10.0.0.1 reuse"), box.sock("10.0.0.1 reuse")
    talker.connect(ALICE_IP, 1000)
    assert box.ports.lookup(box.at(sport=1000)) is talker
    assert box.ports.lookup(box.at(sport=1001)) is listener


def test_connecting_moves_a_socket_to_the_address_that_it_was_given() -> None:
    box = Host()
    sock = box.sock()
    assert box.ports.lookup(box.at(ip("10.0.0.3"))) is sock
    sock.connect(ALICE_IP, 1000)
    assert box.ports.lookup(box.at(ip("10.0.0.3"))) is None
    assert box.ports.lookup(box.at()) is sock


def test_a_group_divides_the_flows_and_keeps_each_where_it_is() -> None:
    box = Host()
    socks = [box.sock("reuseport") for _ in range(4)]
    chosen = [box.ports.lookup(box.at(sport=port)) for port in range(1000, 1200)]
    assert set(chosen) == set(socks)
    assert chosen == [box.ports.lookup(box.at(sport=port)) for port in range(1000, 1200)]


def test_who_leaves_a_group_gets_nothing_of_it_any_more() -> None:
    box = Host()
    stays, leaves = box.sock("reuseport"), box.sock("reuseport")
    leaves.close()
    assert {box.ports.lookup(box.at(sport=port)) for port in range(1000, 1050)} == {stays}


def test_a_connected_member_is_left_out_of_the_division() -> None:
    box = Host()
    talker, listener = box.sock("10.0.0.1 reuseport"), box.sock("10.0.0.1 reuseport")
    talker.connect(ALICE_IP, 1000)
    assert box.ports.lookup(box.at(sport=1000)) is talker
    assert {box.ports.lookup(box.at(sport=port)) for port in range(1001, 1050)} == {listener}


def test_every_candidate_is_told_with_its_score_or_what_speaks_against_it() -> None:
    box = Host()
    plain, elsewhere = box.sock("reuse"), box.sock("10.0.0.3 reuse")
    talker, device = box.sock("10.0.0.1 reuse"), box.sock("eth1 reuse")
    talker.connect(ip("10.0.0.9"), 7)
    told = {candidate.socket: candidate[1:] for candidate in box.ns.udp.explain(box.at())}
    assert told == {
        plain: (2, ""),
        elsewhere: (NO_MATCH, "it is bound to 10.0.0.3"),
        talker: (NO_MATCH, "it is connected to 10.0.0.9 port 7"),
        device: (NO_MATCH, "it is bound to another device"),
    }


def test_what_is_told_to_match_is_what_scores() -> None:
    box = Host()
    for words in ("reuse", "10.0.0.1 reuse", "10.0.0.3 reuse", "eth0 reuse", "eth1 10.0.0.1 reuse"):
        box.sock(words)
    for candidate in box.ns.udp.explain(box.at()):
        sock = candidate.socket
        scored = compute_score(sock, sock.rcv_saddr, box.at()) if sock.rcv_saddr in (0, OUR_IP) else NO_MATCH
        assert (candidate.score, bool(candidate.reason)) == (scored, scored == NO_MATCH)
