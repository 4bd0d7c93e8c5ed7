"""The kernel's log line of a frame that a rule of nftables logs, in the families arp, bridge and netdev.

Linux: net/netfilter/nf_log_syslog.c nf_log_netdev_packet()
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.device import ARPHRD_ETHER
from pystack.netfilter.log_text import decoded, link_header, mac_words, packet_words, places
from pystack.netfilter.log_transport import LOG_MACDECODE
from pystack.netfilter.nft.view import carried
from pystack.netfilter.nft.view import link_header as place_of_link_header
from pystack.netfilter.view import View
from pystack.wire.ethernet import ETH_ALEN, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, mac_text
from pystack.wire.ipv4 import address_text

_ETH_P_RARP: Final = 0x8035
_HEADER: Final = Struct("!HHBBH")
_BODY: Final = Struct("!6sI6sI")
_IPV4_LENGTH: Final = 4


def frame_line(prefix: str, flags: int, view: View) -> str:
    """Where it was, and what it carries."""
    pkt, kind = view.pkt, carried(view)
    words = places(prefix, pkt, view.indev, view.outdev)
    if kind in (ETH_P_ARP, _ETH_P_RARP):
        return words + _arp_words(view, flags)
    if kind not in (ETH_P_IP, ETH_P_IPV6):
        return words + mac_words(pkt, flags)
    if view.indev is not None:
        words += mac_words(pkt, flags)
    packet = bytes(pkt.data[view.start :])
    return words + packet_words(packet, pkt, flags, is_ipv6=kind == ETH_P_IPV6)


def _arp_words(view: View, flags: int) -> str:
    """Linux: dump_arp_packet()"""
    pkt, body = view.pkt, bytes(view.pkt.data[view.start :])
    if len(body) < _HEADER.size:
        return "TRUNCATED"
    words = ""
    if flags & LOG_MACDECODE and pkt.dev.type == ARPHRD_ETHER and place_of_link_header(view) is not None:
        words = decoded(*link_header(pkt))
    hardware, protocol, hlen, plen, operation = _HEADER.unpack_from(body)
    words += f"ARP HTYPE={hardware} PTYPE=0x{protocol:04x} OPCODE={operation}"
    if (hardware, hlen, plen) != (ARPHRD_ETHER, ETH_ALEN, _IPV4_LENGTH):
        return words
    if len(body) < _HEADER.size + _BODY.size:
        return f"{words} INCOMPLETE [{view.length - _HEADER.size} bytes]"
    source, saddr, destination, daddr = _BODY.unpack_from(body, _HEADER.size)
    words += f" MACSRC={mac_text(source)} IPSRC={address_text(saddr)}"
    return f"{words} MACDST={mac_text(destination)} IPDST={address_text(daddr)}"
