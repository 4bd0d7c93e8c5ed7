"""The policies of chains of ebtables' users are rules."""

from pystack.applets import virtual
from pystack.host import Host
from pystack.netfilter.nft.frame_chain import FrameChain


def chain_after(*commands: str) -> tuple[Host, FrameChain]:
    host = Host()
    assert virtual.run_setup(host, "".join(f"{line}\n" for line in commands), "setup") == []
    chain = host.init.nft.tables["bridge", "filter"].chains["usr"]
    assert isinstance(chain, FrameChain)
    return host, chain


def test_a_new_chain_accepts_by_a_rule() -> None:
    _, chain = chain_after("ebtables -N usr")
    assert [rule.handle for rule in chain.behind] == [2]
    assert chain.rules == []


def test_what_is_put_in_front_of_it_has_it_written_anew() -> None:
    _, chain = chain_after("ebtables -N usr", "ebtables -A usr -j DROP")
    assert [rule.handle for rule in (*chain.rules, *chain.behind)] == [3, 4]


def test_the_policy_to_return_is_no_rule() -> None:
    _, chain = chain_after("ebtables -N usr", "ebtables -P usr RETURN")
    assert chain.behind == ()


def test_another_name_leaves_it_alone() -> None:
    _, chain = chain_after("ebtables -N old", "ebtables -E old usr")
    assert [rule.handle for rule in chain.behind] == [2]


def test_it_is_listed_behind_all_others() -> None:
    host, _ = chain_after("ebtables -N usr -P DROP", "ebtables -A usr -s 00:00:00:00:00:01")
    listed = virtual.run(["nft", "-s", "list", "chain", "bridge", "filter", "usr"], host).out
    assert listed.splitlines()[2:4] == ["\t\tether saddr 00:00:00:00:00:01 counter", "\t\tcounter drop"]
