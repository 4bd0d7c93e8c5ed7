"""802.2 headers and SNAP, behind an 802.3 length field or in a cooked capture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pystack.applets.tcpdump import stp
from pystack.applets.tcpdump.dump import hex_and_ascii
from pystack.applets.tcpdump.page import Page
from pystack.applets.tcpdump.tables import (
    ETHERTYPES,
    LLC_COMMANDS,
    LLC_SAPS,
    LLC_SUPERVISORY,
    OUIS,
    SNAP_BRIDGED,
    SNAP_CISCO,
)
from pystack.wire.ethernet import ETH_P_IP

GROUP: Final = 1  # the lowest bit of a DSAP; of an SSAP it says "response"
UNNUMBERED: Final = 3
POLL: Final = 0x10
POLL_IS: Final = 0x0100  # where the control field has two octets
UI: Final = 0x03
XID: Final = 0xAF
XID_FORMAT: Final = 0x81
SAP_SNAP: Final = 0xAA
SAP_STP: Final = 0x42
SAP_IP: Final = 0x06

OUI_ENCAP_ETHER: Final = 0x000000
OUI_CISCO: Final = 0x00000C
OUI_CISCO_90: Final = 0x0000F8
OUI_RFC2684: Final = 0x0080C2
OUI_APPLETALK: Final = 0x080007
PID_BPDU: Final = 0x000E
PIDS_STP: Final = (0x010B, 0x010C)

SNAP_TYPES: Final[dict[int, Mapping[int, str]]] = {
    OUI_ENCAP_ETHER: ETHERTYPES,
    OUI_CISCO_90: ETHERTYPES,
    OUI_APPLETALK: ETHERTYPES,
    OUI_CISCO: SNAP_CISCO,
    OUI_RFC2684: SNAP_BRIDGED,
}


@dataclass(frozen=True, slots=True)
class Macs:
    """The addresses of the frame around, as text."""

    source: str
    destination: str


def print_llc(page: Page, at: int, length: int, macs: Macs | None) -> int:
    """The length of the header; negative if what follows it was not printed.

    tcpdump: print-llc.c llc_print()
    """
    page.protocol = "llc"
    is_short = min(page.left(at), length) < 3
    if not is_short:
        unnumbered = page.u8(at + 2) & UNNUMBERED == UNNUMBERED
        is_short = not unnumbered and min(page.left(at), length) < 4
    if is_short:
        page.truncated()
        hex_and_ascii(page, "\n\t", at, page.left(at))
        return min(page.left(at), length)
    control = page.u8(at + 2) if unnumbered else int.from_bytes(page.octets(at + 2, 2), "little")
    header = Header(page.u8(at), page.u8(at + 1), control, unnumbered)
    if page.look.e:
        page.say(header.long_text())
    at += header.length
    length -= header.length
    if control == UI and header.dsap == header.ssap:
        if header.dsap == SAP_SNAP:
            return (header.length + 5) * (1 if print_snap(page, at, length, macs) else -1)
        if header.dsap == SAP_STP:
            stp.print_stp(page, at, length)
            return header.length
        if header.dsap == SAP_IP:
            page.protocols.network[ETH_P_IP](page, at, length)
            return header.length
    if not page.look.e:
        page.say(header.short_text(macs))
    return _print_control(page, header, at, length)


@dataclass(frozen=True, slots=True)
class Header:
    """The fields of one 802.2 header."""

    dsap_field: int
    ssap_field: int
    control: int
    unnumbered: bool

    @property
    def length(self) -> int:
        return 3 if self.unnumbered else 4

    @property
    def dsap(self) -> int:
        return self.dsap_field & ~GROUP

    @property
    def ssap(self) -> int:
        return self.ssap_field & ~GROUP

    def long_text(self) -> str:
        """With -e."""
        control = f"0x{self.control:02x}" if self.unnumbered else f"0x{self.control:04x}"
        return (
            f"LLC, dsap {LLC_SAPS.get(self.dsap, 'Unknown')} (0x{self.dsap:02x}) "
            f"{'Group' if self.dsap_field & GROUP else 'Individual'}, "
            f"ssap {LLC_SAPS.get(self.ssap, 'Unknown')} (0x{self.ssap:02x}) "
            f"{'Response' if self.ssap_field & GROUP else 'Command'}, ctrl {control}: "
        )

    def short_text(self, macs: Macs | None) -> str:
        """Without -e, where no printer knows what follows."""
        dsap = LLC_SAPS.get(self.dsap, f"Unknown DSAP 0x{self.dsap:02x}")
        ssap = LLC_SAPS.get(self.ssap, f"Unknown SSAP 0x{self.ssap:02x}")
        if self.dsap == self.ssap:
            return f"{dsap} " if macs is None else f"{macs.source} > {macs.destination} {dsap} "
        if macs is None:
            return f"{ssap} > {dsap} "
        return f"{macs.source} {ssap} > {macs.destination} {dsap} "

    def flags(self, poll: int) -> str:
        """Who asks, who ends."""
        if self.control & poll:
            return "Final" if self.ssap_field & GROUP else "Poll"
        return "Response" if self.ssap_field & GROUP else "Command"


def _print_control(page: Page, header: Header, at: int, length: int) -> int:
    control = header.control
    whole = length + header.length
    if header.unnumbered:
        command = LLC_COMMANDS.get(control & 0xEF, f"{control & 0xEF:02x}")
        page.say(f"Unnumbered, {command}, Flags [{header.flags(POLL)}], length {whole}")
        return header.length if _print_xid(page, control, at, length) else -header.length
    received, flags = control >> 9 & 0x7F, header.flags(POLL_IS)
    if control & 1:
        what = LLC_SUPERVISORY[control >> 2 & 3]
        page.say(f"Supervisory, {what}, rcv seq {received}, Flags [{flags}], length {whole}")
        return header.length
    sent = control >> 1 & 0x7F
    page.say(f"Information, send seq {sent}, rcv seq {received}, Flags [{flags}], length {whole}")
    return -header.length


def _print_xid(page: Page, control: int, at: int, length: int) -> bool:
    """The rest of an exchange of identification; whether it was one."""
    if control & ~POLL != XID:
        return False
    if length == 0:
        return True
    if not page.has(at, 1):
        page.truncated()
        return True
    if page.u8(at) != XID_FORMAT:
        return False
    if min(page.left(at), length) < 3:
        page.truncated()
        hex_and_ascii(page, "\n\t", at, page.left(at))
    else:
        page.say(f": {page.u8(at + 1):02x} {page.u8(at + 2):02x}")
    return True


def print_snap(page: Page, at: int, length: int, macs: Macs | None) -> bool:
    """Whether what follows was printed. tcpdump: print-llc.c snap_print()"""
    page.protocol = "snap"
    if not page.has(at, 5) or length < 5:
        page.truncated()
        return True
    oui, kind = page.u24(at), page.u16(at + 3)
    known = SNAP_TYPES.get(oui, {}).get(kind, "Unknown")
    if page.look.e:
        what = "ethertype" if oui == OUI_ENCAP_ETHER else "pid"
        maker = OUIS.get(oui, "Unknown")
        page.say(f"oui {maker} (0x{oui:06x}), {what} {known} (0x{kind:04x}), length {length - 5}: ")
    at += 5
    length -= 5
    if oui in (OUI_ENCAP_ETHER, OUI_CISCO_90) and (printer := page.protocols.network.get(kind)):
        printer(page, at, length)
        return True
    if (oui == OUI_CISCO and kind in PIDS_STP) or (oui == OUI_RFC2684 and kind == PID_BPDU):
        stp.print_stp(page, at, length)
        return True
    if not page.look.e:
        if macs is not None:
            page.say(f"{macs.source} > {macs.destination} ")
        if oui == OUI_ENCAP_ETHER:
            page.say(f"SNAP, ethertype {known} (0x{kind:04x}), length {length}: ")
        else:
            maker = OUIS.get(oui, "Unknown")
            page.say(f"SNAP, oui {maker} (0x{oui:06x}), pid {known} (0x{kind:04x}), length {length}: ")
    return False
