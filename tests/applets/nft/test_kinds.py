"""Of what kind the values of an expression are."""

import pytest

from pystack.applets.nft import types
from pystack.applets.nft.kinds import kinds_of
from pystack.applets.nft.tree.expressions import (
    Binary,
    Concatenation,
    Ct,
    Expression,
    ExtensionHeader,
    Fib,
    IpOption,
    Meta,
    Numgen,
    Payload,
    Rt,
    SctpChunk,
    SocketOf,
    TcpOption,
    Value,
)
from pystack.applets.nft.types import DataType


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        (Meta("iifname"), types.IFNAME),
        (Ct("state"), types.CT_STATE),
        (Payload("ip", "saddr"), types.IPV4_ADDR),
        (ExtensionHeader("mh", "type"), types.MH_TYPE),
        (ExtensionHeader("frag"), types.INET_PROTO),
        (TcpOption("maxseg", "size"), types.INTEGER),
        (TcpOption("", raw=(7, 8, 8)), types.INTEGER),
        (IpOption("rr"), types.INTEGER),
        (SctpChunk("data", "tsn"), types.INTEGER),
        (Fib(("daddr",), "type"), types.FIB_ADDRTYPE),
        (Rt("ip nexthop"), types.IPV4_ADDR),
        (SocketOf("mark"), types.MARK),
        (Numgen("inc", 2), types.INTEGER),
        (Binary("&", Ct("mark"), Value(b"\0\0\0\1", types.MARK)), types.MARK),
    ],
)
def test_an_expression_has_the_kind_of_what_it_looks_at(expression: Expression, kind: DataType) -> None:
    assert kinds_of(expression) == (kind,)


def test_a_concatenation_has_the_kinds_of_its_parts() -> None:
    parts = Concatenation((Payload("ip", "saddr"), Payload("tcp", "dport")))
    assert kinds_of(parts) == (types.IPV4_ADDR, types.INET_SERVICE)
