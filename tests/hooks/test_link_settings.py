"""Which messages about links say something new."""

import socket
import struct

import pytest

from pystack.hooks.link_settings import DELLINK, NEWLINK, LinkSettings
from pystack.hooks.nfnetlink import attribute

NAME, MTU, MASTER, PORT, LINKINFO, AF_SPEC = 3, 4, 10, 12, 18, 26
STATS, CARRIER_CHANGES, EVENT = 7, 35, 44
KIND, DATA, PORT_KIND, PORT_DATA = 1, 2, 4, 5
COST, LEARNING, FORWARD_DELAY_TIMER, HOLD_TIMER = 3, 8, 22, 23
AGEING_TIME, GC_TIMER = 4, 19
AF_BRIDGE = 7
UP, PROMISC = 1, 0x100


def message(*attributes: bytes, family: int = socket.AF_UNSPEC, index: int = 4, flags: int = UP) -> bytes:
    return struct.pack("=BxHiII", family, 1, index, flags, 0) + b"".join(attributes)


def nested(number: int, *attributes: bytes) -> bytes:
    return attribute(number, b"".join(attributes))


def bridge(ageing: bytes, timer: bytes) -> bytes:
    data = nested(DATA, attribute(AGEING_TIME, ageing), attribute(GC_TIMER, timer))
    return nested(LINKINFO, attribute(KIND, b"bridge\0"), data)


def port(cost: bytes, timer: bytes) -> bytes:
    data = nested(PORT_DATA, attribute(COST, cost), attribute(FORWARD_DELAY_TIMER, timer))
    return nested(LINKINFO, attribute(KIND, b"veth\0"), attribute(PORT_KIND, b"bridge\0"), data)


ETH0 = attribute(NAME, b"eth0\0")


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (message(ETH0), message(ETH0)),
        (message(ETH0, attribute(STATS, b"1")), message(ETH0, attribute(STATS, b"2"))),
        (message(ETH0), message(ETH0, attribute(EVENT, b"\1\0\0\0"))),
        (message(ETH0), message(ETH0, attribute(CARRIER_CHANGES, b"\1\0\0\0"))),
        (message(bridge(b"a", b"1")), message(bridge(b"a", b"2"))),
        (message(port(b"a", b"1")), message(port(b"a", b"2"))),
        (
            message(nested(PORT, attribute(LEARNING, b"\1"), attribute(HOLD_TIMER, b"1")), family=AF_BRIDGE),
            message(nested(PORT, attribute(LEARNING, b"\1"), attribute(HOLD_TIMER, b"2")), family=AF_BRIDGE),
        ),
        (message(attribute(AF_SPEC, b"counters 1")), message(attribute(AF_SPEC, b"counters 2"))),
    ],
)
def test_what_nobody_set_is_not_new(first: bytes, then: bytes) -> None:
    links = LinkSettings()
    assert links.is_new(NEWLINK, first)
    assert not links.is_new(NEWLINK, then)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (message(ETH0), message(attribute(NAME, b"eth1\0"))),
        (message(attribute(MTU, b"1")), message(attribute(MTU, b"2"))),
        (message(ETH0), message(ETH0, attribute(MASTER, b"\3\0\0\0"))),
        (message(ETH0), message(ETH0, flags=UP | PROMISC)),
        (message(bridge(b"a", b"1")), message(bridge(b"b", b"1"))),
        (message(port(b"a", b"1")), message(port(b"b", b"1"))),
        (
            message(nested(PORT, attribute(LEARNING, b"\1")), family=AF_BRIDGE),
            message(nested(PORT, attribute(LEARNING, b"\0")), family=AF_BRIDGE),
        ),
        (
            message(attribute(AF_SPEC, b"vlan 1"), family=AF_BRIDGE),
            message(attribute(AF_SPEC, b"vlan 2"), family=AF_BRIDGE),
        ),
        (message(ETH0), message(ETH0, index=5)),
        (message(ETH0), message(ETH0, family=AF_BRIDGE)),
    ],
)
def test_what_somebody_set_is_new_once(first: bytes, then: bytes) -> None:
    links = LinkSettings()
    links.is_new(NEWLINK, first)
    assert links.is_new(NEWLINK, then)
    assert not links.is_new(NEWLINK, then)


def test_a_link_that_went_is_new_when_it_comes_again() -> None:
    links = LinkSettings()
    links.is_new(NEWLINK, message(ETH0))
    assert links.is_new(DELLINK, message(ETH0))
    assert links.is_new(NEWLINK, message(ETH0))


@pytest.mark.parametrize("body", [b"", b"\0" * 15, message(b"\xff\xff\1\0")])
def test_what_cannot_be_read_is_new(body: bytes) -> None:
    links = LinkSettings()
    assert links.is_new(NEWLINK, body)
    assert links.is_new(NEWLINK, body)


@pytest.mark.root
def test_the_links_of_a_namespace_are_no_news() -> None:
    links = LinkSettings()
    links.learn()
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        body = message(index=1, flags=0)  # of lo alone
        sock.send(struct.pack("=IHHII", 16 + len(body), 18, 1, 7, 0) + body)
        answer = sock.recv(1 << 16)
    (length,) = struct.unpack_from("=I", answer)
    assert not links.is_new(NEWLINK, answer[16:length])
