"""Standing behind a TAP that somebody else holds: here the test does, as QEMU would."""

import os
import socket
from collections.abc import Iterator

import pytest
import trio

from pystack.device import FEATURE_ALL
from pystack.drivers.kernel_netns import in_netns
from pystack.drivers.kernel_silence import what_still_talks
from pystack.drivers.packet import PacketDriver
from pystack.drivers.packet_open import OpenedPacket, open_packet
from pystack.drivers.tap_open import open_tap
from pystack.drivers.unavailable import PortUnavailable
from pystack.wire import arp, virtio
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, ZERO, header
from pystack.wire.virtio import GSO_TCPV4, NEEDS_CSUM, NONE, Offload, build_header
from tests.drivers.kernel import KernelNamespace, drain
from tests.drivers.lab import VM1, VM2, Lab, frame, running, until
from tests.frames import ip
from tests.l2.large_frames import Large, tcp_frame

pytestmark = pytest.mark.root


class Guest:
    """What holds the TAP."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def send(self, data: bytes, offload: Offload = NONE) -> None:
        os.writev(self.fd, (build_header(offload), data))

    def heard(self) -> list[bytes]:
        return [data[virtio.HEADER_LENGTH :] for data in drain(self.fd)]

    def heard_with_offload(self) -> list[tuple[bytes, Offload]]:
        found = []
        for data in drain(self.fd):
            offload = virtio.parse_header(data)
            assert isinstance(offload, Offload)
            found.append((data[virtio.HEADER_LENGTH :], offload))
        return found


@pytest.fixture
def guest(kernel: KernelNamespace) -> Iterator[Guest]:
    tap = open_tap("vm1", kernel.name)
    yield Guest(tap.fd)
    os.close(tap.fd)


@pytest.fixture
def opened(kernel: KernelNamespace, guest: Guest) -> OpenedPacket:
    return open_packet("vm1", kernel.name)


def drive(lab: Lab, opened: OpenedPacket) -> PacketDriver:
    return PacketDriver(lab.ports[0], opened.fd, opened.ifname, opened.features)


@pytest.mark.trio
async def test_frames_pass_both_ways_whoever_they_are_for(guest: Guest, opened: OpenedPacket) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = drive(lab, opened)
    assert opened.features == FEATURE_ALL
    async with running(lab, driver, other):
        guest.send(frame(1))
        guest.send(frame(2, to=VM2, size=1514))
        await until(lambda: lab.host.outcomes.received == 2)
        assert other.take() == [frame(1), frame(2, to=VM2, size=1514)]
        other.push(frame(3, sender=VM2))
        await until(lambda: lab.host.outcomes.received == 3)
        assert guest.heard() == [frame(3, sender=VM2)]
        await trio.sleep(0.01)
        assert lab.host.outcomes.received == 3  # what we sent did not come back
    driver.close()


@pytest.mark.trio
async def test_what_the_kernel_sends_by_the_device_is_not_ours(
    kernel: KernelNamespace, guest: Guest, opened: OpenedPacket
) -> None:
    def send() -> None:
        with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
            sock.bind(("vm1", 0))
            sock.send(frame(1))

    lab = Lab()
    driver = drive(lab, opened)
    async with running(lab, driver):
        in_netns(kernel.name, send)
        assert guest.heard() == [frame(1)]
        guest.send(frame(2))
        await until(lambda: lab.host.outcomes.received > 0)
        assert lab.host.outcomes.received == 1
    driver.close()


@pytest.mark.trio
async def test_large_frames_pass_whole_with_what_they_owe(guest: Guest, opened: OpenedPacket) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = drive(lab, opened)
    large = tcp_frame(bytes(range(256)) * 200, 1448)
    async with running(lab, driver, other):
        guest.send(large.frame, large.offload)
        await until(lambda: lab.host.outcomes.received == 1)
        assert owed(*other.take_with_offload()[0]) == owed(large.frame, large.offload)
        other.push(large.frame, large.offload)
        await until(lambda: lab.host.outcomes.received == 2)
        assert [owed(*heard) for heard in guest.heard_with_offload()] == [owed(large.frame, large.offload)]
    driver.close()


def owed(data: object, offload: Offload) -> tuple[bytes, int, int, int, int, int]:
    assert isinstance(data, bytes | bytearray | memoryview)
    header = (offload.flags, offload.gso_type, offload.gso_size, offload.csum_start, offload.csum_offset)
    return (bytes(data), *header)


@pytest.mark.trio
async def test_without_offload_all_that_we_send_is_finished(kernel: KernelNamespace, guest: Guest) -> None:
    opened = open_packet("vm1", kernel.name, offload=False)
    assert opened.features == 0
    lab = Lab()
    other = lab.memory()[1]
    driver = drive(lab, opened)
    large = tcp_frame(bytes(3000), 1448)
    async with running(lab, driver, other):
        other.push(large.frame, large.offload)
        await until(lambda: lab.host.outcomes.received == 1)
        heard = guest.heard_with_offload()
        assert [(len(data), offload.flags & NEEDS_CSUM) for data, offload in heard] == [
            (1502, 0),
            (1502, 0),
            (158, 0),
        ]
        guest.send(large.frame, large.offload)
        await until(lambda: lab.host.outcomes.received == 2)
        assert owed(*other.take_with_offload()[0]) == owed(large.frame, large.offload)
    driver.close()


def tagged(large: Large) -> Large:
    was = large.offload
    data = large.frame[:12] + b"\x81\x00\x60\x05" + large.frame[12:]
    offload = Offload(
        was.flags, GSO_TCPV4, was.hdr_len + 4, was.gso_size, was.csum_start + 4, was.csum_offset
    )
    return Large(data, offload, large.transport + 4, large.payload + 4)


@pytest.mark.trio
async def test_the_vlan_tag_that_the_kernel_takes_out_is_put_back(guest: Guest, opened: OpenedPacket) -> None:
    lab = Lab()
    driver = drive(lab, opened)
    seen: list[tuple[bytes, int, int, int, int, int]] = []
    lab.ports[0].add_tap(lambda pkt, leaving: seen.append(owed(pkt.frame(), pkt.offload)))
    small = frame(1)[:12] + b"\x81\x00\x00\x07" + frame(1)[12:]
    large = tagged(tcp_frame(bytes(3000), 1448))
    async with running(lab, driver):
        guest.send(small)
        guest.send(large.frame, large.offload)
        await until(lambda: lab.host.outcomes.received == 2)
    assert seen == [owed(small, NONE), owed(large.frame, large.offload)]
    driver.close()


# --- the kernel keeps silent ----------------------------------------------------------------------------


def arp_request(target: str) -> bytes:
    message = arp.Arp(arp.ARPOP_REQUEST, VM1, ip("10.9.9.1"), ZERO, ip(target))
    return header(BROADCAST, VM1, ETH_P_ARP) + arp.build(message)


def is_answered(guest: Guest, target: str) -> bool:
    guest.heard()
    guest.send(arp_request(target))
    return any(data[12:14] == b"\x08\x06" for data in guest.heard())


def test_the_kernel_answers_for_none_of_its_addresses_until_the_port_is_given_up(
    kernel: KernelNamespace, guest: Guest
) -> None:
    kernel.sh("ip address add 10.9.9.9/32 dev lo")
    assert is_answered(guest, "10.9.9.9")
    opened = open_packet("vm1", kernel.name)
    assert not is_answered(guest, "10.9.9.9")
    os.close(opened.fd)
    assert opened.restore() == []
    assert is_answered(guest, "10.9.9.9")


def settings(kernel: KernelNamespace) -> str:
    keys = "ipv4/conf/vm1/arp_ignore ipv4/conf/vm1/forwarding ipv6/conf/vm1/disable_ipv6"
    return kernel.sh(f"cd /proc/sys/net; cat {keys}")


def test_what_was_changed_is_put_back(kernel: KernelNamespace, guest: Guest) -> None:
    kernel.sh("cd /proc/sys/net; echo 1 > ipv4/ip_forward; echo 0 > ipv6/conf/vm1/disable_ipv6")
    kernel.sh("ip link set vm1 down")
    assert settings(kernel) == "0\n1\n0\n"
    opened = open_packet("vm1", kernel.name)
    assert settings(kernel) == "8\n0\n1\n"
    assert ",UP" in kernel.sh("ip -o link show vm1")
    assert "promiscuity 1" in kernel.sh("ip -d -o link show vm1")
    os.close(opened.fd)
    assert opened.restore() == []
    assert settings(kernel) == "0\n1\n0\n"
    assert ",UP" not in kernel.sh("ip -o link show vm1")
    assert "promiscuity 0" in kernel.sh("ip -d -o link show vm1")


def test_it_says_what_still_talks(kernel: KernelNamespace, guest: Guest) -> None:
    kernel.sh("echo 0 > /proc/sys/net/ipv6/conf/vm1/disable_ipv6")
    assert what_still_talks("vm1", kernel.name)[:2] == [
        "the kernel answers ARP on it",
        "the kernel speaks IPv6 on it",
    ]
    opened = open_packet("vm1", kernel.name)
    assert what_still_talks("vm1", kernel.name) == []
    kernel.sh(
        "ip address add 10.0.0.1/24 dev vm1; ip link add br0 type bridge; ip link set vm1 master br0; "
        "echo 1 > /proc/sys/net/ipv4/conf/vm1/forwarding"
    )

    def listen() -> socket.socket:
        return socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88CC))

    with in_netns(kernel.name, listen):
        assert what_still_talks("vm1", kernel.name) == [
            "the kernel forwards the IPv4 packets that arrive there",
            "the kernel has the address 10.0.0.1/24 on it",
            "it is a port of the kernel's br0, which takes its frames too",
            "a program speaks LLDP on it",
        ]
    assert what_still_talks("nosuch", kernel.name) == []
    os.close(opened.fd)


# --- what goes wrong ------------------------------------------------------------------------------------


@pytest.mark.trio
async def test_the_carrier_follows_the_device(
    kernel: KernelNamespace, guest: Guest, opened: OpenedPacket, autojump_clock: trio.testing.MockClock
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    driver = drive(lab, opened)
    async with running(lab, driver, other):
        kernel.sh("ip link set vm1 down")
        await trio.sleep(3)
        assert not lab.ports[0].carrier
        kernel.sh("ip link set vm1 up")
        await trio.sleep(3)
        assert lab.ports[0].carrier
        guest.send(frame(1))
        await trio.sleep(1)
        assert other.take() == [frame(1)]
        kernel.sh("ip link set vm1 down")
        other.push(frame(2))  # before anybody noticed
        await trio.sleep(3)
        assert not lab.ports[0].carrier
    driver.close()


@pytest.mark.trio
async def test_a_device_that_is_deleted_is_a_port_that_failed(
    kernel: KernelNamespace, opened: OpenedPacket, autojump_clock: trio.testing.MockClock
) -> None:
    lab = Lab()
    driver = drive(lab, opened)
    async with running(lab, driver):
        kernel.sh("ip link delete vm1")
        await trio.sleep(3)
        assert "p1: the kernel's device vm1 is gone" in lab.log
    driver.close()
    assert opened.restore() == []


@pytest.mark.trio
async def test_a_frame_that_is_too_long_for_the_device_is_refused_and_counted(
    guest: Guest, opened: OpenedPacket
) -> None:
    lab = Lab()
    other = lab.memory()[1]
    for dev in (*lab.ports, lab.bridge):
        lab.netns.devices.set_mtu(dev, 9000)
    driver = drive(lab, opened)
    async with running(lab, driver, other):
        other.push(frame(1, size=4000))
        await until(lambda: lab.host.outcomes.received == 1)
        assert (driver.stats.tx_errors, lab.ports[0].stats.tx_errors) == (1, 1)
        assert lab.ports[0].carrier
    driver.close()


def test_a_device_that_is_missing_is_refused(kernel: KernelNamespace) -> None:
    with pytest.raises(PortUnavailable, match=f"there is no device vm1 in network namespace {kernel.name}"):
        open_packet("vm1", kernel.name)
    with pytest.raises(PortUnavailable, match="there is no device d-no-such-vm here"):
        open_packet("d-no-such-vm")
    with pytest.raises(PortUnavailable, match="cannot name a device"):
        open_packet("a/b", kernel.name)
