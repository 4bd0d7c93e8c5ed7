"""What is drawn of IPv6 comes to something: all states come up, and so do fragments."""

from collections import Counter

from pystack.compare.fuzz import conntrack_ipv6
from pystack.compare.fuzz.dice import Dice
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Frame
from pystack.wire import ipv6
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv6 import Ipv6Header

WRITTEN = {0x08: "NEW", 0x10: "ESTABLISHED", 0x04: "RELATED", 0x14: "INVALID", 0x18: "UNTRACKED"}


def test_packets_of_every_state_cross_and_some_of_them_in_fragments() -> None:
    side, seen = PystackSide(), Counter[str]()
    for seed in range(6):
        scenario = conntrack_ipv6.draw(Dice(seed), 150)
        side.open(scenario.topology)
        for record in side.play(scenario):
            if not isinstance(record, Frame) or record.dir != "out":
                continue
            header = ipv6.parse(record.data, ETH_HLEN)
            assert isinstance(header, Ipv6Header)
            seen[WRITTEN.get(header.tos, "no rule saw it")] += 1
            seen["fragment"] += header.next_header == ipv6.NEXTHDR_FRAGMENT
    assert set(WRITTEN.values()) <= set(seen)
    assert seen["fragment"] > 20
    assert seen["ESTABLISHED"] > 100
