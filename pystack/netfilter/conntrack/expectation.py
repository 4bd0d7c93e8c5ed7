"""A connection that is to come, because those who will open it agreed on it over another one."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final
from zlib import crc32

from pystack.netfilter.conntrack.conn import Conn, Zone
from pystack.netfilter.conntrack.tuples import Tuple, all_ones

# Linux: include/uapi/linux/netfilter/nf_conntrack_common.h NF_CT_EXPECT_*
PERMANENT: Final = 0x1
INACTIVE: Final = 0x2
USERSPACE: Final = 0x4

_ANY_PORT: Final = 0


class Refusal(Enum):
    """Why a connection cannot be expected. Linux: the errnos of __nf_ct_expect_check()"""

    BUSY = "busy"  # another one is expected there
    ALREADY = "already"  # the same one, by another connection
    FULL = "full"
    NO_HELP = "no help"


Follow = Callable[[Conn, "Expectation"], None]


class Expectation:
    """Linux: struct nf_conntrack_expect

    Where it leads is known, address and port; where it comes from, as far as the masks say.
    """

    __slots__ = (
        "address_mask",
        "expires",
        "flags",
        "follow",
        "master",
        "port_mask",
        "saved_direction",
        "saved_port",
        "tuple",
        "zone",
    )

    def __init__(
        self, master: Conn, flow: Tuple, *, address_mask: int | None = None, port_mask: int = _ANY_PORT
    ) -> None:
        self.master = master
        self.tuple = flow
        self.address_mask = all_ones(flow.family) if address_mask is None else address_mask  # of the source
        self.port_mask = port_mask
        self.zone: Zone = master.zone
        self.expires = 0  # in jiffies
        self.flags = 0
        self.saved_port = 0  # where it was expected before an address was translated
        self.saved_direction = 0
        self.follow: Follow | None = None  # who translates it as its master. Linux: expectfn

    @property
    def id(self) -> int:
        """A number to tell it by. Linux differs: as with Conn.id"""
        return crc32(self.tuple.key + self.master.original)

    def covers(self, flow: Tuple, zone: Zone) -> bool:
        """Linux: net/netfilter/nf_conntrack_expect.c nf_ct_exp_equal()"""
        return self.zone.number == zone.number and self._fits(flow, self.address_mask, self.port_mask)

    def clashes_with(self, other: Expectation) -> bool:
        """Whether there may be a packet that both cover. Linux: expect_clash()"""
        masks = self.address_mask & other.address_mask, self.port_mask & other.port_mask
        return self.zone.number == other.zone.number and self._fits(other.tuple, *masks)

    def equals(self, other: Expectation) -> bool:
        """Linux: expect_matches()"""
        mine = (self.tuple, self.address_mask, self.port_mask, self.zone.number)
        return mine == (other.tuple, other.address_mask, other.port_mask, other.zone.number)

    def _fits(self, flow: Tuple, address_mask: int, port_mask: int) -> bool:
        """Linux: nf_ct_tuple_mask_cmp()"""
        mine = self.tuple
        if (mine.protocol, mine.daddr, mine.dport) != (flow.protocol, flow.daddr, flow.dport):
            return False
        return not ((mine.saddr ^ flow.saddr) & address_mask or (mine.sport ^ flow.sport) & port_mask)
