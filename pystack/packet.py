"""One frame on its way through the stack.

    data:  |<-- headroom -->|<- mac ->|<- network ->|<- transport … ->|
                            ^         ^             ^
                            mac_header network_header transport_header

The bytes are the truth; what was parsed from them is a copy. Clones share the bytes until one of them writes
(`writable`), so a flood of a 64 KiB segment to ten ports copies nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import Final

from pystack.device import Connection, NetDevice, Route, Socket
from pystack.wire.checksum import Buffer, update16
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.ipv6 import Ipv6Header
from pystack.wire.virtio import NONE, Offload

# To whom a received frame was addressed. Linux: include/uapi/linux/if_packet.h
PACKET_HOST: Final = 0
PACKET_BROADCAST: Final = 1
PACKET_MULTICAST: Final = 2
PACKET_OTHERHOST: Final = 3
PACKET_OUTGOING: Final = 4
PACKET_LOOPBACK: Final = 5

_TTL_OFFSET: Final = 8
_TTL_AND_CHECK: Final = Struct("!HH")  # the TTL with the protocol, and the checksum behind them
_HOP_LIMIT_OFFSET: Final = 7


class Packet:
    """Linux: include/linux/skbuff.h struct sk_buff"""

    __slots__ = (
        "bridge_cb",
        "ct",
        "ctinfo",
        "data",
        "dev",
        "error",
        "ip",
        "ip6",
        "mac_header",
        "mark",
        "network_header",
        "nf_trace",
        "offload",
        "physin",
        "physout",
        "pkt_type",
        "priority",
        "protocol",
        "route",
        "shared",
        "sock",
        "trace",
        "transport_header",
    )

    error: int  # why a packet of our own could not leave, for the program that sends it; others have none

    def __init__(self, data: Buffer, dev: NetDevice, offload: Offload = NONE) -> None:
        self.data = data
        self.dev = dev
        self.offload = offload
        self.mac_header = 0
        self.network_header = 0
        self.transport_header = 0
        self.protocol = 0
        self.pkt_type = PACKET_HOST
        self.shared = False  # another packet holds the same bytearray
        self.mark = 0
        self.priority = 0
        self.nf_trace = 0  # the number under which it is followed, since a rule said TRACE
        self.ip: Ipv4Header | None = None
        self.ip6: Ipv6Header | None = None
        self.route: Route | None = None
        self.ct: Connection | None = None
        self.ctinfo = 0  # how it stands to that connection
        self.sock: Socket | None = None
        self.physin: NetDevice | None = None
        self.physout: NetDevice | None = None
        self.bridge_cb: Callable[[Packet], None] | None = None  # who takes it back that sends it by a bridge
        self.trace: object | None = None

    def __len__(self) -> int:
        return len(self.data) - self.mac_header

    def frame(self) -> Buffer:
        """The bytes from the Ethernet header on."""
        return self.data[self.mac_header :] if self.mac_header else self.data

    def payload(self) -> Buffer:
        """The bytes from the network header on."""
        return self.data[self.network_header :]

    def clone(self) -> Packet:
        """A second packet over the same bytes. Linux: net/core/skbuff.c skb_clone()"""
        twin = Packet.__new__(Packet)
        twin.data = self.data
        twin.dev = self.dev
        twin.offload = self.offload
        twin.mac_header = self.mac_header
        twin.network_header = self.network_header
        twin.transport_header = self.transport_header
        twin.protocol = self.protocol
        twin.pkt_type = self.pkt_type
        twin.shared = self.shared = True
        twin.mark = self.mark
        twin.priority = self.priority
        twin.nf_trace = self.nf_trace
        twin.ip = None if self.ip is None else self.ip.copy()
        twin.ip6 = None if self.ip6 is None else self.ip6.copy()
        twin.route = self.route
        twin.ct = self.ct
        twin.ctinfo = self.ctinfo
        twin.sock = None  # a clone belongs to nobody
        twin.physin = self.physin
        twin.physout = self.physout
        twin.bridge_cb = None
        twin.trace = self.trace
        return twin

    def writable(self) -> bytearray:
        """The bytes, private to this packet from now on. Linux: net/core/skbuff.c skb_ensure_writable()"""
        data = self.data
        if self.shared or not isinstance(data, bytearray):
            data = self.data = bytearray(data)
            self.shared = False
        return data

    def set_mac_header(self, header: bytes) -> None:
        """Put a link header directly in front of the network header; headroom is used where there is some.

        Linux: include/linux/netdevice.h dev_hard_header()
        """
        start = self.network_header - len(header)
        if start < 0:
            self.data = header + bytes(self.data[self.network_header :])
            self.shared = False
            self.transport_header += len(header) - self.network_header
            self.network_header = len(header)
            start = 0
        else:
            self.writable()[start : self.network_header] = header
        self.mac_header = start

    def set_ttl(self, ttl: int) -> None:
        """Change the TTL and its checksum by difference. Linux: include/net/ip.h ip_decrease_ttl()"""
        ip = self.ip
        if ip is None:
            return self._set_hop_limit(ttl)
        data, at = self.writable(), self.network_header + _TTL_OFFSET
        old, check = _TTL_AND_CHECK.unpack_from(data, at)
        new = ttl << 8 | ip.protocol
        ip.ttl, ip.check = ttl, update16(check, old, new)
        _TTL_AND_CHECK.pack_into(data, at, new, ip.check)

    def _set_hop_limit(self, hop_limit: int) -> None:
        """IPv6 has no checksum to change."""
        if self.ip6 is not None:
            self.writable()[self.network_header + _HOP_LIMIT_OFFSET] = hop_limit
            self.ip6.ttl = hop_limit
