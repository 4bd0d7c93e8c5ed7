"""A packet as the rules of one hook look at it.

Made once for each base chain that a packet meets; what matches read again and again is taken out of the
packet then, everything else they ask the packet for.
"""

from __future__ import annotations

from pystack.device import NetDevice
from pystack.netfilter.hooks import HookState
from pystack.packet import Packet


class View:
    """Linux: include/linux/netfilter/x_tables.h struct xt_action_param"""

    __slots__ = (
        "_ports",
        "daddr",
        "fragment",
        "hook",
        "hotdrop",
        "indev",
        "inname",
        "length",
        "outdev",
        "outname",
        "pkt",
        "protocol",
        "saddr",
        "state",
        "transport",
    )

    def __init__(self, pkt: Packet, state: HookState) -> None:
        self.pkt = pkt
        self.state = state
        self.hook = state.hook
        self.indev = state.indev
        self.outdev = state.outdev
        self.inname = _name(state.indev)
        self.outname = _name(state.outdev)
        self.hotdrop = False  # a match that found a packet no rule may judge
        self.saddr = self.daddr = self.protocol = self.fragment = 0
        self.transport = pkt.transport_header
        self._ports: tuple[int, int] | bool = False  # False: not looked for yet, True: there are none
        self.length = len(pkt.data) - pkt.network_header  # what a rule's counter grows by

    @classmethod
    def of_ipv4(cls, pkt: Packet, state: HookState) -> View:
        """With what every rule of the ip family asks for.

        Linux: net/ipv4/netfilter/ip_tables.c ipt_do_table()
        """
        view = cls(pkt, state)
        header = pkt.ip
        assert header is not None, "no IPv4 packet comes to an ip hook unparsed"
        view.saddr = header.saddr
        view.daddr = header.daddr
        view.protocol = header.protocol
        view.fragment = header.frag_off & 0x1FFF
        view.transport = pkt.network_header + header.ihl
        return view

    @property
    def ports(self) -> tuple[int, int] | None:
        """The two numbers that TCP, UDP and SCTP begin with; None in later fragments, or if cut off."""
        if self._ports is False:
            found = None if self.fragment else self.transport_octets(4)
            self._ports = True if found is None else (found[0] << 8 | found[1], found[2] << 8 | found[3])
        return self._ports if isinstance(self._ports, tuple) else None

    @property
    def dport(self) -> int:
        """The port it is for; -1 if there is none. For the lookup of rules."""
        ports = self.ports
        return -1 if ports is None else ports[1]

    def octets(self, offset: int, count: int) -> bytes | None:
        """Some of what stands behind the network header's beginning; None if the packet is shorter."""
        start = self.pkt.network_header + offset
        found = bytes(self.pkt.data[start : start + count])
        return found if len(found) == count else None

    def transport_octets(self, count: int) -> bytes | None:
        """The beginning of the transport header; None if it is cut off."""
        found = bytes(self.pkt.data[self.transport : self.transport + count])
        return found if len(found) == count else None


def _name(dev: NetDevice | None) -> str:
    return "" if dev is None else dev.name
