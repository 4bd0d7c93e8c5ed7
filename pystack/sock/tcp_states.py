"""The state machine of TCP as a table (RFC 9293 section 3.3.2, with Linux's shortcuts).

Rule: what state follows stands here and nowhere else. A cell that is missing is a combination that cannot
happen;
meeting one is a bug, never silence.
"""

from __future__ import annotations

from enum import Enum, IntEnum, auto
from typing import Final


class TcpState(IntEnum):
    """Linux: include/net/tcp_states.h"""

    ESTABLISHED = 1
    SYN_SENT = 2
    SYN_RECV = 3
    FIN_WAIT1 = 4
    FIN_WAIT2 = 5
    TIME_WAIT = 6
    CLOSE = 7
    CLOSE_WAIT = 8
    LAST_ACK = 9
    LISTEN = 10
    CLOSING = 11


class TcpEvent(Enum):
    """What can move a connection."""

    LISTEN = auto()  # listen()
    CONNECT = auto()  # connect(): a SYN goes out
    CLONE = auto()  # a listener made this socket for a peer that proved itself
    SYN = auto()  # a SYN without ACK meets our own: both sides open
    OPENED = auto()  # our SYN is acknowledged
    CLOSE = auto()  # close() or shutdown(SHUT_WR): a FIN goes out where the state has one to send
    FIN = auto()  # the peer's FIN, in order
    FIN_ACKED = auto()  # our FIN is acknowledged
    END = auto()  # reset by either side, given up, or waited long enough


_S, _E = TcpState, TcpEvent

TRANSITIONS: Final[dict[TcpState, dict[TcpEvent, TcpState]]] = {
    _S.CLOSE: {
        _E.LISTEN: _S.LISTEN,
        _E.CONNECT: _S.SYN_SENT,
        _E.CLONE: _S.SYN_RECV,
        _E.CLOSE: _S.CLOSE,
        _E.END: _S.CLOSE,
    },
    _S.LISTEN: {_E.LISTEN: _S.LISTEN, _E.CLOSE: _S.CLOSE, _E.END: _S.CLOSE},
    _S.SYN_SENT: {_E.SYN: _S.SYN_RECV, _E.OPENED: _S.ESTABLISHED, _E.CLOSE: _S.CLOSE, _E.END: _S.CLOSE},
    _S.SYN_RECV: {
        _E.OPENED: _S.ESTABLISHED,
        _E.CLOSE: _S.FIN_WAIT1,
        _E.END: _S.CLOSE,
    },
    _S.ESTABLISHED: {_E.CLOSE: _S.FIN_WAIT1, _E.FIN: _S.CLOSE_WAIT, _E.END: _S.CLOSE},
    _S.FIN_WAIT1: {
        _E.CLOSE: _S.FIN_WAIT1,
        _E.FIN: _S.CLOSING,
        _E.FIN_ACKED: _S.FIN_WAIT2,
        _E.END: _S.CLOSE,
    },
    _S.FIN_WAIT2: {_E.CLOSE: _S.FIN_WAIT2, _E.FIN: _S.TIME_WAIT, _E.END: _S.CLOSE},
    _S.CLOSING: {
        _E.CLOSE: _S.CLOSING,
        _E.FIN: _S.CLOSING,
        _E.FIN_ACKED: _S.TIME_WAIT,
        _E.END: _S.CLOSE,
    },
    _S.TIME_WAIT: {_E.CLOSE: _S.CLOSE, _E.FIN: _S.TIME_WAIT, _E.END: _S.CLOSE},
    _S.CLOSE_WAIT: {_E.CLOSE: _S.LAST_ACK, _E.FIN: _S.CLOSE_WAIT, _E.END: _S.CLOSE},
    _S.LAST_ACK: {_E.CLOSE: _S.LAST_ACK, _E.FIN: _S.LAST_ACK, _E.FIN_ACKED: _S.CLOSE, _E.END: _S.CLOSE},
}

# States in which close() or shutdown(SHUT_WR) sends a FIN. Linux: net/ipv4/tcp.c new_state[], TCP_ACTION_FIN
SENDS_FIN: Final = frozenset({_S.SYN_RECV, _S.ESTABLISHED, _S.CLOSE_WAIT})
# In which the program may still send.
MAY_SEND: Final = frozenset({_S.ESTABLISHED, _S.CLOSE_WAIT})
# The peer's FIN has come: nothing new can follow it.
PEER_IS_DONE: Final = frozenset({_S.CLOSE_WAIT, _S.LAST_ACK, _S.CLOSING})
# Both SYNs are known. Linux: include/net/tcp_states.h
COUNTED_AS_ESTABLISHED: Final = frozenset({_S.ESTABLISHED, _S.CLOSE_WAIT})


def next_state(state: TcpState, event: TcpEvent) -> TcpState:
    """The state after an event."""
    return TRANSITIONS[state][event]
