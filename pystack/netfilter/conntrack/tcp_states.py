"""What each TCP segment does to a connection's state, as a middlebox sees it.

Linux: net/netfilter/nf_conntrack_proto_tcp.c tcp_conntracks
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from pystack.wire.tcp import ACK, FIN, RST, SYN


class State(IntEnum):
    """Linux: enum tcp_conntrack; the last two are verdicts, no states."""

    NONE = 0
    SYN_SENT = 1  # a SYN was seen
    SYN_RECV = 2  # and the SYN-ACK
    ESTABLISHED = 3
    FIN_WAIT = 4  # a FIN was seen
    CLOSE_WAIT = 5  # and its ACK
    LAST_ACK = 6  # FINs from both
    TIME_WAIT = 7
    CLOSE = 8  # a RST was seen
    SYN_SENT2 = 9  # SYNs from both: they open simultaneously
    MAX = 10  # here: invalid
    IGNORE = 11  # here: let it through, change nothing; the peer knows better


class Flags(IntEnum):
    """What kind of segment it is. Linux: enum tcp_bit_set"""

    SYN = 0
    SYNACK = 1
    FIN = 2
    ACK = 3
    RST = 4
    NONE = 5


def kind_of(flags: int) -> Flags:
    """Linux: get_conntrack_index()"""
    if flags & RST:
        return Flags.RST
    if flags & SYN:
        return Flags.SYNACK if flags & ACK else Flags.SYN
    if flags & FIN:
        return Flags.FIN
    return Flags.ACK if flags & ACK else Flags.NONE


_NO, _SS, _SR, _ES, _FW = State.NONE, State.SYN_SENT, State.SYN_RECV, State.ESTABLISHED, State.FIN_WAIT
_CW, _LA, _TW, _CL, _S2 = State.CLOSE_WAIT, State.LAST_ACK, State.TIME_WAIT, State.CLOSE, State.SYN_SENT2
_IV, _IG = State.MAX, State.IGNORE

# By direction, kind of segment, and the state before.
TRANSITIONS: Final = (
    (  # original; before: NO   SS   SR   ES   FW   CW   LA   TW   CL   S2
        (_SS, _SS, _IG, _IG, _IG, _IG, _IG, _SS, _SS, _S2),  # SYN
        (_IV, _IV, _SR, _IV, _IV, _IV, _IV, _IV, _IV, _SR),  # SYN-ACK
        (_IV, _IV, _FW, _FW, _LA, _LA, _LA, _TW, _CL, _IV),  # FIN
        (_ES, _IV, _ES, _ES, _CW, _CW, _TW, _TW, _CL, _IV),  # ACK
        (_IV, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL),  # RST
        (_IV, _IV, _IV, _IV, _IV, _IV, _IV, _IV, _IV, _IV),  # none of them
    ),
    (  # reply
        (_IV, _S2, _IV, _IV, _IV, _IV, _IV, _SS, _IV, _S2),  # SYN
        (_IV, _SR, _IG, _IG, _IG, _IG, _IG, _IG, _IG, _SR),  # SYN-ACK
        (_IV, _IV, _FW, _FW, _LA, _LA, _LA, _TW, _CL, _IV),  # FIN
        (_IV, _IG, _SR, _ES, _CW, _CW, _TW, _TW, _CL, _IG),  # ACK
        (_IV, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL),  # RST
        (_IV, _IV, _IV, _IV, _IV, _IV, _IV, _IV, _IV, _IV),  # none of them
    ),
)
