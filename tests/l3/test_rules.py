"""Which rules are about a packet, in which order they are asked, and what they lead to."""

from typing import Any

import pytest

from pystack.errors import EACCES, EEXIST, EINVAL, ENETUNREACH, ENOENT, NetError
from pystack.l2.kinds import create
from pystack.l3.addresses import RT_SCOPE_LINK
from pystack.l3.fib_types import RT_TABLE_LOCAL, RT_TABLE_MAIN, RTN_THROW, FibResult, Flow
from pystack.l3.rules import (
    DETACHED,
    FR_ACT_BLACKHOLE,
    FR_ACT_GOTO,
    FR_ACT_NOP,
    FR_ACT_PROHIBIT,
    FR_ACT_UNREACHABLE,
    FR_ACT_UNSPEC,
    FibRule,
)
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, ip

TO = ip("198.51.100.1")


class Ruled(Box):
    """eth0 10.0.0.1/24 with the default route of main, eth1 10.0.1.1/24 with that of table 100."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.route("0.0.0.0/0", via="10.0.0.254")
        self.route("0.0.0.0/0", via="10.0.1.254", table=100)
        self.fib = self.ns.ipv4.fib

    def rule(self, priority: int = 100, **fields: Any) -> FibRule:
        rule = FibRule(priority, **fields)
        self.fib.add_rule(rule)
        return rule

    def way(self, flow: Flow | None = None) -> str | int:
        """By which device, or the errno."""
        found = self.fib.lookup(flow or Flow(TO))
        if isinstance(found, int):
            return found
        assert found.nexthop.dev is not None
        return found.nexthop.dev.name

    def refusal(self, priority: int = 100, **fields: Any) -> tuple[int, str | None]:
        with pytest.raises(NetError) as error:
            self.rule(priority, **fields)
        return error.value.number, error.value.extack


# -- whom a rule is about ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "fits", "fails"),
    [
        ({"source": ip("10.9.0.0"), "source_length": 16}, Flow(TO, ip("10.9.1.1")), Flow(TO, ip("10.8.1.1"))),
        ({"source": ip("10.9.0.0"), "source_length": 16}, Flow(TO, ip("10.9.1.1")), Flow(TO)),
        ({"destination": TO, "destination_length": 32}, Flow(TO), Flow(TO + 1)),
        ({"mark": 5, "mark_mask": 0xFFFFFFFF}, Flow(TO, mark=5), Flow(TO, mark=4)),
        ({"mark": 4, "mark_mask": 6}, Flow(TO, mark=5), Flow(TO, mark=7)),
        ({"tos": 0x10}, Flow(TO, tos=0x30), Flow(TO, tos=0x08)),
        ({"iif": "lo"}, Flow(TO), Flow(TO, iif=2)),
        ({"oif": "eth1"}, Flow(TO, oif=3), Flow(TO)),
        ({"ip_proto": 6}, Flow(TO, proto=6), Flow(TO, proto=17)),
        ({"sports": (5, 7)}, Flow(TO, sport=6), Flow(TO, sport=8)),
        ({"dports": (53, 53)}, Flow(TO, dport=53), Flow(TO)),
        ({"uids": (1, 9)}, Flow(TO, uid=9), Flow(TO)),
        ({"dports": (53, 53), "inverted": True}, Flow(TO, dport=54), Flow(TO, dport=53)),
    ],
    ids=lambda case: " ".join(case) if isinstance(case, dict) else "",
)
def test_a_rule_is_about_those_of_whom_all_its_conditions_hold(
    fields: dict[str, Any], fits: Flow, fails: Flow
) -> None:
    box = Ruled()
    box.rule(table=100, **fields)
    assert (box.way(fits), box.way(fails)) == ("eth1", "eth0")


def test_it_is_told_which_condition_failed_first() -> None:
    rule = FibRule(table=100, tos=0x10, dports=(53, 53))
    assert rule.mismatch(Flow(TO)) == "tos"
    assert rule.mismatch(Flow(TO, tos=0x10)) == "dport"
    assert rule.mismatch(Flow(TO, tos=0x10, dport=53)) is None


def test_a_device_is_known_by_its_name_whoever_has_it() -> None:
    box = Ruled()
    rule = box.rule(table=100, iif="br0", oif="eth1")
    assert (rule.iifindex, rule.oifindex) == (DETACHED, box.eth1.ifindex)
    bridge = create(box.ns.devices, "bridge", "br0")
    assert rule.iifindex == bridge.ifindex
    box.ns.devices.rename(bridge, "br1")
    assert rule.iifindex == DETACHED
    box.ns.devices.rename(bridge, "br0")
    box.ns.devices.unregister(bridge)
    assert rule.iifindex == DETACHED


# -- what it leads to --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "errno"),
    [(FR_ACT_BLACKHOLE, EINVAL), (FR_ACT_UNREACHABLE, ENETUNREACH), (FR_ACT_PROHIBIT, EACCES), (9, EINVAL)],
)
def test_a_rule_may_forbid(action: int, errno: int) -> None:
    box = Ruled()
    box.rule(action=action)
    assert box.way() == errno


def test_a_rule_that_does_nothing_is_passed() -> None:
    box = Ruled()
    box.rule(100, action=FR_ACT_NOP)
    box.rule(200, table=100)
    assert box.way() == "eth1"


def test_goto_skips_what_is_between() -> None:
    box = Ruled()
    jump = box.rule(100, action=FR_ACT_GOTO, target=300)
    box.rule(200, action=FR_ACT_PROHIBIT)
    assert (jump.aim, box.way()) == (None, EACCES)  # as long as nobody stands there
    landing = box.rule(300, table=100)
    assert (jump.aim, box.way()) == (landing, "eth1")
    box.fib.remove_rule(landing)
    assert (jump.aim, box.way()) == (None, EACCES)


def test_a_table_without_an_answer_or_with_a_throw_leaves_it_to_the_next() -> None:
    box = Ruled()
    box.rule(table=77)
    assert box.way() == "eth0"
    box.route("0.0.0.0/0", type_=RTN_THROW, table=77)
    assert box.way() == "eth0"


@pytest.mark.parametrize(
    ("fields", "way"),
    [
        ({}, "eth1"),
        ({"suppress_prefixlength": 0}, "eth0"),
        ({"suppress_ifgroup": 0}, "eth0"),
        ({"suppress_ifgroup": 5}, "eth1"),
    ],
)
def test_an_answer_may_be_suppressed(fields: dict[str, Any], way: str) -> None:
    box = Ruled()
    box.rule(table=100, **fields)
    assert box.way() == way


def test_without_the_rule_for_local_nothing_is_local() -> None:
    box = Ruled()
    local = next(iter(box.fib.rules))
    box.fib.remove_rule(local)
    found = box.fib.lookup(Flow(ip("10.0.0.1")))
    assert isinstance(found, FibResult)
    assert found.route.table == RT_TABLE_MAIN


# -- one trie or two ---------------------------------------------------------------------------------------


def test_until_a_rule_is_added_a_longer_prefix_of_main_beats_a_local_one() -> None:
    """Linux keeps local and main in one trie as long as nobody else could tell; one can."""
    box = Ruled()
    box.route("127.1.0.0/16", box.eth0, scope=RT_SCOPE_LINK)
    inside = Flow(ip("127.1.0.1"))
    assert box.way(inside) == "eth0"
    box.rule(table=77)
    assert box.way(inside) == "lo"


def test_parting_local_from_main_loses_no_route() -> None:
    box = Ruled()
    numbers = (RT_TABLE_LOCAL, RT_TABLE_MAIN)
    before = [list(box.fib.table(number)) for number in numbers]
    box.rule(table=77)
    assert [list(box.fib.table(number)) for number in numbers] == before
    box.address(box.eth0, "10.0.0.9/32")
    assert box.fib.lookup_in(RT_TABLE_LOCAL, Flow(ip("10.0.0.9"))) is not None


def test_cached_decisions_are_void_when_rules_change() -> None:
    box = Ruled()
    generations = [box.fib.generation]
    rule = box.rule(table=77)
    generations.append(box.fib.generation)
    box.fib.remove_rule(rule)
    generations.append(box.fib.generation)
    assert len(set(generations)) == 3


# -- adding and deleting -----------------------------------------------------------------------------------


def test_a_new_rule_stands_behind_older_ones_of_its_priority() -> None:
    box = Ruled()
    first, second, early = box.rule(100, table=1), box.rule(100, table=2), box.rule(50, table=3)
    assert list(box.fib.rules)[1:4] == [early, first, second]


def test_without_a_number_a_rule_comes_in_front_of_all_but_the_first() -> None:
    box = Ruled()
    rules = box.fib.rules
    assert rules.default_priority() == 32765
    box.rule(32765, table=1)
    assert rules.default_priority() == 32764
    box.rule(0, table=1)
    assert rules.default_priority() == 0


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"action": FR_ACT_GOTO}, (EINVAL, "Missing goto target for action goto")),
        ({"action": FR_ACT_GOTO, "target": 100}, (EINVAL, "Backward goto not supported")),
        ({"target": 200}, (EINVAL, "Unexpected goto")),
        ({"uids": (5, 4)}, (EINVAL, "Invalid uid range")),
        ({"sports": (5, 4)}, (EINVAL, "Invalid sport range")),
        ({"dports": (0, 4)}, (EINVAL, "Invalid dport range")),
        ({"dports": (4, 65535)}, (EINVAL, "Invalid dport range")),
        ({"tos": 0x11}, (EINVAL, "Invalid dsfield (tos): ECN bits must be 0")),
        ({"tos": 0x20}, (EINVAL, "Invalid tos")),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(
    fields: dict[str, Any], refusal: tuple[int, str | None]
) -> None:
    box = Ruled()
    assert box.refusal(**fields) == refusal
    assert len(box.fib.rules) == 3


def test_the_same_rule_is_refused_and_so_is_one_that_says_less_of_addresses() -> None:
    """Linux compares no address that the new rule does not name."""
    box = Ruled()
    box.rule(table=100, source=TO, source_length=32)
    assert box.refusal(table=100, source=TO, source_length=32) == (EEXIST, None)
    assert box.refusal(table=100) == (EEXIST, None)
    box.rule(table=100, source=TO + 1, source_length=32)
    box.rule(101, table=100)


def test_a_rule_for_no_table_is_given_one() -> None:
    box = Ruled()
    assert box.rule(100).table == 1
    assert box.rule(101).table == 2


def test_a_rule_is_deleted_by_whatever_is_said_of_it() -> None:
    box = Ruled()
    box.rule(100, table=1)
    named = box.rule(200, table=100, dports=(53, 53))
    box.fib.delete_rule(FibRule(action=FR_ACT_UNSPEC, dports=(53, 53)), any_priority=True)
    assert named not in list(box.fib.rules)
    with pytest.raises(NetError) as error:
        box.fib.delete_rule(FibRule(300, action=FR_ACT_UNSPEC), any_priority=False)
    assert error.value.number == ENOENT


def test_who_asks_for_ports_is_known_beforehand() -> None:
    """So that packets are looked into only where that is wanted."""
    box = Ruled()
    assert not box.fib.rules.ask_ports
    rule = box.rule(table=100, dports=(53, 53))
    assert box.fib.rules.ask_ports
    box.fib.remove_rule(rule)
    assert not box.fib.rules.ask_ports
