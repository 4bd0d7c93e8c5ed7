"""What the area of rules draws, and that most of it is taken."""

from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.rule_line import filled, spoiled
from pystack.compare.fuzz.rule_values import VALUES
from pystack.compare.fuzz.rule_words import HEADER, MATCHES, TARGETS
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Output
from tests.compare.fuzz.drawing import commands, drawn


def test_every_match_and_target_is_drawn_for_both_owners() -> None:
    said = [f" {command} " for command in commands(drawn("rules", 12, 400))]
    for program in ("iptables ", "iptables-legacy "):
        own = [command for command in said if command.startswith(f" {program}")]
        assert [name for name in MATCHES if not any(f" {name} " in command for command in own)] == []
        assert [name for name in TARGETS if not any(f" -j {name} " in command for command in own)] == []


def test_every_kind_of_value_has_some() -> None:
    fragments = [*HEADER, *(one for group in (MATCHES, TARGETS) for some in group.values() for one in some)]
    assert all(filled(Dice(1), fragment) for fragment in fragments)
    assert all(values.good and values.odd for values in VALUES.values())


def test_a_mistake_changes_the_words() -> None:
    words = ["-p", "tcp", "--dport", "80", "-j", "DROP"]
    assert sum(spoiled(Dice(seed), words) != words for seed in range(100)) > 90


def test_most_rules_are_taken() -> None:
    """Else the fuzzer would compare refusals."""
    side = PystackSide()
    codes = []
    for scenario in drawn("rules", 3):
        side.open(scenario.topology)
        codes += [record.rc for record in side.play(scenario) if isinstance(record, Output)]
    assert codes.count(0) > len(codes) // 2


def test_nothing_is_drawn_that_pystack_does_not_model() -> None:
    side = PystackSide()
    for scenario in drawn("rules", 4, 300):
        side.open(scenario.topology)
        said = [record for record in side.play(scenario) if isinstance(record, Output)]
        assert [record.command for record in said if "is not modelled" in record.err] == []
