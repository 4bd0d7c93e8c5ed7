"""The layers of scapy that a packet expression may name, and which values their fields take.

scapy is imported here and only here, when the first expression is read. It is kept from looking at the host:
routes are not loaded, fields whose default it would find out by asking (or by sending an ARP request) must be
given, names are not resolved, and numbers whose names stand in files of the host are written as numbers.
"""

from __future__ import annotations

import importlib
import ipaddress
import logging
import warnings
from functools import cache
from typing import Any, Final

from pystack.wire.ethernet import parse_mac

# Where scapy keeps them. Left out: what draws at random or reads a clock, and what needs keys.
MODULES: Final[dict[str, str]] = {
    "scapy.packet": "Raw Padding",
    "scapy.layers.l2": "Ether Dot3 Dot1Q Dot1AD LLC SNAP STP ARP GRE",
    "scapy.layers.inet": "IP TCP UDP ICMP IPerror TCPerror UDPerror ICMPerror "
    "IPOption IPOption_EOL IPOption_NOP IPOption_Security IPOption_RR IPOption_LSRR "
    "IPOption_SSRR IPOption_Timestamp IPOption_Router_Alert",
    "scapy.layers.inet6": "IPv6 IPerror6 IPv6ExtHdrHopByHop IPv6ExtHdrDestOpt IPv6ExtHdrRouting "
    "IPv6ExtHdrFragment Pad1 PadN RouterAlert Jumbo HBHOptUnknown ICMPv6Unknown ICMPv6DestUnreach "
    "ICMPv6PacketTooBig ICMPv6TimeExceeded ICMPv6ParamProblem ICMPv6EchoRequest ICMPv6EchoReply "
    "ICMPv6MLQuery ICMPv6MLReport ICMPv6MLDone ICMPv6MLQuery2 ICMPv6MLReport2 ICMPv6MLDMultAddrRec "
    "ICMPv6ND_RS ICMPv6ND_RA ICMPv6ND_NS ICMPv6ND_NA ICMPv6ND_Redirect ICMPv6NDOptSrcLLAddr "
    "ICMPv6NDOptDstLLAddr ICMPv6NDOptPrefixInfo ICMPv6NDOptMTU ICMPv6NDOptRDNSS",
    "scapy.layers.sctp": "SCTP SCTPChunkData SCTPChunkAbort SCTPChunkShutdown SCTPChunkShutdownAck",
    "scapy.layers.dns": "DNS DNSQR DNSRR",
    "scapy.layers.dhcp": "BOOTP DHCP",
    "scapy.contrib.igmp": "IGMP",
}
WHERE: Final = {name: module for module, names in MODULES.items() for name in names.split()}
LINK_LAYERS: Final = ("Ether", "Dot3")  # what a frame begins with
BYTES_LAYERS: Final = ("Raw", "Padding")  # the only ones that take a value without a name

# Where scapy would ask the host: for the address of an interface, or for a neighbour's.
REQUIRED: Final[dict[str, tuple[str, ...]]] = {
    "Ether": ("src", "dst"),
    "Dot3": ("src", "dst"),
    "ARP": ("hwsrc", "psrc"),
    "IP": ("src",),
    "IPv6": ("src",),
    "IPerror": ("src",),
    "IPerror6": ("src",),
}
# scapy's default is the time of day.
ICMP_TIMES: Final = ("ts_ori", "ts_rx", "ts_tx")
ICMP_TIMESTAMPS: Final = (13, 14)

# Their names come from /etc/services, /etc/protocols and the like.
NUMBERS_ONLY: Final = frozenset("sport dport proto nh ptype hwtype".split())
NUMBERS_ONLY_IN: Final = {"Ether": "type", "Dot1Q": "type", "Dot1AD": "type", "SNAP": "code"}

LISTS: Final = frozenset(
    "PacketListField FieldListField TCPOptionsField DHCPOptionsField IP6ListField".split()
)

Layer = Any  # scapy is untyped for us


class WrongValueError(Exception):
    """A field cannot hold that."""


