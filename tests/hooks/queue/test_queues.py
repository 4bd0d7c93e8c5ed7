"""Both ways to an NFQUEUE hand over whole packets, and obey."""

import socket
from collections.abc import Callable, Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.drivers.kernel_netns import in_netns
from pystack.explain.words import packet_of
from pystack.hooks.nfnetlink import NETLINK_NETFILTER
from pystack.hooks.queue.library import LibraryQueue
from pystack.hooks.queue.packet import NF_ACCEPT, NF_DROP, NF_REPEAT, Queue, Queued
from pystack.hooks.queue.raw import LENGTH, RawQueue
from pystack.wire.ethernet import ETH_P_IP, header

pytestmark = pytest.mark.root

NUMBER = 77
OURS = bytes.fromhex("020000000001")
THEIRS = bytes.fromhex("02aa00000005")
SETUP = f"""
ip link set tap1 address 02:00:00:00:00:01
ip addr add 10.0.0.1/24 dev tap1
ip link set tap1 up
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev tap1
iptables -t mangle -A PREROUTING -p icmp -j NFQUEUE --queue-num {NUMBER} --queue-bypass
iptables -A INPUT -m mark --mark 7 -j DROP
"""


def raw(kernel: KernelNetns, length: int = LENGTH) -> Queue:
    def make() -> int:
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER).detach()

    return RawQueue(in_netns(kernel.netns_path, make), NUMBER, length=length)


def library(kernel: KernelNetns, length: int = LENGTH) -> Queue:
    return in_netns(kernel.netns_path, lambda: LibraryQueue(NUMBER, length=length))


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1"]) as lab:
        lab.sh(SETUP).check()
        yield lab


@pytest.fixture(params=[raw, library], ids=["raw", "library"])
def queue(kernel: KernelNetns, request: pytest.FixtureRequest) -> Iterator[Queue]:
    make: Callable[[KernelNetns], Queue] = request.param
    made = make(kernel)
    yield made
    made.close()


def ping(kernel: KernelNetns, length: int = 16, number: int = 1) -> bytes:
    made = packet_of(f"10.0.0.5 > 10.0.0.1: ICMP echo request, id 3, seq {number}, length {length}")
    kernel.send("tap1", header(OURS, THEIRS, ETH_P_IP) + made.payload)
    return made.payload


def answers(kernel: KernelNetns) -> list[bytes]:
    return [data[14:] for _, data in kernel.drain() if data[12:14] == b"\x08\0" and data[23] == 1]


def only(queue: Queue) -> Queued:
    (packet,) = queue.read(64)
    return packet


def test_a_packet_waits_until_it_is_accepted(kernel: KernelNetns, queue: Queue) -> None:
    sent = ping(kernel)
    packet = only(queue)
    assert (packet.payload, packet.length, packet.protocol, packet.hook) == (sent, len(sent), ETH_P_IP, 0)
    assert (packet.outdev, packet.physin, packet.mark) == (0, 0, 0)
    assert packet.station == THEIRS
    assert packet.indev
    assert answers(kernel) == []
    queue.answer(packet, NF_ACCEPT)
    assert len(answers(kernel)) == 1


def test_a_packet_that_is_dropped_is_gone(kernel: KernelNetns, queue: Queue) -> None:
    ping(kernel)
    queue.answer(only(queue), NF_DROP)
    assert answers(kernel) == []
    assert queue.read(64) == []


def test_a_mark_is_there_for_the_next_table(kernel: KernelNetns, queue: Queue) -> None:
    ping(kernel)
    queue.answer(only(queue), NF_ACCEPT, mark=7)
    assert answers(kernel) == []


def test_a_packet_that_comes_again_meets_the_rules_of_its_hook_again(
    kernel: KernelNetns, queue: Queue
) -> None:
    ping(kernel)
    first = only(queue)
    queue.answer(first, NF_REPEAT, mark=5)
    again = only(queue)
    assert (again.payload, again.mark, again.hook) == (first.payload, 5, first.hook)
    queue.answer(again, NF_ACCEPT)
    assert len(answers(kernel)) == 1


@pytest.mark.parametrize("length", [8, 24, 1000, 65000])
def test_other_octets_take_the_place_of_a_packet(kernel: KernelNetns, queue: Queue, length: int) -> None:
    kernel.sh("ip link set tap1 mtu 65521").check()
    ping(kernel)
    other = packet_of(f"10.0.0.5 > 10.0.0.1: ICMP echo request, id 3, seq 99, length {length}").payload
    queue.answer(only(queue), NF_ACCEPT, payload=other)
    (answer,) = answers(kernel)
    assert (answer[26:28], len(answer)) == ((99).to_bytes(2, "big"), len(other))


@pytest.mark.parametrize("length", [1400, 8000, 65000])
def test_long_packets_come_whole(kernel: KernelNetns, queue: Queue, length: int) -> None:
    kernel.sh("ip link set tap1 mtu 65521").check()
    sent = ping(kernel, length)
    packet = only(queue)
    assert packet.payload == sent
    queue.answer(packet, NF_ACCEPT)
    assert len(answers(kernel)) == 1


def test_a_flood_is_read_in_portions_and_answered_at_once(kernel: KernelNetns, queue: Queue) -> None:
    for number in range(100):
        ping(kernel, number=number)
    first = queue.read(64)
    assert len(first) == 64
    queue.accept_to(first[-1])
    rest = queue.read(64)
    assert len(rest) == 36
    queue.accept_to(rest[-1])
    assert len(answers(kernel)) == 100


def test_what_does_not_fit_passes_or_is_dropped_as_is_wanted(kernel: KernelNetns) -> None:
    for make in (raw, library):
        queue = make(kernel, length=1)
        for wanted, answered in ((True, 2), (False, 0)):
            queue.accept_what_does_not_fit(wanted)
            for number in range(3):
                ping(kernel, number=number)
            assert len(answers(kernel)) == answered
            queue.accept_to(queue.read(64)[-1])
            assert len(answers(kernel)) == 1
        queue.close()


def test_without_a_listener_packets_pass(kernel: KernelNetns) -> None:
    ping(kernel)
    assert len(answers(kernel)) == 1


def test_a_queue_has_one_listener(kernel: KernelNetns, queue: Queue) -> None:
    with pytest.raises(OSError, match=r"busy|not permitted"):
        raw(kernel)
