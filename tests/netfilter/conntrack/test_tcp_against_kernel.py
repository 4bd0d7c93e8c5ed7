"""Random TCP conversations through the kernel's tracker and ours: after each segment both must agree."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.netfilter.conntrack.snapshot import Snapshot
from tests.netfilter.conntrack.conversations import Conversation
from tests.netfilter.conntrack.router import PORTS, KernelRouter, PystackRouter

SEGMENTS = 40


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelRouter]:
    with KernelNetns(PORTS) as netns:
        router = KernelRouter(netns)
        yield router
        router.close()


def comparable(conn: Snapshot | None) -> object:
    if conn is None:
        return None
    flows = (conn.original[:6], conn.reply[:6])
    return (*flows, conn.status, conn.state, conn.scales, conn.flags, conn.mark)


def play(kernel: KernelRouter, ours: PystackRouter, seed: int) -> str | None:
    """What differs first, if anything does."""
    conversation = Conversation(seed)
    for number in range(SEGMENTS):
        side, packet = conversation.segment()
        theirs, mine = kernel.send(side, packet), ours.send(side, packet)
        told, ourselves = kernel.get(conversation.flow), ours.get(conversation.flow)
        where = f"seed {seed}, segment {number} from {side}: {packet[20:].hex()[:80]}\n{ours.reasons}\n"
        if theirs != mine:
            return f"{where}the kernel says {theirs}, we say {mine}\n{told}\n{ourselves}"
        if comparable(told) != comparable(ourselves):
            return f"{where}{told}\n{ourselves}"
        if told and ourselves and abs(told.timeout - ourselves.timeout) > 1:
            return f"{where}timeouts {told.timeout} and {ourselves.timeout}"
    return None


@pytest.mark.root
@pytest.mark.parametrize("start", range(0, 200, 50))
def test_conversations_leave_the_same_state_after_each_segment(kernel: KernelRouter, start: int) -> None:
    ours = PystackRouter()
    assert [found for seed in range(start, start + 50) if (found := play(kernel, ours, seed))] == []