@cache
def _module(name: str) -> Layer:
    """A module of scapy, which on its way in neither speaks, nor reads routes."""
    logging.getLogger("scapy").setLevel(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        conf = importlib.import_module("scapy.config").conf
        conf.verb = 0
        conf.route_autoload = conf.route6_autoload = False
        importlib.import_module("scapy.layers.inet")  # ties Ethernet and IP together, whoever asks first
        return importlib.import_module(name)


def layer_class(name: str) -> Layer:
    """The class of a layer in the list."""
    return getattr(_module(WHERE[name]), name)


def field_names(name: str) -> tuple[str, ...]:
    """The fields of a layer."""
    return tuple(field.name for field in layer_class(name).fields_desc)


def check_value(layer: str, name: str, value: object) -> None:
    """Refuse what would make scapy ask the host, make several packets of one, or keep silent about a value
    that it does not take. Raises WrongValueError.
    """
    field = next(field for field in layer_class(layer).fields_desc if field.name == name)
    kinds = _kinds(field)
    if value is None and field.default is not None:
        raise WrongValueError("has no None: nothing would be worked out")
    if kinds & LISTS:
        if isinstance(value, int | float | str | tuple):
            raise WrongValueError("takes a list")
        parts = value if isinstance(value, list) else ()
        if "PacketListField" in kinds and any(isinstance(part, int | float | str) for part in parts):
            raise WrongValueError("takes a list of layers")
    elif isinstance(value, list | tuple):
        raise WrongValueError("takes one value: several would make several packets")
    if isinstance(value, int) and "_BitField" in kinds and not 0 <= value < 1 << _bits(field):
        raise WrongValueError(f"has {_bits(field)} bits: 0 to {(1 << _bits(field)) - 1}")
    if layer == "DHCP":
        return _check_dhcp_options(value)
    for part in value if isinstance(value, list) else (value,):
        if isinstance(part, str | bytes):
            _check_text(layer, name, part, kinds)


def check_conditions(packet: Layer, given: list[str]) -> str | None:
    """The first field given that this layer has no room for, as its other fields stand; None if all fit."""
    fields = _module("scapy.fields")
    by_name = {field.name: field for field in packet.fields_desc}
    for name in given:
        field = by_name[name]
        if isinstance(field, fields.ConditionalField) and not field._evalcond(packet):
            return name
    return None


def needed(packet: Layer, layer: str) -> tuple[str, ...]:
    """The fields that an expression must give."""
    if layer in ("ICMP", "ICMPerror") and packet.type in ICMP_TIMESTAMPS:
        return ICMP_TIMES
    return REQUIRED.get(layer, ())


def _bits(field: Layer) -> int:
    inner: Layer = getattr(field, "fld", field)
    return int(inner.size)


def _check_text(layer: str, name: str, given: str | bytes, kinds: set[str]) -> None:
    if isinstance(given, str) and (name in NUMBERS_ONLY or NUMBERS_ONLY_IN.get(layer) == name):
        raise WrongValueError("takes a number: names would be looked up in files of this machine")
    if kinds & {"IPField", "IP6Field"}:
        text = given if isinstance(given, str) else given.decode("latin-1")
        if not _is_address(text, six="IP6Field" in kinds, four="IPField" in kinds):
            raise WrongValueError(f"{given!r} is no address, and names are not resolved")
    elif "MACField" in kinds and isinstance(given, str) and not _is_mac(given):
        raise WrongValueError(f"{given!r} is no MAC address")


def _check_dhcp_options(options: object) -> None:
    """Pairs of a name and values, some of which are addresses."""
    known = _module("scapy.layers.dhcp").DHCPRevOptions
    for option in options if isinstance(options, list) else ():
        if not isinstance(option, tuple) or not option or not isinstance(option[0], str):
            continue
        _, field = known.get(option[0], (0, None))
        for value in option[1:] if field is not None else ():
            if isinstance(value, str | bytes):
                _check_text("DHCP", option[0], value, _kinds(field))


def _is_mac(text: str) -> bool:
    return parse_mac(text) is not None and ":" in text


def _is_address(text: str, six: bool, four: bool) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text and (six if address.version == 6 else four)


def _kinds(field: Layer) -> set[str]:
    """The names of all classes that a field's value may be handled by."""
    seen, waiting = set[str](), [field]
    while waiting:
        one = waiting.pop()
        seen |= {kind.__name__ for kind in type(one).__mro__}
        inner = [getattr(one, "fld", None), getattr(one, "dflt", None), getattr(one, "field", None)]
        inner += [pair[0] for pair in getattr(one, "flds", ())]
        waiting += [part for part in inner if hasattr(part, "addfield")]
    return seen
