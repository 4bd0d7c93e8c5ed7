"""Addresses and ports that are changed: snat, dnat, masquerade, redirect, tproxy.

nft: src/evaluate.c stmt_evaluate_nat(), stmt_evaluate_tproxy()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.arguments import checked_argument, evaluate_argument
from pystack.applets.nft.evaluate.keys import data_of, of_kinds
from pystack.applets.nft.evaluate.missing import need_set
from pystack.applets.nft.evaluate.ordering import has_interval, shortest
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import bounds
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree.expressions import (
    Concatenation,
    Elements,
    Expression,
    Lookup,
    Meta,
    Payload,
    Range,
    SetName,
)
from pystack.applets.nft.tree.statements import Nat
from pystack.applets.nft.types import DataType

_ADDRESSES: Final = {"ip": types.IPV4_ADDR, "ip6": types.IPV6_ADDR}
_NO_TRANSPORT: Final = "transport protocol mapping is only valid after transport protocol match"
_PORT_BITS: Final = 16


def evaluate_nat(state: State, nat: Nat) -> Nat:
    """`dnat to 10.0.0.2:80`."""
    if nat.kind == "tproxy":
        return _tproxy(state, nat)
    nat = replace(nat, family=_family(state, nat))
    if nat.address is not None:
        _check_network(state, nat)
        if _maps_to_both(state, nat.address) or nat.with_port:
            return _listed(state, _both(state, replace(nat, with_port=True)))
        nat = _with_address(state, nat)
    if nat.port is not None:
        nat = replace(nat, port=_port(state, nat, nat.port))
    return _listed(state, nat)


def _listed(state: State, nat: Nat) -> Nat:
    """With the family only where a listing says it. nft: netlink_parse_nat()"""
    address = nat.address
    if address is None:
        return replace(nat, family="")
    interval = isinstance(address, Lookup) and _gives_intervals(state, address)
    if state.family != "inet" and not interval and not nat.with_port:
        nat = replace(nat, family="")
    if isinstance(address, Range):
        kind = _kind_of_address(state, nat)
        address = shortest(*bounds(address, kind.bits), kind, kind.bits)
    return replace(nat, address=address, interval=interval)


def _gives_intervals(state: State, lookup: Lookup) -> bool:
    if isinstance(lookup.set, Elements):
        return any(item.data is not None and has_interval(item.data) for item in lookup.set.items)
    assert isinstance(lookup.set, SetName)
    declared = state.set_declared(lookup.set.name)
    return declared is not None and declared.data_interval


def _family(state: State, nat: Nat) -> str:
    if state.family in ("ip", "ip6"):
        return nat.family or state.family
    if state.family != "inet":
        fail(nat, "NAT is only supported for IPv4/IPv6")
    if nat.address is None:
        return "inet"
    known = state.layers.known.get("nh")
    return nat.family or (known.name if known is not None and known.name in _ADDRESSES else "")


def _check_network(state: State, nat: Nat) -> None:
    known = state.layers.known.get("nh")
    if known is None or known.name not in _ADDRESSES or known.name == nat.family:
        return
    word = "tproxy" if nat.kind == "tproxy" else "nat"
    message = (
        f"conflicting protocols specified: {known.name} vs. {nat.family or 'unknown'}. "
        f"You must specify ip or ip6 family in {word} statement"
    )
    fail(nat, message, state.layers.place_of("nh"))


def _kind_of_address(state: State, nat: Nat) -> DataType:
    if state.family != "inet":
        return _ADDRESSES.get(state.family, types.INVALID)
    if nat.family not in _ADDRESSES:
        fail(nat, "ip or ip6 must be specified with address for inet tables.")
    return _ADDRESSES[nat.family]


def _with_address(state: State, nat: Nat) -> Nat:
    assert nat.address is not None
    kind = _kind_of_address(state, nat)
    typed = evaluate_argument(state, nat, nat.address, kind, kind.bits)
    return replace(nat, address=typed.expression)


def _port(state: State, nat: Nat, port: Expression) -> Expression:
    if "th" not in state.layers.known and not _key_has_transport(nat.address):
        fail(port, _NO_TRANSPORT, nat)
    return evaluate_argument(state, nat, port, types.INET_SERVICE, _PORT_BITS).expression


def _key_has_transport(address: Expression | None) -> bool:
    """nft: nat_evaluate_addr_has_th_expr()"""
    if not isinstance(address, Lookup) or not isinstance(address.key, Concatenation):
        return False
    return any(_tells_transport(part) for part in address.key.parts)


def _tells_transport(part: Expression) -> bool:
    if isinstance(part, Meta):
        return part.key == "l4proto"
    if not isinstance(part, Payload):
        return False
    if (part.protocol, part.field) in (("ip", "protocol"), ("ip6", "nexthdr")):
        return True
    return PROTOCOLS[part.protocol].layer == "th" and part.protocol != "th"


# --- maps that give an address and a port -------------------------------------------------------------------


def _maps_to_both(state: State, address: Expression) -> bool:
    if not isinstance(address, Lookup):
        return False
    if isinstance(address.set, Elements):
        return any(isinstance(item.data, Concatenation) for item in address.set.items)
    if not isinstance(address.set, SetName):
        return False
    try:
        declared = need_set(state, address.set.name, address.set.at)
    except NftError as error:  # said here, and once more where the address is evaluated
        state.complaints.append(error)
        return False
    return bool(data_of(state, declared).parts)


def _both(state: State, nat: Nat) -> Nat:
    assert nat.address is not None
    address = _ADDRESSES.get(nat.family)
    if address is None:
        fail(nat, "ip or ip6 must be specified with address for inet tables.")
    wanted = of_kinds((address, types.INET_SERVICE))
    typed = state.evaluate(nat.address, wanted)
    if "th" not in state.layers.known and not _key_has_transport(nat.address):
        fail(typed.expression, _NO_TRANSPORT, nat)
    assert wanted.type is not None
    checked_argument(nat, typed, wanted.type, wanted.bits)
    return replace(nat, address=typed.expression)


# --- tproxy -------------------------------------------------------------------------------------------------


def _tproxy(state: State, nat: Nat) -> Nat:
    if state.family not in ("ip", "ip6", "inet"):
        fail(nat, "tproxy is only supported for IPv4/IPv6/INET")
    if state.family != "inet" and not nat.family:
        nat = replace(nat, family=state.family)
    if "th" not in state.layers.known:
        fail(nat, "Transparent proxy support requires transport protocol match")
    if nat.address is None and nat.port is None:
        fail(nat, "Either address or port must be specified!")
    _check_network(state, nat)
    if isinstance(nat.address, Range):
        fail(nat, "Address ranges are not supported for tproxy.")
    if nat.address is not None:
        kind = _kind_of_address(state, nat)
        typed = evaluate_argument(state, nat, nat.address, kind, kind.bits)
        nat = replace(nat, address=typed.expression)
    if isinstance(nat.port, Range):
        fail(nat, "Port ranges are not supported for tproxy.")
    if nat.port is not None:
        nat = replace(nat, port=_port(state, nat, nat.port))
    return replace(nat, family=nat.family if state.family == "inet" else "")
