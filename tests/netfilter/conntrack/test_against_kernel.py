"""Random packets through the kernel's tracker and ours: after each one both must agree."""

from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import Tuple
from tests.netfilter.conntrack.conversations import Conversation
from tests.netfilter.conntrack.packets import Mix, flow_of
from tests.netfilter.conntrack.router import PORTS, KernelRouter, PystackRouter

SEGMENTS = 40
SETTINGS = ("tcp_loose", "tcp_be_liberal", "tcp_ignore_invalid_rst", "tcp_max_retrans", "checksum")
LOG = "net.netfilter.nf_conntrack_log_invalid"


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


def first_difference(
    kernel: KernelRouter, ours: PystackRouter, side: int, packet: bytes, flow: Tuple | None
) -> str | None:
    """What differs after this packet, if anything does."""
    theirs, mine = kernel.send(side, packet), ours.send(side, packet)
    if theirs != mine:
        return f"the kernel says {theirs}, we say {mine}; {ours.reasons}"
    if flow is None:
        return None
    told, said = kernel.get(flow), ours.get(flow)
    if comparable(told) != comparable(said):
        return f"{told}\n{said}\n{ours.reasons}"
    if told and said and abs(told.timeout - said.timeout) > 1:
        return f"timeouts {told.timeout} and {said.timeout}"
    return None


def play_conversation(kernel: KernelRouter, ours: PystackRouter, seed: int) -> str | None:
    conversation = Conversation(seed)
    for number in range(SEGMENTS):
        side, packet = conversation.segment()
        differs = first_difference(kernel, ours, side, packet, conversation.flow)
        if differs is not None:
            return f"seed {seed}, segment {number} from {side}: {packet[20:].hex()}\n{differs}"
    return None


def play_mix(kernel: KernelRouter, seed: int) -> str | None:
    kernel.flush()
    ours, mix = PystackRouter(), Mix(seed)
    for number in range(SEGMENTS):
        side, packet = mix.packet()
        differs = first_difference(kernel, ours, side, packet, flow_of(packet))
        if differs is not None:
            return f"seed {seed}, packet {number} from {side}: {packet.hex()}\n{differs}"
    return None


@pytest.mark.root
def test_conversations_leave_the_same_state_after_each_segment(kernel: KernelRouter) -> None:
    ours = PystackRouter()
    assert [found for seed in range(150) if (found := play_conversation(kernel, ours, seed))] == []


@pytest.mark.root
@pytest.mark.parametrize("name", SETTINGS)
def test_each_setting_of_tcp_does_what_the_kernels_does(kernel: KernelRouter, name: str) -> None:
    ours = PystackRouter()
    key = f"net.netfilter.nf_conntrack_{name}"
    usual = {"tcp_loose": "1", "tcp_max_retrans": "3", "checksum": "1"}.get(name, "0")
    other = "1" if usual in ("0", "3") else "0"
    kernel.flush()
    kernel.kernel.sh(f"sysctl -qw {key}={other}").check()
    try:
        ours.box.sysctl(key, other)
        assert [found for seed in range(40) if (found := play_conversation(kernel, ours, seed))] == []
    finally:
        kernel.kernel.sh(f"sysctl -qw {key}={usual}").check()


@pytest.mark.root
def test_packets_of_all_protocols_leave_the_same_state(kernel: KernelRouter) -> None:
    assert [found for seed in range(60) if (found := play_mix(kernel, seed))] == []


@pytest.mark.root
def test_the_log_gives_the_same_reasons_with_the_same_numbers(kernel: KernelRouter) -> None:
    ours = PystackRouter()
    kernel.flush()
    ours.box.sysctl(LOG, "255")
    kernel.kernel.sh(f"sysctl -qw {LOG}=255").check()
    with kernel.kernel.kernel_log() as log:
        for seed in range(20):
            conversation, mix = Conversation(seed), Mix(seed)
            for _ in range(SEGMENTS):
                for side, packet in (conversation.segment(), mix.packet()):
                    kernel.send(side, packet)
                    ours.send(side, packet)
                    told = [line.text.replace(r"\x0a", "\n") for line in log.lines()]
                    theirs = [text for text in told if text.startswith("nf_ct_proto")]
                    assert theirs == ours.lines
    kernel.kernel.sh(f"sysctl -qw {LOG}=0").check()
