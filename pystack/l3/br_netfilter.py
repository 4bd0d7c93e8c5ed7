"""Bridged frames that meet the hooks of IP and IPv6: what makes iptables see what only crosses a bridge.

    bridge PREROUTING  0        -> ip PREROUTING   in = the bridge, physin = the port
    bridge FORWARD     0        -> ip FORWARD      in = out = the bridge, physin and physout = the ports
    bridge POSTROUTING INT_MAX  -> ip POSTROUTING  out = the bridge

A frame that is for this host, or is routed, has met ip PREROUTING here and does not meet it again (ip_input
asks for `physin`); one that was routed into a bridge meets nothing more. Where no function hangs at a hook,
only what the kernel does besides is done: malformed packets are dropped, and Ethernet's padding is cut off.

Linux: net/bridge/br_netfilter_hooks.c
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pystack.counters import Snmp
from pystack.device import NetDevice
from pystack.drop import ARP_TOO_SMALL, IP_CSUM, IP_INHDR, IP_TRUNCATED, PKT_TOO_BIG, DropReason
from pystack.l2.bridge_state import BridgeState
from pystack.l2.context import LinkContext
from pystack.l3 import ipv6_fragment
from pystack.l3.bridged_dnat import BridgedDnat
from pystack.l3.fragment import fragments_of
from pystack.netfilter.hooks import (
    ARP_FORWARD,
    FORWARD,
    POSTROUTING,
    PREROUTING,
    HookEntry,
    HookPoint,
    HookState,
)
from pystack.netfilter.verdict import NF_ACCEPT, NF_STOLEN
from pystack.packet import PACKET_HOST, PACKET_OTHERHOST, Packet
from pystack.wire import ipv4, ipv6
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, ETH_P_IPV6
from pystack.wire.malformed import Malformed

NF_BR_PRI_BRNF: Final = 0
INT_MAX: Final = 0x7FFFFFFF
NAME: Final = "br_netfilter"

_ARP_HEADER: Final = 8  # octets before the addresses
_ARP_PLN_AT: Final = 5  # where an ARP packet tells how long its protocol addresses are


@dataclass(slots=True)
class BridgeNfConf:
    """net.bridge.bridge-nf-*"""

    call_iptables: int = 1
    call_ip6tables: int = 1
    call_arptables: int = 1


class BrNetfilter:
    """One per namespace."""

    def __init__(self, *, link: LinkContext, snmp: Snmp, dnat: BridgedDnat) -> None:
        hooks = link.hooks
        self.conf = BridgeNfConf()
        self._link = link
        self._drop = link.drop
        self._snmp = snmp
        self._dnat = dnat
        self._arp, self._bridge = hooks.arp, hooks.bridge
        self._by_protocol = {ETH_P_IP: hooks.ip, ETH_P_IPV6: hooks.ip6}
        self._mine: tuple[tuple[HookPoint, HookEntry], ...] = ()
        self._rearming = False
        for point in (*hooks.ip, *hooks.ip6, *hooks.arp, *hooks.bridge):
            point.on_change = self.rearm
        self.rearm()

    # --- hanging at the bridge's hooks --------------------------------------------------------------------

    def rearm(self) -> None:
        """Hang at the bridge's hooks only while anything hangs at any hook that a bridged frame meets; until
        then the check alone is cheaper.
        """
        if self._rearming:  # what changes now is our own
            return
        mine = {entry for _, entry in self._mine}
        points = (*self._by_protocol[ETH_P_IP], *self._by_protocol[ETH_P_IPV6], *self._arp, *self._bridge)
        watched = any(entry not in mine for point in points for entry in point.entries)
        self._rearming = True
        if watched and not self._mine:
            self._mine = tuple(self._hang())
        elif self._mine and not watched:
            for point, entry in self._mine:
                point.unregister(entry)
            self._mine = ()
        self._rearming = False
        conf, bare = self.conf, not self._mine
        checks = (
            (ETH_P_IP, conf.call_iptables, self._check),
            (ETH_P_IPV6, conf.call_ip6tables, self._check_ipv6),
        )
        self._link.checks_bridged = {protocol: check for protocol, on, check in checks if bare and on}
        self._link.check_bridged_arp = self._check_arp if bare and conf.call_arptables else None

    def _hang(self) -> Iterator[tuple[HookPoint, HookEntry]]:
        """Linux: br_nf_ops"""
        places = (
            (PREROUTING, self._pre_routing, NF_BR_PRI_BRNF),
            (FORWARD, self._forward_ip, NF_BR_PRI_BRNF),
            (FORWARD, self._forward_arp, NF_BR_PRI_BRNF),
            (POSTROUTING, self._post_routing, INT_MAX),
        )
        for hook, function, priority in places:
            point = self._bridge[hook]
            yield point, point.register(function, priority, NAME, eldest=True)

    def _check(self, pkt: Packet) -> bool:
        """Whether a frame that no hook waits for may go on."""
        return ipv4.is_plain(pkt.data, pkt.network_header) or self._validated(pkt)

    def _check_ipv6(self, pkt: Packet) -> bool:
        """The same of IPv6, which is looked at again where it is forwarded."""
        if ipv6.is_plain(pkt.data, pkt.network_header):
            return True
        return self._validated_ipv6(pkt) and self._validated_ipv6(pkt)

    def _check_arp(self, pkt: Packet) -> bool:
        """Whether an ARP packet that is forwarded may go on."""
        if len(pkt.data) - pkt.network_header >= _ARP_HEADER:
            return True
        self._drop(pkt, ARP_TOO_SMALL)
        return False

    # --- PREROUTING ---------------------------------------------------------------------------------------

    def _pre_routing(self, pkt: Packet, state: HookState) -> int:
        """Linux: br_nf_pre_routing()"""
        if pkt.protocol == ETH_P_IP and self.conf.call_iptables:
            is_sound = self._validated(pkt)
        elif pkt.protocol == ETH_P_IPV6 and self.conf.call_ip6tables:
            is_sound = self._validated_ipv6(pkt)
        else:
            return NF_ACCEPT
        if not is_sound:
            return NF_STOLEN
        pkt.physin = pkt.dev
        point = self._by_protocol[pkt.protocol][PREROUTING]
        if not point.entries:
            return NF_ACCEPT
        hidden = _for_us_meanwhile(pkt)
        bridge = pkt.dev = _bridge_of(pkt.dev)
        destination = _destination(pkt)

        def finish(pkt: Packet) -> None:
            """Linux: br_nf_pre_routing_finish()"""
            if hidden:
                pkt.pkt_type = PACKET_OTHERHOST
            assert pkt.physin is not None
            if _destination(pkt) != destination:
                return self._dnat.go_on(pkt, pkt.physin, bridge, state)
            pkt.dev = pkt.physin
            self._bridge[PREROUTING].run_from(pkt, state, NF_BR_PRI_BRNF + 1)

        point.run(pkt, bridge, None, finish)
        return NF_STOLEN

    # --- FORWARD ------------------------------------------------------------------------------------------

    def _forward_ip(self, pkt: Packet, state: HookState) -> int:
        """Linux: br_nf_forward_ip()"""
        points = self._by_protocol.get(pkt.protocol)
        if pkt.physin is None or points is None:
            return NF_ACCEPT
        if pkt.protocol == ETH_P_IPV6 and not self._validated_ipv6(pkt):
            return NF_STOLEN
        pkt.physout = pkt.dev
        if not points[FORWARD].entries:
            return NF_ACCEPT
        hidden = _for_us_meanwhile(pkt)

        def finish(pkt: Packet) -> None:
            """Linux: br_nf_forward_finish()"""
            if hidden:
                pkt.pkt_type = PACKET_OTHERHOST
            self._bridge[FORWARD].run_from(pkt, state, NF_BR_PRI_BRNF + 1)

        points[FORWARD].run(pkt, _bridge_of(state.indev), _bridge_of(state.outdev), finish)
        return NF_STOLEN

    def _forward_arp(self, pkt: Packet, state: HookState) -> int:
        """Linux: br_nf_forward_arp()"""
        point = self._arp[ARP_FORWARD]
        if pkt.protocol != ETH_P_ARP or not self.conf.call_arptables:
            return NF_ACCEPT
        if not self._check_arp(pkt):
            return NF_STOLEN
        if not point.entries:
            return NF_ACCEPT
        addresses = pkt.data[pkt.network_header + _ARP_PLN_AT : pkt.network_header + _ARP_PLN_AT + 1]
        if addresses != b"\x04":
            return NF_ACCEPT

        def finish(pkt: Packet) -> None:
            self._bridge[FORWARD].run_from(pkt, state, NF_BR_PRI_BRNF + 1)

        point.run(pkt, state.indev, state.outdev, finish)
        return NF_STOLEN

    # --- POSTROUTING --------------------------------------------------------------------------------------

    def _post_routing(self, pkt: Packet, state: HookState) -> int:
        """Linux: br_nf_post_routing()"""
        points = self._by_protocol.get(pkt.protocol)
        if pkt.physin is None or pkt.physout is None or points is None:
            return NF_ACCEPT
        if not points[POSTROUTING].entries:
            pkt.physin = pkt.physout = None
            return NF_ACCEPT
        hidden = _for_us_meanwhile(pkt)

        def finish(pkt: Packet) -> None:
            """Linux: br_nf_dev_queue_xmit()"""
            if hidden:
                pkt.pkt_type = PACKET_OTHERHOST
            pkt.physin = pkt.physout = None
            for piece in self._as_it_came(pkt):
                state.okfn(piece)

        points[POSTROUTING].run(pkt, None, _bridge_of(state.outdev), finish)
        return NF_STOLEN

    # --- the packet ---------------------------------------------------------------------------------------

    def _as_it_came(self, pkt: Packet) -> Iterable[Packet]:
        """What was put together for the hooks leaves in fragments again.

        Linux: br_nf_dev_queue_xmit(), br_nf_ip_fragment()
        """
        header, mtu = pkt.ip6 if pkt.ip is None else pkt.ip, pkt.dev.mtu
        if header is None or not header.frag_max or header.tot_len <= min(mtu, header.frag_max):
            return (pkt,)
        link = bytes(pkt.data[pkt.mac_header : pkt.network_header])
        pieces = self._cut(pkt, mtu)
        if pieces is None:
            self._drop(pkt, PKT_TOO_BIG)
            return ()
        for piece in pieces:
            piece.set_mac_header(link)
        self._link.outcomes.split += len(pieces) - 1
        return pieces

    def _cut(self, pkt: Packet, mtu: int) -> list[Packet] | None:
        if pkt.ip6 is not None:
            return ipv6_fragment.fragments_of(pkt, pkt.ip6, mtu, self._link.rng.u32() or 1)
        header = pkt.ip
        assert header is not None, "what was put together is of IP"
        if header.frag_max > mtu:
            self._snmp.Ip.FragFails += 1
            return None
        pieces = fragments_of(pkt, header, header.frag_max)
        self._snmp.Ip.FragOKs += 1
        self._snmp.Ip.FragCreates += len(pieces)
        return pieces

    def _validated(self, pkt: Packet) -> bool:
        """Take a packet as IP would, its padding off; else it is dropped. Linux: br_validate_ipv4()"""
        header = ipv4.parse(pkt.data, pkt.network_header)
        if isinstance(header, Malformed):
            self._drop(pkt, self._fault(pkt, header))
            return False
        pkt.ip = header
        pkt.transport_header = pkt.network_header + header.ihl
        _trim(pkt, header.tot_len)
        return True

    def _validated_ipv6(self, pkt: Packet) -> bool:
        """The same of IPv6. Linux: net/bridge/br_netfilter_ipv6.c br_validate_ipv6()"""
        header = ipv6.parse(pkt.data, pkt.network_header)
        if isinstance(header, Malformed):
            self._drop(pkt, IP_INHDR)
            return False
        start = pkt.network_header + ipv6.HEADER_LENGTH
        has_options = header.next_header == ipv6.NEXTHDR_HOP
        if has_options and not ipv6.is_sound_hop_by_hop(pkt.data, start, len(pkt.data)):
            self._drop(pkt, IP_INHDR)
            return False
        if pkt.network_header + header.tot_len > len(pkt.data):
            self._drop(pkt, IP_TRUNCATED)
            return False
        _trim(pkt, header.tot_len)
        if pkt.ip6 is not None:  # put together before it comes here again
            header.frag_max, header.frag_lengths = pkt.ip6.frag_max, pkt.ip6.frag_lengths
        pkt.ip6 = header
        pkt.transport_header = start
        return True

    def _fault(self, pkt: Packet, fault: Malformed) -> DropReason:
        if fault is Malformed.TOTAL_LENGTH:
            at = pkt.network_header + 2
            claimed = int.from_bytes(pkt.data[at : at + 2], "big")
            if claimed > len(pkt.data) - pkt.network_header:
                return IP_TRUNCATED
        if fault is Malformed.CHECKSUM:
            self._snmp.Ip.InHdrErrors += 1
            return IP_CSUM
        return IP_INHDR


def _trim(pkt: Packet, length: int) -> None:
    """Cut off what stands behind the packet. Linux: pskb_trim_rcsum()"""
    end = pkt.network_header + length
    if end < len(pkt.data):
        pkt.data = bytearray(pkt.data[:end])
        pkt.shared = False


def _destination(pkt: Packet) -> int:
    header = pkt.ip6 if pkt.ip is None else pkt.ip
    assert header is not None, "what meets the hooks of IP was looked at"
    return header.daddr


def _for_us_meanwhile(pkt: Packet) -> bool:
    """IP's hooks are to look at a frame for another station too; whether that has to be undone."""
    if pkt.pkt_type != PACKET_OTHERHOST:
        return False
    pkt.pkt_type = PACKET_HOST
    return True


def _bridge_of(dev: NetDevice | None) -> BridgeState:
    """Linux: bridge_parent()"""
    bridge = None if dev is None else dev.master
    assert isinstance(bridge, BridgeState), "a bridge's hook is crossed by its ports' packets"
    return bridge
