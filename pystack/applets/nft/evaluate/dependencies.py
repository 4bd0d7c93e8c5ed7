"""What must be known of a packet before a field of a header can be looked at, and the matches that make sure.

nft: src/payload.c payload_gen_dependency(), src/evaluate.c __expr_evaluate_payload()
"""

from __future__ import annotations

from pystack.applets.nft.evaluate.constants import integer
from pystack.applets.nft.evaluate.layers import LAYER_NAMES, LAYERS, below
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.keys import META_KEYS
from pystack.applets.nft.protocols import ETHER, PROTOCOLS, Field, Protocol
from pystack.applets.nft.tree.expressions import Element, Elements, Expression, Meta, Payload
from pystack.applets.nft.tree.statements import Match

_ETHERNET = 1  # ARPHRD_ETHER
_ON_ETHERNET = frozenset(("ether", *ETHER.upper.values()))


def need_field(state: State, expression: Expression, protocol: Protocol, field: Field) -> None:
    """Make sure that the packet has this header, and for ICMP that the field has a meaning."""
    layers, layer = state.layers, protocol.layer
    known = layers.known.get(layer)
    if known is None:
        require_protocol(state, expression, protocol)
        known = layers.known[layer]
        if known is protocol:
            return _need_icmp_type(state, expression, protocol, field)
        if layer == "ll":
            return _stack(state, expression, known, protocol)
    other = layers.conflict(layer, protocol)
    if other is not None:
        fail(expression, f"conflicting protocols specified: {other.name} vs. {protocol.name}")
    if known is protocol:
        return _need_icmp_type(state, expression, protocol, field)
    if known.layer == layer and _resolved(state, expression, known, protocol):
        return None
    known = layers.known[layer]
    if known is not protocol:
        fail(expression, f"conflicting protocols specified: {known.name} vs. {protocol.name}")
    return None


def _stack(state: State, expression: Expression, known: Protocol, protocol: Protocol) -> None:
    number = known.number_of(protocol.name)
    if number is None:
        fail(expression, f"conflicting protocols specified: {known.name} vs. {protocol.name}")
    _require_field(state, expression, known, number)


def _resolved(state: State, expression: Expression, known: Protocol, protocol: Protocol) -> bool:
    """nft: src/evaluate.c resolve_protocol_conflict()"""
    layers, layer = state.layers, protocol.layer
    if layer == "ll":
        if known.name in ("inet", "netdev"):
            _require_device(state, expression, protocol)
            known = protocol
        elif protocol in layers.stacked:
            return True
    number = known.number_of(protocol.name)
    if layer != "ll" or "nh" in layers.known or number is None:
        return False
    _require_field(state, expression, layers.known[layer], number)
    return True


def _require_field(state: State, expression: Expression, base: Protocol, number: int) -> None:
    """The next field of a header must say which header follows."""
    field = base.fields[base.next_field]
    value = integer(number, field.type, field.bits, expression.at).expression
    left = Payload(base.name, field.name, at=expression.at)
    state.require(Match(left, value, "==", at=expression.at))


def _require_device(state: State, expression: Expression, protocol: Protocol) -> None:
    if protocol.name not in _ON_ETHERNET:
        fail(expression, "protocol specification is invalid for this family")
    key = META_KEYS["iiftype"]
    value = integer(_ETHERNET, key.type, key.bits, expression.at).expression
    state.require(Match(Meta("iiftype", at=expression.at), value, "==", at=expression.at))


# --- layers under one another -------------------------------------------------------------------------------


def require_protocol(
    state: State, expression: Expression, protocol: Protocol, *, first: bool = False
) -> None:
    """Put the match in front that tells that this protocol is there."""
    layers = state.layers
    lowest = LAYERS.index(layers.first.layer)
    layer = LAYERS.index(protocol.layer)
    if layer < lowest:
        if layer < lowest - 1:
            fail(expression, "payload base is invalid for this family")
        return _require_device(state, expression, protocol)
    under = below(protocol.layer)
    base = layers.known.get(under) or _stand_in(state, expression, protocol)
    if base is None:
        name = LAYER_NAMES.get(under, "invalid")
        fail(expression, f"ambiguous payload specification: no {name} protocol specified")
    if layers.family == "bridge" and base.name == "ether" and protocol.name in ("ip", "ip6"):
        base = PROTOCOLS["netdev"]  # a VLAN's tag may be out of the way, or not
    return require_above(state, expression, base, protocol, first=first)


def _stand_in(state: State, expression: Expression, protocol: Protocol) -> Protocol | None:
    """Under a transport of which the network protocol is not known. nft: payload_gen_special_dependency()"""
    if protocol.layer != "th":
        return None
    if protocol.name not in ("icmp", "icmpv6", "igmp"):
        return PROTOCOLS["inet-service"]
    link = state.layers.known.get("ll")
    if link is None:
        return None
    network = PROTOCOLS["ip6" if protocol.name == "icmpv6" else "ip"]
    if link.number_of(network.name) is None:
        state.complain(expression, f"conflicting protocols specified: {link.name} vs. {network.name}")
        return None
    require_above(state, expression, link, network)
    return network


def require_above(
    state: State, expression: Expression, base: Protocol, upper: Protocol, *, first: bool = False
) -> None:
    """The match that says of a header that another one follows. nft: payload_add_dependency()"""
    number = base.number_of(upper.name)
    if number is None:
        fail(expression, f"conflicting protocols specified: {base.name} vs. {upper.name}")
    if base.next_meta:
        key = META_KEYS[base.next_meta]
        left: Expression = Meta(key.name, at=expression.at)
        value = integer(number, key.type, key.bits, expression.at)
    else:
        field = base.fields[base.next_field]
        left = Payload(base.name, field.name, at=expression.at)
        value = integer(number, field.type, field.bits, expression.at)
    state.require(Match(left, value.expression, "==", at=expression.at), first=first)


# --- ICMP ---------------------------------------------------------------------------------------------------


def _need_icmp_type(state: State, expression: Expression, protocol: Protocol, field: Field) -> None:
    """`icmp id` means something in echo messages alone. nft: payload_gen_icmp_dependency()"""
    if not field.needs:
        return
    layers, wanted = state.layers, field.needs[0]
    if layers.icmp_type in field.needs and layers.icmp_type:
        return
    if layers.icmp_type:
        fail(expression, f"incompatible icmp match: rule has {layers.icmp_type}, need {wanted}")
    layers.icmp_type = wanted
    kind = protocol.fields["type"]
    values = [integer(number, kind.type, 8, expression.at).expression for number in field.needs]
    left = Payload(protocol.name, "type", at=expression.at)
    if len(values) == 1:
        state.require(Match(left, values[0], "==", at=expression.at))
    else:
        elements = Elements(tuple(Element(value, at=expression.at) for value in values), at=expression.at)
        state.require(Match(left, elements, "", at=expression.at))
