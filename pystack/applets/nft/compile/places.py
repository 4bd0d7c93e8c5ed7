"""Where the statements of a rule may stand: at which hooks, in chains of which type.

Linux: the .validate of net/netfilter/nft_*.c
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.nft.mentions import parts
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Fib, Meta, Rt, SocketOf
from pystack.applets.nft.tree.statements import Assign, Forward, Nat, Queue, Reject
from pystack.netfilter.nft.table import BRIDGE, INET, NETDEV, Place

_ALL: Final = ("prerouting", "input", "forward", "output", "postrouting")
_COMING: Final = ("prerouting", "input", "forward")
_GOING: Final = ("forward", "output", "postrouting")
_INGRESS: Final = ("ingress",)

_NAT: Final = {
    "snat": Place(("postrouting", "input"), "nat"),
    "dnat": Place(("prerouting", "output"), "nat"),
    "masquerade": Place(("postrouting",), "nat"),
    "redirect": Place(("prerouting", "output"), "nat"),
    "tproxy": Place(("prerouting",)),
}


def places_of(rule: RuleText, family: str) -> tuple[Place, ...]:
    """One for each part that may not stand everywhere."""
    return tuple(place for part in parts(rule.statements) for place in _places_of(part, family))


def _places_of(part: object, family: str) -> Iterator[Place]:
    match part:
        case Nat():
            yield _NAT[part.kind]
        case Reject():
            yield _reject(family)
        case Queue():
            yield Place(_ALL)
        case Fib():
            yield _fib(part, family)
        case Rt(key="mtu"):
            yield Place(_GOING)
        case SocketOf():
            yield Place(("prerouting", "input", "output"))
        case Forward():
            yield Place(("ingress", "egress"))
        case Meta(key="secpath") if family != BRIDGE:
            yield Place(_INGRESS if family == NETDEV else _COMING)
        case Meta(key="sdif" | "sdifname"):
            yield Place(("input", "forward"))
        case Assign(target=Meta(key="pkttype")):
            yield Place(_INGRESS if family == NETDEV else ("prerouting",))


def _reject(family: str) -> Place:
    if family == BRIDGE:
        return Place(("prerouting", "input"))
    if family == NETDEV:
        return Place(_INGRESS)
    return Place((*_COMING, "output", *(_INGRESS if family == INET else ())))


def _fib(fib: Fib, family: str) -> Place:
    if family == NETDEV:
        return Place(_INGRESS)
    if fib.result != "type" or "iif" in fib.flags:
        return Place(_COMING)
    return Place(_GOING if "oif" in fib.flags else _ALL)
