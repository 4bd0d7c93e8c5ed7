"""The headers of a packet that is followed, field by field, as matches that it would meet.

What one header says of the next is left out where the next one's fields say it too.

nft: src/netlink.c trace_gen_stmts(), src/payload.c payload_expr_expand(), payload_dependency_kill()
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.protocols import ETHER, FAMILY_PROTOCOLS, PROTOCOLS, TH, Field, Protocol
from pystack.applets.nft.tree.expressions import Payload, RawPayload, Value
from pystack.applets.nft.tree.statements import Match
from pystack.device import ARPHRD_ETHER
from pystack.events import TracedPacket
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.wire.ethernet import ETH_P_8021Q

_ORDER: Final = {
    "ether": ("saddr", "daddr", "type"),
    "ip": ("saddr", "daddr", "dscp", "ecn", "ttl", "id", "protocol", "length"),
    "ip6": ("saddr", "daddr", "dscp", "ecn", "hoplimit", "flowlabel", "nexthdr", "length"),
    "ah": ("spi", "hdrlength", "nexthdr"),
}
_UNTOLD: Final = {
    "ip": ("version", "hdrlength", "frag-off"),
    "ip6": ("version",),
    "arp": tuple(name for name in PROTOCOLS["arp"].fields if name != "operation"),
    "tcp": ("sequence", "ackseq", "doff", "reserved", "urgptr"),
    "ah": ("reserved", "sequence"),
}
# The field that says what follows. Where a rule asks for a meta key instead, protocols.py has none.
_NEXT: Final = {"ether": "type", "vlan": "type", "ip": "protocol", "ip6": "nexthdr"}
_LAYERS: Final = ("ll", "nh", "th")
_SEVERAL: Final = ("inet", "bridge", "netdev")  # families that know of more than one network protocol


@dataclass(frozen=True, slots=True)
class _Part:
    """Some bits of a header: a field, or what no field is known for."""

    match: Match
    protocol: Protocol | None = None
    field: str = ""
    upper: str = ""  # the protocol that this field says follows

    @property
    def is_protocol(self) -> bool:
        """Whether the field says what follows."""
        return self.protocol is not None and self.field == _NEXT.get(self.protocol.name)

    @property
    def number(self) -> int:
        """What stands there."""
        assert isinstance(self.match.right, Value), "it is read out of a packet"
        return int.from_bytes(self.match.right.octets)


def matches_of(family: str, packet: TracedPacket) -> list[Match]:
    """All that is told of a packet at a hook of a family."""
    return _Dissection(family, packet).matches()


class _Dissection:
    def __init__(self, family: str, packet: TracedPacket) -> None:
        self._family = family
        self._packet = packet
        self._known: dict[str, Protocol | None] = dict.fromkeys(_LAYERS)
        first = FAMILY_PROTOCOLS[family]
        if family in ("inet", "netdev"):
            number = {NFPROTO_IPV4: 2, NFPROTO_IPV6: 10}.get(packet.family, packet.family)
            upper = first.upper.get(number)
            self._known["nh"] = None if upper is None else PROTOCOLS[upper]
        else:
            self._known[first.layer] = first
        if self._known["ll"] is None and packet.iiftype == ARPHRD_ETHER:
            self._known["ll"] = ETHER
        self._parts: list[_Part] = []
        self._implied_by: dict[str, _Part] = {}  # by layer: what says which protocol is there

    def matches(self) -> list[Match]:
        """From the link on."""
        packet = self._packet
        headers = (packet.link, packet.network, packet.transport)
        for layer, header in zip(_LAYERS, headers, strict=True):
            if header:
                for part in self._ordered(list(self._fields(layer, header))):
                    self._tell(layer, part)
        return [part.match for part in self._parts]

    def _fields(self, layer: str, header: bytes) -> Iterator[_Part]:
        """What is known by name, then the rest."""
        bits, at, start = int.from_bytes(header), 0, 0
        total = len(header) * 8
        protocol = self._known[layer]
        while protocol is not None:
            upper = ""
            for field in protocol.fields.values():
                if field.offset != at - start or at == total:
                    continue
                length = min(field.bits, total - at)  # the last one may be cut off
                value = bits >> total - at - length & (1 << length) - 1
                at += length
                part = self._part(protocol, field, value)
                upper = part.upper or upper
                if field.name != protocol.checksum and field.name not in _UNTOLD.get(protocol.name, ()):
                    yield part
            following = PROTOCOLS.get(upper)
            if following is not None:
                self._known[following.layer] = following
            protocol, start = following if following is not None and following.layer == layer else None, at
        if at < total:
            yield _raw(layer, at, bits, total - at)

    def _part(self, protocol: Protocol, field: Field, value: int) -> _Part:
        """Linux differs: nft ends itself where a transport header says that another one follows."""
        octets = value.to_bytes((field.bits + 7) // 8)
        match = Match(Payload(protocol.name, field.name), Value(octets, field.type), "==")
        upper = protocol.upper.get(value, "") if field.name == _NEXT.get(protocol.name) else ""
        return _Part(match, protocol, field.name, upper)

    def _ordered(self, parts: list[_Part]) -> Iterator[_Part]:
        """In the order that a protocol has for its fields."""
        number = 0
        while parts:
            chosen = next((part for part in parts if self._is_next(part, number)), None)
            if chosen is None:
                return
            parts.remove(chosen)
            number += 1
            yield chosen

    def _is_next(self, part: _Part, number: int) -> bool:
        order = () if part.protocol is None else _ORDER.get(part.protocol.name, ())
        return number >= len(order) or order[number] == part.field

    def _tell(self, layer: str, part: _Part) -> None:
        known = self._implied_by.get(layer)
        if part.protocol is not None and known is not None and self._says_all(part, known):
            del self._implied_by[layer]
            self._parts.remove(known)
        self._parts.append(part)
        if part.is_protocol:
            stacked = part.upper and PROTOCOLS[part.upper].layer == layer
            self._implied_by[layer if stacked else _LAYERS[_LAYERS.index(layer) + 1]] = part

    def _says_all(self, part: _Part, known: _Part) -> bool:
        """Whether a field says all that another one said that announced its protocol.

        nft: src/payload.c payload_may_dependency_kill()
        """
        before = known.protocol
        assert before is not None, "only fields announce"
        if self._family not in _SEVERAL:
            return True
        if before.layer == "nh":
            return False
        if part.protocol is None or part.protocol.layer != before.layer:
            return True
        return not part.is_protocol and known.number == ETH_P_8021Q and before is ETHER


def _raw(layer: str, at: int, bits: int, length: int) -> _Part:
    """What has no name; two octets where ports would stand are taken for one. nft: payload_init_raw()"""
    octets = (bits & (1 << length) - 1).to_bytes((length + 7) // 8)
    port = TH.field_at(at, length) if layer == "th" else None
    if port is not None:
        return _Part(Match(Payload("th", port.name), Value(octets, port.type), "=="))
    return _Part(Match(RawPayload(layer, at, length), Value(octets, types.RAW_INTEGER)))
