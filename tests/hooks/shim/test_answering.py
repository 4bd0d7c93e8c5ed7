"""Somebody is asked about packets, whichever way their queue is reached; none waits longer than it may."""

import os
import signal
import struct
from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.queue.packet import NF_DROP
from pystack.hooks.shim.shims import Shims, Task
from pystack.wire.checksum import checksum
from pystack.wire.ethernet import ETH_P_IP
from tests.compare.lab.patience import wait_until
from tests.hooks.shim.pinged import POINT, THEIRS, answer, asked, be_there, counts, echoes, ping, pinged_host

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelNetns]:
    with pinged_host() as lab:
        yield lab


@pytest.fixture(scope="module", params=[False, True], ids=["raw", "library"])
def asking(kernel: KernelNetns, request: pytest.FixtureRequest) -> Iterator[Shims]:
    shims = Shims(kernel.netns_path, [POINT], task=Task.ASK, by_library=request.param, deadline=0.4)
    with shims:
        be_there(shims)
        yield shims


def test_a_packet_waits_for_the_answer_and_obeys_it(kernel: KernelNetns, asking: Shims) -> None:
    late = counts(asking).late
    for length, refusal in ((8000, Answer(NF_DROP)), (16, Answer(mark=7))):
        sent = ping(kernel, length)
        packet = asked(asking)
        assert (packet.payload, packet.station, packet.protocol) == (sent, THEIRS, ETH_P_IP)
        answer(asking, packet, refusal)
    sent = ping(kernel)
    packet = asked(asking)
    assert echoes(kernel) == []
    answer(asking, packet, ACCEPT)
    wait_until(lambda: echoes(kernel) == [sent[24:]])
    assert counts(asking).late == late


def test_other_octets_go_on_in_the_place_of_those_that_came(kernel: KernelNetns, asking: Shims) -> None:
    sent = ping(kernel)
    other = sent[:20] + struct.pack("!BBHHH", 8, 0, 0, 9, 9) + b"otherwise"
    other = other[:2] + struct.pack("!H", len(other)) + other[4:10] + b"\0\0" + other[12:]
    other = other[:10] + struct.pack("!H", checksum(other[:20])) + other[12:]
    other = other[:22] + struct.pack("!H", checksum(other[20:])) + other[24:]
    answer(asking, asked(asking), Answer(payload=other))
    wait_until(lambda: echoes(kernel) == [other[24:]])


def test_what_nobody_decides_passes_at_the_deadline_and_an_answer_behind_it_is_void(
    kernel: KernelNetns, asking: Shims
) -> None:
    late = counts(asking).late
    sent = ping(kernel)
    packet = asked(asking)
    wait_until(lambda: echoes(kernel) == [sent[24:]])
    assert counts(asking).late == late + 1
    sent = ping(kernel)  # who says nothing is not waited for again
    wait_until(lambda: echoes(kernel) == [sent[24:]])
    assert counts(asking).late == late + 2
    answer(asking, packet, Answer(NF_DROP))
    be_there(asking)
    sent = ping(kernel)
    answer(asking, asked(asking), ACCEPT)
    wait_until(lambda: echoes(kernel) == [sent[24:]])


def test_while_somebody_is_indispensable_what_he_does_not_decide_is_dropped(
    kernel: KernelNetns, asking: Shims
) -> None:
    late = counts(asking).late
    asking.be_strict(True)
    try:
        ping(kernel)
        asked(asking)
        wait_until(lambda: counts(asking).late == late + 1)
        assert echoes(kernel) == []
    finally:
        asking.be_strict(False)
    be_there(asking)
    sent = ping(kernel)
    answer(asking, asked(asking), ACCEPT)
    wait_until(lambda: echoes(kernel) == [sent[24:]])


def test_a_stopped_process_holds_no_packet_longer(kernel: KernelNetns, asking: Shims) -> None:
    """Nor does it ask about it once it goes on."""
    late, server = counts(asking).late, asking.processes[0]
    os.kill(server, signal.SIGSTOP)
    try:
        sent = ping(kernel)
        wait_until(lambda: echoes(kernel) == [sent[24:]])
    finally:
        os.kill(server, signal.SIGCONT)
    wait_until(lambda: counts(asking).late > late)
    sent = ping(kernel)
    answer(asking, asked(asking), ACCEPT)
    wait_until(lambda: echoes(kernel) == [sent[24:]])
