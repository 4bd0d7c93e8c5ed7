"""What the area of bridges draws."""

import pytest

from pystack.compare.fuzz import bridge_steps
from pystack.compare.fuzz.bridge_site import Site
from pystack.compare.fuzz.dice import Dice
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Frame, Output, Record
from tests.compare.fuzz.drawing import commands, drawn


def test_every_kind_of_command_is_drawn() -> None:
    seen: set[str] = set()

    def noting(kind: bridge_steps.Command) -> bridge_steps.Command:
        def note(dice: Dice, site: Site) -> str:
            seen.add(kind.__name__)
            return kind(dice, site)

        return note

    weights = {noting(kind): weight for kind, weight in bridge_steps.COMMANDS.items()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bridge_steps, "COMMANDS", weights)
        commands(drawn("bridge", 60))
    assert seen == {kind.__name__ for kind in bridge_steps.COMMANDS}


def test_cables_make_no_storm() -> None:
    """Two hairpins at one cable, or both of its ends at one bridge: a frame would go round for ever."""
    for scenario in drawn("bridge", 100):
        steps = commands(iter([scenario]))
        assert not [text for text in (*steps, scenario.topology.setup) if "dev w0 hairpin" in text]
        assert not [
            text for text in steps if text.startswith(("ip link set v0 master", "ip link set w0 master"))
        ]


@pytest.fixture(scope="module")
def played() -> list[list[Record]]:
    side = PystackSide()
    return [side.play(scenario, hops=False) for scenario in drawn("bridge", 12, 150)]


def test_nothing_is_drawn_that_pystack_does_not_model(played: list[list[Record]]) -> None:
    outputs = [record for records in played for record in records if isinstance(record, Output)]
    assert len(outputs) > 12
    assert not [output for output in outputs if "pystack:" in output.text]


def test_most_topologies_pass_frames_on(played: list[list[Record]]) -> None:
    out = [
        len([record for record in records if isinstance(record, Frame) and record.dir == "out"])
        for records in played
    ]
    assert sorted(out)[2] > 30
