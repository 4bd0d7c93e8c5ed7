"""Chains: hook, priority, policy and devices.

nft: src/evaluate.c chain_evaluate()
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.place import Place
from pystack.applets.nft.priorities import priority_number
from pystack.applets.nft.tree.commands import ChainText, Priority
from pystack.applets.nft.tree.expressions import Element, Elements, Expression, Flags, Symbol, Value, Verdict
from pystack.applets.nft.values import number

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
    policy = _policy(chain.policy) if chain.policy is not None else None
    on_device = state.family == "netdev" or chain.hook == "ingress"
    if on_device and chain.devices is None:
        fail(chain.places.get("spec", chain.at), "Missing `device' in this chain definition")
    if not on_device and chain.devices is not None:
        fail(chain.devices, "This chain type cannot be bound to device")
    devices = _in_order(chain.devices) if chain.devices is not None else None
    return replace(chain, priority=priority, policy=policy, devices=devices)


def _in_order(written: Expression) -> Elements:
    """By name, as nft lists them."""
    names = sorted(_devices(written), key=lambda name: name.octets)
    return Elements(tuple(Element(name, at=name.at) for name in names), at=written.at)


def _devices(written: Expression) -> Iterator[Value]:
    """Names, also out of variables."""
    if isinstance(written, Symbol):
        yield Value(written.text.encode("latin-1"), types.IFNAME, at=written.at)
        return
    if isinstance(written, Element):
        yield from _devices(written.key)
        return
    assert isinstance(written, Flags | Elements), "a list of names"
    for item in written.items:
        yield from _devices(item)


def _priority(state: State, chain: ChainText) -> Priority:
    written, at = chain.priority, chain.places.get("priority", chain.at)
    if isinstance(written, Symbol):
        written = _priority_of(written)
    if not isinstance(written, Priority):
        fail(at, "invalid priority expression set in this context.")
    if written.word is None:
        return written
    base = priority_number(written.word, state.family, chain.hook)
    if base is None:
        fail(at, "invalid priority expression value in this context.")
    return Priority(None, base + written.offset)


def _priority_of(symbol: Symbol) -> Priority:
    """What a variable holds: `filter`, `filter + 10`, `-5`."""
    words = symbol.text.split()
    value = number(symbol.text.lstrip("-+"))
    if value is not None:
        return Priority(None, -value if symbol.text.startswith("-") else value)
    if len(words) == 3 and words[1] in "+-" and words[2].isdecimal():
        return Priority(words[0], int(words[1] + words[2]))
    return Priority(symbol.text, 0)


def _policy(written: Expression) -> Verdict:
    if isinstance(written, Verdict):
        return written
    if isinstance(written, Symbol) and written.text in ("accept", "drop"):
        return Verdict(written.text, at=written.at)
    at: Place = written.at
    fail(at, "wrong policy")
