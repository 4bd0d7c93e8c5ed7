"""What a rule wants a connection's source or destination to become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.hooks import INPUT, POSTROUTING

# What is changed. Linux: enum nf_nat_manip_type
MANIP_SRC: Final = 0
MANIP_DST: Final = 1


@dataclass(frozen=True, slots=True)
class NatRange:
    """Addresses and ports, ends included; None where anything is right. Linux: struct nf_nat_range2"""

    addresses: tuple[int, int] | None = None
    ports: tuple[int, int] | None = None  # of ICMP the id
    base_port: int | None = None  # ports are shifted from here on to the first of `ports`
    random: bool = False
    persistent: bool = False  # the address depends on who asks alone, not on whom

    def holds_address(self, address: int) -> bool:
        """Linux: nf_nat_inet_in_range()"""
        return self.addresses is None or self.addresses[0] <= address <= self.addresses[1]

    def holds_port(self, port: int) -> bool:
        """Linux: l4proto_in_range()"""
        return self.ports is None or self.ports[0] <= port <= self.ports[1]


def manip_of(hook: int) -> int:
    """What is changed at a hook. Linux: HOOK2MANIP()"""
    return MANIP_SRC if hook in (INPUT, POSTROUTING) else MANIP_DST
