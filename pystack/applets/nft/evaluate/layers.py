"""Which protocols a rule's matches have made sure of, layer by layer.

nft: src/proto.c proto_ctx_init(), proto_ctx_update()
"""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.place import NOWHERE, Place
from pystack.applets.nft.protocols import FAMILY_PROTOCOLS, PROTOCOLS, Protocol

LAYERS: Final = ("ll", "nh", "th", "ih")
LAYER_NAMES: Final = {
    "ll": "link layer",
    "nh": "network layer",
    "th": "transport layer",
    "ih": "payload data",
}
UNKNOWN: Final = Protocol("unknown", "")
_TRANSPORTS_MAX: Final = 16  # how many protocols nft notes of one layer
ICMP_ECHO: Final = 8
ICMPV6_ECHO_REQUEST: Final = 128
ICMPV6_ECHO_REPLY: Final = 129


def below(layer: str) -> str:
    """The layer under one: of the link layer there is none."""
    index = LAYERS.index(layer)
    return LAYERS[index - 1] if index else ""


class Layers:
    """Begins with what the family of the table says alone."""

    def __init__(self, family: str) -> None:
        first = FAMILY_PROTOCOLS[family]
        self.family = family
        self.first = first
        self.known: dict[str, Protocol] = {first.layer: first}
        self.places: dict[str, Place] = {}
        self.transports: list[Protocol] = []
        self.stacked: list[Protocol] = []  # of the link layer: VLAN tags lie behind the Ethernet header
        self.icmp_type = 0

    def place_of(self, layer: str) -> Place:
        """Where the match stands that told the protocol of a layer."""
        return self.places.get(layer, NOWHERE)

    def learn(self, layer: str, protocol: Protocol, at: Place) -> None:
        """A match has told the protocol of a layer."""
        if layer == "th" and protocol not in self.transports and len(self.transports) < _TRANSPORTS_MAX:
            self.transports.append(protocol)
        self.known[layer] = protocol
        self.places[layer] = at

    def conflict(self, layer: str, protocol: Protocol) -> Protocol | None:
        """Another protocol than this one where several of the layer are possible."""
        if layer != "th" or len(self.transports) < 2:
            return None
        return next(one for one in self.transports if one is not protocol)

    # --- what equalities tell -------------------------------------------------------------------------------

    def learn_meta(self, key: str, number: int, at: Place) -> None:
        """`meta KEY == NUMBER` holds. nft: src/meta.c meta_expr_pctx_update()"""
        match key:
            case "iiftype":
                if self.family == "bridge":
                    return
                self.learn("ll", PROTOCOLS["ether"] if number == 1 else UNKNOWN, at)
            case "nfproto":
                self.learn("nh", self._by_nfproto(number), at)
            case "l4proto":
                self.learn("th", _upper(PROTOCOLS["inet-service"], number) or UNKNOWN, at)
            case "protocol":
                if self.family in ("netdev", "bridge"):
                    self.learn("nh", _upper(self.first, number) or UNKNOWN, at)

    def _by_nfproto(self, number: int) -> Protocol:
        own = {"ip": 2, "ip6": 10}.get(self.family)
        if number == own:
            return self.first
        return _upper(self.first, number) or UNKNOWN

    def learn_ct(self, key: str, number: int, at: Place) -> None:
        """`ct l3proto == NUMBER` or `ct protocol == NUMBER` holds. nft: src/ct.c ct_expr_pctx_update()"""
        layer, above = ("ll", "nh") if key == "l3proto" else ("nh", "th")
        base = self.known.get(layer)
        upper = _upper(base, number) if base else None
        if upper:
            self.learn(above, upper, at)

    def learn_field(self, layer: str, number: int, at: Place) -> None:
        """The next field of a layer's header has this value. nft: src/payload.c payload_expr_pctx_update()"""
        base = self.known[layer]
        upper = _upper(base, number)
        if upper is None:
            self._learn_icmp(base, number)
            return
        if upper.layer == base.layer == "ll":
            self.stacked.append(base)
        self.learn(upper.layer, upper, at)

    def _learn_icmp(self, base: Protocol, number: int) -> None:
        if base.name == "icmp":
            self.icmp_type = number or ICMP_ECHO
        elif base.name == "icmpv6":
            self.icmp_type = ICMPV6_ECHO_REQUEST if number == ICMPV6_ECHO_REPLY else number


def _upper(base: Protocol, number: int) -> Protocol | None:
    name = base.upper.get(number)
    return PROTOCOLS[name] if name else None
