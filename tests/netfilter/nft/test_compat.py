"""Tables of nft as iptables-nft and its kin use them."""

import pytest

from pystack.errors import EBUSY, EOPNOTSUPP, NetError
from pystack.host import Host
from pystack.netfilter.nft.kin import CompatRule, is_filled_by_kin
from pystack.netfilter.nft.table import NftBaseChain
from pystack.netfilter.rule import Chain, Jump, Verdict
from pystack.netfilter.table import NFT, Table
from pystack.netfilter.verdict import NF_DROP
from pystack.netns import Netns


@pytest.fixture
def netns() -> Netns:
    return Host().init


def dropping(table: Table) -> CompatRule:
    rule = table.new_rule((), Verdict(NF_DROP), None, "")
    assert isinstance(rule, CompatRule)
    return rule


def test_a_table_is_there_from_its_first_chain_on(netns: Netns) -> None:
    table = netns.tables.use(NFT, "filter")
    assert not table.exists
    assert netns.tables.names(NFT) == []
    table.add_chain(table.new_chain("users"))
    assert table.exists
    assert ("ip", "filter") in netns.nft.tables
    table.remove_chain("users")
    assert netns.tables.names(NFT) == ["filter"]


def test_chains_and_rules_take_the_next_handle_of_their_table(netns: Netns) -> None:
    table = netns.tables.use(NFT, "filter")
    base = netns.tables.use_chain(table, "FORWARD")
    table.append(base, dropping(table))
    table.append(base, dropping(table))
    table.replace(base, 0, dropping(table))
    table.add_chain(table.new_chain("users"))
    assert [base.handle, *(rule.handle for rule in base.rules)] == [1, 2, 3]
    assert table.chains["users"].handle == 4


def test_a_table_that_was_taken_away_is_made_anew(netns: Netns) -> None:
    table = netns.tables.use(NFT, "filter")
    table.add_chain(table.new_chain("users"))
    table.standing = None
    assert table.chains == {}
    table.add_chain(table.new_chain("users"))
    assert netns.nft.tables["ip", "filter"].handle == 2


def test_base_chains_of_another_kind_are_hidden(netns: Netns) -> None:
    table = netns.tables.use(NFT, "filter")
    netns.tables.use_chain(table, "INPUT")
    standing = netns.nft.tables["ip", "filter"]
    early = NftBaseChain("FORWARD", 2, -5, NF_DROP)
    early.hook_name = "forward"
    standing.chains["FORWARD"] = early
    assert list(table.chains) == ["INPUT"]
    assert table.hides_chains
    with pytest.raises(NetError) as caught:
        netns.tables.use_chain(table, "FORWARD")
    assert caught.value.number == EOPNOTSUPP
    table.chains = dict(table.chains)
    assert list(standing.chains) == ["INPUT", "FORWARD"]


def test_a_chain_that_rules_lead_to_stays(netns: Netns) -> None:
    table = netns.tables.use(NFT, "filter")
    users = table.new_chain("users")
    table.add_chain(users)
    base = netns.tables.use_chain(table, "FORWARD")
    table.append(base, table.new_rule((), Jump(users), None, ""))
    with pytest.raises(NetError) as caught:
        table.remove_chain("users")
    assert caught.value.number == EBUSY
    table.flush(base)
    table.remove_chain("users")


def test_what_was_done_is_a_batch_when_the_command_ends(netns: Netns) -> None:
    table = netns.tables.use(NFT, "filter")
    table.append(netns.tables.use_chain(table, "FORWARD"), dropping(table))
    done = [(change.operation, change.kind) for change in netns.nft.one_by_one.all]
    assert done == [("add", "table"), ("add", "chain"), ("add", "rule")]
    netns.end_of_command("iptables")
    assert netns.nft.one_by_one.all == []
    assert netns.nft.generation == 2
    netns.end_of_command("iptables")
    assert netns.nft.generation == 2


def test_a_table_is_filled_by_kin_while_something_of_theirs_is_in_it(netns: Netns) -> None:
    table = netns.tables.use(NFT, "filter")
    table.add_chain(table.new_chain("users"))
    standing = netns.nft.tables["ip", "filter"]
    assert is_filled_by_kin(standing)
    table.remove_chain("users")
    assert not is_filled_by_kin(standing)
    chain = Chain("by nft")
    chain.spec = "a text"
    standing.chains["by nft"] = chain
    assert not is_filled_by_kin(standing)
    table.append(chain, dropping(table))
    assert is_filled_by_kin(standing)
