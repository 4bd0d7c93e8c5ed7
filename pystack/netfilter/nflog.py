"""What a listener to an NFLOG group gets: a header, and attributes with the packet among them.

Linux: net/netfilter/nfnetlink_log.c __build_packet_message()
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final

from pystack.clock import Clock
from pystack.device import ARPHRD_ETHER, NetDevice
from pystack.netfilter.hooks import FORWARD, INPUT, NFPROTO_BRIDGE, PREROUTING
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_ALEN, ETH_HLEN

# Attributes. Linux: include/uapi/linux/netfilter/nfnetlink_log.h enum nfulnl_attr_type
NFULA_PACKET_HDR: Final = 1
NFULA_MARK: Final = 2
NFULA_TIMESTAMP: Final = 3
NFULA_IFINDEX_INDEV: Final = 4
NFULA_IFINDEX_OUTDEV: Final = 5
NFULA_IFINDEX_PHYSINDEV: Final = 6
NFULA_IFINDEX_PHYSOUTDEV: Final = 7
NFULA_HWADDR: Final = 8
NFULA_PAYLOAD: Final = 9
NFULA_PREFIX: Final = 10
NFULA_UID: Final = 11
NFULA_GID: Final = 14
NFULA_HWTYPE: Final = 15
NFULA_HWHEADER: Final = 16
NFULA_HWLEN: Final = 17

HEADER: Final = Struct("!BBH")  # family, version, the group
ATTRIBUTE: Final = Struct("<HH")  # a length with this head, a type: in the machine's order
_PACKET_HEADER: Final = Struct("!HBx")  # EtherType, hook
_ADDRESS: Final = Struct("!Hxx8s")
_TIME: Final = Struct("!QQ")
_LONGEST_ADDRESS: Final = 8
_STAMPED: Final = (PREROUTING, INPUT, FORWARD)  # behind which the kernel forgets when a packet came

Attribute = tuple[int, bytes]


def record(family: int, group: int, prefix: str, view: View, octets: int | None, clock: Clock) -> bytes:
    """The whole message; of the packet at most so many octets, None: all."""
    attributes = _attributes(family, prefix, view, octets, clock)
    return HEADER.pack(family, 0, group) + b"".join(_packed(*one) for one in attributes)


def _packed(kind: int, value: bytes) -> bytes:
    padding = bytes(-len(value) % 4)
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value + padding


def _attributes(
    family: int, prefix: str, view: View, octets: int | None, clock: Clock
) -> Iterator[Attribute]:
    pkt = view.pkt
    yield NFULA_PACKET_HDR, _PACKET_HEADER.pack(pkt.protocol, view.hook)
    yield NFULA_PREFIX, prefix.encode(errors="surrogateescape") + b"\0"
    yield from _devices(family, view)
    if pkt.mark:
        yield NFULA_MARK, pkt.mark.to_bytes(4, "big")
    if view.indev is not None:
        yield from _link(pkt)
        if view.hook in _STAMPED:
            seconds, fraction = divmod(clock.wall, 1)
            yield NFULA_TIMESTAMP, _TIME.pack(int(seconds), int(fraction * 1_000_000))
    if pkt.sock is not None and pkt.sock.has_owner:
        yield NFULA_UID, pkt.sock.uid.to_bytes(4, "big")
        yield NFULA_GID, pkt.sock.gid.to_bytes(4, "big")
    yield NFULA_PAYLOAD, bytes(pkt.payload()[:octets])


def _devices(family: int, view: View) -> Iterator[Attribute]:
    """Of a bridge's frame the port is the physical device, and the bridge the other."""
    pkt = view.pkt
    ends = (
        (view.indev, pkt.physin, NFULA_IFINDEX_INDEV, NFULA_IFINDEX_PHYSINDEV),
        (view.outdev, pkt.physout, NFULA_IFINDEX_OUTDEV, NFULA_IFINDEX_PHYSOUTDEV),
    )
    for dev, port, kind, physical in ends:
        if dev is None:
            continue
        if family == NFPROTO_BRIDGE:
            yield physical, _ifindex(dev)
            if dev.master is not None:
                yield kind, _ifindex(dev.master)
            continue
        yield kind, _ifindex(dev)
        if port is not None:
            yield physical, _ifindex(port)


def _link(pkt: Packet) -> Iterator[Attribute]:
    link = bytes(pkt.data[pkt.mac_header : pkt.mac_header + ETH_HLEN])
    if pkt.mac_header == pkt.network_header:
        link = b""
    if link and pkt.dev.type == ARPHRD_ETHER:
        source = link[ETH_ALEN : 2 * ETH_ALEN].ljust(_LONGEST_ADDRESS, b"\0")
        yield NFULA_HWADDR, _ADDRESS.pack(ETH_ALEN, source)
    if link:
        yield NFULA_HWTYPE, pkt.dev.type.to_bytes(2, "big")
        yield NFULA_HWLEN, len(link).to_bytes(2, "big")
        yield NFULA_HWHEADER, link


def _ifindex(dev: NetDevice) -> bytes:
    return dev.ifindex.to_bytes(4, "big")
