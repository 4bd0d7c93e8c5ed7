"""The path of every scenario's packet is the one that the scenario expects."""

from pathlib import Path
from typing import Final

import pytest

from pystack.compare.lab.folder import pending_scenarios
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.scenario_file import find, parse, read
from pystack.compare.lab.wiring import wiring_of
from pystack.compare.path import paths
from pystack.explain.path_kind import Wiring

SCENARIOS: Final = Path(__file__).parents[3] / "scenarios"
WAITING: Final = pending_scenarios([str(SCENARIOS)])
FILES: Final = [
    Path(file).relative_to(SCENARIOS).as_posix()
    for file in find([str(SCENARIOS)])
    if "/path-" in file and file not in WAITING
]


@pytest.mark.parametrize("file", FILES)
def test_the_packet_takes_the_path_that_its_scenario_names(file: str) -> None:
    scenario = read(str(SCENARIOS / file))
    records = PystackSide().play(scenario)
    taken = [path.kind for path in paths(records, wiring_of(scenario)) if path.is_ip]
    assert taken[:1] == [expectation.path for expectation in scenario.expectations]


def test_wiring_knows_bridges_addresses_and_what_leads_into_other_namespaces() -> None:
    setup = (
        "ip link add br0 type bridge; ip addr add 10.0.0.1/24 dev br0; ip netns add red; "
        "ip link add v0 type veth peer name v1 netns red; ip link add v2 type veth peer name v3"
    )
    scenario = parse(f'title = "t"\nports = ["tap1"]\nsetup = "{setup}"', "t.toml")
    addresses = {0x0A000001: "br0"}
    assert wiring_of(scenario) == Wiring(frozenset(["tap1"]), frozenset(["br0"]), {"v0": "red"}, addresses)


def test_of_a_setup_that_pystack_cannot_do_the_links_are_known() -> None:
    setup = "ip link add br0 type bridge\\nfrobnicate\\nip addr add 10.0.0.1/24 dev br0"
    scenario = parse(f'title = "t"\nports = ["tap1"]\nsetup = "{setup}"', "t.toml")
    assert wiring_of(scenario) == Wiring(frozenset(["tap1"]), frozenset(["br0"]), {}, {0x0A000001: "br0"})


def test_of_links_that_pystack_cannot_make_the_ports_are_known() -> None:
    scenario = parse('title = "t"\nports = ["tap1"]\nsetup = "ip link add x0 type frob"', "t.toml")
    assert wiring_of(scenario) == Wiring(ports=frozenset(["tap1"]))
