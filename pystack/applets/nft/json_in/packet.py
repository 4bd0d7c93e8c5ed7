"""What JSON says of a packet: fields of headers, keys of meta, ct and the like."""

from __future__ import annotations

from typing import Final, NoReturn

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.headers import EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, TCP_OPTIONS
from pystack.applets.nft.json_in.asking import Asking, integer_in, refuse, string_in
from pystack.applets.nft.json_in.load import Loaded
from pystack.applets.nft.keys import CT_KEYS, FIB_FLAGS, FIB_RESULTS
from pystack.applets.nft.lexer import STRING, Token
from pystack.applets.nft.place import NOWHERE, Place
from pystack.applets.nft.protocols import LAYERS, PROTOCOLS
from pystack.applets.nft.tree.expressions import (
    Ct,
    Expression,
    ExtensionHeader,
    Fib,
    IpOption,
    Numgen,
    Payload,
    RawPayload,
    Rt,
    SctpChunk,
    SocketOf,
    TcpOption,
)

FAMILIES: Final = ("ip", "ip6")
DIRECTIONS: Final = ("original", "reply")
OPTION_KIND_MAX: Final = 255
_PROTOCOLS: Final = (
    "ether", "vlan", "arp", "ip", "icmp", "igmp", "ip6", "icmpv6", "ah", "esp", "comp", "udp", "udplite",
    "tcp", "dccp", "sctp", "th",
)  # fmt: skip
_CT_DIRECTED: Final = (
    "l3proto", "saddr", "daddr", "protocol", "proto-src", "proto-dst", "packets", "bytes", "avgpkt", "zone",
    "ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr",
)  # fmt: skip


def meta_key(ask: Asking, value: Loaded) -> tuple[Token, Place]:
    """A key's word, for the grammar to look it up."""
    (name,) = ask.strings(value, "key")
    return Token(STRING, name, NOWHERE), NOWHERE


def family(value: Loaded) -> str:
    """`ip`, `ip6`, or nothing."""
    found = string_in(value, "family")
    if found is not None and found not in FAMILIES:
        refuse(f"Invalid family '{found}'.")
    return found or ""


def payload(_: Asking, __: str, value: Loaded) -> Expression:
    """A field by name, or some bits."""
    base, offset, length = string_in(value, "base"), integer_in(value, "offset"), integer_in(value, "len")
    if base is not None and offset is not None and length is not None:
        if base not in LAYERS:
            refuse(f"Invalid payload base '{base}'.")
        return RawPayload(base, offset, length)
    protocol, field = string_in(value, "protocol"), string_in(value, "field")
    if protocol is None or field is None:
        refuse("Invalid payload expression properties.")
    if protocol not in _PROTOCOLS:
        refuse(f"Unknown payload protocol '{protocol}'.")
    if field not in PROTOCOLS[protocol].fields:
        refuse(f"Unknown {protocol} field '{field}'.")
    return Payload(protocol, field)


def extension(ask: Asking, _: str, value: Loaded) -> ExtensionHeader:
    """A field of IPv6's extension headers, or whether one is there."""
    (name,) = ask.strings(value, "name")
    if name not in EXTENSION_HEADERS:
        refuse(f"Invalid exthdr protocol '{name}'.")
    field = string_in(value, "field")
    if field is not None and field not in EXTENSION_HEADERS[name].fields:
        refuse(f"Unknown {name} field {field}.")
    return ExtensionHeader(name, field or "")


def tcp_option(_: Asking, __: str, value: Loaded) -> TcpOption:
    """An option's field, some of its bits, or whether it is there."""
    kind, offset, length = (integer_in(value, key) for key in ("base", "offset", "len"))
    if kind is not None and offset is not None and length is not None:
        if not 0 <= kind <= OPTION_KIND_MAX:
            raise NftError.of(())
        if (offset, length) == (0, 8):
            return TcpOption(str(kind))
        return TcpOption(str(kind), raw=(kind, offset, length))
    name = string_in(value, "name")
    if name is None:
        refuse("Invalid tcp option expression properties.")
    if name not in TCP_OPTIONS:
        refuse(f"Unknown tcp option name '{name}'.")
    field = string_in(value, "field")
    if field is not None and field not in TCP_OPTIONS[name].fields:
        refuse(f"Unknown tcp option field '{field}'.")
    return TcpOption("sack" if name == "sack0" else name, field or "")


