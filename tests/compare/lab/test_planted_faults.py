"""Faults that are planted into pystack are found by the twin: of the right class, where they act first."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from pystack.compare.diff import CLASSES, Differ
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.runner import Options, Runner
from pystack.compare.lab.scenario_file import read
from pystack.compare.lab.side import Choices, SideError
from pystack.compare.outcome import DIFFER, SAME, Outcome
from pystack.compare.records import Log, Record
from pystack.compare.scenario import Scenario, Topology
from tests.compare.lab import planted

pytestmark = pytest.mark.root

SCENARIOS: Final = Path(__file__).parents[3] / "scenarios"
LOGGED: Final = "path-1-7/vm-to-vm-logged"

# The fault, and a scenario that meets it; the first difference: class, step, place, how the cause begins.
TABLE: Final = """
the_fdb_never_moves                               | bridge/move                    | EGRESS  | 4 | bridge FORWARD -1000         | outdev
a_known_station_is_sent_to_by_another_port        | bridge/learn                   | EGRESS  | 2 | bridge FORWARD -1000         | outdev
learning_off_is_ignored                           | bridge/learning-off            | VERDICT | 2 | bridge FORWARD -1000         | only the kernel
an_entry_ages_too_late                            | bridge/ageing                  | VERDICT | 5 | bridge FORWARD -1000         | only the kernel
a_broadcast_is_echoed_to_its_port                 | bridge/flood-order             | VERDICT | 1 | bridge FORWARD -1000         | only pystack
isolated_ports_hear_each_other                    | bridge/isolated                | VERDICT | 1 | bridge FORWARD -1000         | only pystack
link_local_groups_are_forwarded                   | bridge/group-addresses         | VERDICT | 2 | bridge PREROUTING -1000      | only pystack
the_bridge_itself_does_not_hear_what_it_floods    | bridge/flood-order             | VERDICT | 1 | bridge INPUT -1000           | only the kernel
a_promiscuous_bridge_hears_only_what_is_for_it    | bridge/promiscuous             | VERDICT | 4 | bridge INPUT -1000           | only the kernel
a_flood_begins_with_the_oldest_port               | bridge/flood-order             | TIMING  | 1 | bridge FORWARD -1000         | in another order
what_was_learned_is_taken_for_static              | bridge/flood-order             | STATE   | 3 | fdb                          | fdb: 02:00:00:00:aa:01
a_port_sends_everything_twice                     | bridge/learn                   | VERDICT | 1 | port tap2                    | only pystack
hooks_run_in_the_opposite_order                   | bridge/learn                   | TIMING  | 1 | bridge PREROUTING -1000      | in another order
a_packet_is_marked_though_nobody_said_so          | routing/forward                | RULE    | 1 | ip FORWARD -450              | mark
a_packet_is_logged_without_a_rule                 | routing/udp-to-nobody          | LOG     | 1 | log                          | only pystack
an_arp_reply_leaves_by_another_card               | arp/weak-host                  | EGRESS  | 1 | arp OUTPUT -100              | outdev
arp_answers_for_addresses_that_are_not_ours       | arp/request-for-another        | REPLY   | 1 | arp OUTPUT -100              | only pystack
an_answer_to_arp_is_forgotten                     | arp/queue-in-order             | REPLY   | 3 | netdev EGRESS 500            | only the kernel
what_waits_for_arp_leaves_in_the_opposite_order   | arp/queue-in-order             | TIMING  | 3 | netdev EGRESS 500            | in another order
who_asks_us_is_taken_for_reachable                | arp/weak-host                  | STATE   | 2 | neigh                        | neigh: 10.0.0.1
arp_asks_again_too_late                           | ASKS_AGAIN                     | TIMING  | 3 | arp OUTPUT -100              | pystack has it in step 4
the_time_to_live_does_not_count_down              | routing/forward                | REWRITE | 1 | ip FORWARD -450              | ip.ttl, ip.chksum
a_forwarded_checksum_is_wrong_by_one              | routing/forward                | REWRITE | 1 | ip FORWARD -450              | ip.chksum
a_routed_frame_has_its_addresses_swapped          | routing/forward                | REWRITE | 1 | netdev EGRESS 500            | eth.dst, eth.src
a_router_asks_for_the_wrong_neighbour             | routing/forward                | REPLY   | 1 | arp OUTPUT -100              | only pystack
a_routed_packet_leaves_by_a_third_card            | path-3-6/one-card-to-the-other | EGRESS  | 1 | ip FORWARD -450              | outdev
a_fragments_offset_is_too_great                   | routing/fragmented             | REWRITE | 1 | netdev EGRESS 500            | ip.frag, ip.chksum
reassembly_loses_the_last_octet                   | routing/fragments-for-us       | REWRITE | 2 | ip INPUT -450                | ip.len, ip.chksum, payload
a_headers_checksum_is_not_looked_at               | routing/bad-headers            | VERDICT | 1 | ip PREROUTING -450           | only pystack
the_reverse_path_filter_lets_everything_pass      | routing/reverse-path           | VERDICT | 1 | ip INPUT -450                | only pystack
an_error_quotes_as_little_as_rfc_792              | routing/fragmentation-needed   | REPLY   | 1 | ip OUTPUT -450               | ip.len, icmp.chksum, payload
an_error_comes_from_the_card_that_was_not_reached | routing/ttl-expires            | REPLY   | 1 | ip OUTPUT -450               | ip.src
nobody_says_that_a_port_is_closed                 | routing/udp-to-nobody          | REPLY   | 1 | ip OUTPUT -450               | only the kernel
an_echos_answer_has_no_type_of_service            | routing/echo-keeps-tos         | REPLY   | 1 | ip OUTPUT -450               | ip.tos
an_answers_checksum_is_wrong_by_one               | routing/echo-keeps-tos         | REPLY   | 1 | ip OUTPUT -450               | icmp.chksum
ping_counts_one_answer_too_many                   | loopback/ping                  | OUTPUT  | 1 | ping -c2 -i0.2 -W1 127.0.0.1 | line 6: '2 packets
ping_ends_well_without_an_answer                  | arp/host-unreachable           | OUTPUT  | 1 | ping -c1 -W5 10.0.0.77       | exit code
ip_prints_addresses_back_to_front                 | loopback/addresses-and-routes  | OUTPUT  | 1 | ip addr show lo              | line 3: '    inet 127.0.0.1
"""  # noqa: E501 - a table


class Fault(NamedTuple):
    """What is planted, where, and what the first difference must say."""

    name: str
    scenario: str
    cls: str
    step: int
    at: str
    cause: str


def fault_of(line: str) -> Fault:
    name, scenario, cls, step, at, cause = (word.strip() for word in line.split("|"))
    return Fault(name, scenario, cls, int(step), at, cause)


FAULTS: Final = [fault_of(line) for line in TABLE.strip().splitlines()]

ASKS_AGAIN: Final = """\
title = "ARP asks again after the time that it was given"
ports = ["eth0"]
setup = '''
ip link set lo up
ip link set eth0 up
ip addr add 10.0.0.254/24 dev eth0
sysctl -qw net.ipv4.neigh.eth0.retrans_time_ms=600 net.ipv4.neigh.eth0.mcast_solicit=2
'''
[[step]]
start = "ping -c1 -W3 10.0.0.77"
[[step]]
wait = 0.3
[[step]]
wait = 0.6
[[step]]
wait = 0.7
"""


class PlayedOnce:
    """The kernel's side, which plays every scenario once: what it does cannot depend on pystack's faults."""

    def __init__(self) -> None:
        self._side = KernelSide()
        self._played: dict[str, tuple[list[Record], Choices]] = {}
        self._choices = Choices()

    def open(self, topology: Topology, file: str = "<setup>", line: int = 1) -> None:
        if file not in self._played:
            self._side.open(topology, file, line)

    def version(self) -> tuple[int, int]:
        return self._side.version()

    def lacks(self, needs: Collection[str]) -> list[str]:
        return self._side.lacks(needs)

    def adopt(self, choices: Choices) -> None:
        """Nothing: the kernel is asked."""

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        if scenario.file not in self._played:
            records = self._side.play(scenario, hops)
            self._played[scenario.file] = records, self._side.choices()
        records, self._choices = self._played[scenario.file]
        return records

    def choices(self) -> Choices:
        return self._choices

    def close(self) -> None:
        """Kept for the next fault."""

    def end(self) -> None:
        self._side.close()


@pytest.fixture(scope="module")
def kernel() -> Iterator[PlayedOnce]:
    kernel = PlayedOnce()
    yield kernel
    kernel.end()


@pytest.fixture(scope="module")
def asks_again(tmp_path_factory: pytest.TempPathFactory) -> str:
    file = tmp_path_factory.mktemp("scenarios") / "asks-again.toml"
    file.write_text(ASKS_AGAIN)
    return str(file)


def compared(kernel: PlayedOnce, scenario: str, asks_again: str) -> Outcome:
    file = asks_again if scenario == "ASKS_AGAIN" else str(SCENARIOS / f"{scenario}.toml")
    (outcome,) = Runner(Options(), make_kernel=lambda: kernel).run([file])
    if outcome.result not in (SAME, DIFFER):
        pytest.skip(f"{outcome.result}: {outcome.reason}")
    return outcome


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_planted_fault_is_found_where_it_acts(
    fault: Fault, kernel: PlayedOnce, asks_again: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    getattr(planted, fault.name)(monkeypatch)
    outcome = compared(kernel, fault.scenario, asks_again)
    assert outcome.result == DIFFER
    first = outcome.differences[0]
    assert (first.cls, first.step, first.at) == (fault.cls, fault.step, fault.at)
    assert first.cause.startswith(fault.cause)


@pytest.mark.parametrize("scenario", sorted({fault.scenario for fault in FAULTS}))
def test_without_a_fault_both_sides_are_the_same(scenario: str, kernel: PlayedOnce, asks_again: str) -> None:
    outcome = compared(kernel, scenario, asks_again)
    assert (outcome.result, outcome.differences) == (SAME, [])


@pytest.mark.parametrize("field", ["PHYSIN=tap1 ", "TTL=64 ", "SEQ=1 "])
def test_a_field_that_a_log_line_lacks_is_found(field: str, kernel: PlayedOnce) -> None:
    records = logged(kernel)
    lacking = [
        replace(record, text=record.text.replace(field, "")) if isinstance(record, Log) else record
        for record in records
    ]
    wanted = sum(isinstance(record, Log) and field in record.text for record in records)
    found = Differ(records, lacking).compare().differences
    assert [(one.cls, one.at, one.cause) for one in found] == [("LOG", "log", "log line")] * wanted
    assert wanted


def logged(kernel: PlayedOnce) -> list[Record]:
    """What the kernel's LOG rules say of a ping; pystack's own lines come with its netfilter."""
    scenario = read(str(SCENARIOS / f"{LOGGED}.toml"))
    try:
        kernel.open(scenario.topology, scenario.file, scenario.setup_line)
        return kernel.play(scenario)
    except SideError as error:
        pytest.skip(str(error))


def test_every_fault_is_planted_and_every_class_is_met() -> None:
    named = [
        name
        for name, member in inspect.getmembers(planted, inspect.isfunction)
        if member.__module__ == planted.__name__
    ]
    assert sorted(named) == sorted(fault.name for fault in FAULTS)
    assert {fault.cls for fault in FAULTS} == set(CLASSES)
