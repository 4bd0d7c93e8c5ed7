"""Real TAPs, in namespaces of the test's own: opening, refusals in one sentence, frames and headers."""

import errno
import fcntl
import os
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pystack.device import FEATURE_ALL
from pystack.drivers import tap_open
from pystack.drivers.kernel_netns import in_netns
from pystack.drivers.tap import TapDriver
from pystack.drivers.tap_open import OpenedTap, open_tap
from pystack.drivers.unavailable import PortUnavailable
from pystack.wire.virtio import GSO_TCPV4, NEEDS_CSUM, Offload, build_header, parse_header
from tests.drivers.kernel import KernelNamespace, drain
from tests.drivers.lab import Lab, frame, running, until
from tests.l2.large_frames import tcp_frame

pytestmark = pytest.mark.root

TUNSETVNETHDRSZ = 0x400454D8


@pytest.fixture
def tap(kernel: KernelNamespace) -> Iterator[OpenedTap]:
    """A TAP that we made."""
    opened = open_tap("vm1", kernel.name)
    yield opened
    try:
        os.close(opened.fd)
    except OSError as error:
        if error.errno != errno.EBADF:  # the driver closed it
            raise


def kernel_socket(kernel: KernelNamespace, ifname: str) -> socket.socket:
    """The kernel's side of a TAP: what is written here arrives at the TAP, and the other way round."""

    def make() -> socket.socket:
        sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.htons(3))
        sock.bind((ifname, 3))
        return sock

    return in_netns(kernel.name, make)


# --- opening --------------------------------------------------------------------------------------------


def test_a_tap_that_is_missing_is_made_and_set_up_and_goes_with_its_descriptor(
    kernel: KernelNamespace,
) -> None:
    tap = open_tap("vm1", kernel.name)
    assert tap.created
    assert tap.features == FEATURE_ALL
    assert tap.changes == ()
    assert "LOWER_UP" in kernel.sh("ip -o link show vm1")
    assert not os.get_blocking(tap.fd)
    assert not os.get_inheritable(tap.fd)
    os.close(tap.fd)
    assert "does not exist" in kernel.sh("ip -o link show vm1 2>&1 || true")


def test_a_namespace_may_be_given_by_its_path(kernel: KernelNamespace) -> None:
    tap = open_tap("vm1", f"/run/netns/{kernel.name}")
    assert "vm1" in kernel.sh("ip -o link")
    os.close(tap.fd)


def test_a_persistent_tap_is_attached_and_left_as_it_was(kernel: KernelNamespace) -> None:
    kernel.sh("ip tuntap add vm1 mode tap; ip link set vm1 address 02:11:22:33:44:55 mtu 1400")
    tap = open_tap("vm1", kernel.name)
    assert not tap.created
    state = kernel.sh("ip -o link show vm1")
    assert ",UP" in state
    assert "02:11:22:33:44:55" in state
    assert "mtu 1400" in state
    os.close(tap.fd)
    assert tap.restore() == []
    assert ",UP" not in kernel.sh("ip -o link show vm1")


def test_a_persistent_tap_that_was_up_stays_up(kernel: KernelNamespace) -> None:
    kernel.sh("ip tuntap add vm1 mode tap; ip link set vm1 up")
    tap = open_tap("vm1", kernel.name)
    os.close(tap.fd)
    assert tap.restore() == []
    assert ",UP" in kernel.sh("ip -o link show vm1")


def test_a_device_that_is_gone_needs_no_putting_back(kernel: KernelNamespace) -> None:
    kernel.sh("ip tuntap add vm1 mode tap")
    tap = open_tap("vm1", kernel.name)
    os.close(tap.fd)
    kernel.sh("ip link delete vm1")
    assert tap.restore() == []


def test_a_header_of_another_length_that_the_last_user_wanted_is_not_ours(kernel: KernelNamespace) -> None:
    kernel.sh("ip tuntap add vm1 mode tap vnet_hdr")
    first = open_tap("vm1", kernel.name)
    fcntl.ioctl(first.fd, TUNSETVNETHDRSZ, struct.pack("i", 12))  # as QEMU does
    os.close(first.fd)
    tap = open_tap("vm1", kernel.name)
    with kernel_socket(kernel, "vm1") as outside:
        drain(tap.fd)
        outside.send(frame(1))
        assert drain(tap.fd) == [bytes(10) + frame(1)]
    os.close(tap.fd)


