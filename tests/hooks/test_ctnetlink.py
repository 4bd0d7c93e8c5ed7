"""Connections as netlink tells them: what is asked for in a tuple is what is read out of one."""

import pytest

from pystack.hooks import ctnetlink
from pystack.hooks.ctnetlink import CTA_STATUS, CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, parse
from pystack.hooks.nfnetlink import NFGENMSG, attribute
from pystack.netfilter.conntrack.tuples import Tuple, inverted, read

NESTED = 0x8000
FLOWS = (
    Tuple(2, 6, 0x0A000001, 0x0A000002, 1000, 80),
    Tuple(2, 1, 0x0A000001, 0x0A000002, 7, 8 << 8),
    Tuple(10, 17, 0x20010DB8 << 96 | 1, 0x20010DB8 << 96 | 2, 1000, 53),
    Tuple(10, 58, 0x20010DB8 << 96 | 1, 1, 7, 128 << 8),
)


@pytest.mark.parametrize("flow", FLOWS)
def test_a_connection_of_either_family_is_read(flow: Tuple) -> None:
    answers = read(inverted(flow.key) or b"")
    body = bytes(NFGENMSG.pack(flow.family, 0, 0))
    for kind, one in ((CTA_TUPLE_ORIG, flow), (CTA_TUPLE_REPLY, answers)):
        body += attribute(kind | NESTED, ctnetlink._tuple(one))
    told = parse(body + attribute(CTA_STATUS, (6).to_bytes(4, "big")))
    assert told is not None
    assert (told.original, told.reply, told.status) == (flow, answers, 6)


def test_a_message_that_is_not_whole_tells_nothing() -> None:
    assert parse(NFGENMSG.pack(10, 0, 0)) is None
    assert parse(b"") is None
