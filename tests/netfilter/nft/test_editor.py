"""Changes of nft's tables: what is refused, with which errno and word; a refused batch leaves nothing."""

from collections.abc import Callable

import pytest

from pystack.errors import EBUSY, EEXIST, EINVAL, EMLINK, ENOENT, EOPNOTSUPP
from pystack.netfilter.nft.chain_kinds import check_kind
from pystack.netfilter.nft.editor import CHAIN, HANDLE, POLICY, TABLE, TYPE, WHOLE, Editor, Rejected
from pystack.netfilter.nft.journal import Journal
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.table import Named, NftBaseChain, NftRule, NftTable, Place
from pystack.netfilter.nft.validation import DEEPEST, fault_of
from pystack.netfilter.rule import Chain, Match
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View

NO_FLAGS: frozenset[str] = frozenset()
DORMANT = frozenset({"dormant"})


class Asks(Match):
    """Of connections."""

    uses_connections = True

    def __call__(self, view: View) -> bool:
        return True


class World:
    """Stands for hooks and connections: notes who hangs, and how many ask."""

    def __init__(self) -> None:
        self.hanging: list[str] = []
        self.users = 0
        self.ruleset = Ruleset(self)
        self.ruleset.hanger = self
        self.journal = Journal()
        self.editor = Editor(self.ruleset, self.journal)

    def hang(self, table: NftTable, chain: NftBaseChain) -> Callable[[], None]:
        self.hanging.append(chain.name)
        return lambda: self.hanging.remove(chain.name)

    def use(self, family: int) -> None:
        self.users += 1

    def release(self, family: int) -> None:
        self.users -= 1

    def table(self, name: str = "t", flags: frozenset[str] = NO_FLAGS) -> NftTable:
        self.editor.add_table("ip", name, flags, "", exclusive=False)
        return self.editor.table("ip", name)

    def chain(self, table: NftTable, name: str) -> Chain:
        chain = Chain(name)
        self.editor.add_chain(table, chain)
        return chain

    def base(self, table: NftTable, name: str, priority: int = 0) -> NftBaseChain:
        chain = base_chain(name, priority)
        self.editor.add_chain(table, chain)
        return chain

    def rule(self, table: NftTable, chain: Chain, *jumps: Chain) -> NftRule:
        rule = NftRule((), None, None)
        rule.jumps = jumps
        rule.handle = table.next_handle()
        self.editor.add_rule(table, chain, len(chain.rules), rule)
        return rule


def base_chain(name: str, priority: int = 0, hook: str = "input", kind: str = "filter") -> NftBaseChain:
    chain = NftBaseChain(name, 1, priority, NF_ACCEPT)
    chain.hook_name, chain.type = hook, kind
    return chain


@pytest.fixture
def world() -> World:
    return World()


def assert_refused(number: int, blamed: str, step: Callable[[], object]) -> None:
    with pytest.raises(Rejected) as refused:
        step()
    assert (refused.value.number, refused.value.blamed) == (number, blamed)


def test_everything_in_a_table_takes_the_next_handle(world: World) -> None:
    table = world.table()
    chain = world.chain(table, "c")
    rule = world.rule(table, chain)
    assert (table.handle, chain.handle, rule.handle) == (1, 1, 2)
    assert world.table("u").handle == 2


def test_handles_of_a_refused_batch_do_not_come_back(world: World) -> None:
    world.table()
    world.journal.roll_back()
    assert world.table().handle == 2


def test_a_batch_that_is_refused_leaves_nothing(world: World) -> None:
    table = world.table()
    kept = world.chain(table, "kept")
    first = world.rule(table, kept)
    world.journal.commit()
    world.editor.flush_chain(table, kept)
    world.base(table, "base")
    world.editor.delete_chain(table, kept)
    world.editor.delete_table(table)
    world.table("another")
    world.journal.roll_back()
    assert list(world.ruleset.tables) == [("ip", "t")]
    assert list(table.chains) == ["kept"]
    assert kept.rules == [first]
    assert world.hanging == []


def test_a_base_chain_that_goes_sees_packets_until_the_batch_holds(world: World) -> None:
    table = world.table()
    base = world.base(table, "base")
    world.journal.commit()
    world.editor.delete_chain(table, base)
    assert world.hanging == ["base"]
    world.journal.commit()
    assert world.hanging == []


def test_chains_of_a_dormant_table_hang_nowhere(world: World) -> None:
    table = world.table("t", DORMANT)
    world.base(table, "base")
    assert world.hanging == []
    world.editor.add_table("ip", "t", NO_FLAGS, "", exclusive=False)
    assert world.hanging == ["base"]
    assert_refused(EINVAL, WHOLE, lambda: world.editor.add_table("ip", "t", DORMANT, "", exclusive=False))
    Editor(world.ruleset, world.journal).add_table("ip", "t", DORMANT, "", exclusive=False)
    world.journal.commit()
    assert world.hanging == []