def test_without_the_wheel_the_system_calls_do_the_same(
    kernel: KernelNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pytun", None)
    tap = open_tap("vm1", kernel.name)
    assert (tap.created, tap.features) == (True, FEATURE_ALL)
    assert not os.get_inheritable(tap.fd)
    with pytest.raises(PortUnavailable, match="in use"):
        open_tap("vm1", kernel.name)
    os.close(tap.fd)


@pytest.mark.parametrize("name", ["x" * 16, "a b", "a/b", "", ".", "vm%d"])
def test_a_name_that_no_device_can_have_is_refused(name: str) -> None:
    with pytest.raises(PortUnavailable, match="cannot name a TAP"):
        open_tap(name)


@pytest.mark.parametrize(
    ("setup", "name", "words"),
    [
        ("ip link add vm1 type bridge", "vm1", "exists and is a bridge device, not a TAP"),
        ("ip tuntap add vm1 mode tun", "vm1", "exists and is a TUN, not a TAP"),
        ("ip tuntap add vm1 mode tap multi_queue", "vm1", "other flags: it was made with multi_queue"),
        ("true", "lo", "exists and is no TAP"),
    ],
)
def test_what_is_no_tap_that_we_can_attach_is_refused_by_what_it_is(
    setup: str, name: str, words: str, kernel: KernelNamespace
) -> None:
    kernel.sh(setup)
    with pytest.raises(PortUnavailable, match=words):
        open_tap(name, kernel.name)


def test_a_tap_that_another_program_holds_is_refused(tap: OpenedTap) -> None:
    with pytest.raises(PortUnavailable, match="vm1 is in use") as caught:
        open_tap("vm1", tap.netns)
    assert "\n" not in caught.value.sentence


@pytest.mark.parametrize(
    ("netns", "words"),
    [
        ("d-nobody-made-this", "there is no network namespace d-nobody-made-this .ip netns add"),
        ("/nowhere/ns", "there is no network namespace /nowhere/ns"),
        ("/proc/self/ns/uts", "is not a network namespace"),
        ("/proc/self/status/ns", "Not a directory"),
    ],
)
def test_a_namespace_that_is_none_is_refused(netns: str, words: str) -> None:
    with pytest.raises(PortUnavailable, match=words):
        open_tap("vm1", netns)


def test_without_the_device_file_the_reason_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(tap_open, "DEVICE", str(tmp_path / "tun"))
    monkeypatch.setitem(sys.modules, "pytun", None)
    with pytest.raises(PortUnavailable, match=r"there is no .*tun: the kernel has no TUN driver"):
        open_tap("vm1")
    (tmp_path / "tun").mkdir()  # stands for whatever is there and cannot be opened
    with pytest.raises(PortUnavailable, match="Is a directory"):
        open_tap("vm1")


UNPRIVILEGED = """
import os, sys
from pystack.drivers.tap_open import open_tap
from pystack.drivers.packet_open import open_packet
from pystack.drivers.unavailable import PortUnavailable
os.setgroups([]); os.setgid(65534); os.setuid(65534)
for act in (lambda: open_tap("dvm1"), lambda: open_packet("lo"), lambda: open_tap("dvm1", "/proc/1/ns/net")):
    try:
        act()
    except PortUnavailable as error:
        print(error.sentence)
"""


def test_without_rights_one_clear_sentence_says_so() -> None:
    program = [sys.executable, "-c", UNPRIVILEGED]
    done = subprocess.run(program, capture_output=True, text=True, check=True)
    tap, packet, netns = done.stdout.splitlines()
    assert tap in ("no right to open /dev/net/tun", "no right to create TAP dvm1 (it takes CAP_NET_ADMIN)")
    assert packet == "no right to stand behind lo (it takes CAP_NET_RAW)"
    assert "network namespace /proc/1/ns/net" in netns


# --- driving --------------------------------------------------------------------------------------------


@pytest.mark.trio
async def test_frames_pass_both_ways(kernel: KernelNamespace, tap: OpenedTap) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = TapDriver(lab.ports[0], tap.fd, tap.features)
    with kernel_socket(kernel, "vm1") as outside:
        async with running(lab, driver, other):
            outside.send(frame(1))
            outside.send(frame(2, size=1514))
            await until(lambda: lab.host.outcomes.received == 2)
            assert other.take() == [frame(1), frame(2, size=1514)]
            other.push(frame(3))
            await until(lambda: lab.host.outcomes.received == 3)
            assert frame(3) in drain(outside.fileno())
    driver.close()
    assert driver.fileno() == -1


@pytest.mark.trio
async def test_without_offload_there_is_no_header_and_large_frames_are_cut(kernel: KernelNamespace) -> None:
    tap = open_tap("vm2", kernel.name, offload=False)
    assert tap.features == 0
    lab = Lab()
    other = lab.memory()[1]
    driver = TapDriver(lab.ports[0], tap.fd, tap.features)
    large = tcp_frame(bytes(3000), 1448)
    with kernel_socket(kernel, "vm2") as outside:
        async with running(lab, driver, other):
            outside.send(frame(1))
            await until(lambda: lab.host.outcomes.received == 1)
            assert other.take() == [frame(1)]
            drain(outside.fileno())
            other.push(large.frame, large.offload)
            await until(lambda: lab.host.outcomes.received == 2)
            assert [len(data) for data in drain(outside.fileno())] == [1502, 1502, 158]
    driver.close()


@pytest.mark.trio
async def test_a_large_frame_stays_whole_on_its_way_from_tap_to_tap(kernel: KernelNamespace) -> None:
    lab = Lab()
    taps = [open_tap(name, kernel.name) for name in ("vm1", "vm2")]
    drivers = [TapDriver(port, tap.fd, tap.features) for port, tap in zip(lab.ports, taps, strict=True)]
    large = tcp_frame(bytes(range(256)) * 200, 1448)
    # The kernel's bridges hand our TAPs what arrives at TAPs that the test holds.
    tests = [open_tap(name, kernel.name) for name in ("test1", "test2")]
    kernel.sh(
        "for n in 1 2; do ip link add br$n type bridge mcast_snooping 0; "
        "ip link set vm$n master br$n; ip link set test$n master br$n; ip link set br$n up; done"
    )
    for tap in tests:
        drain(tap.fd)
    async with running(lab, *drivers):
        os.writev(tests[0].fd, (build_header(large.offload), large.frame))
        found: list[bytes] = []

        def arrived() -> bool:
            found.extend(data for data in drain(tests[1].fd) if data[10:22] == large.frame[:12])
            return bool(found)

        await until(arrived)
    header = parse_header(found[0])
    assert isinstance(header, Offload)
    assert found[0][10:] == large.frame
    assert (header.gso_type, header.gso_size) == (GSO_TCPV4, 1448)
    assert (header.flags, header.csum_start, header.csum_offset) == (NEEDS_CSUM, 34, 16)
    for driver in drivers:
        driver.close()
    for tap in tests:
        os.close(tap.fd)


@pytest.mark.trio
async def test_while_the_kernels_side_is_down_frames_are_refused_and_counted(
    kernel: KernelNamespace, tap: OpenedTap
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = TapDriver(lab.ports[0], tap.fd, tap.features)
    async with running(lab, driver, other):
        kernel.sh("ip link set vm1 down")
        other.push(frame(1))
        await until(lambda: driver.stats.tx_errors == 1)
        assert lab.ports[0].carrier
        kernel.sh("ip link set vm1 up")
        other.push(frame(2))
        await until(lambda: lab.host.outcomes.received >= 2)
        assert driver.stats.tx_errors == 1
    driver.close()


@pytest.mark.parametrize("by", ["reading", "writing"])
@pytest.mark.trio
async def test_a_tap_that_is_deleted_is_a_port_that_failed(
    by: str, kernel: KernelNamespace, tap: OpenedTap
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = TapDriver(lab.ports[0], tap.fd, tap.features)
    async with running(lab, driver, other):
        if by == "writing":
            driver.read_burst = lambda budget, receive: 0  # type: ignore[method-assign]
        kernel.sh("ip link delete vm1")
        other.push(frame(1))
        await until(lambda: "p1: its TAP was deleted" in lab.log)
        assert not lab.ports[0].carrier
        other.push(frame(2))
        await until(lambda: lab.host.outcomes.received == 2)
    driver.close()
