"""Every way a packet ends. One packet, one outcome; a new way to lose one is a new row here.

`kernel` is the name under which the kernel's own tracepoint reports the same end (SKB_DROP_REASON_ without
its prefix); `counter` the SNMP counter that rises with it.
"""

from __future__ import annotations

from typing import Final

from pystack.counters import Snmp
from pystack.events import Dropped, EventSink
from pystack.packet import Packet


class DropReason:
    """One row of the table."""

    __slots__ = ("counter", "kernel", "name", "sentence")

    def __init__(
        self, name: str, sentence: str, *, counter: str | None = None, kernel: str | None = None
    ) -> None:
        self.name = name
        self.sentence = sentence
        self.counter = counter
        self.kernel = name if kernel is None else kernel

    def __repr__(self) -> str:
        return f"DropReason({self.name})"


def _ours(name: str, sentence: str, counter: str | None = None) -> DropReason:
    """An end that Linux does not tell apart from others."""
    return DropReason(name, sentence, counter=counter, kernel="NOT_SPECIFIED")


# Devices
HDR_TRUNC: Final = DropReason("HDR_TRUNC", "the frame is shorter than an Ethernet header")
DEV_READY: Final = DropReason("DEV_READY", "the device is down")
DEV_HDR: Final = DropReason("DEV_HDR", "the offload header in front of the frame is not believable")
FULL_RING: Final = DropReason("FULL_RING", "the device's transmit queue is full")
QDISC_DROP: Final = DropReason("QDISC_DROP", "the device has no carrier, so its queue takes nothing")
CPU_BACKLOG: Final = DropReason("CPU_BACKLOG", "the receive backlog is full")
SKB_CSUM: Final = DropReason("SKB_CSUM", "the unfinished checksum could not be computed")
SKB_GSO_SEG: Final = DropReason("SKB_GSO_SEG", "the large segment could not be cut")
PKT_TOO_BIG: Final = DropReason("PKT_TOO_BIG", "the packet is larger than the device's MTU")
NO_PEER: Final = _ours("NO_PEER", "the other end of the veth pair is gone or down")
RECURSION: Final = DropReason(
    "RECURSION_LIMIT", "the frame went through too many stacked devices", kernel="NOT_SPECIFIED"
)
UNHANDLED_PROTO: Final = DropReason("UNHANDLED_PROTO", "nobody handles this EtherType")
LLC_NO_SAP: Final = _ours("LLC_NO_SAP", "an 802.2 frame for a service that nobody offers")
IPV6DISABLED: Final = DropReason("IPV6DISABLED", "IPv6 is switched off, as everywhere here")
OTHERHOST: Final = DropReason("OTHERHOST", "the frame is addressed to another station")
DUMMY: Final = _ours("DUMMY", "a dummy device swallows what it is given")
LINK_GONE: Final = _ours("LINK_GONE", "the device or namespace was removed while the packet waited")

# Bridge
BR_MAC_SOURCE: Final = DropReason(
    "MAC_INVALID_SOURCE", "the source address is a group address or zero", kernel="MAC_INVALID_SOURCE"
)
BR_RESERVED: Final = DropReason(
    "BR_RESERVED", "a bridge takes no pause frames", kernel="MAC_IEEE_MAC_CONTROL"
)
BR_PORT_STATE: Final = DropReason(
    "BR_PORT_STATE", "the bridge port is not forwarding", kernel="BRIDGE_INGRESS_STP_STATE"
)
BR_NO_EGRESS: Final = DropReason("BR_NO_EGRESS", "no bridge port may take the frame", kernel="NO_TX_TARGET")
BR_LOCKED: Final = _ours("BR_LOCKED", "the port is locked, and the source is not in its forwarding table")

# Netfilter
NETFILTER_DROP: Final = DropReason("NETFILTER_DROP", "a rule or hook said drop")

# ARP and neighbours
NEIGH_CREATEFAIL: Final = DropReason("NEIGH_CREATEFAIL", "the neighbour table is full")
NEIGH_FAILED: Final = DropReason("NEIGH_FAILED", "the neighbour does not answer")
NEIGH_QUEUEFULL: Final = DropReason("NEIGH_QUEUEFULL", "too many octets wait for this neighbour")
NEIGH_DEAD: Final = DropReason("NEIGH_DEAD", "the neighbour entry was removed while the packet waited")
ARP_MALFORMED: Final = _ours("ARP_MALFORMED", "not an Ethernet/IPv4 resolution packet")
ARP_PROXY_FULL: Final = _ours("ARP_PROXY_FULL", "too many questions wait to be answered for others")
ARP_TOO_SMALL: Final = DropReason(
    "ARP_TOO_SMALL", "the ARP packet ends within its header", kernel="PKT_TOO_SMALL"
)
ARP_IGNORED: Final = _ours("ARP_IGNORED", "an ARP packet that changes nothing and is owed no answer")

