"""nft monitor: who hears of what. Its lines are held against nft's own by scenarios/nft/monitor.toml."""

from __future__ import annotations

import pytest

from pystack.applets import virtual
from pystack.applets.nft.errors import NftError
from pystack.applets.nft.monitor import Watched, watched_of
from pystack.applets.nft.place import COMMAND_LINE
from pystack.applets.nft.reading import parse
from pystack.applets.nft.source import source_of
from pystack.events import RulesetChanged
from pystack.host import Host
from pystack.netfilter.nft.change import Change
from pystack.netfilter.nft.table import NftTable

TABLE = NftTable("ip", "t", 1)
KINDS = ("table", "chain", "rule", "set", "map", "element", "counter")


def watched(text: str) -> Watched:
    (command,) = parse(source_of(COMMAND_LINE, f"{text}\n".encode()))
    return watched_of(command, is_json=False)


@pytest.mark.parametrize(
    ("text", "added", "deleted"),
    [
        ("monitor", KINDS, KINDS),
        ("monitor new", KINDS[:6], ()),
        ("monitor destroy", (), KINDS[:6]),
        ("monitor ruleset", KINDS, KINDS),
        ("monitor new ruleset", KINDS, ()),
        ("monitor sets", ("set", "map"), ("set", "map")),
        ("monitor destroy rules", (), ("rule",)),
        ("monitor trace", (), ()),
    ],
)
def test_each_hears_of_what_he_asked_for(text: str, added: tuple[str, ...], deleted: tuple[str, ...]) -> None:
    asked = watched(text)
    assert tuple(kind for kind in KINDS if asked.hears(Change("insert", kind, TABLE))) == added
    assert tuple(kind for kind in KINDS if asked.hears(Change("delete", kind, TABLE))) == deleted


@pytest.mark.parametrize(
    ("text", "traces", "generations"),
    [
        ("monitor", True, True),
        ("monitor trace", True, False),
        ("monitor new trace", False, False),
        ("monitor json", True, False),
        ("monitor rules", False, False),
    ],
)
def test_few_hear_of_packets_and_of_generations(text: str, traces: bool, generations: bool) -> None:
    asked = watched(text)
    assert (asked.traces, asked.generations) == (traces, generations)


def test_an_event_of_another_name_is_refused() -> None:
    with pytest.raises(NftError) as refused:
        watched("monitor old")
    assert refused.value.text().startswith("Error: invalid event old\n")


def test_a_batch_that_changes_nothing_is_not_told() -> None:
    host, told = Host(), list[object]()
    host.events.subscribe(told.append)
    for command in ("add table t", "add table t", "list ruleset", "delete table nope"):
        virtual.run(["nft", *command.split()], host)
    batches = [event for event in told if isinstance(event, RulesetChanged)]
    assert [(event.netns, event.generation, len(event.changes)) for event in batches] == [("", 2, 1)]
