"""The table that says which state follows, every cell of it."""

import pytest

from pystack.sock.tcp_states import MAY_SEND, SENDS_FIN, TRANSITIONS, TcpEvent, TcpState, next_state

S, E = TcpState, TcpEvent

# By state: what each event leads to, in the order of TcpEvent; None where it cannot happen.
EVENTS = (E.LISTEN, E.CONNECT, E.CLONE, E.SYN, E.OPENED, E.CLOSE, E.FIN, E.FIN_ACKED, E.END)
EXPECTED = {
    S.CLOSE: (S.LISTEN, S.SYN_SENT, S.SYN_RECV, None, None, S.CLOSE, None, None, S.CLOSE),
    S.LISTEN: (S.LISTEN, None, None, None, None, S.CLOSE, None, None, S.CLOSE),
    S.SYN_SENT: (None, None, None, S.SYN_RECV, S.ESTABLISHED, S.CLOSE, None, None, S.CLOSE),
    S.SYN_RECV: (None, None, None, None, S.ESTABLISHED, S.FIN_WAIT1, None, None, S.CLOSE),
    S.ESTABLISHED: (None, None, None, None, None, S.FIN_WAIT1, S.CLOSE_WAIT, None, S.CLOSE),
    S.FIN_WAIT1: (None, None, None, None, None, S.FIN_WAIT1, S.CLOSING, S.FIN_WAIT2, S.CLOSE),
    S.FIN_WAIT2: (None, None, None, None, None, S.FIN_WAIT2, S.TIME_WAIT, None, S.CLOSE),
    S.CLOSING: (None, None, None, None, None, S.CLOSING, S.CLOSING, S.TIME_WAIT, S.CLOSE),
    S.TIME_WAIT: (None, None, None, None, None, S.CLOSE, S.TIME_WAIT, None, S.CLOSE),
    S.CLOSE_WAIT: (None, None, None, None, None, S.LAST_ACK, S.CLOSE_WAIT, None, S.CLOSE),
    S.LAST_ACK: (None, None, None, None, None, S.LAST_ACK, S.LAST_ACK, S.CLOSE, S.CLOSE),
}


def test_the_table_here_names_every_state_and_every_event() -> None:
    assert set(EXPECTED) == set(TcpState) == set(TRANSITIONS)
    assert set(EVENTS) == set(TcpEvent)


@pytest.mark.parametrize("state", TcpState, ids=lambda state: state.name)
@pytest.mark.parametrize("event", TcpEvent, ids=lambda event: event.name)
def test_every_cell(state: TcpState, event: TcpEvent) -> None:
    expected = EXPECTED[state][EVENTS.index(event)]
    if expected is not None:
        assert next_state(state, event) is expected
        return
    with pytest.raises(KeyError):
        next_state(state, event)


def test_every_state_but_the_first_can_be_reached_and_left() -> None:
    led_to = {after for row in TRANSITIONS.values() for after in row.values()}
    assert led_to == set(TcpState)
    assert all(row[E.END] is S.CLOSE for row in TRANSITIONS.values())


def test_who_may_send_data_also_sends_a_fin() -> None:
    assert MAY_SEND < SENDS_FIN
    assert all(next_state(state, E.CLOSE) in (S.FIN_WAIT1, S.LAST_ACK) for state in SENDS_FIN)
