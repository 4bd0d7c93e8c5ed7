"""The kernel's log line of a packet, byte for byte: where it was, by which devices, and what it is.

Linux: net/netfilter/nf_log_syslog.c
"""

from __future__ import annotations

import re
from typing import Final

from pystack.device import ARPHRD_ETHER, NetDevice
from pystack.netfilter.log_ipv4 import ipv4_words
from pystack.netfilter.log_ipv6 import ipv6_words
from pystack.netfilter.log_transport import LOG_MACDECODE, LOG_UID
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN, mac_text
from pystack.wire.vlan import tag_length

# What LOG rules, nft's log and ebtables --log have in common, and no other line of the kernel's log has.
_OF_A_PACKET: Final = re.compile(r"IN=\S* OUT=(?: |\S)")


def is_log_line(text: str) -> bool:
    """Whether a line of the kernel's log tells of a packet that met a LOG rule."""
    return _OF_A_PACKET.search(text) is not None


def ip_line(prefix: str, flags: int, pkt: Packet, indev: NetDevice | None, outdev: NetDevice | None) -> str:
    """What LOG of iptables and ip6tables prints. Linux: nf_log_ip_packet(), nf_log_ip6_packet()"""
    words = places(prefix, pkt, indev, outdev)
    if indev is not None:
        words += mac_words(pkt, flags)
    return words + packet_words(bytes(pkt.payload()), pkt, flags, is_ipv6=pkt.ip6 is not None)


def packet_words(packet: bytes, pkt: Packet, flags: int, *, is_ipv6: bool) -> str:
    """From SRC= on. Linux: dump_ipv4_packet(), dump_ipv6_packet()"""
    words, ends = (ipv6_words if is_ipv6 else ipv4_words)(packet, flags)
    if ends:
        return words
    if flags & LOG_UID and pkt.sock is not None and pkt.sock.has_owner:
        words += f"UID={pkt.sock.uid} GID={pkt.sock.gid} "
    return words + (f"MARK=0x{pkt.mark:x} " if pkt.mark else "")


def places(prefix: str, pkt: Packet, indev: NetDevice | None, outdev: NetDevice | None) -> str:
    """Linux: nf_log_dump_packet_common()"""
    words = f"{prefix}IN={_name(indev)} OUT={_name(outdev)} "
    if pkt.physin is not None and pkt.physin is not indev:
        words += f"PHYSIN={pkt.physin.name} "
    if pkt.physout is not None and pkt.physout is not outdev:
        words += f"PHYSOUT={pkt.physout.name} "
    return words


def mac_words(pkt: Packet, flags: int) -> str:
    """Linux: dump_mac_header()"""
    link, tag = link_header(pkt)
    if flags & LOG_MACDECODE and pkt.dev.type == ARPHRD_ETHER:
        return decoded(link, tag)
    if not pkt.dev.hard_header_len or pkt.mac_header == pkt.network_header:
        return "MAC= "
    return f"MAC={link.hex(':')} "


def decoded(link: bytes, tag: bytes = b"") -> str:
    """The addresses with their names. Linux: dump_mac_header(), nf_log_dump_vlan()"""
    words = f"MACSRC={mac_text(link[6:12])} MACDST={mac_text(link[:6])} "
    if tag:
        words += f"VPROTO={tag[:2].hex()} VID={int.from_bytes(tag[2:], 'big')} "
    return f"{words}MACPROTO={link[12:14].hex()} "


def link_header(pkt: Packet) -> tuple[bytes, bytes]:
    """As the kernel keeps it: a tag stands beside it."""
    start = pkt.mac_header
    link = bytes(pkt.data[start : start + ETH_HLEN])
    tag = tag_length(pkt.protocol)
    if not tag:
        return link, b""
    behind = bytes(pkt.data[start + ETH_HLEN : start + ETH_HLEN + tag])
    return link[:12] + behind[2:], link[12:] + behind[:2]


def _name(dev: NetDevice | None) -> str:
    return "" if dev is None else dev.name
