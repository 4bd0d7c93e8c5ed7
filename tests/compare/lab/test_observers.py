"""What pystack's side says of a packet that was dropped."""

from __future__ import annotations

from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import parse
from pystack.compare.records import Hop

SETUP = "ip link set tap1 address 02:00:00:00:00:01; ip addr add 10.0.0.1/24 dev tap1; ip link set tap1 up"


def hops_of(packet: str) -> list[Hop]:
    send = f'send = {{ port = "tap1", packet = "{packet}" }}'
    scenario = parse(f'title = "t"\nports = ["tap1"]\nsetup = "{SETUP}"\n[[step]]\n{send}', "t.toml")
    return [record for record in PystackSide().play(scenario) if isinstance(record, Hop)]


def test_the_last_hop_of_a_packet_that_was_dropped_has_the_reason() -> None:
    hops = hops_of(
        "Ether(src='02:00:00:00:00:aa', dst='02:00:00:00:00:bb')/IP(src='10.0.0.9', dst='10.0.0.1')"
    )
    assert [(hop.family, hop.hook, hop.verdict, hop.reason) for hop in hops] == [
        ("netdev", "INGRESS", "drop", "OTHERHOST")
    ]


def test_no_other_hop_has_one() -> None:
    hops = hops_of(
        "Ether(src='02:00:00:00:00:aa', dst='02:00:00:00:00:01')/IP(src='0.1.2.3', dst='127.0.0.1')"
    )
    assert len(hops) > 1
    assert [hop.reason for hop in hops[:-1]] == [None] * (len(hops) - 1)
    assert hops[-1].verdict == "drop"


def test_a_packet_that_left_was_not_dropped() -> None:
    hops = hops_of(
        "Ether(src='02:00:00:00:00:aa', dst='ff:ff:ff:ff:ff:ff')"
        "/ARP(op=1, hwsrc='02:00:00:00:00:aa', psrc='10.0.0.9', hwdst='00:00:00:00:00:00', pdst='10.0.0.1')"
    )
    assert [hop.verdict for hop in hops if hop.hook == "EGRESS"] == [None]
