"""A packet as the rules of one hook look at it.

Made once for each base chain that a packet meets; what matches read again and again is taken out of the
packet then, everything else they ask the packet for.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.netfilter.hooks import ARP_OUT, HookState
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import IP_OFFSET, Ipv4Header
from pystack.wire.ipv6 import Ipv6Header, find_upper
from pystack.wire.vlan import tag_length

_LEGACY_ARP: Final = 28  # of Ethernet and IPv4
_PORTS: Final = Struct("!HH")
NO_PROTOCOL: Final = -1  # what it carries cannot be told


class View:
    """Linux: include/linux/netfilter/x_tables.h struct xt_action_param"""

    __slots__ = (
        "_ports",
        "chosen",
        "daddr",
        "destination",
        "ethertype",
        "family",
        "fragment",
        "header",
        "hook",
        "hotdrop",
        "indev",
        "inname",
        "length",
        "outdev",
        "outname",
        "pkt",
        "protocol",
        "saddr",
        "source",
        "start",
        "state",
        "transport",
    )

    chosen: object  # the Target that a verdict map named last; only rules of nft have any
    family: int  # NFPROTO_*, for rules of nft that ask for it

    def __init__(self, pkt: Packet, state: HookState, header: Ipv4Header | None = None) -> None:
        indev, outdev, start = state.indev, state.outdev, pkt.network_header
        self.pkt = pkt
        self.state = state
        self.hook = state.hook
        self.indev = indev
        self.outdev = outdev
        self.inname = "" if indev is None else indev.name
        self.outname = "" if outdev is None else outdev.name
        self.hotdrop = False  # a match that found a packet no rule may judge
        self.start = start  # where octets() counts from
        self.length = len(pkt.data) - start  # what a rule's counter grows by
        self.header: Ipv4Header | Ipv6Header | None = header
        self._ports: tuple[int, int] | bool = False  # False: not looked for yet, True: there are none
        if header is not None:
            self.saddr = header.saddr
            self.daddr = header.daddr
            self.protocol = header.protocol
            self.fragment = header.frag_off & IP_OFFSET
            self.transport = start + header.ihl
        else:
            self.saddr = self.daddr = self.protocol = self.fragment = 0
            self.destination = self.source = self.ethertype = 0  # of a bridge's frame
            self.transport = pkt.transport_header

    @classmethod
    def of_ipv4(cls, pkt: Packet, state: HookState) -> View:
        """With what every rule of the ip family asks for.

        Linux: net/ipv4/netfilter/ip_tables.c ipt_do_table()
        """
        header = pkt.ip
        assert header is not None, "no IPv4 packet comes to an ip hook unparsed"
        return cls(pkt, state, header)

    @classmethod
    def of_bridge(cls, pkt: Packet, state: HookState) -> View:
        """With what every rule of the bridge family asks for; a tag stands beside the frame, not in it.

        Linux: net/bridge/netfilter/ebtables.c ebt_basic_match()
        """
        view = cls(pkt, state)
        header = pkt.data[pkt.mac_header : pkt.mac_header + ETH_HLEN]
        view.destination = int.from_bytes(header[:6], "big")
        view.source = int.from_bytes(header[6:12], "big")
        view.ethertype = int.from_bytes(header[12:], "big")
        tag = tag_length(pkt.protocol)
        view.start += tag
        view.length -= tag
        return view

    @classmethod
    def of_arp(cls, pkt: Packet, state: HookState) -> View:
        """For nft's tables: what we send has its link header already. Linux: arp_create()"""
        view = cls(pkt, state)
        if state.hook == ARP_OUT:
            view.length = len(pkt.data)
        return view

    @classmethod
    def of_legacy_arp(cls, pkt: Packet, state: HookState) -> View:
        """For tables of old, which count every packet for as long as it needs to be.

        Linux: net/ipv4/netfilter/arp_tables.c arpt_do_table(), include/linux/if_arp.h arp_hdr_len()
        """
        view = cls(pkt, state)
        view.length = _LEGACY_ARP
        return view

    @property
    def carried(self) -> int:
        """The type of what a frame carries, behind a tag if it has one."""
        return int.from_bytes(self.pkt.data[self.start - 2 : self.start], "big")

    @classmethod
    def of_ipv6(cls, pkt: Packet, state: HookState) -> View:
        """With what every rule of the ip6 family asks for, in a legacy table.

        Linux: net/ipv6/netfilter/ip6_tables.c ip6_packet_match()
        """
        return cls(pkt, state)._read_ipv6(ends_at_auth=False)

    @classmethod
    def of_ipv6_nft(cls, pkt: Packet, state: HookState) -> View:
        """The same in a table of nft, which does not look behind an authentication header.

        Linux: include/net/netfilter/nf_tables_ipv6.h nft_set_pktinfo_ipv6()
        """
        return cls(pkt, state)._read_ipv6(ends_at_auth=True)

    def _read_ipv6(self, *, ends_at_auth: bool) -> View:
        pkt = self.pkt
        header = pkt.ip6
        assert header is not None, "no IPv6 packet comes to an ip6 hook unparsed"
        self.header = header
        self.saddr = header.saddr
        self.daddr = header.daddr
        upper = find_upper(pkt.data, pkt.network_header, ends_at_auth=ends_at_auth)
        if upper is None:
            self.protocol = NO_PROTOCOL
        else:
            self.protocol, self.transport, self.fragment = upper
        return self

    @property
    def ports(self) -> tuple[int, int] | None:
        """The two numbers that TCP, UDP and SCTP begin with; None in later fragments, or if cut off."""
        if self._ports is False:
            data, at = self.pkt.data, self.transport
            is_there = not self.fragment and len(data) >= at + _PORTS.size
            self._ports = _PORTS.unpack_from(data, at) if is_there else True
        return self._ports if isinstance(self._ports, tuple) else None

    def forget_ports(self) -> None:
        """They have changed."""
        self._ports = False

    @property
    def dport(self) -> int:
        """The port it is for; -1 if there is none. For the lookup of rules."""
        data, at = self.pkt.data, self.transport
        return -1 if self.fragment or len(data) < at + _PORTS.size else data[at + 2] << 8 | data[at + 3]

    def octets(self, offset: int, count: int) -> bytes | None:
        """Some of what stands behind the network header's beginning; None if the packet is shorter."""
        start = self.start + offset
        found = bytes(self.pkt.data[start : start + count])
        return found if len(found) == count else None

    def transport_octets(self, count: int) -> bytes | None:
        """The beginning of the transport header; None if it is cut off."""
        found = bytes(self.pkt.data[self.transport : self.transport + count])
        return found if len(found) == count else None
