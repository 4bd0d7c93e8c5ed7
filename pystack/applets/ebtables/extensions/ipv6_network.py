"""IPv6 addresses with masks, as text."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address
from typing import Final

from pystack.applets.iptables.option import Where, number
from pystack.applets.iptables.refused import Refused

Ipv6Network = tuple[int, int]  # an address and its mask

_ALL_ONES: Final = (1 << 128) - 1


def parse_ipv6_network(text: str, where: Where) -> Ipv6Network:
    """`fe80::1/64`, or with a mask written out. Linux: xtables_ip6parse_any()"""
    host, slash, mask_text = text.partition("/")
    address = _address(host)
    mask = _mask(mask_text) if slash else _ALL_ONES
    if address is None:
        raise Refused(f"host/network `{host}' not found")
    return address & mask, mask


def _mask(text: str) -> int:
    written = _address(text)
    if written is not None:
        return written
    length = number(text, 128)
    if length is None:
        raise Refused(f"invalid mask `{text}' specified")
    return _ALL_ONES << (128 - length) & _ALL_ONES


def _address(text: str) -> int | None:
    try:
        return int(IPv6Address(text)) if "%" not in text else None
    except AddressValueError:
        return None


def show_ipv6_network(value: Ipv6Network) -> str:
    """A single host without its mask. Linux: xtables_ip6mask_to_numeric()"""
    address, mask = value
    length = mask.bit_count()
    if length == 128:
        return _text(address)
    is_prefix = mask == _ALL_ONES << (128 - length) & _ALL_ONES
    return f"{_text(address)}/{length if is_prefix else _text(mask)}"


def _text(address: int) -> str:
    """As inet_ntop() writes it: the last words of some like an IPv4 address."""
    parsed = IPv6Address(address)
    mapped = parsed.ipv4_mapped
    return f"::ffff:{mapped}" if mapped is not None else str(parsed)
