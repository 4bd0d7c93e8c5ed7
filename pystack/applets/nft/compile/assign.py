"""What gets a value: `meta mark set`, `ct zone set`, `ip ttl set`, `tcp option maxseg size set`."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.compile.expression import compile_expression
from pystack.applets.nft.compile.options import field_of
from pystack.applets.nft.compile.payload import Place, check_reach, place_of
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.values import check_constant
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.tree.statements import Assign
from pystack.errors import EINVAL, EOPNOTSUPP, NotModelled
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.statements.assign import META_SETTERS, CtMarkSet, CtZoneSet, MetaSet
from pystack.netfilter.nft.statements.payload_set import PayloadSet, Sums
from pystack.netfilter.nft.statements.tcp_option import TcpOptionSet
from pystack.netfilter.rule import Match

_OPTION_BITS: Final = (16, 32)  # that the kernel writes into TCP's options
_DIRECTIONS: Final = {"": None, "original": 0, "reply": 1}
# Fields of the pseudo-header, which transport checksums cover. Linux: nftables src/proto.c
_IN_PSEUDO_HEADER: Final = {
    "ip": ("saddr", "daddr", "protocol", "length"),
    "ip6": ("saddr", "daddr", "nexthdr", "length"),
}


def compile_assign(assign: Assign, site: Site) -> Match:
    """Raises Blamed, and NotModelled for what nobody keeps here."""
    if isinstance(assign.value, tree.Range | tree.Prefix):  # nft aborts
        raise Blamed(EINVAL, assign.value.at)
    check_constant(assign.value, assign.value.at)
    value = compile_expression(assign.value, site)
    target = assign.target
    match target:
        case tree.Meta():
            if target.key not in META_SETTERS:
                raise NotModelled(f"meta {target.key} set", tuple(META_SETTERS))
            return MetaSet(target.key, value)
        case tree.Ct():
            return _ct(target, value, site)
        case tree.Payload() | tree.RawPayload():
            return _payload(target, value)
        case tree.TcpOption():
            number, offset, bits = field_of(target)
            if bits not in _OPTION_BITS:
                raise Blamed(EOPNOTSUPP, target.at)
            return TcpOptionSet(number, offset // 8, bits // 8, value)
    raise NotModelled(f"{type(target).__name__} set", ("meta", "ct", "payload", "tcp option"))


def _ct(target: tree.Ct, value: Expression, site: Site) -> Match:
    if target.key == "mark":
        return CtMarkSet(site.ground.context, value)
    if target.key == "zone":
        return CtZoneSet(value, _DIRECTIONS[target.direction])
    raise NotModelled(f"ct {target.key} set", ("mark", "zone", "helper"))


def _payload(target: tree.Payload | tree.RawPayload, value: Expression) -> Match:
    """Where there is a checksum whole words are written, of which it is made."""
    check_reach(target)
    place, sums = place_of(target), _sums(target)
    written = place.in_words if sums.at is not None or sums.of_transport or sums.is_sctp else place
    shift = _end(written) + written.shift - _end(place)
    return PayloadSet(written.whole, shift, place.bits, value, sums)


def _end(place: Place) -> int:
    """Of its last bit."""
    return place.offset + place.bits


def _sums(target: tree.Payload | tree.RawPayload) -> Sums:
    if isinstance(target, tree.RawPayload):
        return Sums(of_transport=target.base == "ih")
    if target.raw:
        return Sums()
    protocol = PROTOCOLS[target.protocol]
    if target.protocol == "sctp":
        return Sums(is_sctp=True)
    at = protocol.fields[protocol.checksum].offset // 8 if protocol.checksum else None
    return Sums(at, target.field in _IN_PSEUDO_HEADER.get(target.protocol, ()))
