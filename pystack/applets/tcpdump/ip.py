"""IPv4 headers, and the hand-over to what they carry."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.ip_options import print_options
from pystack.applets.tcpdump.page import Carrier, Cut, Page, flags_text, residue, should_be
from pystack.applets.tcpdump.tables import IP_PROTOCOLS, PROTOCOL_NAMES
from pystack.wire.ipv4 import HEADER_LENGTH, IP_DF, IP_MF, IP_OFFSET, IPPROTO_TCP, IPPROTO_UDP

IP_RES: Final = 0x8000
FRAGMENT_FLAGS: Final = {IP_MF: "+", IP_DF: "DF", IP_RES: "rsvd"}
ECN: Final = ("", ",ECT(1)", ",ECT(0)", ",CE")
IPPROTO_DCCP: Final = 33
IPPROTO_SCTP: Final = 132
# These say the addresses themselves, together with their ports.
WITH_PORTS: Final = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_DCCP)


def print_ip(page: Page, at: int, length: int) -> None:
    """tcpdump: print-ip.c ip_print()"""
    page.protocol = "ip"
    version = page.u8(at) >> 4
    if version != 4:
        page.say("IP6, wrong link-layer encapsulation" if version == 6 else f"IP{version}")
        return page.invalid()
    if not page.look.e:
        page.say("IP ")
    if not page.has(at, HEADER_LENGTH):
        return page.truncated()
    if length < HEADER_LENGTH:
        return page.say(f"truncated-ip {length}")
    hlen = (page.u8(at) & 15) * 4
    if hlen < HEADER_LENGTH:
        return page.say(f"bad-hlen {hlen}")
    total = page.u16(at + 2)
    if length < total:
        page.say(f"truncated-ip - {total - length} bytes missing! ")
    if total < hlen:
        return page.say(f"bad-len {total}")
    before = page.reach(at + total)
    if not page.look.v or _print_details(page, at, hlen):
        _print_payload(page, at, hlen, total - hlen)
    page.end = before


def _print_details(page: Page, at: int, hlen: int) -> bool:
    """What -v adds in front; whether there is more to say."""
    tos, ttl, protocol, offset = page.u8(at + 1), page.u8(at + 8), page.u8(at + 9), page.u16(at + 6)
    page.say(f"(tos 0x{tos:x}{ECN[tos & 3]}")
    if ttl:
        page.say(f", ttl {ttl}")
    page.say(
        f", id {page.u16(at + 4)}, offset {(offset & IP_OFFSET) * 8}, "
        f"flags [{flags_text(FRAGMENT_FLAGS, offset)}], "
        f"proto {IP_PROTOCOLS.get(protocol, 'unknown')} ({protocol}), length {page.u16(at + 2)}"
    )
    is_whole = True
    if hlen > HEADER_LENGTH:
        page.say(", options (")
        is_whole = print_options(page, at + HEADER_LENGTH, hlen - HEADER_LENGTH)
        page.say(")" if is_whole else " [truncated-option])")
    if not page.look.K and page.has(at, hlen):
        wrong_by = residue(page.octets(at, hlen))
        if wrong_by:
            check = page.u16(at + 10)
            page.say(f", bad cksum {check:x} (->{should_be(check, wrong_by):x})!")
    page.say(")\n    ")
    if not is_whole:
        page.say(f"{page.ip(at + 12)} > {page.ip(at + 16)}: ")
        page.truncated()
    return is_whole


def _print_payload(page: Page, at: int, hlen: int, length: int) -> None:
    offset, protocol = page.u16(at + 6), page.u8(at + 9)
    if offset & IP_OFFSET:
        if page.look.q < 2:
            page.say(f"{page.ip(at + 12)} > {page.ip(at + 16)}: {protocol_text(page, protocol)}")
        return
    if protocol not in WITH_PORTS:
        page.say(f"{page.ip(at + 12)} > {page.ip(at + 16)}: ")
    if not page.has(at, hlen):
        page.say(f" [remaining caplen({page.left(at)}) < header length({hlen})]")
        raise Cut
    carrier = Carrier(4, at, protocol, bool(offset & IP_MF), page.u8(at + 8))
    print_transport(page, at + hlen, length, carrier, protocol)


def print_transport(page: Page, at: int, length: int, carrier: Carrier, protocol: int) -> None:
    """tcpdump: print-ip-demux.c ip_demux_print()"""
    printer = page.protocols.transport.get(protocol)
    if printer is None:
        if protocol in WITH_PORTS:
            page.say(f"{_address(page, carrier, 12, 8)} > {_address(page, carrier, 16, 24)}:")
        page.say(f" {protocol_text(page, protocol)} {length}")
    else:
        printer(page, at, length, carrier)


def _address(page: Page, carrier: Carrier, at_4: int, at_6: int) -> str:
    return page.ip(carrier.at + at_4) if carrier.version == 4 else page.ip6(carrier.at + at_6)


def protocol_text(page: Page, protocol: int) -> str:
    """`ip-proto-132`, or a name without -n."""
    name = None if page.look.n else PROTOCOL_NAMES.get(protocol)
    return name or f"ip-proto-{protocol}"
