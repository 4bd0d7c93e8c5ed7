"""What the areas of ARP, ICMP and fragments draw, and that most of it comes to something."""

from collections import Counter

import pytest

from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Frame, Output
from pystack.compare.scenario import Run, Send
from pystack.wire import icmp
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from tests.compare.fuzz.drawing import drawn


def emitted(area: str, seeds: int) -> tuple[int, list[bytes]]:
    """How many frames entered, and all that left pystack."""
    side, entered, left = PystackSide(), 0, list[bytes]()
    for scenario in drawn(area, seeds, 300):
        side.open(scenario.topology)
        entered += sum(isinstance(step, Send) for step in scenario.steps)
        left += [
            record.data for record in side.play(scenario) if isinstance(record, Frame) and record.dir == "out"
        ]
    return entered, left


@pytest.mark.parametrize("area", ["arp", "icmp"])
def test_every_sysctl_of_the_area_is_written(area: str) -> None:
    written = {
        step.command.partition("=")[0].rpartition(".")[2]
        for scenario in drawn(area, 20, 300)
        for step in scenario.steps
        if isinstance(step, Run) and step.command.startswith("sysctl")
    }
    assert (
        written >= {"arp": {"arp_ignore", "proxy_arp"}, "icmp": {"send_redirects", "ip_no_pmtu_disc"}}[area]
    )


def test_an_eighth_of_the_arp_packets_is_answered() -> None:
    entered, left = emitted("arp", 5)
    assert len(left) > entered / 8


def test_a_third_of_the_fragments_leads_to_something() -> None:
    entered, left = emitted("fragments", 5)
    assert len(left) > entered / 3


def test_of_packets_a_third_is_answered_or_passed_on_and_all_errors_are_among_them() -> None:
    entered, left = emitted("icmp", 10)
    assert len(left) > entered / 3
    messages = Counter(
        frame[ETH_HLEN + (frame[ETH_HLEN] & 15) * 4]
        for frame in left
        if frame[12:14] == ETH_P_IP.to_bytes(2, "big") and frame[23] == 1
    )
    assert not (icmp.ERROR_TYPES | {icmp.ICMP_ECHOREPLY}) - messages.keys() - {icmp.ICMP_SOURCE_QUENCH}


def test_of_the_calls_of_programs_most_succeed_and_connections_come_to_every_state() -> None:
    side, outputs, states = PystackSide(), Counter[int](), set[str]()
    for scenario in drawn("sockets", 4, 600):
        side.open(scenario.topology)
        for record in side.play(scenario, hops=False):
            if isinstance(record, Output):
                outputs[record.rc] += 1
                states |= {record.text.strip()} if record.command.endswith(" state") else set()
    assert outputs[0] > 2 * outputs[1]
    assert outputs[0] > 2 * outputs[2], "a call on a socket that a failed accept() has not made"
    assert states >= {"ESTABLISHED", "CLOSE_WAIT", "FIN_WAIT1", "CLOSE"}
