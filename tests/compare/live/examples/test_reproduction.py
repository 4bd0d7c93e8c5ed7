"""A packet of a live namespace as a scenario."""

from dataclasses import replace

from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.live.examples.reproduction import Reproduction, reproduction
from pystack.compare.live.examples.ways import is_same_way, way_of
from pystack.compare.live.history import LONGEST
from pystack.compare.live.judge import Verdict
from pystack.compare.records import Hop
from pystack.compare.scenario import Call, Run, Send
from tests.compare.live.made import ANSWER, PING, building, entering, leaving, noted

ASKED = "10.0.0.5.4000 > 10.0.0.1.53: UDP, length 3"
SAID = "10.0.0.1.53 > 10.0.0.5.4000: UDP, length 9"


def reproduced(*packets: tuple[list[Hop], bool], last: int = 0) -> Reproduction:
    made = building()
    history = noted(made, *packets)
    number = last or len(packets)
    hops = packets[number - 1][0]
    return reproduction(made, history.of(hops), Verdict(number, hops, []))


def test_the_setup_makes_the_copy_with_the_addresses_of_the_live_cards() -> None:
    setup = reproduced((entering(PING), False)).scenario.topology.setup.splitlines()
    assert setup[0] == "ip link set eth7 address 02:aa:00:00:00:01"
    assert "ip address add 10.0.0.1/24 dev eth7" in setup
    assert setup[-1] == "ip neighbour replace 10.0.0.5 lladdr 02:aa:00:00:00:05 dev eth7 nud permanent"


def test_the_packet_goes_its_way_there() -> None:
    hops = entering(PING)
    scenario = reproduced((hops, False)).scenario
    side = PystackSide()
    side.open(scenario.topology)
    assert is_same_way(way_of(side.play(scenario), Verdict(1, hops, [])), hops)


def test_what_the_host_answered_by_itself_is_no_step() -> None:
    steps = reproduced((entering(PING), False), (leaving(ANSWER), True)).scenario.steps
    assert [type(step) for step in steps] == [Send]


def test_what_came_later_is_none_either() -> None:
    later = PING.replace("seq 1", "seq 2")
    steps = reproduced((entering(PING), False), (entering(later), False), last=1).scenario.steps
    assert [step.text for step in steps if isinstance(step, Send)] == [entering(PING)[0].data.hex()]


def test_a_program_that_took_a_datagram_and_answered_is_there() -> None:
    steps = reproduced((entering(ASKED), False), (leaving(SAID), False)).scenario.steps
    told = [step.text for step in steps if isinstance(step, Call)]
    assert told == [
        "udp1 socket udp",
        "udp1 set SO_BROADCAST 1",
        "udp1 bind 0.0.0.0 53",
        "udp1 sendto 10.0.0.5 4000 x*9",
    ]


def test_nobody_is_there_where_the_host_refused() -> None:
    quoted = entering(ASKED)[1].data
    refused = leaving(ANSWER)[0]
    error = refused.data[:20] + bytes([3, 3]) + bytes(6) + quoted
    hops = [replace(refused, data=error)]
    steps = reproduced((entering(ASKED), False), (hops, True)).scenario.steps
    assert [type(step) for step in steps] == [Send]


def test_what_cannot_be_carried_over_is_named() -> None:
    segment = "10.0.0.1.4000 > 10.0.0.5.80: Flags [.], ack 1, length 0"
    assert reproduced((leaving(segment), False)).lacks == [
        "packet #1: a program sent a segment of a connection that began before"
    ]


def test_of_a_long_flow_the_connection_is_carried_over() -> None:
    made = building()
    assert made.do("conntrack -I -s 10.0.0.5 -d 10.0.0.1 -p udp --sport 4000 --dport 53 -t 60".split())
    history = noted(made, *[(entering(ASKED), False)] * (LONGEST + 1))
    hops = entering(ASKED)
    told = reproduction(made, history.of(hops), Verdict(LONGEST + 1, hops, []))
    first = told.scenario.steps[0]
    assert isinstance(first, Run)
    assert first.command.startswith("conntrack -I -t 60 -u ")
    assert told.lacks == [f"{LONGEST} packets of the flow before these: its connection alone is carried over"]
