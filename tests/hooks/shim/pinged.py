"""A host that is pinged past a shim."""

import select
from collections.abc import Iterator
from contextlib import contextmanager

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.explain.words import packet_of
from pystack.hooks.judge.answer import Answer
from pystack.hooks.queue.packet import Queued
from pystack.hooks.shim.shims import Counts, Shims
from pystack.wire.ethernet import ETH_P_IP, header

OURS = bytes.fromhex("020000000001")
THEIRS = bytes.fromhex("02aa00000005")
SETUP = """
sysctl -qw net.ipv4.icmp_ratelimit=0
ip link set tap1 address 02:00:00:00:00:01
ip addr add 10.0.0.1/24 dev tap1
ip link set tap1 up
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev tap1
iptables -A INPUT -p icmp -m mark --mark 7 -j DROP
"""
POINT = "mangle/prerouting"


@contextmanager
def pinged_host() -> Iterator[KernelNetns]:
    with KernelNetns(["tap1"]) as lab:
        lab.sh(SETUP).check()
        yield lab


def ping(kernel: KernelNetns, length: int = 16) -> bytes:
    sent = packet_of(f"10.0.0.5 > 10.0.0.1: ICMP echo request, id 3, seq 1, length {length}").payload
    kernel.send("tap1", header(OURS, THEIRS, ETH_P_IP) + sent)
    return sent


def echoes(kernel: KernelNetns) -> list[bytes]:
    """The answers that the kernel gave, as far as the sender chose them."""
    return [data[38:] for _, data in kernel.drain() if data[12:14] == b"\x08\0" and data[23] == 1]


def asked(shims: Shims) -> Queued:
    assert shims.mail is not None
    select.select([shims.mail], [], [], 10.0)
    ((place, packet),) = shims.mail.shown(64)
    assert place == 0
    return packet


def answer(shims: Shims, packet: Queued, answer: Answer) -> None:
    assert shims.mail is not None
    assert shims.mail.reply(0, packet.id, answer)


def counts(shims: Shims) -> Counts:
    (only,) = shims.counts()
    return only


def be_there(shims: Shims) -> None:
    """From now on we are asked."""
    assert shims.mail is not None
    shims.mail.greet()
