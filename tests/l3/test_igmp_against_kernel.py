"""Groups are joined, asked about and left in a kernel namespace and in pystack: what is reported is the same.

Reports come after random delays, so what is compared is what each stretch of time brought, in any order.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.wire import igmp
from tests.box import Box
from tests.frames import ip
from tests.l3.test_igmp import GROUP, LOCAL, OTHER, query, query_v3, report

pytestmark = pytest.mark.root

SETUP = "ip link set eth0 up\nip addr add 10.0.0.1/24 dev eth0\n"
MAC = bytes.fromhex("020000000001")  # the lab gives it to its first port
QUICK = {"igmpv2_unsolicited_report_interval": "100", "igmpv3_unsolicited_report_interval": "100"}


class Pair:
    """Both hosts; a socket in the kernel's joins what pystack's table of groups joins."""

    def __init__(self, kernel: KernelNetns) -> None:
        self.kernel = kernel
        kernel.renew(["eth0"])
        kernel.sh(SETUP).check()
        self.member = socket.socket(fileno=kernel.open_socket(socket.AF_INET, socket.SOCK_DGRAM))
        self.box = Box()
        self.eth0 = self.box.port("eth0", MAC, "10.0.0.1/24")
        for name, value in QUICK.items():
            self.sysctl(f"net.ipv4.conf.eth0.{name}", value)
        self.reports()

    def sysctl(self, key: str, value: str) -> None:
        self.kernel.sysctl(key, value)
        self.box.sysctl(key, value)

    def join(self, group: str) -> None:
        request = socket.inet_aton(group) + socket.inet_aton("10.0.0.1")
        self.member.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, request)
        self.box.ns.ipv4.groups.join(self.eth0, ip(group))

    def leave(self, group: str) -> None:
        request = socket.inet_aton(group) + socket.inet_aton("10.0.0.1")
        self.member.setsockopt(socket.IPPROTO_IP, socket.IP_DROP_MEMBERSHIP, request)
        self.box.ns.ipv4.groups.leave(self.eth0, ip(group))

    def ask(self, frame: bytes) -> None:
        self.kernel.send("eth0", frame)
        self.box.send(self.eth0, frame)

    def reports(self, seconds: float = 0.4) -> int:
        """How many came from either side, which must be the same ones."""
        time.sleep(seconds)
        self.box.advance(seconds)
        theirs = sorted(bare(frame) for _, frame in self.kernel.drain() if is_igmp(frame))
        ours = sorted(bare(frame) for frame in self.box.sent(self.eth0) if is_igmp(frame))
        assert ours == theirs
        return len(ours)


def is_igmp(frame: bytes) -> bool:
    return frame[12:14] == b"\x08\x00" and frame[23] == 2


def bare(frame: bytes) -> str:
    """Without identification and checksum."""
    return (frame[:18] + bytes(2) + frame[20:24] + bytes(2) + frame[26:]).hex()


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        yield lab


@pytest.fixture
def pair(kernel: KernelNetns) -> Iterator[Pair]:
    both = Pair(kernel)
    yield both
    both.member.close()


def test_joining_and_leaving_are_told_alike(pair: Pair) -> None:
    pair.join(GROUP)
    assert pair.reports() == 2
    pair.join(OTHER)
    pair.join(LOCAL)
    assert pair.reports() > 1
    pair.leave(GROUP)
    assert pair.reports() == 2


def test_questions_are_answered_alike(pair: Pair) -> None:
    pair.join(GROUP)
    pair.join(OTHER)
    pair.reports()
    pair.ask(query_v3(1))
    assert pair.reports() == 1
    pair.ask(query_v3(1, OTHER))
    assert pair.reports() == 1
    pair.ask(query_v3(1, LOCAL))
    pair.ask(query_v3(1, sources=1))
    pair.ask(query_v3(1)[:-1])
    assert pair.reports() == 0


@pytest.mark.parametrize("code", [0, 1])
def test_older_routers_are_answered_alike(pair: Pair, code: int) -> None:
    pair.sysctl("net.ipv4.igmp_qrv", "1")
    pair.ask(query(code))
    pair.join(GROUP)
    assert pair.reports() == 1
    pair.ask(query(1, GROUP))
    pair.reports()
    pair.leave(GROUP)
    assert pair.reports() == code  # version 1 knows no leave


def test_what_another_answered_is_not_answered_again(pair: Pair) -> None:
    pair.ask(query(1))
    pair.join(GROUP)
    assert pair.reports() == 2
    pair.ask(query(20, GROUP))
    pair.ask(report(igmp.REPORT_V2, GROUP))
    assert pair.reports(2.2) == 0
    pair.leave(GROUP)
    assert pair.reports() == 0


def test_groups_of_the_link_are_kept_quiet_alike(pair: Pair) -> None:
    pair.sysctl("net.ipv4.igmp_link_local_mcast_reports", "0")
    pair.join(LOCAL)
    pair.ask(query_v3(1))
    assert pair.reports() == 0
