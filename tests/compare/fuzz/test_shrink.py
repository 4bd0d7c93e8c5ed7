"""Small scenarios from long ones: what is needed stays, what is not goes."""

from dataclasses import replace

from pystack.compare.fuzz.shrink import Shows, Shrinker
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology, Wait

SETUP = "".join(f"line {number}\n" for number in range(20))


def send(number: int, port: str = "tap1", length: int = 60) -> Send:
    frame = bytes([number]) * length
    return Send(port, (frame,), frame.hex())


def scenario(*steps: Step) -> Scenario:
    return Scenario("", "t", Topology(("tap1", "tap2", "tap3"), SETUP), steps)


LONG = scenario(*(send(number) for number in range(100)))


def shrunk(shows: Shows, start: Scenario = LONG) -> Scenario:
    assert shows(start)
    small = Shrinker(shows).shrink(start)
    assert shows(small)
    return small


def has(*numbers: int) -> Shows:
    def shows(candidate: Scenario) -> bool:
        sent = {step.frames[0][0] for step in candidate.steps if isinstance(step, Send)}
        return sent.issuperset(numbers)

    return shows


def test_only_the_steps_that_are_needed_stay_in_their_order() -> None:
    small = shrunk(has(3, 50, 99))
    assert [step.frames[0][0] for step in small.steps if isinstance(step, Send)] == [3, 50, 99]


def test_a_last_step_that_shows_it_alone_is_tried_first() -> None:
    tried: list[int] = []

    def shows(candidate: Scenario) -> bool:
        tried.append(len(candidate.steps))
        return has(99)(candidate)

    Shrinker(shows).shrink(LONG)
    assert tried[0] == 1


def test_only_the_lines_of_the_setup_that_are_needed_stay() -> None:
    small = shrunk(lambda candidate: {"line 2", "line 11"} <= set(candidate.topology.setup.splitlines()))
    assert small.topology.setup == "line 2\nline 11\n"


def test_of_several_commands_in_a_step_those_that_are_needed_stay() -> None:
    def shows(candidate: Scenario) -> bool:
        told = " ".join(step.command for step in candidate.steps if isinstance(step, Run))
        return "two" in told and "four" in told

    small = shrunk(shows, scenario(Wait(0.1), Run("one; two; three; four"), Run("two")))
    assert small.steps == (Run("two; four"),)


def test_frames_are_cut_as_far_as_they_go() -> None:
    def shows(candidate: Scenario) -> bool:
        return any(isinstance(step, Send) and len(step.frames[0]) >= 23 for step in candidate.steps)

    (step,) = shrunk(shows).steps
    assert isinstance(step, Send)
    assert len(step.frames[0]) == 23
    assert step.text == step.frames[0].hex()


def test_captures_go_where_they_are_not_needed() -> None:
    assert shrunk(has(3), replace(LONG, capture=("br0",))).capture == ()
    assert shrunk(lambda candidate: bool(candidate.capture), replace(LONG, capture=("br0",))).capture


def test_ports_that_nobody_needs_go() -> None:
    steps = (send(1, "tap2"),)
    small = shrunk(lambda candidate: bool(candidate.steps), replace(LONG, steps=steps))
    assert small.topology.ports == ("tap2",)


def test_a_port_without_which_it_does_not_show_stays() -> None:
    small = shrunk(lambda candidate: "tap1" in candidate.topology.ports, LONG)
    assert "tap1" in small.topology.ports


def test_without_tries_left_it_stays_as_long_as_it_is() -> None:
    small = Shrinker(has(3, 50, 99), tries=0).shrink(LONG)
    assert small == LONG


def test_it_ends_after_so_many_tries() -> None:
    tried: list[Scenario] = []

    def shows(candidate: Scenario) -> bool:
        tried.append(candidate)
        return has(*range(0, 100, 2))(candidate)

    Shrinker(shows, tries=50).shrink(LONG)
    assert len(tried) == 50
