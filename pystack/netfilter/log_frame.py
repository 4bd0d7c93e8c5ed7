"""The line that ebtables writes for a frame, byte for byte.

Linux: net/bridge/netfilter/ebt_log.c ebt_log_packet()
"""

from __future__ import annotations

from typing import Final

from pystack.device import NetDevice
from pystack.netfilter.matches.frame_ip import ipv6_protocol
from pystack.netfilter.view import View
from pystack.wire.ethernet import (
    ETH_ALEN,
    ETH_P_ARP,
    ETH_P_IP,
    ETH_P_IPV6,
    ETH_P_RARP,
    mac_text,
)
from pystack.wire.ipv4 import HEADER_LENGTH, address_text

# What a rule asks for. Linux: include/uapi/linux/netfilter_bridge/ebt_log.h
EBT_LOG_IP: Final = 0x01
EBT_LOG_ARP: Final = 0x02
EBT_LOG_IP6: Final = 0x08

_WITH_PORTS: Final = frozenset({6, 17, 136, 132, 33})  # TCP, UDP, UDP-Lite, SCTP, DCCP
_ARP_HEADER: Final = 8
_ARP_BODY: Final = 20
_IPV6_HEADER: Final = 40


def frame_line(prefix: str, flags: int, view: View) -> str:
    """Where the frame is, between whom, and as much of what it carries as `flags` ask for."""
    pkt = view.pkt
    header = bytes(pkt.data[pkt.mac_header : pkt.mac_header + 2 * ETH_ALEN])
    protocol = view.carried
    line = f"{prefix} IN={_name(view.indev)} OUT={_name(view.outdev)} "
    line += f"MAC source = {mac_text(header[ETH_ALEN:])} MAC dest = {mac_text(header[:ETH_ALEN])} "
    line += f"proto = 0x{protocol:04x}"
    if flags & EBT_LOG_IP and protocol == ETH_P_IP:
        return line + _ipv4(view)
    if flags & EBT_LOG_IP6 and protocol == ETH_P_IPV6:
        return line + _ipv6(view)
    if flags & EBT_LOG_ARP and protocol in (ETH_P_ARP, ETH_P_RARP):
        return line + _arp(view)
    return line


def _ipv4(view: View) -> str:
    header = view.octets(0, HEADER_LENGTH)
    if header is None:
        return " INCOMPLETE IP header"
    source, destination = _address(header[12:16]), _address(header[16:20])
    words = f" IP SRC={source} IP DST={destination}, IP tos=0x{header[1]:02X}, IP proto={header[9]}"
    return words + _ports(view, header[9], (header[0] & 15) * 4)


def _ipv6(view: View) -> str:
    header = view.octets(0, _IPV6_HEADER)
    if header is None:
        return " INCOMPLETE IPv6 header"
    source, destination = header[8:24].hex(":", 2), header[24:40].hex(":", 2)
    words = f" IPv6 SRC={source} IPv6 DST={destination}, IPv6 priority=0x{header[0] & 15:X}"
    words += f", Next Header={header[6]}"
    found = ipv6_protocol(view)
    return words if found is None else words + _ports(view, *found)


def _ports(view: View, protocol: int, at: int) -> str:
    """Linux: print_ports()"""
    if protocol not in _WITH_PORTS:
        return ""
    ports = view.octets(at, 4)
    if ports is None:
        return " INCOMPLETE TCP/UDP header"
    return f" SPT={int.from_bytes(ports[:2], 'big')} DPT={int.from_bytes(ports[2:], 'big')}"


def _arp(view: View) -> str:
    header = view.octets(0, _ARP_HEADER)
    if header is None:
        return " INCOMPLETE ARP header"
    hardware, protocol, operation = (int.from_bytes(header[at : at + 2], "big") for at in (0, 2, 6))
    words = f" ARP HTYPE={hardware}, PTYPE=0x{protocol:04x}, OPCODE={operation}"
    if (hardware, header[4], header[5]) != (1, ETH_ALEN, 4):
        return words
    body = view.octets(_ARP_HEADER, _ARP_BODY)
    if body is None:
        return words + " INCOMPLETE ARP payload"
    words += f" ARP MAC SRC={mac_text(body[:6])} ARP IP SRC={_address(body[6:10])}"
    return words + f" ARP MAC DST={mac_text(body[10:16])} ARP IP DST={_address(body[16:])}"


def _address(octets: bytes) -> str:
    return address_text(int.from_bytes(octets, "big"))


def _name(dev: NetDevice | None) -> str:
    return "" if dev is None else dev.name
