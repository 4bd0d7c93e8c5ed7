"""Octets as -x, -X and -A show them, and as they are shown where no printer knows better."""

from __future__ import annotations

from pystack.applets.tcpdump.page import Cut, Page

LINE: int = 16  # octets


def hex_and_ascii(page: Page, indent: str, at: int, length: int) -> None:
    """tcpdump: print-ascii.c hex_and_ascii_print()"""
    octets = page.data[at : at + min(length, page.left(at))]
    for offset in range(0, len(octets), LINE):
        line = octets[offset : offset + LINE]
        page.say(f"{indent}0x{offset:04x}: {_words(line):<40s}  {_graphic(line)}")
    if len(octets) < length:
        raise Cut


def hex_only(page: Page, indent: str, at: int, length: int) -> None:
    """tcpdump: print-ascii.c hex_print()"""
    octets = page.data[at : at + min(length, page.left(at))]
    for offset in range(0, len(octets), LINE):
        page.say(f"{indent}0x{offset:04x}: {_words(octets[offset : offset + LINE])}")
    if len(octets) < length:
        raise Cut


def ascii_only(page: Page, at: int, length: int) -> None:
    """tcpdump: print-ascii.c ascii_print()"""
    page.protocol = "ascii"
    octets = page.data[at : at + min(length, page.left(at))]
    page.say("\n")
    said = []
    for place, octet in enumerate(octets):
        if octet == 0x0D:
            # At the end of a line it does not belong there, in the middle it is a dot.
            if len(octets) - place - 1 > 1 and octets[place + 1] != 0x0A:
                said.append(".")
        elif 0x21 <= octet <= 0x7E or octet in (0x09, 0x0A, 0x20):
            said.append(chr(octet))
        else:
            said.append(".")
    page.say("".join(said))
    if len(octets) < length:
        raise Cut


def unknown(page: Page, at: int, length: int) -> None:
    """What no printer knows, unless the options say that octets are shown anyway or not at all."""
    if not page.look.suppresses_dump:
        hex_and_ascii(page, "\n\t", at, length)


def unknown_data(page: Page, at: int, indent: str, length: int) -> None:
    """Part of a packet that its printer does not know. tcpdump: util-print.c print_unknown_data()"""
    if at > page.end:
        page.say(f"{indent}Dissector error: print_unknown_data called with pointer past end of packet")
        return
    hex_only(page, indent, at, min(length, page.left(at)))


def visible(octet: int) -> str:
    """One octet of a text, as cat -v shows it. tcpdump: util-print.c fn_print_char()"""
    meta, octet = ("M-", octet & 0x7F) if octet > 0x7F else ("", octet)
    return meta + (chr(octet) if 0x20 <= octet <= 0x7E else "^" + chr(octet ^ 0x40))


def _words(octets: bytes) -> str:
    return "".join(f" {octets[at : at + 2].hex()}" for at in range(0, len(octets), 2))


def _graphic(octets: bytes) -> str:
    return "".join(chr(octet) if 0x21 <= octet <= 0x7E else "." for octet in octets)
