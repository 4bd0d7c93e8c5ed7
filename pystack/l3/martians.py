"""What `log_martians` writes into the kernel's log about packets that cannot be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.drop import DropReason
from pystack.l3.conf import Confs
from pystack.l3.source_check import Arrival
from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import address_text

_OFFSET: Final = "00000000"  # of the dump; a link header fits into its only line


class MartianLog:
    """Linux: net/ipv4/route.c ip_handle_martian_source()"""

    def __init__(self, confs: Confs, log: Callable[..., None]) -> None:
        self._confs = confs
        self._log = log  # not more often than a log can stand

    def source(self, arrival: Arrival, reason: DropReason) -> DropReason:
        """Nobody can have sent this; the kernel names the destination first."""
        if self._is_wanted(arrival):
            daddr, saddr = address_text(arrival.daddr), address_text(arrival.saddr)
            said = [f"IPv4: martian source {daddr} from {saddr}, on dev {arrival.dev.name}"]
            if arrival.pkt is not None:
                said.append(f"ll header: {_OFFSET}: {_link_header(arrival.pkt)}")
            self._log(*said)
        return reason

    def destination(self, arrival: Arrival, reason: DropReason) -> DropReason:
        """Nobody can be meant by this."""
        if self._is_wanted(arrival):
            daddr, saddr = address_text(arrival.daddr), address_text(arrival.saddr)
            self._log(f"IPv4: martian destination {daddr} from {saddr}, dev {arrival.dev.name}")
        return reason

    def _is_wanted(self, arrival: Arrival) -> bool:
        return bool(self._confs.all.log_martians or self._confs.of(arrival.dev).log_martians)


def _link_header(pkt: Packet) -> str:
    header = pkt.data[pkt.mac_header : pkt.mac_header + ETH_HLEN]
    return bytes(header).hex(" ")
