"""`reject`: which answer a family, a hook and the rule so far allow.

nft: src/evaluate.c stmt_evaluate_reject()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NoReturn

from pystack.applets.nft import types
from pystack.applets.nft.evaluate.constants import integer
from pystack.applets.nft.evaluate.dependencies import require_protocol
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.statements import Reject
from pystack.applets.nft.types import DataType

_CODES: Final = {"icmp": types.ICMP_CODE, "icmpv6": types.ICMPV6_CODE, "icmpx": types.ICMPX_CODE}
_PORT_UNREACHABLE: Final = {"icmp": 3, "icmpv6": 4, "icmpx": 1}
_NETWORKS: Final = {"icmp": "ip", "icmpv6": "ip6"}
_KINDS: Final = {"ip": "icmp", "ip6": "icmpv6"}
_CONFLICT: Final = "conflicting protocols specified: ip vs ip6"


def evaluate_reject(state: State, reject: Reject) -> Reject:
    """With kind and code written out."""
    if state.family == "arp" and reject.kind in ("", "tcp reset"):
        fail(reject, "cannot use reject with arp")
    if reject.kind == "tcp reset":
        _check_tcp(state, reject)
    elif not reject.kind:
        reject = _default(state, reject)
    else:
        kind = _CODES[reject.kind]
        reject = replace(reject, code=_code(state, reject, kind))
    _check_family(state, reject)
    return reject


def _code(state: State, reject: Reject, kind: DataType) -> Expression:
    if reject.code is None:
        return integer(_PORT_UNREACHABLE[reject.kind], kind, 8, reject.at).expression
    return state.evaluate(reject.code, Expected(kind, 8)).expression


def _default(state: State, reject: Reject) -> Reject:
    known = state.layers.known.get("nh")
    network = state.family if state.family in _KINDS else known.name if known is not None else ""
    kind = _KINDS.get(network, "icmpx")
    code = integer(_PORT_UNREACHABLE[kind], _CODES[kind], 8, reject.at).expression
    return replace(reject, kind=kind, code=code)


def _check_tcp(state: State, reject: Reject) -> None:
    transport = state.layers.known.get("th")
    if transport is not None and transport.name != "tcp":
        message = "you cannot use tcp reset with this protocol"
        fail(reject, message, state.layers.place_of("th"))


def _check_family(state: State, reject: Reject) -> None:
    match state.family:
        case "arp":
            fail(reject, "cannot use reject with arp")
        case "ip" | "ip6":
            _check_ip(state, reject)
        case "bridge" | "netdev":
            _check_bridge(state, reject)
        case _:
            _check_inet(state, reject)


def _check_ip(state: State, reject: Reject) -> None:
    if reject.kind == "tcp reset":
        _require_tcp(state, reject)
    elif reject.kind == "icmpx":
        fail(reject.code or reject, "abstracted ICMP unreachable not supported", reject)
    elif _NETWORKS[reject.kind] != state.family:
        fail(reject.code or reject, _CONFLICT, reject)


def _check_inet(state: State, reject: Reject) -> None:
    link, known = state.layers.known.get("ll"), state.layers.known.get("nh")
    if known is not None and reject.kind in _NETWORKS:
        if known.name not in _KINDS or link is None or link.number_of(known.name) is None:
            fail(reject, "cannot infer ICMP reject variant to use: explicit value required.\n")
        if known.name != _NETWORKS[reject.kind]:
            _conflict(state, reject)
    _require(state, reject)


def _check_bridge(state: State, reject: Reject) -> None:
    link = state.layers.known.get("ll")
    if link is None or link.name not in ("ether", "vlan", "netdev"):
        fail(reject, "cannot reject from this link layer protocol")
    known = state.layers.known.get("nh")
    if known is not None:
        if known.name not in _KINDS:
            fail(reject, "cannot reject this network family", state.layers.place_of("nh"))
        if known.name != _NETWORKS.get(reject.kind, known.name):
            _conflict(state, reject)
    _require(state, reject)


def _conflict(state: State, reject: Reject) -> NoReturn:
    fail(reject.code or reject, _CONFLICT, state.layers.place_of("nh"))


def _require(state: State, reject: Reject) -> None:
    if reject.kind == "tcp reset":
        _require_tcp(state, reject)
    elif reject.kind in _NETWORKS and "nh" not in state.layers.known:
        _require_first(state, reject, _NETWORKS[reject.kind])


def _require_tcp(state: State, reject: Reject) -> None:
    if "th" not in state.layers.known:
        _require_first(state, reject, "tcp")


def _require_first(state: State, reject: Reject, name: str) -> None:
    """In front of the whole rule: else something would be logged that is not rejected."""
    place = Expression(at=reject.at)
    require_protocol(state, place, PROTOCOLS[name], first=True)
