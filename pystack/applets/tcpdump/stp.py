"""Spanning tree BPDUs."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.dump import visible
from pystack.applets.tcpdump.page import Page, flags_text

PROTOCOLS: Final = {0: "802.1d", 2: "802.1w", 3: "802.1s", 4: "802.1aq"}
RAPID: Final = 2
MULTIPLE: Final = (3, 4)
CONFIG: Final = 0x00
RAPID_CONFIG: Final = 0x02
TYPES: Final = {CONFIG: "Config", RAPID_CONFIG: "Rapid STP", 0x80: "Topology Change"}
FLAGS: Final = {
    0x01: "Topology change",
    0x02: "Proposal",
    0x10: "Learn",
    0x20: "Forward",
    0x40: "Agreement",
    0x80: "Topology change ACK",
}
ROLES: Final = ("Unknown", "Alternate", "Root", "Designated")
BPDU_LENGTH: Final = 36
MULTIPLE_LENGTH: Final = 102
CONFIGURATION_LENGTH: Final = 64  # of an MST BPDU
INSTANCE_LENGTH: Final = 16


def print_stp(page: Page, at: int, length: int) -> None:
    """tcpdump: print-stp.c stp_print()"""
    page.protocol = "stp"
    if length < 4:
        return page.invalid()
    if page.u16(at):
        return page.say(f"unknown STP version, length {length}")
    version = page.u8(at + 2)
    page.say(f"STP {PROTOCOLS.get(version, f'Unknown STP protocol (0x{version:02x})')}")
    if version not in PROTOCOLS:
        return
    kind = page.u8(at + 3)
    page.say(f", {TYPES.get(kind, f'Unknown BPDU Type (0x{kind:02x})')}")
    if kind == CONFIG:
        if length < BPDU_LENGTH - 1:
            return page.invalid()
        _print_config(page, at, length)
    elif kind == RAPID_CONFIG and version == RAPID:
        if length < BPDU_LENGTH:
            return page.invalid()
        _print_config(page, at, length)
    elif kind == RAPID_CONFIG and version in MULTIPLE:
        _print_multiple(page, at, length)


def _print_config(page: Page, at: int, length: int) -> None:
    flags = page.u8(at + 4)
    page.say(f", Flags [{flags_text(FLAGS, flags)}]")
    page.say(f", bridge-id {_bridge(page, at + 17)}.{page.u16(at + 25):04x}, length {length}")
    if not page.look.v:
        return
    page.say(_timers(page, at))
    page.say(f"\n\troot-id {_bridge(page, at + 5)}, root-pathcost {page.u32(at + 13)}")
    if page.u8(at + 2) == RAPID:
        page.say(f", port-role {_role(flags)}")


def _timers(page: Page, at: int) -> str:
    names = ("message-age", "max-age", "hello-time", "forwarding-delay")
    values = (page.u16(at + offset) / 256 for offset in (27, 29, 31, 33))
    return "\n\t" + ", ".join(f"{name} {value:.2f}s" for name, value in zip(names, values, strict=True))


def _print_multiple(page: Page, at: int, length: int) -> None:
    """tcpdump: print-stp.c stp_print_mstp_bpdu()

    Linux differs: nothing is said of the rest of an 802.1aq BPDU.
    """
    if length < MULTIPLE_LENGTH or page.u8(at + 35) != 0:
        return page.invalid()
    size = page.u16(at + 36)
    if length < BPDU_LENGTH + size + 2:
        return page.invalid()
    flags = page.u8(at + 4)
    page.say(f", CIST Flags [{flags_text(FLAGS, flags)}], length {length}")
    if not page.look.v:
        return
    page.say(f"\n\tport-role {_role(flags)}, CIST root-id {_bridge(page, at + 5)}")
    page.say(f", CIST ext-pathcost {page.u32(at + 13)}")
    page.say(f"\n\tCIST regional-root-id {_bridge(page, at + 17)}, CIST port-id {page.u16(at + 25):04x},")
    page.say(_timers(page, at))
    page.say(f"\n\tv3len {size}, MCID Name {_name(page, at + 39)}, rev {page.u16(at + 71)},")
    digest = "".join(f"{page.u32(at + offset):08x}" for offset in (73, 77, 81, 85))
    page.say(f"\n\t\tdigest {digest}, CIST int-root-pathcost {page.u32(at + 89)},")
    page.say(f"\n\tCIST bridge-id {_bridge(page, at + 93)}, CIST remaining-hops {page.u8(at + 101)}")
    for number in range(max(size - CONFIGURATION_LENGTH, 0) // INSTANCE_LENGTH):
        _print_instance(page, at + MULTIPLE_LENGTH + number * INSTANCE_LENGTH)


def _print_instance(page: Page, at: int) -> None:
    flags = page.u8(at)
    page.say(f"\n\tMSTI {page.u16(at + 1) & 0xFFF}, Flags [{flags_text(FLAGS, flags)}]")
    page.say(f", port-role {_role(flags)}")
    page.say(f"\n\t\tMSTI regional-root-id {_bridge(page, at + 1)}, pathcost {page.u32(at + 9)}")
    page.say(f"\n\t\tMSTI bridge-prio {page.u8(at + 13) >> 4}, port-prio {page.u8(at + 14) >> 4}")
    page.say(f", hops {page.u8(at + 15)}")


def _bridge(page: Page, at: int) -> str:
    octets = page.octets(at, 8)
    return f"{octets[:2].hex()}.{octets[2:].hex(':')}"


def _role(flags: int) -> str:
    return ROLES[flags >> 2 & 3]


def _name(page: Page, at: int) -> str:
    text = ""
    for place in range(at, at + 32):
        octet = page.u8(place)
        if octet == 0:
            break
        text += visible(octet)
    return text
