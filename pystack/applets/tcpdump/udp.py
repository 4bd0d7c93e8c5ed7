"""UDP headers.

Linux differs: tcpdump decodes what some ports carry (DNS, DHCP, NTP …); here every payload is a length.
"""

from __future__ import annotations

from pystack.applets.tcpdump.page import Carrier, Page, residue, should_be
from pystack.applets.tcpdump.pseudo_header import pseudo_header
from pystack.wire.ipv4 import IPPROTO_UDP
from pystack.wire.udp import HEADER_LENGTH


def print_udp(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """tcpdump: print-udp.c udp_print()"""
    page.protocol = "udp"
    if not page.has(at + 2, 2):
        page.say(addresses(page, carrier, IPPROTO_UDP))
        return page.truncated()
    ports = (page.udp_port(page.u16(at)), page.udp_port(page.u16(at + 2)))
    page.say(addresses(page, carrier, IPPROTO_UDP, ports))
    if length < HEADER_LENGTH:
        return page.say(f"truncated-udp {length}")
    if not page.has(at + 4, 2):
        return page.truncated()
    said = page.u16(at + 4)
    if said == 0 and length > 0xFFFF:
        said = length
    if said < HEADER_LENGTH:
        return page.say(f"truncated-udplength {said}")
    said -= HEADER_LENGTH
    length = min(length - HEADER_LENGTH, said)
    if at + HEADER_LENGTH > page.end:
        return page.truncated()
    if page.look.v and not page.look.K and not carrier.fragmented:
        _print_checksum(page, at, length, carrier)
    if said > length and not carrier.fragmented:
        page.say(f"UDP, bad length {said} > {length}")
    else:
        page.say(f"UDP, length {said}")


def _print_checksum(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """IPv4 shows it with -vv, IPv6 with -v."""
    if carrier.version == 4 and page.look.v < 2:
        return
    check = page.u16(at + 6)
    if carrier.version == 4 and check == 0:
        return page.say("[no cksum] ")
    whole = length + HEADER_LENGTH
    if not page.has(at, whole):
        return
    wrong_by = residue(pseudo_header(page, carrier, whole, IPPROTO_UDP), page.octets(at, whole))
    if wrong_by:
        page.say(f"[bad udp cksum 0x{check:04x} -> 0x{should_be(check, wrong_by):04x}!] ")
    else:
        page.say("[udp sum ok] ")


def addresses(page: Page, carrier: Carrier, protocol: int, ports: tuple[str, str] | None = None) -> str:
    """`10.0.0.1.53 > 10.0.0.2.53: `; behind an extension header only the ports."""
    if carrier.version == 4:
        source, destination = page.ip(carrier.at + 12), page.ip(carrier.at + 16)
    else:
        source, destination = page.ip6(carrier.at + 8), page.ip6(carrier.at + 24)
    if ports is None:
        return f"{source} > {destination}: " if carrier.protocol == protocol else ""
    if carrier.protocol != protocol:
        return f"{ports[0]} > {ports[1]}: "
    return f"{source}.{ports[0]} > {destination}.{ports[1]}: "
