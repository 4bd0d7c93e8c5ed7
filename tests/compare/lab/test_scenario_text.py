"""What is written as a scenario file reads back as the same scenario."""

import pytest

from pystack.compare.fuzz.bridge import draw
from pystack.compare.fuzz.dice import Dice
from pystack.compare.lab.scenario_file import parse
from pystack.compare.lab.scenario_text import text_of
from pystack.compare.scenario import Run, Scenario, Send, Start, Stop, Topology, Wait

FRAME = bytes(range(64))


def parts(scenario: Scenario) -> tuple[object, ...]:
    return scenario.title, scenario.topology, scenario.steps, scenario.capture, scenario.family


@pytest.mark.parametrize("seed", range(5))
def test_what_a_fuzzer_draws_reads_back(seed: int) -> None:
    scenario = draw(Dice(seed), 100)
    assert parts(parse(text_of(scenario), "x.toml")) == parts(scenario)


def test_every_kind_of_step_reads_back() -> None:
    steps = (
        Send("tap1", (FRAME,), FRAME.hex()),
        Run("""echo 'a' "b" \\ 'ü'"""),
        Start("ping -c1 10.0.0.1", "p"),
        Wait(0.25),
        Stop("p"),
    )
    scenario = Scenario("", 'it says "x\\y" – so', Topology(("tap1",), "ip link\n"), steps, capture=("br0",))
    assert parts(parse(text_of(scenario), "x.toml")) == parts(scenario)


def test_the_protocols_that_are_observed_read_back() -> None:
    scenario = Scenario("", "t", Topology(("tap1",), ""), (Wait(0.25),), family=("ip", "ip6"))
    assert parts(parse(text_of(scenario), "x.toml")) == parts(scenario)


def test_frames_of_one_step_become_a_step_each() -> None:
    scenario = Scenario("", "t", Topology(("tap1",), ""), (Send("tap1", (FRAME, FRAME), ""),))
    assert parse(text_of(scenario), "x.toml").steps == (Send("tap1", (FRAME,), FRAME.hex()),) * 2


def test_a_frame_stands_under_what_tcpdump_says_of_it() -> None:
    frame = bytes.fromhex("ffffffffffff02000000aa0188b5")
    lines = text_of(Scenario("", "t", Topology(("tap1",), ""), (Send("tap1", (frame,), ""),))).splitlines()
    at = lines.index("[[step]]")
    assert lines[at - 1].startswith("# 02:00:00:00:aa:01 > ff:ff:ff:ff:ff:ff")