# IPv4
IP_INHDR: Final = DropReason("IP_INHDR", "the IPv4 header is malformed", counter="Ip.InHdrErrors")
IP_CSUM: Final = DropReason("IP_CSUM", "the IPv4 header checksum is wrong", counter="IpExt.InCsumErrors")
IP_TRUNCATED: Final = DropReason(
    "PKT_TOO_SMALL", "the packet is shorter than its length field", counter="IpExt.InTruncatedPkts"
)
IGMP_MALFORMED: Final = _ours("IGMP_MALFORMED", "no IGMP message, or one with a wrong checksum")
IP_OPTIONS: Final = _ours("IP_OPTIONS", "the IPv4 options make no sense, or ask for a way not offered here")
IP_INADDRERRORS: Final = DropReason(
    "IP_INADDRERRORS", "not for this host, and it does not forward", counter="Ip.InAddrErrors"
)
IP_INNOROUTES: Final = DropReason("IP_INNOROUTES", "no route to the destination", counter="IpExt.InNoRoutes")
IP_OUTNOROUTES: Final = DropReason("IP_OUTNOROUTES", "no route to the destination", counter="Ip.OutNoRoutes")
IP_INVALID_SOURCE: Final = DropReason("IP_INVALID_SOURCE", "the source address can be nobody's")
IP_INVALID_DEST: Final = DropReason("IP_INVALID_DEST", "the destination address can be nobody's")
IP_LOCAL_SOURCE: Final = DropReason("IP_LOCAL_SOURCE", "the source address is this host's own")
IP_LOCALNET: Final = DropReason("IP_LOCALNET", "a loopback address on a device that is not lo")
NOT_A_MEMBER: Final = _ours("NOT_A_MEMBER", "to a group that this host has not joined on this device")
IP_RPFILTER: Final = DropReason("IP_RPFILTER", "the source fails the check of the way back (rp_filter)")
UNICAST_IN_L2_MULTICAST: Final = DropReason(
    "UNICAST_IN_L2_MULTICAST", "an IPv4 unicast packet in a link-layer group frame"
)
IP_NOPROTO: Final = DropReason(
    "IP_NOPROTO", "nobody handles this IPv4 protocol", counter="Ip.InUnknownProtos"
)
NOMEM: Final = DropReason("NOMEM", "fragments that wait fill their memory")
DUP_FRAG: Final = DropReason("DUP_FRAG", "this fragment is here already")
FRAG_OVERLAP: Final = _ours("FRAG_OVERLAP", "fragments overlap, so the whole datagram is void")
FRAG_CORRUPT: Final = _ours("FRAG_CORRUPT", "fragments contradict each other, so the whole datagram is void")
FRAG_TOO_FAR: Final = DropReason("FRAG_TOO_FAR", "too many fragments of the same sender came in between")
FRAG_REASM_TIMEOUT: Final = DropReason("FRAG_REASM_TIMEOUT", "the rest of the fragments did not come")
IP_TTL: Final = DropReason("IP_TTL", "the time to live ran out", counter="Ip.InHdrErrors", kernel="IP_INHDR")
IP_UNREACHABLE: Final = _ours("IP_UNREACHABLE", "a route says that the destination cannot be reached")
ICMP_CSUM: Final = DropReason("ICMP_CSUM", "the ICMP checksum is wrong", counter="Icmp.InCsumErrors")
ICMP_REFUSED: Final = DropReason(
    "ICMP_REFUSED", "an ICMP message to many that is not answered here", kernel="INVALID_PROTO"
)
ICMP_HANDLED: Final = _ours("ICMP_HANDLED", "an ICMP message that asks for nothing")
UDP_TOO_SMALL: Final = DropReason(
    "UDP_TOO_SMALL",
    "the UDP datagram is shorter than it says",
    counter="Udp.InErrors",
    kernel="PKT_TOO_SMALL",
)
UDP_CSUM: Final = DropReason("UDP_CSUM", "the UDP checksum is wrong", counter="Udp.InErrors")
UDP_IGNORED_MULTI: Final = _ours(
    "UDP_IGNORED_MULTI", "a UDP datagram to many that no socket here wants", "Udp.IgnoredMulti"
)
TCP_NOT_FOR_US: Final = _ours("TCP_NOT_FOR_US", "a TCP segment in a frame to many")
TCP_MALFORMED: Final = _ours("TCP_MALFORMED", "the TCP segment is shorter than its header")
TCP_TOO_SMALL: Final = DropReason(
    "TCP_TOO_SMALL", "the TCP header says that it is too short", counter="Tcp.InErrs", kernel="PKT_TOO_SMALL"
)
TCP_CSUM: Final = DropReason("TCP_CSUM", "the TCP checksum is wrong", counter="Tcp.InErrs")
TCP_FLAGS: Final = DropReason("TCP_FLAGS", "the TCP flags make no sense in this state")
TCP_ZEROWINDOW: Final = DropReason("TCP_ZEROWINDOW", "the TCP window is closed")
TCP_OLD_DATA: Final = DropReason("TCP_OLD_DATA", "the TCP data came before")
TCP_OVERWINDOW: Final = DropReason("TCP_OVERWINDOW", "the TCP data lies beyond the window")
TCP_OFOMERGE: Final = DropReason("TCP_OFOMERGE", "the TCP data waits already, out of order")
TCP_OFO_DROP: Final = DropReason("TCP_OFO_DROP", "no memory for TCP data out of order")
TCP_RFC7323_PAWS: Final = DropReason("TCP_RFC7323_PAWS", "the TCP timestamp is older than the last one")
TCP_RFC7323_TSECR: Final = DropReason("TCP_RFC7323_TSECR", "the TCP timestamp that it echoes was never sent")
TCP_INVALID_SEQUENCE: Final = DropReason("TCP_INVALID_SEQUENCE", "the TCP sequence is not in the window")
TCP_RESET: Final = DropReason("TCP_RESET", "a TCP reset")
TCP_INVALID_SYN: Final = DropReason("TCP_INVALID_SYN", "a SYN in the middle of a TCP connection")
TCP_CLOSE: Final = DropReason("TCP_CLOSE", "the TCP connection is closed")
TCP_OLD_ACK: Final = DropReason("TCP_OLD_ACK", "the TCP ACK is of what was acknowledged before")
TCP_TOO_OLD_ACK: Final = DropReason("TCP_TOO_OLD_ACK", "the TCP ACK is too old to be believed")
TCP_ACK_UNSENT_DATA: Final = DropReason("TCP_ACK_UNSENT_DATA", "the TCP ACK is of what was never sent")
TCP_ABORT_ON_DATA: Final = DropReason("TCP_ABORT_ON_DATA", "TCP data for a program that is gone")
TCP_LISTEN_OVERFLOW: Final = DropReason(
    "TCP_LISTEN_OVERFLOW", "the queue of TCP connections to be accepted is full", kernel="NOT_SPECIFIED"
)
TCP_SYN_FLOOD: Final = DropReason(
    "TCP_SYN_FLOOD", "the queue of half-open TCP connections is full", kernel="NOT_SPECIFIED"
)
TCP_MINTTL: Final = DropReason("TCP_MINTTL", "the TTL is less than the socket takes")
TCP_TIMEWAIT: Final = DropReason("TCP_TIMEWAIT", "for a TCP connection that has ended lately")
NO_SOCKET: Final = DropReason("NO_SOCKET", "no socket wants the packet")
SOCKET_FILTER: Final = DropReason("SOCKET_FILTER", "the socket's filter wants nothing of it")
SOCKET_RCVBUFF: Final = DropReason("SOCKET_RCVBUFF", "the socket's receive buffer is full")

