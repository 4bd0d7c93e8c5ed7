"""Which field of which header some octets of a packet are.

nft: src/payload.c payload_expr_complete()
"""

from __future__ import annotations

from pystack.applets.nft.evaluate.layers import Layers
from pystack.applets.nft.protocols import PROTOCOLS, Protocol
from pystack.applets.nft.tree.expressions import Payload, RawPayload


def known_field(payload: Payload | RawPayload, layers: Layers) -> Payload | RawPayload:
    """By the name that a listing gives it, if the header is known."""
    if isinstance(payload, Payload):
        protocol = PROTOCOLS[payload.protocol]
        field = protocol.fields[payload.field]
        if protocol.name == "th":
            return _named(payload, layers.known.get("th"), layers, field.offset, field.bits)
        return _named(payload, protocol, layers, field.offset, field.bits)
    if payload.base == "th" and payload.length == 16 and payload.offset in (0, 16):
        ports = Payload("th", "dport" if payload.offset else "sport", at=payload.at)
        return known_field(ports, layers)
    return _named(payload, layers.known.get(payload.base), layers, payload.offset, payload.length)


def _named(
    payload: Payload | RawPayload, protocol: Protocol | None, layers: Layers, offset: int, bits: int
) -> Payload | RawPayload:
    if protocol is None:
        return payload
    for field in protocol.fields.values():
        if (field.offset, field.bits) != (offset, bits):
            continue
        if field.needs and layers.icmp_type and layers.icmp_type != field.needs[0]:
            continue
        return Payload(protocol.name, field.name, at=payload.at)
    return payload
