"""Chains: hook, priority, policy and devices.

nft: src/evaluate.c chain_evaluate()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.priorities import priority_number
from pystack.applets.nft.tree.commands import ChainText, Priority
from pystack.applets.nft.tree.expressions import (
    Element,
    Elements,
    Expression,
    Flags,
    Symbol,
    Value,
    Verdict,
)
from pystack.applets.nft.types import IFNAME
from pystack.applets.nft.values import number

_NAME: Final = Expected(IFNAME, IFNAME.bits)
_IP_HOOKS: Final = ("prerouting", "input", "forward", "postrouting", "output")
_HOOKS: Final = {
    "ip": _IP_HOOKS,
    "ip6": _IP_HOOKS,
    "bridge": _IP_HOOKS,
    "inet": ("ingress", *_IP_HOOKS),
    "arp": ("input", "forward", "output"),
    "netdev": ("ingress", "egress"),
}


def evaluate_chain(state: State, chain: ChainText) -> ChainText:
    """The priority becomes a number, the policy a verdict."""
    if not chain.hook:
        return chain
    hook_at = chain.places.get("hook", chain.at)
    if chain.hook not in _HOOKS[state.family]:
        fail(hook_at, f"The {state.family} family does not support this hook")
    priority = _priority(state, chain)
    devices = _devices(state, chain.devices) if chain.devices is not None else None
    policy = _policy(chain, chain.policy) if chain.policy is not None else None
    on_device = state.family == "netdev" or chain.hook == "ingress"
    if on_device and chain.devices is None:
        fail(chain.places.get("base", chain.at), "Missing `device' in this chain definition")
    if not on_device and chain.devices is not None:
        fail(chain.devices, "This chain type cannot be bound to device")
    return replace(chain, priority=priority, policy=policy, devices=devices)


def _devices(state: State, written: Expression) -> Elements:
    """Values out of words, in the order in which they are listed."""
    items = written.items if isinstance(written, Flags | Elements) else (written,)
    keys = [item.key if isinstance(item, Element) else item for item in items]
    names = [state.evaluate(key, _NAME).expression for key in keys]
    names.sort(key=lambda name: name.octets if isinstance(name, Value) else b"")
    return Elements(tuple(Element(name, at=name.at) for name in names), at=written.at)


def _priority(state: State, chain: ChainText) -> Priority:
    written, at = chain.priority, chain.places.get("priority", chain.at)
    if isinstance(written, Symbol):
        written = _priority_of(written)
    if not isinstance(written, Priority):
        fail(at, "invalid priority expression set in this context.")
    if written.word is None:
        return Priority(None, _signed(written.offset))
    base = priority_number(written.word, state.family, chain.hook)
    if base is None:
        fail(at, "invalid priority expression value in this context.")
    return Priority(None, _signed(base + written.offset))


def _signed(number: int) -> int:
    """What 32 bits hold of it."""
    return (number + (1 << 31)) % (1 << 32) - (1 << 31)


def _priority_of(symbol: Symbol) -> Priority:
    """What a variable holds: `filter`, `filter + 10`, `-5`."""
    words = symbol.text.split()
    value = number(symbol.text.lstrip("-+"))
    if value is not None:
        return Priority(None, -value if symbol.text.startswith("-") else value)
    if len(words) == 3 and words[1] in "+-" and words[2].isdecimal():
        return Priority(words[0], int(words[1] + words[2]))
    return Priority(symbol.text, 0)


def _policy(chain: ChainText, written: Expression) -> Verdict:
    if isinstance(written, Verdict):
        return written
    if isinstance(written, Symbol) and written.text in ("accept", "drop"):
        return Verdict(written.text, at=written.at)
    wrong = NftError(written.at, "wrong policy")
    raise NftError.of([wrong, NftError(chain.at, "invalid policy expression variable")])
