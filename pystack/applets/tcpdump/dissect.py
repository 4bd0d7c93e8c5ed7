"""A captured frame to its lines of text: who prints what, and what is done where a packet ends too early."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump import dump
from pystack.applets.tcpdump.arp import print_arp
from pystack.applets.tcpdump.cooked import print_cooked
from pystack.applets.tcpdump.ethernet import print_frame
from pystack.applets.tcpdump.icmp import print_icmp
from pystack.applets.tcpdump.icmp6 import IPPROTO_ICMPV6, print_icmp6
from pystack.applets.tcpdump.igmp import print_igmp
from pystack.applets.tcpdump.ip import print_ip
from pystack.applets.tcpdump.ip6 import print_ip6
from pystack.applets.tcpdump.link import EN10MB, LINUX_SLL2, NFLOG, LinkType
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.nflog import print_nflog
from pystack.applets.tcpdump.page import Cut, Look, Memory, Page, Protocols
from pystack.applets.tcpdump.stamp import Stamps
from pystack.applets.tcpdump.tcp import print_tcp
from pystack.applets.tcpdump.tunnel import print_esp, print_ip6_in_ip, print_ip_in_ip, print_nothing
from pystack.applets.tcpdump.udp import print_udp
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP

PROTOCOLS: Final = Protocols(
    network={
        ETH_P_IP: print_ip,
        ETH_P_IPV6: print_ip6,
        ETH_P_ARP: print_arp,
        ETH_P_RARP: print_arp,
    },
    transport={
        IPPROTO_ICMP: print_icmp,
        IPPROTO_IGMP: print_igmp,
        4: print_ip_in_ip,
        IPPROTO_TCP: print_tcp,
        IPPROTO_UDP: print_udp,
        41: print_ip6_in_ip,
        50: print_esp,
        IPPROTO_ICMPV6: print_icmp6,
        59: print_nothing,
    },
)
MAXIMUM_SNAPLEN: Final = 262_144
_PRINTERS: Final = {EN10MB: print_frame, LINUX_SLL2: print_cooked, NFLOG: print_nflog}


class Dissector:
    """Prints packet after packet; remembers conversations and the time of the last."""

    def __init__(self, look: Look, names: Names, link: LinkType = EN10MB) -> None:
        self._look = look
        self._names = names
        self._print_link = _PRINTERS[link]
        self._memory = Memory()
        self._stamps = Stamps(look)
        self._number = 0

    def text(self, time: int, frame: bytes, length: int) -> str:
        """All lines of a frame captured at `time` (nanoseconds): `frame` was kept of its `length` octets.

        tcpdump: print.c pretty_print_packet()
        """
        self._number += 1
        number = f"{self._number:5d}  " if self._look.number else ""
        if complaint := _complaint(len(frame), length):
            return f"{number}[Invalid header:{complaint}]\n"
        page = Page(frame, self._look, self._names, self._memory, PROTOCOLS)
        page.say(number + self._stamps.text(time))
        try:
            self._print_link(page, length)
        except Cut:
            page.truncated()
            page.link_length = 0
        page.end = len(frame)
        self._print_octets(page)
        page.say("\n")
        return "".join(page.said)

    def _print_octets(self, page: Page) -> None:
        """-X, -x and -A: from behind the link header, or all of it if the letter was given twice."""
        look = self._look
        twice = look.X > 1 if look.X else look.x > 1 if look.x else look.A > 1
        start = 0 if twice else page.link_length
        length = len(page.data) - start
        if length <= 0:
            return
        if look.X:
            dump.hex_and_ascii(page, "\n\t", start, length)
        elif look.x:
            dump.hex_only(page, "\n\t", start, length)
        elif look.A:
            dump.ascii_only(page, start, length)


def _complaint(kept: int, length: int) -> str:
    complaints = []
    if kept == 0:
        complaints.append(" caplen==0")
    if length == 0:
        complaints.append(" len==0")
    elif length < kept:
        complaints.append(f" len({length}) < caplen({kept})")
    if kept > MAXIMUM_SNAPLEN:
        complaints.append(f" caplen({kept}) > {MAXIMUM_SNAPLEN}")
    if length > MAXIMUM_SNAPLEN:
        complaints.append(f" len({length}) > {MAXIMUM_SNAPLEN}")
    return ",".join(complaints)
