"""Payloads of IP that are packets themselves, or that cannot be read."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.page import Carrier, Page
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6

ESP_HEADER_LENGTH: Final = 8


def print_ip_in_ip(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """Protocol 4."""
    page.protocols.network[ETH_P_IP](page, at, length)


def print_ip6_in_ip(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """Protocol 41."""
    page.protocols.network[ETH_P_IPV6](page, at, length)


def print_esp(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """tcpdump: print-esp.c esp_print(), without secrets"""
    page.protocol = "esp"
    if page.left(at) <= ESP_HEADER_LENGTH:
        return page.truncated()
    page.say(f"ESP(spi=0x{page.u32(at):08x},seq=0x{page.u32(at + 4):x}), length {length}")


def print_nothing(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """Protocol 59."""
    page.say("no next header")
