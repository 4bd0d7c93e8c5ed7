"""Addresses and ports as conntrack(8) reads them.

Linux: conntrack-tools src/conntrack.c parse_addr(), split_address_and_port(), nat_parse()
"""

from __future__ import annotations

from typing import NamedTuple

from pystack.applets.conntrack.bad_usage import BadUsage
from pystack.applets.iputils import parse_aton
from pystack.netfilter.conntrack.tuples import all_ones
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.wire import ipv6

_MAX_PORT = 0xFFFF


class Network(NamedTuple):
    """An address, and how much of it counts."""

    family: int
    address: int
    mask: int
    has_length: bool  # whether a length was given, which not all options allow


def network(text: str) -> Network:
    """`2001:db8::/32`; nothing behind the slash is a length of 0. Raises BadUsage."""
    word, slash, length = text.partition("/")
    family, address = NFPROTO_IPV4, parse_aton(word)
    if address is None:
        family, address = NFPROTO_IPV6, ipv6.parse_address(word)
    if address is None:
        raise BadUsage(f"Invalid IP address `{text}'")
    ones = all_ones(family)
    bits = int(length or 0) if not length or (length.isascii() and length.isdigit()) else -1
    if slash and not 0 <= bits <= ones.bit_length():
        raise BadUsage("Invalid netmask")
    mask = ones ^ ones >> bits if slash else ones
    return Network(family, address & mask, mask, bool(slash))


def network_and_port(text: str, option: str) -> tuple[Network, int | None]:
    """`10.0.0.1:80`, `[2001:db8::1]:80`, or without a port. Raises BadUsage."""
    word, port_text = _split(text)
    port = None
    if port_text is not None:
        if not port_text:
            raise BadUsage("No port specified after `:'")
        if not (port_text.isascii() and port_text.isdigit()) or int(port_text) > _MAX_PORT:
            raise BadUsage(f"Invalid port `{port_text}'")
        port = int(port_text)
    found = network(word)
    if found.has_length:
        raise BadUsage(f"CIDR notation unavailable for `--{option}'")
    return found, port


def _split(text: str) -> tuple[str, str | None]:
    """The address, and what stands behind the colon; what has several colons and no brackets is IPv6."""
    if not text.startswith("["):
        word, colon, port_text = text.partition(":")
        return (word, port_text) if colon and ":" not in port_text else (text, None)
    word, closing, tail = text[1:].partition("]")
    if not closing:
        raise BadUsage("No closing ']' around IPv6 address")
    if not word:
        raise BadUsage("No IPv6 address specified")
    return (word, tail[1:]) if tail.startswith(":") else (text, None)
