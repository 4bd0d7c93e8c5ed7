"""What was rewritten in a packet, field by field, old and new."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.wire import ipv6
from pystack.wire.ethernet import mac_text
from pystack.wire.fields import Field, layout
from pystack.wire.ipv4 import address_text

_ADDRESSES: Final = ("ip.src", "ip.dst", "arp.psrc", "arp.pdst")
_ADDRESSES6: Final = ("ip6.src", "ip6.dst")
_STATIONS: Final = ("eth.src", "eth.dst", "arp.hwsrc", "arp.hwdst")
_HIDDEN: Final = ("ip.chksum", "icmp.chksum", "udp.chksum", "tcp.chksum")  # follow from the others
_LONGEST_NUMBER: Final = 4  # octets


def changed(before: bytes, after: bytes) -> Iterator[str]:
    """`ip.ttl 64 -> 63`; a field that only one of them has is not told."""
    new = {name: (start, end) for name, start, end in layout(after)}
    told = False
    for field in layout(before):
        name, start, end = field
        place = new.get(name)
        if place is None or before[start:end] == after[place[0] : place[1]] or name in _HIDDEN:
            continue
        told = True
        yield f"{name} {_value(field, before)} -> {_value((name, *place), after)}"
    if not told and len(before) != len(after):
        yield f"length {len(before)} -> {len(after)}"


def _value(field: Field, frame: bytes) -> str:
    name, start, end = field
    octets = frame[start:end]
    if name in _ADDRESSES:
        return address_text(int.from_bytes(octets, "big"))
    if name in _ADDRESSES6:
        return ipv6.address_text(int.from_bytes(octets, "big"))
    if name in _STATIONS:
        return mac_text(octets)
    if len(octets) <= _LONGEST_NUMBER:
        return str(int.from_bytes(octets, "big"))
    return f"{len(octets)} octets"
