"""A packet as rules of nftables see it, in each family; how far its headers are believed differs.

Linux: net/netfilter/nft_chain_filter.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.hooks import (
    ARP_OUT,
    NFPROTO_ARP,
    NFPROTO_BRIDGE,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    NFPROTO_NETDEV,
    HookState,
)
from pystack.netfilter.view import NO_PROTOCOL, View
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, ETH_P_IPV6
from pystack.wire.ipv4 import HEADER_LENGTH as IPV4_HEADER
from pystack.wire.ipv4 import IP_OFFSET
from pystack.wire.ipv6 import HEADER_LENGTH as IPV6_HEADER
from pystack.wire.ipv6 import find_upper
from pystack.wire.vlan import tag_length

_OF_FAMILY: Final = {NFPROTO_IPV4: ETH_P_IP, NFPROTO_IPV6: ETH_P_IPV6, NFPROTO_ARP: ETH_P_ARP}


def of_ipv4(pkt: Packet, state: HookState) -> View:
    """At a hook of IPv4. Linux: nft_do_chain_ipv4()"""
    view = View.of_ipv4(pkt, state)
    view.family = NFPROTO_IPV4
    return view


def of_ipv6(pkt: Packet, state: HookState) -> View:
    """At a hook of IPv6. Linux: nft_do_chain_ipv6()"""
    view = View.of_ipv6_nft(pkt, state)
    view.family = NFPROTO_IPV6
    return view


def of_arp(pkt: Packet, state: HookState) -> View:
    """At a hook of ARP. Linux: nft_do_chain_arp()"""
    view = View.of_arp(pkt, state)
    view.family = NFPROTO_ARP
    view.protocol = NO_PROTOCOL
    return view


def of_bridge(pkt: Packet, state: HookState) -> View:
    """At a hook of the bridge. Linux: nft_do_chain_bridge()"""
    view = View.of_bridge(pkt, state)
    view.family = NFPROTO_BRIDGE
    _look_inside(view)
    return view


def of_ingress(pkt: Packet, state: HookState) -> View:
    """Where a device receives. Linux: nft_do_chain_netdev()"""
    view = View(pkt, state)
    view.family = NFPROTO_NETDEV
    _step_over_tag(view)
    _look_inside(view)
    return view


def of_egress(pkt: Packet, state: HookState) -> View:
    """Where a device sends: the link header counts there. Linux: nft_do_chain_netdev()"""
    view = of_ingress(pkt, state)
    view.length += view.start - pkt.mac_header - tag_length(pkt.protocol)
    return view


def of_inet_ingress(pkt: Packet, state: HookState) -> View | None:
    """The same for a chain of inet, which sees nothing but IP; None of what is malformed.

    Linux: nft_do_chain_inet_ingress()
    """
    view = of_ingress(pkt, state)
    view.family = NFPROTO_IPV4 if carried(view) == ETH_P_IP else NFPROTO_IPV6
    return None if view.protocol == NO_PROTOCOL else view


def is_ip(pkt: Packet) -> bool:
    """Whether a frame carries IPv4 or IPv6, behind a tag if it has one."""
    kind, tag = pkt.protocol, tag_length(pkt.protocol)
    if tag:
        behind = pkt.network_header + tag
        kind = int.from_bytes(pkt.data[behind - 2 : behind], "big")
    return kind in (ETH_P_IP, ETH_P_IPV6)


def carried(view: View) -> int:
    """The type of what a frame carries, as the kernel notes it: that behind a tag."""
    known = _OF_FAMILY.get(view.family)
    if known is not None:
        return known
    protocol = view.pkt.protocol
    return view.carried if tag_length(protocol) else protocol


def link_header(view: View) -> int | None:
    """Where it begins. What was made here has none until it leaves; ARP has put it there already, but Linux
    has not noted where.
    """
    pkt = view.pkt
    if pkt.mac_header == pkt.network_header or (view.family == NFPROTO_ARP and view.hook == ARP_OUT):
        return None
    return pkt.mac_header


def _step_over_tag(view: View) -> None:
    tag = tag_length(view.pkt.protocol)
    view.start += tag
    view.length -= tag


def _look_inside(view: View) -> None:
    """Read as much of the network header as is sound; what is not is none to the rules.

    Linux: nft_set_pktinfo_ipv4_validate(), nft_set_pktinfo_ipv6_validate()
    """
    view.protocol = NO_PROTOCOL
    view.saddr = view.daddr = -1
    kind = carried(view)
    if kind == ETH_P_IP:
        _look_into_ipv4(view)
    elif kind == ETH_P_IPV6:
        _look_into_ipv6(view)


def _look_into_ipv4(view: View) -> None:
    data, start = view.pkt.data, view.start
    left = len(data) - start
    if left < IPV4_HEADER:
        return
    view.saddr = int.from_bytes(data[start + 12 : start + 16], "big")
    view.daddr = int.from_bytes(data[start + 16 : start + 20], "big")
    length = (data[start] & 15) * 4
    total = data[start + 2] << 8 | data[start + 3]
    if data[start] >> 4 != 4 or length < IPV4_HEADER or left < total or total < length:
        return
    view.protocol = data[start + 9]
    view.transport = start + length
    view.fragment = (data[start + 6] << 8 | data[start + 7]) & IP_OFFSET


def _look_into_ipv6(view: View) -> None:
    data, start = view.pkt.data, view.start
    left = len(data) - start
    if left < IPV6_HEADER:
        return
    view.saddr = int.from_bytes(data[start + 8 : start + 24], "big")
    view.daddr = int.from_bytes(data[start + 24 : start + 40], "big")
    if data[start] >> 4 != 6 or (data[start + 4] << 8 | data[start + 5]) + IPV6_HEADER > left:
        return
    upper = find_upper(data, start, ends_at_auth=True)
    if upper is not None:
        view.protocol, view.transport, view.fragment = upper
