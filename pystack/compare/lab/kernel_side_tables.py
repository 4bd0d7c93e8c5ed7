"""The tables of a lab that packets write into: looked at, compared with how the setup left them, and emptied.

Emptying leaves what a setup put there for good. What it cannot put right (an entry of the setup that a packet
moved, a rate limit that was used up) is noticed by looking again, or by what was seen to happen; then the
namespace is built anew.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable, Sequence
from typing import Final

from pystack.compare.lab import readback
from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.readback import IFINFOMSG, NDMSG, FdbEntry, Neighbour
from pystack.compare.lab.rtnetlink import (
    ATTRIBUTE_HEADER,
    ERROR,
    NLM_F_REQUEST,
    NLMSG_ERROR,
    NLMSG_HEADER,
    RECEIVE_SIZE,
    NetlinkSocket,
)
from pystack.errors import ENODEV, ENOENT
from pystack.hooks.ctnetlink import CT_DELETE, ConnReader
from pystack.hooks.nfnetlink import NETLINK_NETFILTER, NFGENMSG_SIZE, NfnetlinkSocket, attributes
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.wire import ipv6
from pystack.wire.ethernet import ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6
from pystack.wire.icmp import ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_IGMP
from pystack.wire.malformed import Malformed

RTM_NEWLINK: Final = 16
RTM_DELNEIGH: Final = 29
NLM_F_ACK: Final = 0x004

IFLA_LINKINFO, IFLA_INFO_KIND, IFLA_INFO_DATA, IFLA_BR_FDB_FLUSH = 18, 1, 2, 21
NDA_DST: Final = 1
NUD_INCOMPLETE, NUD_PROBE, NUD_FAILED = 0x01, 0x10, 0x20
UNANSWERED: Final = NUD_INCOMPLETE | NUD_PROBE | NUD_FAILED

CT_GET_STATS: Final = 1 << 8 | 5
CTA_STATS_GLOBAL_ENTRIES: Final = 1
EXPECT_DELETE: Final = 2 << 8 | 2

GONE: Final = (ENOENT, ENODEV)

Request = tuple[int, bytes]  # message type, body
Rows = tuple[list[Neighbour], list[FdbEntry]]


class Tables:
    """The neighbours, forwarding entries and connections of one namespace of a lab."""

    def __init__(self, kernel: KernelNetns, netns: str = "") -> None:
        self._route = NetlinkSocket(kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, 0, netns=netns))
        self._netfilter = NfnetlinkSocket(
            kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER, netns=netns)
        )
        self._bridges = [link.ifindex for link in readback.links(self._route) if link.kind == "bridge"]
        self._before: Rows = ([], [])

    def rows(self) -> Rows:
        """Neighbours and forwarding entries as they are now."""
        return readback.neighbours(self._route), readback.forwarding_entries(self._route)

    def remember(self) -> None:
        """Take what is there now for what the setup wanted."""
        self._before = self.rows()

    def empty(self) -> bool:
        """Take out what packets left; false if it does not look afterwards as it did after the setup."""
        known = {(entry.ifindex, entry.address) for entry in self._before[0]}
        learned = [entry for entry in self.rows()[0] if (entry.ifindex, entry.address) not in known]
        self._ask([*map(_forget_bridge, self._bridges), *map(_forget_neighbour, learned)])
        for message in (CT_DELETE, EXPECT_DELETE):
            _flush(self._netfilter, message)
        unanswered = any(entry.state & UNANSWERED for entry in learned)
        return not unanswered and self.rows() == self._before

    def connections(self) -> list[Snapshot]:
        """Those that are tracked."""
        return ConnReader(self._netfilter).all() if self._has_connections() else []

    def _has_connections(self) -> bool:
        """Whether there are any: a dump takes 30 ms to say that there are none."""
        try:
            (answer,) = self._netfilter.request(CT_GET_STATS)
        except OSError:
            return False  # a kernel without connection tracking
        found = attributes(answer, NFGENMSG_SIZE)
        if isinstance(found, Malformed) or CTA_STATS_GLOBAL_ENTRIES not in found:
            raise LabBroken("connection tracking does not say how many connections it has")
        return any(found[CTA_STATS_GLOBAL_ENTRIES])

    def _ask(self, requests: Sequence[Request]) -> None:
        """Several requests in one datagram; one for what is gone meanwhile is no error."""
        if not requests:
            return
        netlink, data = self._route, b""
        for kind, body in requests:
            netlink.sequence += 1
            size = NLMSG_HEADER.size + len(body)
            data += NLMSG_HEADER.pack(size, kind, NLM_F_REQUEST | NLM_F_ACK, netlink.sequence, 0) + body
        netlink.socket.send(data)
        for _ in requests:
            answer = netlink.socket.recv(RECEIVE_SIZE)
            if NLMSG_HEADER.unpack_from(answer)[1] != NLMSG_ERROR:
                raise LabBroken("netlink answered something else than an acknowledgement")
            number = -int(ERROR.unpack_from(answer, NLMSG_HEADER.size)[0])
            if number and number not in GONE:
                raise OSError(number, os.strerror(number))

    def close(self) -> None:
        """A socket keeps its namespace alive."""
        self._route.close()
        self._netfilter.close()


def _flush(netfilter: NfnetlinkSocket, message: int) -> None:
    try:
        netfilter.request(message)
    except OSError:
        pass  # a kernel without connection tracking


def _forget_bridge(ifindex: int) -> Request:
    """All entries of a bridge that are not static. Linux: net/bridge/br_netlink.c br_changelink()"""
    data = _attribute(IFLA_INFO_DATA, _attribute(IFLA_BR_FDB_FLUSH, b""))
    info = _attribute(IFLA_LINKINFO, _attribute(IFLA_INFO_KIND, b"bridge\0") + data)
    return RTM_NEWLINK, IFINFOMSG.pack(0, 0, ifindex, 0, 0) + info


def _forget_neighbour(entry: Neighbour) -> Request:
    address = _attribute(NDA_DST, socket.inet_pton(entry.family, entry.address))
    return RTM_DELNEIGH, NDMSG.pack(entry.family, entry.ifindex, 0, entry.flags, 0) + address


def _attribute(kind: int, value: bytes) -> bytes:
    return ATTRIBUTE_HEADER.pack(4 + len(value), kind) + value + bytes(-len(value) & 3)


def leaves_marks(frames: Iterable[bytes]) -> bool:
    """Whether a frame among these leaves something that cannot be emptied.

    Link control moves the state of ports; IGMP fills the bridge's multicast groups; fragments wait for the
    rest; ICMP errors and redirects change cached routes, and sending them uses up the receiver's rate limit.
    """
    return any(_leaves_mark(frame) for frame in frames)


LINK_CONTROL: Final = bytes.fromhex("0180c20000")  # 01:80:c2:00:00:0x
IPV4: Final = ETH_P_IP.to_bytes(2, "big")
IPV6: Final = ETH_P_IPV6.to_bytes(2, "big")
VLAN: Final = ETH_P_8021Q.to_bytes(2, "big")
MIN_HEADER: Final = 20
FRAGMENT_BITS: Final = 0x3FFF  # more fragments, and the offset
HARMLESS: Final = frozenset((ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TIMESTAMP, ICMP_TIMESTAMPREPLY))


def _leaves_mark(frame: bytes) -> bool:
    if frame[:5] == LINK_CONTROL:
        return True
    at = 18 if frame[12:14] == VLAN else 14
    if frame[at - 2 : at] == IPV6:
        is_whole = len(frame) >= at + ipv6.HEADER_LENGTH
        return is_whole and ipv6.find_header(frame, at, ipv6.NEXTHDR_FRAGMENT) is not None
    if frame[at - 2 : at] != IPV4 or len(frame) < at + MIN_HEADER:
        return False
    protocol, fragment = frame[at + 9], int.from_bytes(frame[at + 6 : at + 8], "big") & FRAGMENT_BITS
    if fragment or protocol == IPPROTO_IGMP:
        return True
    message = frame[at + (frame[at] & 15) * 4 :]
    return protocol == IPPROTO_ICMP and bool(message) and message[0] not in HARMLESS
