"""FTP and TFTP through the kernel's helpers and ours: the same is expected after each packet."""

import re
from collections.abc import Iterator

import pytest

from pystack.applets import virtual
from pystack.compare.lab.kernel_netns import KernelNetns
from tests.netfilter.conntrack.agreements import NAT, RULES, Agreements, Translated
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


def our_router(setup: str = RULES) -> PystackRouter:
    ours = PystackRouter()
    for line in filter(None, setup.splitlines()):
        assert virtual.run(line.split(), ours.box.host).rc == 0
    return ours


def expected(text: str) -> list[str]:
    return sorted(SECONDS.sub("T ", text).splitlines())


def dropped(lines: list[str]) -> list[str]:
    """Without TOS, where the kernel's rules have written how the packet stood."""
    return [re.sub("TOS=0x..", "TOS=", line) for line in lines if line.startswith("nf_ct_ftp")]


def differently_expected(kernel: KernelRouter, ours: PystackRouter) -> str | None:
    for command in LISTED:
        theirs = expected(kernel.kernel.run(command.split()).out)
        mine = expected(virtual.run(command.split(), ours.box.host).out)
        if theirs != mine:
            return f"{command}\n{theirs}\n{mine}"
    return None


def play(kernel: KernelRouter, seed: int) -> str | None:
    kernel.flush()
    ours, agreements = our_router(), Agreements(seed)
    for number in range(PACKETS):
        side, packet = agreements.packet()
        differs = first_difference(kernel, ours, side, packet, flow_of(packet))
        differs = differs or differently_expected(kernel, ours)
        if differs is not None:
            return f"seed {seed}, packet {number} from {side}: {packet[20:]!r}\n{differs}"
    return None


@pytest.mark.root
def test_helpers_expect_and_drop_what_the_kernels_do(kernel: KernelRouter) -> None:
    assert [found for seed in range(6) if (found := play(kernel, seed))] == []


def translated(kernel: KernelRouter, seed: int) -> str | None:
    """What leaves on the other side differs, or what is expected then."""
    kernel.flush()
    ours, agreements = our_router(RULES + NAT), Translated(seed)
    for number in range(PACKETS):
        side, packet = agreements.packet()
        theirs = kernel.passed(side, packet)
        ours.draw_ports(theirs)
        mine = ours.passed(side, packet)
        if [without_marks(one) for one in theirs] != [without_marks(one) for one in mine]:
            return f"seed {seed}, packet {number} from {side}: {packet[20:]!r}\n{theirs}\n{mine}"
        for one in mine:
            agreements.hear(1 - side, one)
        if (differs := differently_expected(kernel, ours)) is not None:
            return f"seed {seed}, packet {number} from {side}: {packet[20:]!r}\n{differs}"
    return None


def without_marks(packet: bytes) -> bytes:
    """Without TOS, where the kernel's rules have written how the packet stood, and the header's sum."""
    return packet[:1] + packet[2:10] + packet[12:]


@pytest.mark.root
def test_what_is_told_inside_is_translated_octet_by_octet_as_by_the_kernel() -> None:
    with KernelNetns(PORTS) as netns:
        router = KernelRouter(netns)
        netns.sh(RULES + NAT).check()
        assert [found for seed in range(6) if (found := translated(router, seed))] == []
        router.close()


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
