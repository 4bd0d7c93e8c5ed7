"""How a packet stands to its connection, and what a connection has been through; Linux's numbers.

Linux: include/uapi/linux/netfilter/nf_conntrack_common.h
"""

from __future__ import annotations

from typing import Final

# Directions.
ORIGINAL: Final = 0
REPLY: Final = 1

# How a packet stands to its connection: `Packet.ctinfo`.
IP_CT_ESTABLISHED: Final = 0
IP_CT_RELATED: Final = 1
IP_CT_NEW: Final = 2
IP_CT_IS_REPLY: Final = 3  # this and above: in reply direction
IP_CT_ESTABLISHED_REPLY: Final = IP_CT_ESTABLISHED + IP_CT_IS_REPLY
IP_CT_RELATED_REPLY: Final = IP_CT_RELATED + IP_CT_IS_REPLY
IP_CT_UNTRACKED: Final = 7  # and there is no connection

# What a connection has been through: `Conn.status`.
IPS_EXPECTED: Final = 1 << 0
IPS_SEEN_REPLY: Final = 1 << 1
IPS_ASSURED: Final = 1 << 2
IPS_CONFIRMED: Final = 1 << 3
IPS_SRC_NAT: Final = 1 << 4
IPS_DST_NAT: Final = 1 << 5
IPS_SEQ_ADJUST: Final = 1 << 6
IPS_SRC_NAT_DONE: Final = 1 << 7
IPS_DST_NAT_DONE: Final = 1 << 8
IPS_DYING: Final = 1 << 9
IPS_FIXED_TIMEOUT: Final = 1 << 10
IPS_TEMPLATE: Final = 1 << 11
IPS_NAT_CLASH: Final = 1 << 12
IPS_HELPER: Final = 1 << 13

# What a rule may ask a packet for. Linux: include/uapi/linux/netfilter/xt_conntrack.h
STATE_INVALID: Final = 1 << 0
STATE_ESTABLISHED: Final = 1 << 1
STATE_RELATED: Final = 1 << 2
STATE_NEW: Final = 1 << 3
STATE_SNAT: Final = 1 << 6
STATE_DNAT: Final = 1 << 7
STATE_UNTRACKED: Final = 1 << 8


def state_bit(ctinfo: int) -> int:
    """Linux: XT_CONNTRACK_STATE_BIT()"""
    return 1 << ctinfo % IP_CT_IS_REPLY + 1


def direction(ctinfo: int) -> int:
    """Linux: CTINFO2DIR()"""
    return REPLY if ctinfo >= IP_CT_IS_REPLY else ORIGINAL
