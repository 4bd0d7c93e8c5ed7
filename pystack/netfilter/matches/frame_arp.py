"""What ebtables asks of ARP packets: addresses, whose place depends on how long they are said to be.

Linux: net/bridge/netfilter/ebt_arp.c ebt_arp_mt()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.rule import Match
from pystack.netfilter.view import View
from pystack.wire.arp import ARPHRD_ETHER
from pystack.wire.ethernet import ETH_ALEN, ETH_P_IP

HEADER: Final = 8  # octets before the addresses
_IPV4: Final = 4


def ip_addresses(view: View) -> tuple[int, int] | None:
    """The sender's and the target's; None unless both are IPv4 and there."""
    header = view.octets(0, HEADER)
    if header is None or header[5] != _IPV4 or int.from_bytes(header[2:4], "big") != ETH_P_IP:
        return None
    sender = view.octets(HEADER + header[4], _IPV4)
    target = view.octets(HEADER + 2 * header[4] + _IPV4, _IPV4)
    if sender is None or target is None:
        return None
    return int.from_bytes(sender, "big"), int.from_bytes(target, "big")


@dataclass(frozen=True, slots=True)
class ArpIp(Match):
    """`--arp-ip-src`, `--arp-ip-dst`"""

    network: int
    mask: int
    inverted: bool = False
    of_target: bool = False

    def __call__(self, view: View) -> bool:
        """Whether the address is in the network."""
        found = ip_addresses(view)
        return found is not None and (found[self.of_target] & self.mask == self.network) != self.inverted


@dataclass(frozen=True, slots=True)
class Gratuitous(Match):
    """`--arp-gratuitous`: somebody asks for himself."""

    inverted: bool = False

    def __call__(self, view: View) -> bool:
        """Whether both addresses are the same."""
        found = ip_addresses(view)
        return found is not None and (found[0] == found[1]) != self.inverted


@dataclass(frozen=True, slots=True)
class ArpMac(Match):
    """`--arp-mac-src`, `--arp-mac-dst`"""

    address: int
    mask: int
    inverted: bool = False
    of_target: bool = False

    def __call__(self, view: View) -> bool:
        """Whether Ethernet's address is that."""
        header = view.octets(0, HEADER)
        if header is None or header[4] != ETH_ALEN or int.from_bytes(header[:2], "big") != ARPHRD_ETHER:
            return False
        found = view.octets(HEADER + (header[4] + header[5] if self.of_target else 0), ETH_ALEN)
        if found is None:
            return False
        return (int.from_bytes(found, "big") & self.mask == self.address) != self.inverted
