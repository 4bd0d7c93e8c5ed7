"""The path of every scenario's packet is the one that its title names."""

from pathlib import Path
from typing import Final

import pytest

from pystack.compare.lab.folder import pending_scenarios
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import find, parse, read
from pystack.compare.lab.wiring import wiring_of
from pystack.compare.path import Wiring, paths

SCENARIOS: Final = Path(__file__).parents[3] / "scenarios"
WAITING: Final = pending_scenarios([str(SCENARIOS)])
FILES: Final = [
    Path(file).relative_to(SCENARIOS).as_posix()
    for file in find([str(SCENARIOS)])
    if "/path-" in file and file not in WAITING
]
ON_THE_WAY_BACK: Final = {"7-1": "1-7", "6-3": "3-6"}
# What the title calls by another part of the way than the first packet's.
OTHERWISE: Final = {
    "path-3-4/for-another-mac.toml": "3-?",
    "path-4-6/bound-to-the-wrong-card.toml": "4-2-8",
    "path-4-lo-4/from-127-to-a-stranger.toml": None,
    "path-x-ns/host-to-container-and-back.toml": "4-2-8",
    "path-x-ns/hosts-address-beyond.toml": "3-4",
}


@pytest.mark.parametrize("file", FILES)
def test_the_first_ip_packet_takes_the_path_of_the_title(file: str) -> None:
    scenario = read(str(SCENARIOS / file))
    records = PystackSide().play(scenario)
    first = next((path.kind for path in paths(records, wiring_of(scenario)) if path.is_ip), None)
    kind = scenario.title.partition(":")[0]
    assert first == OTHERWISE.get(file, ON_THE_WAY_BACK.get(kind, kind))


def test_wiring_knows_bridges_addresses_and_what_leads_into_other_namespaces() -> None:
    setup = (
        "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip netns add red; "
        "ip link add v0 type veth peer name v1 netns red; ip link add v2 type veth peer name v3"
    )
    scenario = parse(f'title = "t"\nports = ["tap1"]\nsetup = "{setup}"', "t.toml")
    addresses = {0x0A000001: "br0"}
    assert wiring_of(scenario) == Wiring(frozenset(["tap1"]), frozenset(["br0"]), {"v0": "red"}, addresses)


def test_of_a_setup_that_pystack_cannot_do_the_ports_are_known() -> None:
    scenario = parse('title = "t"\nports = ["tap1"]\nsetup = "frobnicate"', "t.toml")
    assert wiring_of(scenario) == Wiring(ports=frozenset(["tap1"]))
