"""The tables of the bridge and arp families: where they hang, and that broute's DROP means to route."""

from __future__ import annotations

import pytest

from pystack.applets.virtual import run_setup
from pystack.host import Host
from pystack.netfilter.hooks import BROUTING, FORWARD, OUTPUT, PREROUTING
from pystack.netfilter.rule import RETURN, Chain, Jump, Rule, Verdict
from pystack.netfilter.table import LEGACY, NFT
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.walk import walk
from tests.netfilter.rules import base, rule, view


def priorities(host: Host, hook: int) -> list[tuple[int, str]]:
    return [(entry.priority, entry.name) for entry in host.init.hooks.bridge[hook].entries]


def test_an_nft_table_hangs_only_where_a_chain_is_used() -> None:
    host = Host(seed=1)
    tables = host.init.bridge_tables
    table = tables.use(NFT, "filter")
    assert not any(point.entries for point in host.init.hooks.bridge)
    tables.use_chain(table, "FORWARD")
    assert (-200, "filter/FORWARD") in priorities(host, FORWARD)
    assert not priorities(host, OUTPUT) or (-200, "filter/OUTPUT") not in priorities(host, OUTPUT)


@pytest.mark.parametrize(("owner", "expected"), [(NFT, (-200, 100)), (LEGACY, (200, 100))])
def test_what_this_host_sends_meets_the_two_tables_in_the_order_of_their_owner(
    owner: str, expected: tuple[int, int]
) -> None:
    host = Host(seed=1)
    tables = host.init.bridge_tables
    for name in ("filter", "nat"):
        tables.use_chain(tables.use(owner, name), "OUTPUT")
    found = {name: priority for priority, name in priorities(host, OUTPUT)}
    assert (found["filter/OUTPUT"], found["nat/OUTPUT"]) == expected


def test_a_legacy_table_hangs_at_all_its_hooks_at_once() -> None:
    host = Host(seed=1)
    host.init.bridge_tables.use(LEGACY, "nat")
    assert (-300, "nat/PREROUTING") in priorities(host, PREROUTING)
    assert (100, "nat/OUTPUT") in priorities(host, OUTPUT)


def test_broute_has_a_place_before_all_others() -> None:
    host = Host(seed=1)
    host.init.bridge_tables.use(LEGACY, "broute")
    assert priorities(host, BROUTING) == [(-0x80000000, "broute/BROUTING")]


def test_the_policy_of_a_users_chain_decides_what_its_rules_did_not() -> None:
    mine = Chain("mine")
    mine.policy = NF_DROP
    assert walk(base(rule(target=Jump(mine))), view()) == NF_DROP
    mine.policy = RETURN
    assert walk(base(rule(target=Jump(mine))), view()) == NF_ACCEPT


def test_a_return_is_obeyed_before_the_policy_of_the_chain() -> None:
    mine = Chain("mine")
    mine.policy = NF_DROP
    mine.rules.append(Rule((), Verdict(RETURN), None))
    assert walk(base(rule(target=Jump(mine))), view()) == NF_ACCEPT


def test_rules_of_the_bridge_do_not_outlive_a_reset_of_their_table() -> None:
    host = Host(seed=1)
    lines = "ebtables -A FORWARD -j DROP\nebtables --init-table\n"
    assert run_setup(host, lines, "setup") == []
    assert host.init.bridge_tables.get(NFT, "filter") is None
