"""What goes into a VM and comes out again is the same on both ends."""

import json

import pytest

from pystack.compare.lab.side import Choices
from pystack.compare.lab.vm_words import from_words, to_words
from pystack.compare.records import Captured, Frame, Hop, Log, Output, State
from pystack.compare.scenario import Run, Scenario, Send, Start, Station, Stop, Topology, Wait


def there_and_back(value: object) -> object:
    return from_words(json.loads(json.dumps(to_words(value))))


def test_a_scenario_arrives_as_it_was() -> None:
    scenario = Scenario(
        "x.toml",
        "A title",
        Topology(("tap1", "tap2"), "ip link\n", ipv6=True),
        (Send("tap1", (b"\0\xff", b""), "x"), Run("ping"), Start("nc", "n"), Wait(0.5), Stop("n")),
        stations=(Station("vm1", "tap1", b"\2\0\0\0\0\1", (0x0A000001,)),),
        capture=("br0",),
    )
    assert there_and_back(scenario) == scenario


def test_records_and_choices_arrive_as_they_were() -> None:
    devices = ("tap1", None, None, "eth0")
    records = (
        Frame(1, "tap1", "in", b"\1\2"),
        Captured(1, "br0", "out", b"\3"),
        Log(1, "IN=tap1 OUT= "),
        Hop(1, 2, "ip", "INPUT", -450, None, None, None, *devices, 7, b"\4", "drop", "NO_SOCKET"),
        Output(2, "ping", 1, "a\nb", "a\n", "b"),
        State(2, "fdb", "é"),
    )
    assert there_and_back(records) == records
    assert there_and_back(Choices({"br0": b"\2\0"})) == Choices({"br0": b"\2\0"})


def test_nothing_is_made_that_is_not_in_the_list() -> None:
    with pytest.raises(KeyError, match="Popen"):
        from_words({"Popen": ["true"]})