def ip_option(ask: Asking, _: str, value: Loaded) -> IpOption:
    """The same of IPv4's options."""
    (name,) = ask.strings(value, "name")
    if name not in IP_OPTIONS:
        refuse(f"Unknown ip option name '{name}'.")
    field = string_in(value, "field")
    if field is not None and field not in IP_OPTIONS[name].fields:
        refuse(f"Unknown ip option field '{field}'.")
    return IpOption(name, field or "")


def chunk(ask: Asking, _: str, value: Loaded) -> SctpChunk:
    """The same of SCTP's chunks."""
    (name,) = ask.strings(value, "name")
    if name not in SCTP_CHUNKS:
        refuse(f"Unknown sctp chunk name '{name}'.")
    field = string_in(value, "field")
    if field is not None and field not in SCTP_CHUNKS[name].fields:
        refuse(f"Unknown sctp chunk field '{field}'.")
    return SctpChunk(name, field or "")


def socket(ask: Asking, _: str, value: Loaded) -> SocketOf:
    """`{"key": "transparent"}`"""
    (key,) = ask.strings(value, "key")
    if key not in ("transparent", "mark", "wildcard"):
        refuse("Invalid socket key value.")
    return SocketOf(key)


def route(ask: Asking, _: str, value: Loaded) -> Rt:
    """`{"key": "nexthop", "family": "ip"}`"""
    (key,) = ask.strings(value, "key")
    of = family(value)
    if key not in ("classid", "nexthop", "mtu", "ipsec"):
        refuse(f"Unknown rt key '{key}'.")
    return Rt(f"{of} {key}" if of and key == "nexthop" else key)


def connection(ask: Asking, _: str, value: Loaded) -> Ct:
    """`{"key": "bytes", "dir": "original"}`"""
    (key,) = ask.strings(value, "key")
    if key not in CT_KEYS:
        refuse(f"Unknown ct key '{key}'.")
    direction = string_in(value, "dir")
    if direction is not None and direction not in DIRECTIONS:
        refuse(f"Invalid direction '{direction}'.")
    if direction and key not in _CT_DIRECTED:
        refuse(f"Direction not supported by CT key '{key}'.")
    return Ct(key, direction or "")


def numgen(ask: Asking, _: str, value: Loaded) -> Numgen:
    """`{"mode": "inc", "mod": 2}`"""
    (mode,) = ask.strings(value, "mode")
    modulus = ask.integer(value, "mod", 1)
    if mode not in ("inc", "random"):
        refuse(f"Unknown numgen mode '{mode}'.")
    return Numgen(mode, modulus, integer_in(value, "offset") or 0)


def fib(ask: Asking, _: str, value: Loaded) -> Fib:
    """`{"result": "oif", "flags": ["saddr", "iif"]}`"""
    (result,) = ask.strings(value, "result")
    if result not in FIB_RESULTS:
        refuse(f"Invalid fib result '{result}'.")
    assert isinstance(value, dict)
    flags = _fib_flags(value["flags"]) if "flags" in value else set()
    if not {"saddr", "daddr"} & flags:
        refuse("fib: need either saddr or daddr")
    if {"saddr", "daddr"} <= flags:
        refuse("fib: saddr and daddr are mutually exclusive")
    if {"iif", "oif"} <= flags:
        refuse("fib: iif and oif are mutually exclusive")
    return Fib(tuple(flag for flag in FIB_FLAGS if flag in flags), result)


def _fib_flags(value: Loaded) -> set[str]:
    if not isinstance(value, str | list):
        refuse("Unexpected object type in fib tuple.")
    flags = set()
    for index, flag in enumerate([value] if isinstance(value, str) else value):
        if not isinstance(flag, str):
            refuse(f"Unexpected object type in fib flags array at index {index}.")
        if flag not in FIB_FLAGS:
            refuse(f"Invalid fib flag '{flag}'.")
        flags.add(flag)
    return flags


def osf(_: Asking, __: str, ___: Loaded) -> NoReturn:
    """Known to nft, not modelled here."""
    refuse("osf is not modelled")


def ipsec(_: Asking, __: str, ___: Loaded) -> NoReturn:
    """Known to nft, not modelled here."""
    refuse("ipsec is not modelled")
