"""Why a bridge sends a frame where it does."""

import pytest

from tests.explain.lab import build, reasons, stage, told

STRANGER = "02:bb:00:00:00:01"


def frame(destination: str, source: str = STRANGER) -> str:
    link = f"{source} > {destination}, ethertype IPv4 (0x0800), length 42: "
    return link + "10.0.0.9.1 > 10.0.0.8.1: UDP, length 0"


def test_an_unknown_destination_is_flooded_to_the_other_ports() -> None:
    explanation = told(frame("02:cc:00:00:00:09"), "tap1")
    assert stage(explanation, "bridge").told.text == "flooded: nobody knows the destination"
    assert reasons(explanation, "bridge") == [
        f"{STRANGER} is new: learned on tap1",
        "the FDB has no entry for 02:cc:00:00:00:09",
        "to tap2: newest port first",
    ]


def test_a_static_entry_is_named_with_its_line() -> None:
    explanation = told(frame("02:aa:00:00:00:03"), "tap1")
    assert stage(explanation, "bridge").told.text == "to tap2"
    assert stage(explanation, "bridge").told.config == "lab.setup:13"
    assert "the FDB has 02:aa:00:00:00:03 on tap2 (static)" in reasons(explanation, "bridge")


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("bridge link set dev tap2 flood off", "tap2 does not get it: flood is off"),
        ("ip link set tap2 down", "tap2 does not get it: its state is disabled"),
        (
            "bridge link set dev tap1 isolated on\nbridge link set dev tap2 isolated on",
            "tap2 does not get it: it is isolated, and so is tap1",
        ),
    ],
)
def test_a_port_that_does_not_get_a_frame_says_why(more: str, why: str) -> None:
    explanation = told(frame("02:cc:00:00:00:09"), "tap1", host=build(more + "\n"))
    assert why in reasons(explanation, "bridge")
    assert stage(explanation, "drop").drop == "NO_TX_TARGET"


def test_a_station_that_moved_is_told_of() -> None:
    host = build()
    told(frame("02:cc:00:00:00:09"), "tap1", host=host)
    explanation = told(frame("02:cc:00:00:00:09"), "tap2", host=host)
    assert f"{STRANGER} moves from tap1 to tap2" in reasons(explanation, "bridge")


def test_a_port_that_does_not_learn_says_so() -> None:
    host = build("bridge link set dev tap1 learning off\n")
    explanation = told(frame("02:cc:00:00:00:09"), "tap1", host=host)
    assert reasons(explanation, "bridge")[0] == f"learning is off on tap1: {STRANGER} is not learned"
