"""The state tables, cell by cell against the way in which Linux's source writes them."""

import pytest

from pystack.netfilter.conntrack.sctp_states import TRANSITIONS as SCTP
from pystack.netfilter.conntrack.sctp_states import Chunk
from pystack.netfilter.conntrack.tcp_states import TRANSITIONS as TCP
from pystack.netfilter.conntrack.tcp_states import Flags, State, kind_of
from pystack.wire.tcp import ACK, FIN, PSH, RST, SYN

NAMES = "NONE SYN_SENT SYN_RECV ESTABLISHED FIN_WAIT CLOSE_WAIT LAST_ACK TIME_WAIT CLOSE SYN_SENT2".split()
LETTERS = {
    "SS": "SYN_SENT",
    "SR": "SYN_RECV",
    "ES": "ESTABLISHED",
    "FW": "FIN_WAIT",
    "CW": "CLOSE_WAIT",
    "LA": "LAST_ACK",
    "TW": "TIME_WAIT",
    "CL": "CLOSE",
    "S2": "SYN_SENT2",
    "IV": "MAX",
    "IG": "IGNORE",
}
# Before:     NO SS SR ES FW CW LA TW CL S2
ORIGINAL = {
    "SYN": "SS SS IG IG IG IG IG SS SS S2",
    "SYNACK": "IV IV SR IV IV IV IV IV IV SR",
    "FIN": "IV IV FW FW LA LA LA TW CL IV",
    "ACK": "ES IV ES ES CW CW TW TW CL IV",
    "RST": "IV CL CL CL CL CL CL CL CL CL",
    "NONE": "IV IV IV IV IV IV IV IV IV IV",
}
REPLY = {
    "SYN": "IV S2 IV IV IV IV IV SS IV S2",
    "SYNACK": "IV SR IG IG IG IG IG IG IG SR",
    "FIN": "IV IV FW FW LA LA LA TW CL IV",
    "ACK": "IV IG SR ES CW CW TW TW CL IG",
    "RST": "IV CL CL CL CL CL CL CL CL CL",
    "NONE": "IV IV IV IV IV IV IV IV IV IV",
}
CELLS = [
    (direction, kind, before, LETTERS[letters])
    for direction, table in enumerate((ORIGINAL, REPLY))
    for kind, row in table.items()
    for before, letters in zip(NAMES, row.split(), strict=True)
]


@pytest.mark.parametrize(("direction", "kind", "before", "after"), CELLS)
def test_a_segment_leads_from_one_state_to_the_next(
    direction: int, kind: str, before: str, after: str
) -> None:
    assert TCP[direction][Flags[kind]][State[before]] is State[after]


def test_a_segments_kind_is_its_strongest_flag() -> None:
    kinds = {
        RST | SYN: "RST",
        SYN | ACK: "SYNACK",
        SYN | PSH: "SYN",
        FIN | ACK: "FIN",
        ACK | PSH: "ACK",
        PSH: "NONE",
    }
    assert {flags: kind_of(flags).name for flags in kinds} == kinds


def test_every_chunk_that_matters_has_a_row_for_every_state_of_sctp() -> None:
    matter = set(Chunk) - {Chunk.DATA}
    for table in SCTP:
        assert set(table) == matter
        assert {len(row) for row in table.values()} == {9}


def test_nobody_answers_an_association_that_is_not_there() -> None:
    assert all(row[0].name == "MAX" for row in SCTP[1].values())
    assert all(row[0].name != "MAX" for row in SCTP[0].values())