REASONS: Final[dict[str, DropReason]] = {
    row.name: row for row in tuple(globals().values()) if isinstance(row, DropReason)
}


class Outcomes:
    """The ledger of a host: what came into being on the left, how it ended on the right, equal at any moment.

    received + generated + cloned + split == transmitted + delivered + stolen + consumed + merged + dropped
    + queued
    """

    __slots__ = (
        "cloned",
        "consumed",
        "delivered",
        "dropped",
        "generated",
        "merged",
        "received",
        "split",
        "stolen",
        "transmitted",
    )

    def __init__(self) -> None:
        self.received = 0
        self.generated = 0
        self.cloned = 0
        self.split = 0  # a packet cut into n counts n - 1
        self.transmitted = 0
        self.delivered = 0
        self.stolen = 0
        self.consumed = 0
        self.merged = 0
        self.dropped: dict[DropReason, int] = {}

    def outstanding(self) -> int:
        """How many packets have not ended: must equal what is queued."""
        begun = self.received + self.generated + self.cloned + self.split
        ended = self.transmitted + self.delivered + self.stolen + self.consumed + self.merged
        return begun - ended - sum(self.dropped.values())


class Drop:
    """The one place in a namespace where packets are dropped. Linux: net/core/skbuff.c kfree_skb_reason()"""

    __slots__ = ("events", "netns", "outcomes", "snmp")

    def __init__(self, netns: str, outcomes: Outcomes, snmp: Snmp, events: EventSink) -> None:
        self.netns = netns
        self.outcomes = outcomes
        self.snmp = snmp
        self.events = events

    def __call__(self, pkt: Packet, reason: DropReason) -> None:
        """End the packet for this reason."""
        dropped = self.outcomes.dropped
        dropped[reason] = dropped.get(reason, 0) + 1
        if reason.counter is not None:
            self.snmp.add(reason.counter)
        if self.events.wanted:
            frame = bytes(pkt.data[pkt.mac_header :])
            self.events.emit(Dropped(self.netns, pkt.dev.name, reason.name, frame, pkt.trace))
