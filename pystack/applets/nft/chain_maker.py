"""A chain, out of its text."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.tree.commands import ChainText, Priority
from pystack.applets.nft.tree.expressions import Element, Elements, Expression, Value, Verdict
from pystack.errors import EEXIST
from pystack.netfilter.nft.chain_kinds import check_kind, hook_number
from pystack.netfilter.nft.editor import Rejected
from pystack.netfilter.nft.table import NftBaseChain
from pystack.netfilter.rule import Chain
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP

_POLICIES: Final = {"accept": NF_ACCEPT, "drop": NF_DROP}


def policy_of(text: ChainText) -> int | None:
    """None where none is written."""
    if text.policy is None:
        return None
    assert isinstance(text.policy, Verdict), "evaluation leaves no variables"
    return _POLICIES[text.policy.word]


def base_chain(family: str, name: str, text: ChainText) -> NftBaseChain | None:
    """None if it hangs nowhere. Raises Rejected."""
    if not text.hook:
        return None
    policy = policy_of(text)
    number = NF_ACCEPT if policy is None else policy
    chain = NftBaseChain(name, hook_number(family, text.hook), priority_of(text), number)
    chain.spec, chain.type, chain.hook_name = text, text.type, text.hook
    chain.devices = devices_of(text)
    if len(set(chain.devices)) != len(chain.devices):
        raise Rejected(EEXIST)
    return chain


def new_chain(family: str, name: str, text: ChainText) -> Chain:
    """One that is not there yet. Raises Rejected."""
    base = base_chain(family, name, text)
    if base is not None:
        check_kind(family, base.type, base.hook_name, base.priority)
        return base
    chain = Chain(name)
    chain.spec = text
    return chain


def priority_of(text: ChainText) -> int:
    """As a number."""
    priority = text.priority
    if isinstance(priority, Priority):
        assert priority.word is None, "evaluation makes numbers of names"
        return priority.offset
    assert isinstance(priority, Value), "a base chain has one"
    return int.from_bytes(priority.octets, "big", signed=True)


def devices_of(text: ChainText) -> tuple[str, ...]:
    """By name."""
    return tuple(value.octets.decode() for value in _values(text.devices))


def _values(devices: Expression | None) -> list[Value]:
    if isinstance(devices, Value):
        return [devices]
    if isinstance(devices, Element):
        return _values(devices.key)
    items = devices.items if isinstance(devices, Elements) else ()
    return [value for item in items for value in _values(item)]
