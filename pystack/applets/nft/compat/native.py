"""What iptables-nft and its kin say in expressions of nft's own.

Linux: iptables/nft-ipv4.c nft_ipv4_add(), nft-ipv6.c, nft-arp.c, nft-bridge.c, nft.c add_match()
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.arptables.header import ArpHeader, Numbered
from pystack.applets.ebtables.header import Header as FrameHeader
from pystack.applets.iptables.extensions.limit import bucket_of
from pystack.applets.iptables.extensions.ports import without_syn
from pystack.applets.iptables.family import IPV6
from pystack.applets.iptables.header import Header
from pystack.applets.iptables.network import Network
from pystack.applets.iptables.option import U16, U32, Given, Values
from pystack.applets.nft import types
from pystack.applets.nft.tree.expressions import Binary, Expression, Meta, Payload, Prefix, Range, Value
from pystack.applets.nft.tree.statements import Assign, Limit, Log, Match
from pystack.applets.nft.types import DataType
from pystack.wire.arp import ARPHRD_ETHER
from pystack.wire.ethernet import ETH_ALEN

_NO_DEVICE: Final = b"INVAL/D"  # which no packet comes from
_OFFSET: Final = b"\x1f\xff"
_LENGTH_LIMIT: Final = 0x0600
_IPV4_OCTETS: Final = 4
_EVERY_PORT: Final = (0, U16)
_SAYS_NOTHING: Final = {"sport": _EVERY_PORT, "dport": _EVERY_PORT, "tcp-flags": (0, 0)}
_UNITS: Final = {1: "second", 60: "minute", 3600: "hour", 86400: "day"}


def _equal(left: Expression, value: int, kind: DataType, *, but: bool = False) -> Match:
    size = max(kind.bits // 8, 1)
    return Match(left, Value(value.to_bytes(size), kind), "!=" if but else "==")


def _masked(left: Expression, value: int, mask: int, kind: DataType, *, but: bool) -> Match:
    """Whole octets at the beginning are compared as a shorter field, which nft lists as a prefix."""
    size = kind.bits // 8
    operator = "!=" if but else "=="
    right = Value((value & mask).to_bytes(size), kind)
    length = mask.bit_count()
    if length == kind.bits:
        return Match(left, right, operator)
    if not length % 8 and mask == ((1 << length) - 1) << (kind.bits - length):
        return Match(left, Prefix(right, length), operator)
    return Match(Binary("&", left, Value(mask.to_bytes(size), kind)), right, operator)


def devices(header: Header | FrameHeader) -> Iterator[Match]:
    """Those of a packet, by name; a plus at its end stands for any."""
    for key, name, but in (
        ("iifname", header.indev, header.indev_inverted),
        ("oifname", header.outdev, header.outdev_inverted),
    ):
        octets = name.encode(errors="surrogateescape")
        if not name or (name == "+" and not but):
            continue
        if name == "+":
            yield Match(Meta(key), Value(_NO_DEVICE, types.IFNAME), "==")
        elif name.endswith("+"):
            stem = Value(octets[:-1], types.IFNAME)
            yield Match(Meta(key), Prefix(stem, 8 * len(stem.octets)), "!=" if but else "==")
        else:
            yield Match(Meta(key), Value(octets, types.IFNAME), "!=" if but else "==")


def ip_header(header: Header) -> Iterator[Match]:
    """In the order in which the tool says it."""
    yield from devices(header)
    if header.protocol:
        but = header.protocol_inverted
        yield _equal(Meta("l4proto"), header.protocol, types.INET_PROTO, but=but)
    protocol, kind = ("ip6", types.IPV6_ADDR) if header.family is IPV6 else ("ip", types.IPV4_ADDR)
    for field, network, inverted in (
        ("saddr", header.source, header.source_inverted),
        ("daddr", header.destination, header.destination_inverted),
    ):
        yield from _network(Payload(protocol, field), network, kind, but=inverted)
    if header.fragment:
        offset = Binary("&", Payload("ip", "frag-off"), Value(_OFFSET, types.INTEGER))
        operator = "==" if header.fragment_inverted else "!="
        yield Match(offset, Value(bytes(2), types.INTEGER), operator)


def _network(left: Payload, network: Network, kind: DataType, *, but: bool) -> Iterator[Match]:
    if network.mask:
        yield _masked(left, network.address, network.mask, kind, but=but)


def arp_header(header: Header, arp: ArpHeader) -> Iterator[Match]:
    """Of ARP. Linux: iptables/nft-arp.c nft_arp_add()"""
    yield from devices(header)
    usual = arp.hardware or Numbered(ARPHRD_ETHER, U16)
    yield _number("htype", usual, types.INTEGER, 2)
    if arp.protocol is not None:
        yield _number("ptype", arp.protocol, types.ETHER_TYPE, 2)
    yield _number("hlen", arp.length or Numbered(ETH_ALEN, 0xFF), types.INTEGER, 1)
    yield _number("plen", Numbered(_IPV4_OCTETS, 0xFF), types.INTEGER, 1)
    if arp.operation is not None:
        yield _number("operation", arp.operation, types.ARP_OP, 2)
    for field, address, network, inverted in (
        ("saddr", arp.source, header.source, header.source_inverted),
        ("daddr", arp.target, header.destination, header.destination_inverted),
    ):
        if address is not None:
            value, mask = address.mac
            left = Payload("arp", f"{field} ether")
            yield _masked(left, value, mask, types.ETHER_ADDR, but=address.inverted)
        yield from _network(Payload("arp", f"{field} ip"), network, types.IPV4_ADDR, but=inverted)


def _number(field: str, number: Numbered, kind: DataType, size: int) -> Match:
    value = Value(number.value.to_bytes(size), kind)
    return Match(Payload("arp", field), value, "!=" if number.inverted else "==")


def frame_header(header: FrameHeader) -> Iterator[Match]:
    """Of a bridge's frame. Linux: iptables/nft-bridge.c nft_bridge_add()"""
    yield from devices(header)
    for field, mac, inverted in (
        ("saddr", header.source, header.source_inverted),
        ("daddr", header.destination, header.destination_inverted),
    ):
        if mac is not None:
            yield _masked(Payload("ether", field), *mac, types.ETHER_ADDR, but=inverted)
    kind = Payload("ether", "type")
    if header.is_length:
        operator = ">=" if header.ethertype_inverted else "<"
        yield Match(kind, Value(_LENGTH_LIMIT.to_bytes(2), types.ETHER_TYPE), operator)
    elif header.ethertype is not None:
        yield _equal(kind, header.ethertype, types.ETHER_TYPE, but=header.ethertype_inverted)


