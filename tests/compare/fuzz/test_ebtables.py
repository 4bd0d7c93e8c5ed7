"""What the area of ebtables draws, and that most of it is taken and comes to something."""

from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.frame_words import TABLES, filled
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.records import Log, Output
from pystack.compare.scenario import Send
from tests.compare.fuzz.drawing import commands, drawn

OPTIONS = (
    *("--ip-src", "--ip-tos", "--ip-sport", "--ip-icmp-type", "--ip6-dst", "--ip6-dport", "--ip6-icmp-type"),
    *("--arp-op", "--arp-mac-src", "--arp-gratuitous", "--802_3-sap", "--802_3-type", "--vlan-id", "--mark"),
    *("--vlan-encap", "--pkttype-type", "--limit", "--stp-type", "--stp-flags", "--log-prefix", "--log-arp"),
)
TARGETS = ("dnat", "snat", "redirect", "arpreply", "mark", "CONTINUE", "RETURN", "DROP", "one")


def test_every_table_option_and_target_is_drawn() -> None:
    said = commands(drawn("ebtables", 30, 300))
    assert [table for table in TABLES if not any(f"-t {table} " in command for command in said)] == []
    assert [option for option in OPTIONS if not any(f"{option} " in f"{one} " for one in said)] == []
    assert [target for target in TARGETS if not any(f"-j {target}" in command for command in said)] == []


def test_what_stands_in_brackets_is_there_whole_or_not_at_all() -> None:
    found = {tuple(filled(Dice(seed), "-j x [--to here] [--too]")) for seed in range(50)}
    assert found == {
        ("-j", "x"),
        ("-j", "x", "--too"),
        ("-j", "x", "--to", "here"),
        ("-j", "x", "--to", "here", "--too"),
    }


def test_most_rules_are_taken_and_many_frames_are_logged() -> None:
    side = PystackSide()
    codes, logged, sent = [], 0, 0
    for scenario in drawn("ebtables", 6, 300):
        side.open(scenario.topology)
        records = side.play(scenario)
        codes += [record.rc for record in records if isinstance(record, Output)]
        logged += sum(isinstance(record, Log) for record in records)
        sent += sum(isinstance(step, Send) for step in scenario.steps)
    assert codes.count(0) > len(codes) * 0.6
    assert logged > sent / 4
