"""ARP and reverse ARP, over any link whose addresses have a length."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.dump import hex_and_ascii
from pystack.applets.tcpdump.page import Page
from pystack.applets.tcpdump.tables import ETHERTYPE_TRAIL, ETHERTYPES
from pystack.wire.ethernet import ETH_P_IP

HEADER_LENGTH: Final = 8
HARDWARE: Final = {
    1: "Ethernet",
    6: "TokenRing",
    7: "ArcNet",
    15: "FrameRelay",
    23: "Strip",
    24: "IEEE 1394",
    19: "ATM",
    32: "InfiniBand",
}
REQUEST, REPLY, REVERSE_REQUEST, REVERSE_REPLY, INVERSE_REQUEST, INVERSE_REPLY = 1, 2, 3, 4, 8, 9
OPERATIONS: Final = {
    REQUEST: "Request",
    REPLY: "Reply",
    REVERSE_REQUEST: "Reverse Request",
    REVERSE_REPLY: "Reverse Reply",
    INVERSE_REQUEST: "Inverse Request",
    INVERSE_REPLY: "Inverse Reply",
    10: "NACK Reply",
}


def print_arp(page: Page, at: int, length: int) -> None:
    """tcpdump: print-arp.c arp_print()

    Linux differs: ATM ARP and the Frame Relay form of addresses are not known, and shown as others are.
    """
    page.protocol = "arp"
    page.need(at, HEADER_LENGTH)
    hardware, protocol = page.u16(at), page.u16(at + 2)
    hlen, plen, operation = page.u8(at + 4), page.u8(at + 5), page.u16(at + 6)
    page.need(at + HEADER_LENGTH, 2 * (hlen + plen))
    if not page.look.e:
        page.say("ARP, ")
    is_strange = protocol not in (ETH_P_IP, ETHERTYPE_TRAIL) or plen != 4 or hlen == 0
    if is_strange or page.look.v:
        page.say(
            f"{HARDWARE.get(hardware, f'Unknown Hardware ({hardware})')} (len {hlen}), "
            f"{ETHERTYPES.get(protocol, f'Unknown Protocol (0x{protocol:04x})')} (len {plen})"
        )
        if not page.look.v:
            return page.say(f", length {length}")
    page.say(f"{', ' if page.look.v else ''}{OPERATIONS.get(operation, f'Unknown ({operation})')} ")
    question = _question(page, at, operation)
    if question is None:
        return hex_and_ascii(page, "\n\t", at, page.left(at))
    page.say(f"{question}, length {length}")


def _question(page: Page, at: int, operation: int) -> str | None:
    """Who asks or tells what; None for operations that have no words."""
    hlen, plen = page.u8(at + 4), page.u8(at + 5)
    sha = at + HEADER_LENGTH
    spa = sha + hlen
    tha = spa + plen
    tpa = tha + hlen
    if operation == REQUEST:
        target = page.octets(tha, hlen)
        known = f" ({page.link_address(tha, hlen)})" if any(target) else ""
        return f"who-has {_protocol(page, at, tpa)}{known} tell {_protocol(page, at, spa)}"
    if operation == REPLY:
        return f"{_protocol(page, at, spa)} is-at {page.link_address(sha, hlen)}"
    if operation in (REVERSE_REQUEST, INVERSE_REQUEST):
        return f"who-is {page.link_address(tha, hlen)} tell {page.link_address(sha, hlen)}"
    if operation == REVERSE_REPLY:
        return f"{page.link_address(tha, hlen)} at {_protocol(page, at, tpa)}"
    if operation == INVERSE_REPLY:
        return f"{page.link_address(sha, hlen)} at {_protocol(page, at, spa)}"
    return None


def _protocol(page: Page, at: int, address: int) -> str:
    if page.u16(at + 2) not in (ETH_P_IP, ETHERTYPE_TRAIL):
        return "<wrong proto type>"
    return page.ip(address) if page.u8(at + 5) == 4 else "<wrong len>"