def test_a_chain_that_rules_lead_to_stays(world: World) -> None:
    table = world.table()
    aim, start = world.chain(table, "aim"), world.chain(table, "start")
    world.rule(table, start, aim)
    assert_refused(EBUSY, CHAIN, lambda: world.editor.delete_chain(table, aim))


def test_a_set_that_a_rule_asks_stays(world: World) -> None:
    table = world.table()
    named = Named("s", None, None)
    world.editor.add_set(table, named)
    world.rule(table, world.chain(table, "c")).uses = (named,)
    assert_refused(EBUSY, "set", lambda: world.editor.delete_set(table, named))


def test_what_is_not_there_is_blamed_by_its_word(world: World) -> None:
    assert_refused(ENOENT, TABLE, lambda: world.editor.table("ip", "t"))
    table = world.table()
    assert_refused(ENOENT, CHAIN, lambda: world.editor.chain(table, "c"))
    assert_refused(ENOENT, HANDLE, lambda: world.editor.chain_of_handle(table, 9))
    assert_refused(ENOENT, HANDLE, lambda: world.editor.rule_index(world.chain(table, "c"), 9))
    assert_refused(EEXIST, TABLE, lambda: world.editor.add_table("ip", "t", NO_FLAGS, "", exclusive=True))


def test_of_a_chain_only_the_policy_may_change(world: World) -> None:
    table = world.table()
    base, plain = world.base(table, "base"), world.chain(table, "plain")
    world.editor.update_chain(base, base_chain("base"), NF_DROP)
    assert base.policy == NF_DROP
    other = base_chain("base", 5)
    assert_refused(EOPNOTSUPP, WHOLE, lambda: world.editor.update_chain(base, other, None))
    nat = base_chain("base", kind="nat")
    assert_refused(EEXIST, CHAIN, lambda: world.editor.update_chain(base, nat, None))
    assert_refused(EEXIST, CHAIN, lambda: world.editor.update_chain(plain, base_chain("plain"), None))
    assert_refused(EOPNOTSUPP, POLICY, lambda: world.editor.update_chain(plain, None, NF_DROP))


def test_a_renamed_chain_keeps_its_place(world: World) -> None:
    table = world.table()
    first = world.chain(table, "a")
    world.chain(table, "b")
    world.editor.rename_chain(table, first, "c")
    assert list(table.chains) == ["c", "b"]
    assert_refused(EEXIST, WHOLE, lambda: world.editor.rename_chain(table, first, "b"))
    world.journal.roll_back()
    assert first.name == "a"


def test_rules_that_ask_for_connections_have_them_tracked(world: World) -> None:
    table = world.table()
    chain = world.chain(table, "c")
    world.journal.commit()
    world.editor.add_rule(table, chain, 0, NftRule((Asks(), Asks()), None, None))
    assert world.users == 2
    world.journal.roll_back()
    assert world.users == 0


@pytest.mark.parametrize(
    ("family", "kind", "hook", "priority", "number", "blamed"),
    [
        ("bridge", "nat", "prerouting", 0, ENOENT, TYPE),
        ("ip", "nat", "forward", 0, EOPNOTSUPP, WHOLE),
        ("ip", "nat", "output", -200, EOPNOTSUPP, WHOLE),
        ("inet", "route", "input", 0, EOPNOTSUPP, WHOLE),
    ],
)
def test_a_type_has_its_hooks_in_its_families(
    family: str, kind: str, hook: str, priority: int, number: int, blamed: str
) -> None:
    assert_refused(number, blamed, lambda: check_kind(family, kind, hook, priority))
    check_kind("ip", "nat", "output", -199)


# --- where packets can come ---------------------------------------------------------------------------------


def test_a_loop_that_packets_can_come_to_is_too_deep(world: World) -> None:
    table = world.table()
    one, other = world.chain(table, "one"), world.chain(table, "other")
    world.rule(table, one, other)
    world.rule(table, other, one)
    assert fault_of(table) == 0
    world.rule(table, world.base(table, "base"), one)
    assert fault_of(table) == EMLINK


def test_so_many_chains_in_a_row_are_too_deep(world: World) -> None:
    table = world.table()
    chains: list[Chain] = [world.base(table, "base")]
    for number in range(DEEPEST - 1):
        chains.append(world.chain(table, f"c{number}"))
        world.rule(table, chains[-2], chains[-1])
    assert fault_of(table) == 0
    world.rule(table, chains[-1], world.chain(table, "last"))
    assert fault_of(table) == EMLINK


def test_a_statement_stands_only_where_its_hooks_lead(world: World) -> None:
    table = world.table()
    base, aim = world.base(table, "base"), world.chain(table, "aim")
    world.rule(table, aim).places = (Place(("postrouting",), "nat"),)
    assert fault_of(table) == 0
    world.rule(table, base, aim)
    assert fault_of(table) == EOPNOTSUPP
