"""conntrack(8) over the same connections on both sides: every line but times and ids is the same."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.applets import virtual
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.host import Host
from pystack.wire import tcp, udp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import ACK, SYN, TcpHeader
from tests.frames import datagram, echo_message, ip
from tests.netfilter.conntrack.router import LEFT, PORTS, RIGHT, KernelRouter, PystackRouter

ADDRESSES = (ip(LEFT), ip(RIGHT))
SYSCTL = "sysctl -qw net.netfilter.nf_conntrack_acct={}"

COMMANDS, COMMANDS6 = (
    (Path(__file__).parent / name).read_text() for name in ("conntrack.commands", "conntrack6.commands")
)


def segment(side: int, flags: int, seq: int = 0, ack: int = 0) -> tuple[int, bytes]:
    ports = (1000, 80) if side == 0 else (80, 1000)
    source, destination = ADDRESSES[side], ADDRESSES[1 - side]
    fields = TcpHeader(*ports, seq=seq, ack=ack, flags=flags, window=1000)
    packet = tcp.build(fields, b"", source, destination)
    return side, datagram(packet, IPPROTO_TCP, src=source, dst=destination)


def query(side: int, sport: int, dport: int) -> tuple[int, bytes]:
    source, destination = ADDRESSES[side], ADDRESSES[1 - side]
    packet = udp.build(sport, dport, b"x", source, destination)
    return side, datagram(packet, IPPROTO_UDP, src=source, dst=destination)


def bare(protocol: int) -> tuple[int, bytes]:
    return 0, datagram(bytes(20), protocol, src=ADDRESSES[0], dst=ADDRESSES[1])


TRAFFIC = (
    segment(0, SYN),
    segment(1, SYN | ACK, 0, 1),
    segment(0, ACK, 1, 1),
    query(0, 5, 6),
    query(0, 5, 7),
    query(1, 7, 5),
    (0, datagram(echo_message(), IPPROTO_ICMP, src=ADDRESSES[0], dst=ADDRESSES[1])),
    bare(99),
    bare(47),
    bare(2),
    bare(51),
)

TIMES = (
    (re.compile(r"^(\S+ +\d+ \w+ +\d+|\w+ +\d+) \d+", re.MULTILINE), r"\1 T"),
    (re.compile(r"-t \d+"), "-t T"),
    (re.compile(r"id=\d+$", re.MULTILINE), "id=N"),
)


def settled(text: str) -> list[str]:
    """Lines without times and ids, in an order of their own: the kernel's is that of a hash."""
    for pattern, instead in TIMES:
        text = pattern.sub(instead, text)
    return sorted(text.splitlines())


@pytest.fixture(params=(0, 1), ids=("plain", "accounted"))
def both(request: pytest.FixtureRequest) -> Iterator[tuple[KernelRouter, PystackRouter]]:
    with KernelNetns(PORTS) as netns:
        kernel, ours = KernelRouter(netns), PystackRouter()
        setting = SYSCTL.format(request.param)
        netns.sh(setting).check()
        virtual.run(setting.split(), ours.box.host)
        for side, packet in TRAFFIC:
            assert kernel.send(side, packet) == ours.send(side, packet)
        yield kernel, ours
        kernel.close()


@pytest.mark.root
def test_every_word_of_conntrack_is_as_the_real_tool_says_it(
    both: tuple[KernelRouter, PystackRouter],
) -> None:
    kernel, ours = both
    differing = []
    for command in COMMANDS.strip().splitlines():
        theirs = kernel.kernel.run(command.split())
        mine = virtual.run(command.split(), ours.box.host)
        told, said = (theirs.rc, settled(theirs.out), theirs.err), (mine.rc, settled(mine.out), mine.err)
        if told != said:
            differing.append(f"{command}\n  {told}\n  {said}")
    assert "\n".join(differing) == ""


@pytest.mark.root
def test_connections_of_ipv6_are_made_found_and_changed_as_the_real_tool_does_it() -> None:
    host, differing = Host(seed=1), []
    with KernelNetns(()) as kernel:
        for command in COMMANDS6.strip().splitlines():
            theirs, mine = kernel.run(command.split()), virtual.run(command.split(), host)
            told, said = (theirs.rc, settled(theirs.out), theirs.err), (mine.rc, settled(mine.out), mine.err)
            if told != said:
                differing.append(f"{command}\n  {told}\n  {said}")
    assert "\n".join(differing) == ""
