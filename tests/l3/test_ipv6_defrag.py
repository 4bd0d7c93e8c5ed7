"""Fragments of IPv6 are put together where connections are tracked, and leave as fragments."""

import pytest

from pystack.wire import ipv6
from pystack.wire.ipv6 import Ipv6Header
from tests.bridge6 import Bridge6, fragments, packet, udp

WHOLE = packet(udp(bytes(range(200)) * 10), 17)
SMALL = packet(udp(bytes(range(72))), 17)


def parts_of(piece: bytes) -> tuple[bytes, bytes, bytes]:
    """What stands around the identification, which is drawn."""
    return piece[:44], piece[44:48], piece[48:]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_packet_that_was_cut_is_cut_alike_with_another_identification(order: tuple[int, int]) -> None:
    bridge, pieces = Bridge6(), fragments(WHOLE, 1448)
    assert bridge.send(pieces[order[0]]) == []
    out = bridge.send(pieces[order[1]])
    assert [(front, rest) for front, _, rest in map(parts_of, out)] == [
        (front, rest) for front, _, rest in map(parts_of, pieces)
    ]
    assert len({parts_of(piece)[1] for piece in out}) == 1
    assert bridge.state == "NEW"


def test_what_was_cut_into_small_pieces_leaves_in_them_again() -> None:
    bridge, pieces = Bridge6(), fragments(SMALL, 40, 64)
    out = [piece for sent in pieces for piece in bridge.send(sent)]
    assert [len(piece) for piece in out] == [len(piece) for piece in pieces]


def test_a_lone_fragment_leaves_without_its_header() -> None:
    bridge = Bridge6()
    assert bridge.send(fragments(SMALL)[0]) == [SMALL]


def test_a_repeated_fragment_changes_nothing() -> None:
    bridge, (first, second) = Bridge6(), fragments(SMALL, 40)
    assert (bridge.send(first), bridge.send(first)) == ([], [])
    assert len(bridge.send(second)) == 2


def test_fragments_that_overlap_make_the_whole_void() -> None:
    bridge, (first, _) = Bridge6(), fragments(SMALL, 40)
    _, later = fragments(SMALL, 32)
    assert (bridge.send(first), bridge.send(later)) == ([], [])
    assert bridge.host.init.defrag6.queued == 0


def test_fragments_of_different_senders_or_numbers_are_kept_apart() -> None:
    bridge = Bridge6()
    first, _ = fragments(SMALL, 40, id=1)
    _, second = fragments(SMALL, 40, id=2)
    assert (bridge.send(first), bridge.send(second)) == ([], [])
    assert bridge.host.init.defrag6.queued == 2


def test_a_fragment_that_ends_at_an_odd_place_goes_on_as_it_is() -> None:
    bridge = Bridge6()
    odd = fragments(SMALL, 41)[0]
    assert bridge.send(odd) == [odd]


def test_a_first_fragment_without_the_transport_header_is_not_kept() -> None:
    bridge = Bridge6()
    first = packet(fragments(SMALL, 8)[0][40:52], ipv6.NEXTHDR_FRAGMENT)
    assert bridge.send(first) == [first]
    assert bridge.state == "INVALID"


def test_an_end_that_contradicts_an_earlier_one_is_dropped_alone() -> None:
    bridge, (first, second) = Bridge6(), fragments(SMALL, 40)
    bridge.send(second)
    assert bridge.send(fragments(packet(udp(bytes(80)), 17), 40)[1]) == []
    assert len(bridge.send(first)) == 2


def test_what_is_incomplete_is_forgotten_in_time() -> None:
    bridge = Bridge6("sysctl -w net.netfilter.nf_conntrack_frag6_timeout=5\n")
    bridge.send(fragments(SMALL, 40)[0])
    bridge.host.clock.set(bridge.host.clock.now + 5.1)
    bridge.host.run_timers()
    assert bridge.host.init.defrag6.queued == bridge.host.init.defrag6.memory == 0


def test_a_full_memory_takes_no_more() -> None:
    bridge = Bridge6("sysctl -w net.netfilter.nf_conntrack_frag6_low_thresh=0\n"
                     "sysctl -w net.netfilter.nf_conntrack_frag6_high_thresh=100\n")  # fmt: skip
    bridge.send(fragments(SMALL, 40, id=1)[0])
    bridge.send(fragments(SMALL, 40, id=2)[0])
    assert bridge.host.init.defrag6.queued == 1


def test_extension_headers_in_front_of_the_fragment_header_stay_there() -> None:
    options = bytes.fromhex("2c00010400000000")
    bridge, pieces = Bridge6(), fragments(SMALL, 40)
    sent = [packet(options + piece[40:], ipv6.NEXTHDR_HOP) for piece in pieces]
    out = [piece for octets in sent for piece in bridge.send(octets)]
    assert [piece[:52] + piece[56:] for piece in out] == [piece[:52] + piece[56:] for piece in sent]
    header = ipv6.parse(out[0], 0)
    assert isinstance(header, Ipv6Header)
    assert header.payload_len == len(out[0]) - ipv6.HEADER_LENGTH
