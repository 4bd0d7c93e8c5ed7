"""What the kernel's messages about a namespace are taken for; which of them it sends is test_following's."""

import socket
import struct
from collections.abc import Iterator

import pytest

from pystack.hooks.changes import FIREWALL, FORWARDING, Changes, Neighbour
from pystack.hooks.link_settings import LinkSettings
from pystack.hooks.nfnetlink import attribute
from pystack.hooks.ours import PROBES

NEWNEIGH, DELNEIGH, NEWROUTE, GETROUTE = 28, 29, 24, 26
DST, LLADDR = 1, 2
REACHABLE, NOARP, PERMANENT = 0x02, 0x40, 0x80
NTF_PROXY = 0x08
AF_BRIDGE = 7
NEWTABLE, NEWRULE, NEWGEN = (10 << 8 | number for number in (0, 6, 15))
MAC = bytes.fromhex("020000000005")
ADDRESS = bytes((10, 0, 0, 5))


class Kernel:
    """Tells what a test has it tell."""

    def __init__(self) -> None:
        pairs = [socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM) for _ in range(2)]
        (self.route, route), (self.nft, nft) = pairs
        for sock in (route, nft):
            sock.setblocking(False)
        self.changes = Changes([route, nft], LinkSettings())


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    kernel = Kernel()
    yield kernel
    kernel.changes.close()
    kernel.route.close()
    kernel.nft.close()


def message(kind: int, body: bytes) -> bytes:
    return struct.pack("=IHHII", 16 + len(body), kind, 0, 0, 0) + body


def neighbour(family: int, state: int, flags: int = 0) -> bytes:
    head = struct.pack("=BBHiHBB", family, 0, 0, 4, state, flags, 0)
    return head + attribute(DST, ADDRESS) + attribute(LLADDR, MAC)


def of_table(name: str) -> bytes:
    return bytes(4) + attribute(1, name.encode() + b"\0")


def test_a_neighbour_is_told_as_it_is(kernel: Kernel) -> None:
    kernel.route.send(message(NEWNEIGH, neighbour(socket.AF_INET, REACHABLE)))
    kernel.route.send(message(DELNEIGH, neighbour(socket.AF_INET, REACHABLE)))
    news = kernel.changes.read()
    assert news.neighbours == [Neighbour(ADDRESS, 4, REACHABLE, MAC), Neighbour(ADDRESS, 4, 0, MAC)]
    assert news.kinds == set()


def test_a_proxys_neighbour_is_none(kernel: Kernel) -> None:
    kernel.route.send(message(NEWNEIGH, neighbour(socket.AF_INET, PERMANENT, NTF_PROXY)))
    assert kernel.changes.read().neighbours == []


@pytest.mark.parametrize(
    ("state", "kinds"), [(REACHABLE, set()), (NOARP, {FORWARDING}), (PERMANENT, {FORWARDING})]
)
def test_of_a_bridges_entries_those_that_no_frame_taught(kernel: Kernel, state: int, kinds: set[str]) -> None:
    kernel.route.send(message(NEWNEIGH, neighbour(AF_BRIDGE, state)))
    assert kernel.changes.read().kinds == kinds


def test_all_messages_of_a_datagram_are_read(kernel: Kernel) -> None:
    kernel.route.send(message(GETROUTE, b"") + message(NEWROUTE, b"") + message(32, b""))
    assert kernel.changes.read().kinds == {"routes", "rules"}


def test_tables_of_our_probes_are_no_change(kernel: Kernel) -> None:
    ours = message(NEWTABLE, of_table(PROBES)) + message(NEWRULE, of_table(PROBES))
    kernel.nft.send(ours + message(NEWGEN, bytes(4) + attribute(1, b"\0\0\0\7")))
    assert kernel.changes.read().kinds == set()
    kernel.nft.send(ours + message(NEWRULE, of_table("filter")))
    assert kernel.changes.read().kinds == {FIREWALL}


@pytest.mark.parametrize(
    "octets", [b"", b"\7", message(NEWNEIGH, b"\2"), struct.pack("=IHHII", 99, 28, 0, 0, 0)]
)
def test_what_cannot_be_read_is_left_out(kernel: Kernel, octets: bytes) -> None:
    kernel.route.send(octets)
    news = kernel.changes.read()
    assert (news.neighbours, news.kinds) == ([], set())


def test_what_cannot_be_read_of_nft_is_a_change(kernel: Kernel) -> None:
    kernel.nft.send(message(NEWRULE, bytes(4) + b"\xff\xff\1\0"))
    assert kernel.changes.read().kinds == {FIREWALL}
