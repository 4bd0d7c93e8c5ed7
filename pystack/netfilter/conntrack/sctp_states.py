"""What each SCTP chunk does to an association's state, as a middlebox sees it.

Linux: net/netfilter/nf_conntrack_proto_sctp.c sctp_conntracks
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final


class State(IntEnum):
    """Linux: enum sctp_conntrack"""

    NONE = 0
    CLOSED = 1
    COOKIE_WAIT = 2
    COOKIE_ECHOED = 3
    ESTABLISHED = 4
    SHUTDOWN_SENT = 5
    SHUTDOWN_RECD = 6
    SHUTDOWN_ACK_SENT = 7
    HEARTBEAT_SENT = 8
    MAX = 9  # here: invalid


class Chunk(IntEnum):
    """Those that matter. Linux: include/linux/sctp.h enum sctp_cid"""

    DATA = 0
    INIT = 1
    INIT_ACK = 2
    HEARTBEAT = 4
    HEARTBEAT_ACK = 5
    ABORT = 6
    SHUTDOWN = 7
    SHUTDOWN_ACK = 8
    ERROR = 9
    COOKIE_ECHO = 10
    COOKIE_ACK = 11
    SHUTDOWN_COMPLETE = 14


_CL, _CW, _CE, _ES = State.CLOSED, State.COOKIE_WAIT, State.COOKIE_ECHOED, State.ESTABLISHED
_SS, _SR, _SA = State.SHUTDOWN_SENT, State.SHUTDOWN_RECD, State.SHUTDOWN_ACK_SENT
_HS, _IV = State.HEARTBEAT_SENT, State.MAX

Row = tuple[State, ...]
# By direction, chunk, and the state before.
TRANSITIONS: Final[tuple[dict[int, Row], dict[int, Row]]] = (
    {  # original; before:      NO   CL   CW   CE   ES   SS   SR   SA   HS
        Chunk.INIT: (_CL, _CL, _CW, _CE, _ES, _CL, _CL, _SA, _CW),
        Chunk.INIT_ACK: (_CL, _CL, _CW, _CE, _ES, _SS, _SR, _SA, _CL),
        Chunk.ABORT: (_CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _CL),
        Chunk.SHUTDOWN: (_CL, _CL, _CW, _CE, _SS, _SS, _SR, _SA, _CL),
        Chunk.SHUTDOWN_ACK: (_SA, _CL, _CW, _CE, _ES, _SA, _SA, _SA, _SA),
        Chunk.ERROR: (_CL, _CL, _CW, _CE, _ES, _SS, _SR, _SA, _CL),
        Chunk.COOKIE_ECHO: (_CL, _CL, _CE, _CE, _ES, _SS, _SR, _SA, _CL),
        Chunk.COOKIE_ACK: (_CL, _CL, _CW, _ES, _ES, _SS, _SR, _SA, _CL),
        Chunk.SHUTDOWN_COMPLETE: (_CL, _CL, _CW, _CE, _ES, _SS, _SR, _CL, _CL),
        Chunk.HEARTBEAT: (_HS, _CL, _CW, _CE, _ES, _SS, _SR, _SA, _HS),
        Chunk.HEARTBEAT_ACK: (_CL, _CL, _CW, _CE, _ES, _SS, _SR, _SA, _HS),
    },
    {  # reply
        Chunk.INIT: (_IV, _CL, _CW, _CE, _ES, _SS, _SR, _SA, _IV),
        Chunk.INIT_ACK: (_IV, _CW, _CW, _CE, _ES, _SS, _SR, _SA, _IV),
        Chunk.ABORT: (_IV, _CL, _CL, _CL, _CL, _CL, _CL, _CL, _IV),
        Chunk.SHUTDOWN: (_IV, _CL, _CW, _CE, _SR, _SS, _SR, _SA, _IV),
        Chunk.SHUTDOWN_ACK: (_IV, _CL, _CW, _CE, _ES, _SA, _SA, _SA, _IV),
        Chunk.ERROR: (_IV, _CL, _CW, _CL, _ES, _SS, _SR, _SA, _IV),
        Chunk.COOKIE_ECHO: (_IV, _CL, _CE, _CE, _ES, _SS, _SR, _SA, _IV),
        Chunk.COOKIE_ACK: (_IV, _CL, _CW, _ES, _ES, _SS, _SR, _SA, _IV),
        Chunk.SHUTDOWN_COMPLETE: (_IV, _CL, _CW, _CE, _ES, _SS, _SR, _CL, _IV),
        Chunk.HEARTBEAT: (_IV, _CL, _CW, _CE, _ES, _SS, _SR, _SA, _HS),
        Chunk.HEARTBEAT_ACK: (_IV, _CL, _CW, _CE, _ES, _SS, _SR, _SA, _ES),
    },
)
