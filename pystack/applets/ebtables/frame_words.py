"""How ebtables writes what stands in a frame's header: types, addresses with masks, numbers."""

from __future__ import annotations

import re
from typing import Final

from pystack.wire.ethernet import mac_text, parse_mac

Mac = tuple[int, int]  # an address and its mask

_ALL_ONES: Final = 0xFFFFFFFFFFFF
_NUMBERS: Final = {
    0: re.compile(r"\s*([+-]?)(0[xX][0-9a-fA-F]+|[0-9]+)"),
    10: re.compile(r"\s*([+-]?)([0-9]+)"),
    16: re.compile(r"\s*([+-]?)(?:0[xX](?=[0-9a-fA-F]))?([0-9a-fA-F]+)"),
}

_MAC: Final = re.compile(r"((?:[0-9a-fA-F]{1,2}:){5}(?:[0-9a-fA-F]{2}|[0-9a-fA-F](?=\s|$)))")

# ARP's, from 1 on.
ARP_OPERATIONS: Final = (
    "Request",
    "Reply",
    "Request_Reverse",
    "Reply_Reverse",
    "DRARP_Request",
    "DRARP_Reply",
    "DRARP_Error",
    "InARP_Request",
    "ARP_NAK",
)
# Debian's /etc/ethertypes. Linux differs: the tool reads that file, so other hosts may know other names.
_TYPES: Final = (
    (0x0800, "IPv4 ip ip4"),
    (0x0805, "X25"),
    (0x0806, "ARP ether-arp"),
    (0x0808, "FR_ARP"),
    (0x08FF, "BPQ"),
    (0x22F3, "TRILL"),
    (0x22F4, "L2-IS-IS"),
    (0x6558, "TEB"),
    (0x6559, "RAW_FR"),
    (0x8035, "RARP"),
    (0x809B, "ATALK"),
    (0x80F3, "AARP"),
    (0x8100, "802_1Q 8021q 1q 802.1q dot1q"),
    (0x8137, "IPX"),
    (0x8191, "NetBEUI"),
    (0x86DD, "IPv6 ip6"),
    (0x880B, "PPP"),
    (0x8847, "MPLS"),
    (0x8848, "MPLS_MULTI"),
    (0x884C, "ATMMPOA"),
    (0x8863, "PPP_DISC"),
    (0x8864, "PPP_SES"),
    (0x8884, "ATMFATE"),
    (0x888E, "EAPOL"),
    (0x88A8, "S-TAG"),
    (0x88C7, "EAP_PREAUTH"),
    (0x88CC, "LLDP"),
    (0x88E5, "MACSEC"),
    (0x88E7, "PBB macinmac"),
    (0x88F5, "MVRP"),
    (0x88F7, "PTP"),
    (0x8906, "FCOE"),
    (0x8914, "FIP"),
    (0x8915, "ROCE"),
    (0xA0ED, "LoWPAN"),
)
TYPE_NAMES: Final = {number: names.split()[0] for number, names in _TYPES}
_TYPE_NUMBERS: Final = {name.lower(): number for number, names in _TYPES for name in names.split()}

# Linux: libxtables/xtables.c xtables_parse_mac_and_mask()
_WELL_KNOWN: Final = {
    "Unicast": (0, 0x010000000000),
    "Multicast": (0x010000000000, 0x010000000000),
    "Broadcast": (_ALL_ONES, _ALL_ONES),
    "BGA": (0x0180C2000000, _ALL_ONES),
}
_BY_NAME: Final = {name.lower(): value for name, value in _WELL_KNOWN.items()}
_KNOWN_AS: Final = {value: name for name, value in _WELL_KNOWN.items()}


def strtol(text: str, base: int) -> tuple[int, str]:
    """A number at the beginning, and what is left of the text; 0 and all of it if there is none."""
    found = _NUMBERS[base].match(text)
    if found is None:
        return 0, text
    sign, digits = found.groups()
    if base == 0:
        base = 16 if digits[:2].lower() == "0x" else 8 if digits.startswith("0") else 10
        if base == 8:
            octal = re.match("[0-7]+", digits)
            assert octal is not None, "it begins with 0"
            rest = digits[octal.end() :] + text[found.end() :]
            return _signed(sign, int(octal[0], 8)), rest
    return _signed(sign, int(digits, base)), text[found.end() :]


def _signed(sign: str, value: int) -> int:
    return -value if sign == "-" else value


def whole(text: str, base: int, high: int) -> int | None:
    """A number that is all of a text, from 0 to `high`; no text at all is 0, as strtol() has it."""
    value, rest = strtol(text, base)
    return value if not rest and 0 <= value <= high else None


def ethertype(text: str) -> int | None:
    """The type of that name."""
    return _TYPE_NUMBERS.get(text.lower())


def arp_operation_text(value: int) -> str:
    """Its name, or the number."""
    return ARP_OPERATIONS[value - 1] if 0 < value <= len(ARP_OPERATIONS) else str(value)


def one_mac(text: str) -> bytes | None:
    """Linux: glibc's ether_aton(), which does not look at what follows a last octet of two digits"""
    found = _MAC.match(text)
    return parse_mac(found[1]) if found else None


def mac_and_mask(text: str) -> Mac | None:
    """`1:2:3:4:5:6/ff:ff:ff:0:0:0`, or a name; None if it is neither."""
    known = _BY_NAME.get(text.lower())
    if known is not None:
        return known
    address_text, slash, mask_text = text.rpartition("/")
    mask = one_mac(mask_text) if slash else b"\xff" * 6
    address = one_mac(address_text if slash else text)
    if address is None or mask is None:
        return None
    bits = int.from_bytes(mask, "big")
    return int.from_bytes(address, "big") & bits, bits


def show_mac_and_mask(value: Mac) -> str:
    """Linux: xtables_print_mac_and_mask()"""
    address, mask = (mac_text(number.to_bytes(6, "big")) for number in value)
    return address if value[1] == _ALL_ONES else f"{address}/{mask}"


def show_known_mac(value: Mac) -> str:
    """The same, but by its name if it has one."""
    return _KNOWN_AS.get(value) or show_mac_and_mask(value)
