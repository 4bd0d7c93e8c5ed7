"""Ethernet II and 802.3 framing: addresses, EtherTypes, the 14-octet header."""

from __future__ import annotations

from struct import Struct
from typing import Final

ETH_ALEN: Final = 6
ETH_HLEN: Final = 14
ETH_ZLEN: Final = 60

ETH_P_LOOP: Final = 0x0060
ETH_P_802_3_MIN: Final = 0x0600  # smaller values are lengths, not types
ETH_P_IP: Final = 0x0800
ETH_P_ARP: Final = 0x0806
ETH_P_RARP: Final = 0x8035
ETH_P_8021Q: Final = 0x8100
ETH_P_IPV6: Final = 0x86DD
ETH_P_PAUSE: Final = 0x8808
ETH_P_8021AD: Final = 0x88A8
ETH_P_802_3: Final = 0x0001  # Linux's own: a raw 802.3 frame
ETH_P_ALL: Final = 0x0003
ETH_P_802_2: Final = 0x0004  # Linux's own: 802.3 with an LLC header

BROADCAST: Final = b"\xff" * ETH_ALEN
ZERO: Final = bytes(ETH_ALEN)

HEADER: Final = Struct("!6s6sH")  # destination, source, type

_HEX: Final = frozenset("0123456789abcdefABCDEF")


def header(destination: bytes, source: bytes, protocol: int) -> bytes:
    """The 14 octets in front of a payload."""
    return HEADER.pack(destination, source, protocol)


def is_multicast(address: bytes) -> bool:
    """Whether the group bit is set; true for broadcast too."""
    return bool(address[0] & 1)


def is_valid_unicast(address: bytes) -> bool:
    """Whether a station may have this address. Linux: include/linux/etherdevice.h is_valid_ether_addr()"""
    return not address[0] & 1 and address != ZERO


def mac_text(address: bytes) -> str:
    """`02:00:00:00:00:01`"""
    return address.hex(":")


def parse_mac(text: str) -> bytes | None:
    """Six octets from `2:0:0:0:0:1` or `02-00-…`, None if it is not an address."""
    words = text.replace("-", ":").split(":")
    if len(words) != ETH_ALEN or not all(0 < len(word) <= 2 and _HEX.issuperset(word) for word in words):
        return None
    return bytes(int(word, 16) for word in words)
