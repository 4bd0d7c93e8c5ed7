"""`-j TRACE` in tables of nft: every rule that a packet matches, and every policy, is told to who listens.

What is told first in a base chain comes with the packet, as it is then.

Linux: net/netfilter/nf_tables_trace.c
"""

from __future__ import annotations

from typing import Final

from pystack.device import ARPHRD_ETHER, ARPHRD_LOOPBACK
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import CONTINUE, RETURN, BaseChain, Chain, Jump, Rule
from pystack.netfilter.verdict import NAMES
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire import ipv4, ipv6, tcp
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import IP_DF, IP_MF, IP_OFFSET, IPPROTO_TCP, IPPROTO_UDP

_IP_CE: Final = 0x8000
_RETURN_CODE: Final = "0xfffffffb"  # the tool has no word for it
_IPV4_HEADER: Final = 20
_FLAGS: Final = (
    (tcp.SYN, "SYN "),
    (tcp.ACK, "ACK "),
    (tcp.FIN, "FIN "),
    (tcp.RST, "RST "),
    (tcp.PSH, "PSH "),
    (tcp.URG, "URG "),
)


class NftTrace:
    """Tells of one table. A walk.Tracer."""

    __slots__ = ("_family", "_path", "_table", "_told")

    def __init__(self, path: Path, family: int, table: str) -> None:
        self._path = path
        self._family = family
        self._table = table
        self._told: View | None = None  # whose packet was told already

    def rule(self, chain: Chain, number: int, rule: Rule, view: View) -> None:
        """Nothing yet: what it does to the packet is to be seen."""

    def obeyed(self, chain: Chain, rule: Rule, verdict: int, view: View) -> None:
        """A rule matched, and was obeyed."""
        if isinstance(rule.target, Jump):
            what = f"{'GOTO' if rule.target.goto else 'JUMP'}:{rule.target.chain.name}"
        elif verdict == RETURN:
            what = _RETURN_CODE
        else:
            what = "CONTINUE" if verdict == CONTINUE else NAMES[verdict]
        self._tell(chain, rule, what, view)

    def end(self, chain: Chain, view: View) -> None:
        """No rule of the chain decided."""
        if isinstance(chain, BaseChain):
            self._tell(chain, None, NAMES[chain.policy], view)

    def _tell(self, chain: Chain, rule: Rule | None, what: str, view: View) -> None:
        packet = "" if self._told is view else packet_words(view)
        self._told = view
        self._path.traced(self._family, view.pkt.nf_trace, packet, self._table, chain.name, rule, what)


def packet_words(view: View) -> str:
    """`IN=br0 MACSRC=… SRC=…`, as xtables-monitor prints it. Linux: iptables/xtables-monitor.c"""
    pkt = view.pkt
    words = "".join(f"{key}={name} " for key, name in (("IN", view.inname), ("OUT", view.outname)) if name)
    if view.indev is not None:
        words += _link_words(pkt)
    words += _ipv6_words(pkt) if pkt.ip6 is not None else _ipv4_words(pkt)
    if not view.fragment:
        words += _transport_words(view)
    return words + (f"MARK=0x{pkt.mark:x} " if pkt.mark else "")


def _link_words(pkt: Packet) -> str:
    if pkt.dev.type == ARPHRD_LOOPBACK:
        return "LOOPBACK "
    link = bytes(pkt.data[pkt.mac_header : pkt.mac_header + ETH_HLEN])
    if pkt.dev.type != ARPHRD_ETHER or pkt.mac_header == pkt.network_header:
        return ""
    source, destination = (":".join(f"{octet:x}" for octet in part) for part in (link[6:12], link[:6]))
    return f"MACSRC={source} MACDST={destination} MACPROTO={link[12:14].hex()} "


def _ipv4_words(pkt: Packet) -> str:
    header = pkt.ip
    assert header is not None, "no IPv4 packet comes to an ip hook unparsed"
    words = f"SRC={ipv4.address_text(header.saddr)} DST={ipv4.address_text(header.daddr)} "
    words += f"LEN={header.tot_len} TOS=0x{header.tos:x} TTL={header.ttl} ID={header.id} "
    for bit, name in ((_IP_CE, "CE "), (IP_DF, "DF "), (IP_MF, "MF ")):
        words += name if header.frag_off & bit else ""
    offset = header.frag_off & IP_OFFSET
    return words + (f"FRAG:{offset} " if offset else "")


def _ipv6_words(pkt: Packet) -> str:
    """The tool adds the length of an IPv4 header to that of the payload."""
    header = pkt.ip6
    assert header is not None, "only of an IPv6 packet"
    words = f"SRC={ipv6.address_text(header.saddr)} DST={ipv6.address_text(header.daddr)} "
    words += f"LEN={header.payload_len + _IPV4_HEADER} TC={header.tos} HOPLIMIT={header.ttl} "
    return f"{words}FLOWLBL={header.flow_label} "


def _transport_words(view: View) -> str:
    if view.protocol not in (IPPROTO_TCP, IPPROTO_UDP) or view.ports is None:
        return ""
    words = f"SPORT={view.ports[0]} DPORT={view.ports[1]} "
    segment = view.transport_octets(tcp.HEADER_LENGTH) if view.protocol == IPPROTO_TCP else None
    if segment is None:
        return words
    return words + "".join(name for bit, name in _FLAGS if segment[13] & bit)
