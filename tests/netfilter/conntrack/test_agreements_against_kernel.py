"""FTP and TFTP through the kernel's helpers and ours: the same is expected after each packet."""

import re
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.compare.lab.kernel_netns import KernelNetns
from tests.netfilter.conntrack.agreements import RULES, Agreements
from tests.netfilter.conntrack.packets import flow_of
from tests.netfilter.conntrack.router import PORTS, KernelRouter, PystackRouter
from tests.netfilter.conntrack.test_against_kernel import first_difference

PACKETS = 60
LISTED = ("conntrack -L expect", "cat /proc/net/nf_conntrack_expect")
SECONDS = re.compile(r"^\d+ ", re.MULTILINE)


@pytest.fixture(scope="module")
def kernel() -> Iterator[KernelRouter]:
    with KernelNetns(PORTS) as netns:
        router = KernelRouter(netns)
        netns.sh(RULES + "sysctl -qw net.netfilter.nf_conntrack_log_invalid=255").check()
        yield router
        router.close()


def our_router() -> PystackRouter:
    ours = PystackRouter()
    for line in RULES.strip().splitlines():
        assert virtual.run(line.split(), ours.box.host).rc == 0
    return ours


def expected(text: str) -> list[str]:
    return sorted(SECONDS.sub("T ", text).splitlines())


def dropped(lines: list[str]) -> list[str]:
    """Without TOS, where the kernel's rules have written how the packet stood."""
    return [re.sub("TOS=0x..", "TOS=", line) for line in lines if line.startswith("nf_ct_ftp")]


def play(kernel: KernelRouter, seed: int) -> str | None:
    kernel.flush()
    ours, agreements = our_router(), Agreements(seed)
    for number in range(PACKETS):
        side, packet = agreements.packet()
        differs = first_difference(kernel, ours, side, packet, flow_of(packet))
        for command in LISTED:
            theirs = expected(kernel.kernel.run(command.split()).out)
            mine = expected(virtual.run(command.split(), ours.box.host).out)
            differs = differs or (None if theirs == mine else f"{command}\n{theirs}\n{mine}")
        if differs is not None:
            return f"seed {seed}, packet {number} from {side}: {packet[20:]!r}\n{differs}"
    return None


@pytest.mark.root
def test_helpers_expect_and_drop_what_the_kernels_do(kernel: KernelRouter) -> None:
    assert [found for seed in range(12) if (found := play(kernel, seed))] == []


@pytest.mark.root
def test_a_dropped_line_is_logged_as_the_kernel_logs_it(kernel: KernelRouter) -> None:
    kernel.flush()
    ours, told, said = our_router(), list[str](), list[str]()
    with kernel.kernel.kernel_log() as log:
        for seed in range(4):
            agreements = Agreements(seed)
            for _ in range(PACKETS):
                side, packet = agreements.packet()
                kernel.send(side, packet)
                ours.send(side, packet)
                told += [line.text.replace(r"\x0a", "\n") for line in log.lines()]
                said += ours.lines
    assert dropped(told) == dropped(said) != []
