"""What follows `type vlan`, and how `ip -d link` says it."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.numbers import unsigned
from pystack.applets.iproute.printer import Printer
from pystack.applets.iproute.usage import VLAN_USAGE
from pystack.applets.iproute.words import ToolExit, Words, wrong
from pystack.l2.vlan_device import (
    VLAN_FLAG_BRIDGE_BINDING,
    VLAN_FLAG_GVRP,
    VLAN_FLAG_LOOSE_BINDING,
    VLAN_FLAG_MVRP,
    VLAN_FLAG_REORDER_HDR,
    VlanDevice,
    VlanOptions,
)
from pystack.wire.ethernet import ETH_P_8021AD, ETH_P_8021Q

_FLAGS: Final = {
    "reorder_hdr": VLAN_FLAG_REORDER_HDR,
    "gvrp": VLAN_FLAG_GVRP,
    "mvrp": VLAN_FLAG_MVRP,
    "loose_binding": VLAN_FLAG_LOOSE_BINDING,
    "bridge_binding": VLAN_FLAG_BRIDGE_BINDING,
}
_MAPS: Final = ("ingress-qos-map", "egress-qos-map")
_WORDS: Final = ("protocol", "id", *_FLAGS, *_MAPS, "help")  # in iproute2's order
_PROTOCOLS: Final = {"802.1Q": ETH_P_8021Q, "802.1ad": ETH_P_8021AD}
_PROTOCOL_NAMES: Final = {number: name for name, number in _PROTOCOLS.items()}


def vlan_options(rest: list[str]) -> VlanOptions | None:
    """None if nothing follows. Linux: iproute2 ip/iplink_vlan.c vlan_parse_opt()"""
    if not rest:
        return None
    options, words = VlanOptions(), Words(rest)
    while words:
        word = words.take()
        name = next((known for known in _WORDS if known.startswith(word)), "") if word else ""
        if name == "protocol":
            options.protocol = _protocol(words.take())
        elif name == "id":
            options.vid = _vid(words.take())
        elif name in _FLAGS:
            _flag(options, name, words.take())
        elif name in _MAPS:
            mapping = options.ingress if name == "ingress-qos-map" else options.egress
            mapping += _qos_map(words, name)
        else:
            raise ToolExit(1, VLAN_USAGE if name else f'vlan: unknown command "{word}"?\n' + VLAN_USAGE)
    return options


def _protocol(word: str) -> int:
    """Linux: iproute2 lib/ll_proto.c ll_proto_a2n()"""
    known = next((number for name, number in _PROTOCOLS.items() if name.lower() == word.lower()), None)
    number = unsigned(word, 16) if known is None else known
    if number is None:
        raise wrong("protocol is invalid", word)
    return number


def _vid(word: str) -> int:
    number = unsigned(word, 16)
    if number is None:
        raise wrong("id is invalid", word)
    return number


def _flag(options: VlanOptions, name: str, word: str) -> None:
    if word not in ("on", "off"):
        raise ToolExit(1, f'Error: argument of "{name}" must be "on" or "off", not "{word}"\n')
    bit = _FLAGS[name]
    options.mask |= bit
    options.flags = options.flags | bit if word == "on" else options.flags & ~bit


def _qos_map(words: Words, name: str) -> list[tuple[int, int]]:
    """Pairs, as long as there are colons. Linux: iproute2 lib/utils.c parse_mapping()"""
    pairs: list[tuple[int, int]] = []
    while words and ":" in words.word:
        key, _, value = words.word.partition(":")
        left, right = unsigned(key), unsigned(value)
        if left is None or right is None:
            raise wrong(f"invalid {name}", key)  # the colon is the end of the word by then
        words.take()
        pairs.append((left, right))
    return pairs


def print_vlan(printer: Printer, dev: VlanDevice) -> None:
    """Linux: iproute2 ip/iplink_vlan.c vlan_print_opt()"""
    protocol = _PROTOCOL_NAMES[dev.protocol]
    printer.put("protocol", protocol, f"protocol {protocol} ")
    printer.put("id", dev.vid, f"id {dev.vid} ")
    if dev.vlan_flags:
        words = [name.upper() for name, bit in _FLAGS.items() if dev.vlan_flags & bit]
        printer.words("flags", words, joined=f"<{','.join(words)}", closed="> ")
    for name, pairs in zip(_MAPS, (dev.ingress_map(), dev.egress_map()), strict=True):
        if pairs:
            _print_map(printer, name, pairs)


def _print_map(printer: Printer, name: str, pairs: list[tuple[int, int]]) -> None:
    printer.open_array(name.removesuffix("-map").replace("-", "_"))
    printer.nl()
    printer.text(f"      {name} {{ ")
    for left, right in pairs:
        printer.open_object()
        printer.field("from", left)
        printer.field("to", right)
        printer.text(f"{left}:{right} ")
        printer.close_object()
    printer.close_array()
    printer.text("} ")


def vlan_words(dev: VlanDevice) -> str:
    """What would make such a one, behind `type vlan`."""
    words = [f"id {dev.vid}"]
    if dev.protocol != ETH_P_8021Q:
        words.append(f"protocol {_PROTOCOL_NAMES[dev.protocol]}")
    if not dev.vlan_flags & VLAN_FLAG_REORDER_HDR:
        words.append("reorder_hdr off")
    if dev.is_loose:
        words.append("loose_binding on")
    oldest_first = dev.egress_map()[::-1]
    for name, pairs in zip(_MAPS, (dev.ingress_map(), oldest_first), strict=True):
        if pairs:
            words.append(" ".join((name, *(f"{left}:{right}" for left, right in pairs))))
    return " ".join(words)
