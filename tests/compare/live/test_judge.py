"""When two ways are the same, and when they are not."""

from dataclasses import replace

import pytest

from pystack.compare.live.judge import COMPARED, differences, is_same, is_same_made
from pystack.compare.records import Hop
from pystack.explain.words import packet_of

PACKET = packet_of("10.0.0.1 > 10.0.0.5: ICMP echo reply, id 7, seq 1, length 400").payload
HOP = Hop(0, 1, "ip", "OUTPUT", 40, None, None, None, None, "eth0", None, None, 0, PACKET)


def numbered(identification: int, *, off: int = 0) -> Hop:
    """The same packet with another identification, and a sum of its header that is wrong by `off`."""
    check = int.from_bytes(PACKET[10:12], "big") - identification + int.from_bytes(PACKET[4:6], "big") + off
    octets = (
        PACKET[:4] + identification.to_bytes(2, "big") + PACKET[6:10] + (check % 0xFFFF).to_bytes(2, "big")
    )
    return replace(HOP, data=octets + PACKET[12:])


def test_an_identification_that_each_side_drew_is_no_difference() -> None:
    assert not is_same(HOP, numbered(4711))
    assert is_same_made(HOP, numbered(4711))
    assert differences([HOP], [numbered(4711)], made_here=True) == []


def test_a_sum_that_does_not_go_with_it_is_one() -> None:
    assert not is_same_made(HOP, numbered(4711, off=1))
    assert differences([HOP], [numbered(4711, off=1)], made_here=True) != []


@pytest.mark.parametrize("change", [{"outdev": "eth1"}, {"mark": 7}, {"hook": "INPUT"}, {"priority": 400}])
def test_a_place_is_compared_whoever_made_the_packet(change: dict[str, object]) -> None:
    other = replace(HOP, **change)  # type: ignore[arg-type]
    assert not is_same(HOP, other)
    assert not is_same_made(HOP, other)
    assert not is_same_made(HOP, replace(other, data=numbered(4711).data))


def test_what_probes_do_not_show_is_not_compared() -> None:
    assert is_same(HOP, replace(HOP, data=PACKET[:COMPARED] + b"another end"))
    assert is_same(HOP, replace(HOP, physin="va"))
    assert not is_same(replace(HOP, physin="va"), HOP)
