"""conntrack(8) over the same connections on both sides: every line but times and ids is the same."""

import re
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.wire import tcp, udp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import ACK, SYN, TcpHeader
from tests.frames import datagram, echo_message, ip
from tests.netfilter.conntrack.router import LEFT, PORTS, RIGHT, KernelRouter, PystackRouter

ADDRESSES = (ip(LEFT), ip(RIGHT))
SYSCTL = "sysctl -qw net.netfilter.nf_conntrack_acct={}"

COMMANDS = """
conntrack -L
conntrack -C
conntrack -V
conntrack -h
conntrack
conntrack -L -o extended
conntrack -L -o id
conntrack -L -o save
conntrack -L -o extended,id
conntrack -L -p tcp
conntrack -L -p udp --dport 7
conntrack -L -p udp --sport 5 --dport 8
conntrack -L -p udp --reply-port-src 7
conntrack -L -s 10.1.0.2
conntrack -L --src 10.9.0.2
conntrack -L -d 10.2.0.0/16
conntrack -L -d 10.9.0.0/16
conntrack -L --reply-src 10.2.0.2 -p tcp
conntrack -L -q 10.1.0.2 -p tcp
conntrack -L -u ASSURED
conntrack -L -u UNREPLIED
conntrack -L -u SEEN_REPLY
conntrack -L -u ASSURED,SEEN_REPLY -p tcp
conntrack -L -u NONSENSE
conntrack -L -n
conntrack -L -g
conntrack -L -j
conntrack -L -f ipv4
conntrack -L -f ipv6
conntrack -L -f nonsense
conntrack -L -m 0
conntrack -L -m 5
conntrack -L -m 0/1
conntrack -L -p icmp --icmp-type 8
conntrack -L -p icmp --icmp-id 8
conntrack -L -p 99
conntrack -L -p TCP
conntrack -L -p nonsense
conntrack -L -p 300
conntrack -L --sport 5
conntrack -L -p icmp --sport 5
conntrack -L --state ESTABLISHED
conntrack -L -p tcp --state ESTABLISHED
conntrack -L -p tcp --state SYN_SENT
conntrack -L -p tcp --state NONSENSE
conntrack -L --zone 3
conntrack -L -w 0
conntrack -L -o nonsense
conntrack -L -x
conntrack -Q
conntrack -L --nonsense
conntrack -L -D
conntrack -L nonsense
conntrack -L expect
conntrack -L dying
conntrack -L unconfirmed
conntrack -L conntrack -p tcp
conntrack -C expect
conntrack -G -p tcp -s 10.1.0.2 -d 10.2.0.2 --sport 1000 --dport 80
conntrack -G -p tcp -s 10.1.0.2 -d 10.2.0.2 --sport 1001 --dport 80
conntrack -G -p icmp -s 10.1.0.2 -d 10.2.0.2 --icmp-type 8 --icmp-code 0 --icmp-id 7
conntrack -G -p tcp
conntrack -G -s 10.1.0.2 -d 10.2.0.2
conntrack -D -p udp --dport 6
conntrack -D -p udp --dport 6
conntrack -D -p tcp -o id
conntrack -L -p tcp
conntrack -L -z
conntrack -L -z -p udp
conntrack -L
cat /proc/net/nf_conntrack
conntrack -D -s 10.1.0.2
conntrack -D
conntrack -F
conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 50
conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 50
conntrack -A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 50
conntrack -A -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 4 -t 50
conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 3
conntrack -I -p udp -s 1.1.1.1 --sport 1 --dport 3 -t 5
conntrack -I -s 1.1.1.1 -d 2.2.2.2 -t 5
conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 -t 5
conntrack -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 50
conntrack -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 2 -t 50 --state ESTABLISHED -u ASSURED
conntrack -I -p tcp -s 1.1.1.1 -d 2.2.2.2 -r 3.2.2.2 -q 1.1.1.1 --sport 1 --dport 5 -t 9 --state SYN_SENT
conntrack -I -p tcp -s 1.1.1.1 -d 2.2.2.2 --sport 1 --dport 7 --reply-port-src 6 -t 9 --state CLOSE -m 7
conntrack -I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 8 --icmp-code 0 --icmp-id 7 -t 20
conntrack -I -p icmp -s 1.1.1.1 -d 2.2.2.2 --icmp-type 3 --icmp-code 0 --icmp-id 7 -t 20
conntrack -I -p 99 -s 1.1.1.1 -d 2.2.2.2 -t 20
conntrack -I -p gre -s 1.1.1.1 -d 2.2.2.2 --srckey 1 --dstkey 2 -t 20
conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 9 --dport 9 -t 50 -w 5
conntrack -I -p udp -s 1.1.1.1 -d 2.2.2.2 --sport 9 --dport 9 -t 50 -u UNSET
conntrack -A -p icmp -s 1.1.1.3 -d 2.2.2.2 -r 3.3.3.3 -q 1.1.1.1 --icmp-type 8 --icmp-code 0 --icmp-id 9 -t 9
conntrack -A -p 99 -s 1.1.1.3 -d 2.2.2.2 -r 3.3.3.3 -q 1.1.1.1 -t 9
conntrack -L -o extended,id
conntrack -L -o save
conntrack -C
conntrack -F
conntrack -L
conntrack -F expect
conntrack -C
"""


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
    assert differing == []
