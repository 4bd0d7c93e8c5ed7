"""Every way a packet ends has a row, and every end is counted once."""

import pytest

from pystack import drop
from pystack.counters import Snmp
from pystack.drop import REASONS, Drop, DropReason, Outcomes
from pystack.events import Dropped, Event, EventSink
from pystack.l2.port import PortDevice
from pystack.packet import Packet
from tests.frames import OUR_MAC, echo_frame

# What sk_buff.dev of Linux 6.18 calls an end that it does not tell apart.
UNTOLD = "NOT_SPECIFIED"


def test_the_table_holds_every_reason_once() -> None:
    rows = [value for value in vars(drop).values() if isinstance(value, DropReason)]
    assert sorted(REASONS) == sorted(row.name for row in rows)
    assert len({row.sentence for row in rows}) >= len(rows) - 1  # in and out, one sentence: no route


@pytest.mark.parametrize("reason", REASONS.values(), ids=REASONS)
def test_a_reason_says_what_happened_and_counts_something_that_exists(reason: DropReason) -> None:
    assert " " in reason.sentence
    assert not reason.sentence.endswith(".")
    assert reason.kernel == UNTOLD or reason.kernel.isupper()
    assert repr(reason) == f"DropReason({reason.name})"
    if reason.counter is not None:
        Snmp().add(reason.counter)


def a_drop() -> tuple[Drop, Outcomes, Snmp, EventSink]:
    outcomes, snmp, events = Outcomes(), Snmp(), EventSink()
    return Drop("blue", outcomes, snmp, events), outcomes, snmp, events


def test_a_drop_is_counted_in_the_ledger_and_under_its_snmp_name() -> None:
    end, outcomes, snmp, _ = a_drop()
    outcomes.received += 3
    for _ in range(2):
        end(Packet(echo_frame(), PortDevice("eth0", OUR_MAC)), drop.IP_INHDR)
    end(Packet(echo_frame(), PortDevice("eth0", OUR_MAC)), drop.NEIGH_FAILED)
    assert outcomes.dropped == {drop.IP_INHDR: 2, drop.NEIGH_FAILED: 1}
    assert snmp.Ip.InHdrErrors == 2
    assert outcomes.outstanding() == 0


def test_a_listener_hears_where_and_why_with_the_frame() -> None:
    end, _, _, events = a_drop()
    heard: list[Event] = []
    events.subscribe(heard.append)
    pkt = Packet(bytearray(4) + echo_frame(), PortDevice("eth0", OUR_MAC))
    pkt.mac_header = 4
    end(pkt, drop.NO_SOCKET)
    assert heard == [Dropped("blue", "eth0", "NO_SOCKET", echo_frame())]


def test_what_begins_and_what_ends_balance() -> None:
    outcomes = Outcomes()
    outcomes.received, outcomes.generated, outcomes.cloned, outcomes.split = 1, 2, 3, 4
    assert outcomes.outstanding() == 10
    outcomes.transmitted, outcomes.delivered, outcomes.stolen = 1, 2, 3
    outcomes.consumed, outcomes.merged = 1, 2
    assert outcomes.outstanding() == 1
    outcomes.dropped[drop.NO_SOCKET] = 1
    assert outcomes.outstanding() == 0