# --- matches ------------------------------------------------------------------------------------------------


def says_ports(values: Values) -> bool:
    """Whether a match of tcp or udp is said so: one that asks for nothing is not, nor a TCP option."""
    option = values.get("tcp-option")
    if option is not None and (option.inverted or option.value):
        return False
    known = without_syn(values)
    asked = [(known[name], _SAYS_NOTHING[name]) for name in _SAYS_NOTHING if name in known]
    return any(given.inverted or given.value != nothing for given, nothing in asked)


def ports(protocol: str, values: Values) -> Iterator[Match]:
    """Flags, then ports. Linux: nft.c add_nft_tcp(), add_nft_tcpudp()"""
    flags = without_syn(values).get("tcp-flags")
    if flags is not None and flags.value[0]:
        mask, wanted = (Value(bytes([number]), types.TCP_FLAG) for number in flags.value)
        masked = Binary("&", Payload("tcp", "flags"), mask)
        yield Match(masked, wanted, "!=" if flags.inverted else "==")
    for field in ("sport", "dport"):
        if field in values and values[field].value != _EVERY_PORT:
            yield _port(Payload(protocol, field), values[field])


def _port(left: Payload, given: Given) -> Match:
    if given.turned:
        below = given.value[0] - 1
        return Match(left, Value(below.to_bytes(2), types.INET_SERVICE), ">")
    low, high = (Value(end.to_bytes(2), types.INET_SERVICE) for end in given.value)
    operator = "!=" if given.inverted else "=="
    if low == high:
        return Match(left, low, operator)
    if not given.value[0]:
        return Match(left, high, "<=")
    return Match(left, Range(low, high), operator)


def mark(values: Values) -> Match:
    """Linux: nft.c add_nft_mark()"""
    value, mask = values["mark"].value
    operator = "!=" if values["mark"].inverted else "=="
    right = Value(value.to_bytes(4), types.MARK)
    if mask == U32:
        return Match(Meta("mark"), right, operator)
    return Match(Binary("&", Meta("mark"), Value(mask.to_bytes(4), types.MARK)), right, operator)


def limit(values: Values) -> Limit:
    """Linux: nft.c add_nft_limit()"""
    packets, seconds, burst = bucket_of(values)
    return Limit(packets, _UNITS[seconds], burst)


# --- targets ------------------------------------------------------------------------------------------------


def nflog(values: Values) -> Log:
    """Linux: nft.c add_log()"""
    given = {name.removeprefix("nflog-"): one.value for name, one in values.items()}
    return Log(
        prefix=given.get("prefix"),
        group=given.get("group", 0),
        snaplen=given.get("size"),
        threshold=given.get("threshold"),
    )


TRACE: Final = Assign(Meta("nftrace"), Value(b"\x01", types.INTEGER))
