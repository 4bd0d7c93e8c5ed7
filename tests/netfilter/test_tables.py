"""Which chains hang at which hooks, when, and what mangle does to the way of our own packets."""

import pytest

from pystack.applets import virtual
from pystack.applets.virtual import run_setup
from pystack.netfilter.hooks import FORWARD, INPUT, OUTPUT, PREROUTING
from pystack.netfilter.table import LEGACY, NFT
from pystack.netfilter.tables import TABLE_NAMES, chains_of
from tests.box import Box
from tests.frames import ALICE_MAC, BOB_MAC

MARK = ("-j", "MARK", "--set-mark", "5")


def at(box: Box, hook: int) -> list[tuple[str, int]]:
    return [(entry.name, entry.priority) for entry in box.ns.hooks.ip[hook].entries]


def test_nothing_hangs_at_a_hook_until_somebody_asks_for_a_table() -> None:
    box = Box()
    assert [at(box, hook) for hook in range(5)] == [[], [], [], [], []]


def test_a_legacy_table_hangs_at_all_its_hooks_at_once() -> None:
    box = Box()
    box.ns.tables.use(LEGACY, "mangle")
    for hook, chain in enumerate(("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING")):
        assert at(box, hook) == [(f"mangle/{chain}", -150)]


def test_an_nft_table_hangs_only_by_the_chains_that_are_used() -> None:
    box = Box()
    table = box.ns.tables.use(NFT, "filter")
    assert at(box, FORWARD) == []
    box.ns.tables.use_chain(table, "FORWARD")
    assert at(box, FORWARD) == [("filter/FORWARD", 0)]
    assert at(box, INPUT) == []


def test_the_tables_run_in_the_order_of_linux() -> None:
    box = Box()
    for name in ("security", "filter", "mangle", "raw"):
        box.ns.tables.use(LEGACY, name)
    assert [name for name, _ in at(box, OUTPUT)] == [
        "raw/OUTPUT",
        "mangle/OUTPUT",
        "filter/OUTPUT",
        "security/OUTPUT",
    ]
    assert [name for name, _ in at(box, PREROUTING)] == ["raw/PREROUTING", "mangle/PREROUTING"]


def test_of_equal_priority_the_owner_that_came_last_runs_first() -> None:
    box = Box()
    box.ns.tables.use(LEGACY, "filter")
    mine = box.ns.tables.use_chain(box.ns.tables.use(NFT, "filter"), "FORWARD")
    assert len(at(box, FORWARD)) == 2
    mine.policy = 0
    assert box.ns.tables.get(LEGACY, "filter") is not box.ns.tables.get(NFT, "filter")


def test_all_chains_of_nat_hang_behind_one_function_at_each_hook() -> None:
    box = Box()
    for owner in (LEGACY, NFT):
        table = box.ns.tables.use(owner, "nat")
        for name in chains_of("nat"):
            box.ns.tables.use_chain(table, name)
    dst, src = [("nat", -100)], [("nat", 100)]
    assert [at(box, hook) for hook in range(5)] == [dst, src, [], dst, src]


@pytest.mark.parametrize("name", TABLE_NAMES)
def test_every_table_lists_its_chains_in_the_order_of_hooks(name: str) -> None:
    order = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]
    assert chains_of(name) == [chain for chain in order if chain in chains_of(name)]


def test_each_namespace_has_tables_of_its_own() -> None:
    box = Box()
    other = box.host.add_netns("b")
    box.ns.tables.use(LEGACY, "filter")
    assert other.tables.names(LEGACY) == []
    assert other.hooks.ip[FORWARD].entries == ()


def test_a_mark_from_mangle_output_sends_our_packet_another_way() -> None:
    box = Box()
    one = box.port("one", ALICE_MAC, "10.0.0.1/24")
    two = box.port("two", BOB_MAC, "10.9.0.1/24")
    setup = """
        ip route add 8.8.8.8 dev one
        ip route add 8.8.8.8 dev two table 7
        ip rule add fwmark 5 table 7
        ip neigh add 8.8.8.8 lladdr 02:00:00:00:00:08 dev one
        ip neigh add 8.8.8.8 lladdr 02:00:00:00:00:08 dev two
    """
    assert run_setup(box.host, setup, "setup") == []
    virtual.run(["ping", "-c1", "-W1", "8.8.8.8"], box.host)
    assert (len(box.sent(one)), len(box.sent(two))) == (1, 0)
    assert virtual.run(["iptables", "-t", "mangle", "-A", "OUTPUT", *MARK], box.host).rc == 0
    virtual.run(["ping", "-c1", "-W1", "8.8.8.8"], box.host)
    assert (len(box.sent(one)), len(box.sent(two))) == (0, 1)
