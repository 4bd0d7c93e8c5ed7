"""Which sets become dynamic by what rules do with them."""

from pystack.applets.nft.evaluate.dynamic import with_dynamic_sets
from pystack.applets.nft.tree.commands import Command, Handle, RuleText, SetText
from pystack.applets.nft.tree.expressions import Element, Meta
from pystack.applets.nft.tree.statements import Counter, SetUpdate


def declared(table: str, name: str, *flags: str) -> Command:
    return Command("add", "set", Handle("ip", table, name), SetText(name=name, flags=flags))


def test_a_set_that_a_rule_of_the_same_batch_adds_to_is_dynamic() -> None:
    update = SetUpdate("add", "s", Element(Meta("mark")))
    rule = Command("add", "rule", Handle("ip", "t", "c"), RuleText(statements=(Counter(), update)))
    sets = [
        declared("t", "s", "timeout"),
        declared("t", "other"),
        declared("u", "s"),
        declared("t", "s", "dynamic"),
    ]
    done = with_dynamic_sets([*sets, rule])
    flags = [command.body.flags for command in done if isinstance(command.body, SetText)]
    assert flags == [("timeout", "dynamic"), (), (), ("dynamic",)]
    assert done[-1] is rule


def test_a_map_stays_as_it_was_declared() -> None:
    known = Command("add", "map", Handle("ip", "t", "m"), SetText(name="m", data=("mark",), is_map=True))
    element = Element(Meta("mark"), Meta("mark"))
    rule = Command(
        "add", "rule", Handle("ip", "t", "c"), RuleText(statements=(SetUpdate("update", "m", element),))
    )
    assert with_dynamic_sets([known, rule]) == [known, rule]
