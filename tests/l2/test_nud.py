"""Every cell of the NUD table, against what net/core/neighbour.c does there."""

import pytest

from pystack.l2 import nud
from pystack.l2.nud import (
    NAMES,
    NUD_CONNECTED,
    NUD_DELAY,
    NUD_FAILED,
    NUD_IN_TIMER,
    NUD_INCOMPLETE,
    NUD_NOARP,
    NUD_NONE,
    NUD_PERMANENT,
    NUD_PROBE,
    NUD_REACHABLE,
    NUD_STALE,
    NUD_VALID,
    TRANSITIONS,
    NudEvent,
    next_state,
)

# State by state, in words of its own: what each event makes of it. Anything not written here cannot happen.
EXPECTED = {
    "NONE": "SEND INCOMPLETE, UNASKABLE FAILED, ANSWERED REACHABLE, HEARD STALE, MOVED STALE",
    "INCOMPLETE": "SEND INCOMPLETE, PROBES_SPENT FAILED, ANSWERED REACHABLE, HEARD STALE, MOVED STALE",
    "REACHABLE": "SEND REACHABLE, EXPIRED STALE, EXPIRED_IN_USE DELAY, ANSWERED REACHABLE, HEARD REACHABLE, "
    "MOVED STALE",
    "STALE": "SEND DELAY, ANSWERED REACHABLE, HEARD STALE, MOVED STALE",
    "DELAY": "SEND DELAY, CONFIRMED REACHABLE, UNCONFIRMED PROBE, ANSWERED REACHABLE, HEARD DELAY, "
    "MOVED STALE",
    "PROBE": "SEND PROBE, PROBES_SPENT FAILED, ANSWERED REACHABLE, HEARD PROBE, MOVED STALE",
    "FAILED": "SEND INCOMPLETE, UNASKABLE FAILED, ANSWERED REACHABLE, HEARD STALE, MOVED STALE",
    "NOARP": "SEND NOARP, ANSWERED NOARP, HEARD NOARP, MOVED NOARP",
    "PERMANENT": "SEND PERMANENT, ANSWERED PERMANENT, HEARD PERMANENT, MOVED PERMANENT",
}
NUMBERS = {name: number for number, name in NAMES.items()}
CELLS = [
    (NUMBERS[state], NudEvent[event], NUMBERS[after])
    for state, row in EXPECTED.items()
    for event, after in (cell.split() for cell in row.split(", "))
]


@pytest.mark.parametrize(
    ("state", "event", "after"), CELLS, ids=[f"{NAMES[state]}-{event.name}" for state, event, _ in CELLS]
)
def test_an_event_moves_a_state_as_in_the_kernel(state: int, event: NudEvent, after: int) -> None:
    assert next_state(state, event) == after


def test_the_table_has_no_other_cells() -> None:
    ours = {(state, event) for state, row in TRANSITIONS.items() for event in row}
    assert ours == {(state, event) for state, event, _ in CELLS}


@pytest.mark.parametrize("state", sorted(NAMES), ids=NAMES.get)
def test_an_event_that_cannot_happen_in_a_state_is_a_bug(state: int) -> None:
    for event in set(NudEvent) - set(TRANSITIONS[state]):
        with pytest.raises(KeyError):
            next_state(state, event)


@pytest.mark.parametrize("state", sorted(NAMES), ids=NAMES.get)
def test_a_packet_may_want_to_go_to_a_neighbour_in_any_state(state: int) -> None:
    assert NudEvent.SEND in TRANSITIONS[state]


@pytest.mark.parametrize("event", [NudEvent.ANSWERED, NudEvent.HEARD, NudEvent.MOVED])
@pytest.mark.parametrize("state", sorted(NAMES), ids=NAMES.get)
def test_a_neighbour_may_be_heard_of_in_any_state_and_is_usable_then(state: int, event: NudEvent) -> None:
    assert next_state(state, event) & NUD_VALID


def test_states_are_the_kernels_bits() -> None:
    bits = (
        NUD_NONE,
        NUD_INCOMPLETE,
        NUD_REACHABLE,
        NUD_STALE,
        NUD_DELAY,
        NUD_PROBE,
        NUD_FAILED,
        NUD_NOARP,
        NUD_PERMANENT,
    )
    assert bits == (0, 1, 2, 4, 8, 16, 32, 64, 128)
    assert len(NAMES) == len(bits)


def test_groups_of_states_are_the_kernels() -> None:
    assert NUD_IN_TIMER == 0x01 | 0x02 | 0x08 | 0x10
    assert NUD_VALID == 0x80 | 0x40 | 0x02 | 0x10 | 0x04 | 0x08
    assert NUD_CONNECTED == 0x80 | 0x40 | 0x02


def test_every_state_that_waits_for_a_timer_can_be_moved_by_one() -> None:
    timed = {NudEvent.EXPIRED, NudEvent.EXPIRED_IN_USE, NudEvent.CONFIRMED, NudEvent.UNCONFIRMED}
    timed.add(NudEvent.PROBES_SPENT)
    movable = {state for state, row in TRANSITIONS.items() if timed & set(row)}
    assert movable == {state for state in NAMES if state & nud.NUD_IN_TIMER}
