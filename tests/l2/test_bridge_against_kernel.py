"""The same frames through a kernel bridge and through ours.

The same frames come out of each port, in the same order over all devices, and both believe the same of every
station.
"""

import os
import random
import re
import time
from collections.abc import Iterator

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.wire import arp
from pystack.wire.ethernet import BROADCAST, ETH_P_ARP, ZERO, header
from tests.l2.switch import GROUP, NOBODY, VM1, VM2, VM3, frame, port_address
from tests.l2.twin import Twin

pytestmark = pytest.mark.root

PORTS = ["t1", "t2", "t3", "t4"]
STATIONS = {"t1": VM1, "t2": VM2, "t3": VM3, "t4": bytes.fromhex("02aa00000004")}
BRIDGE = "ip link add br0 type bridge\nip link set br0 up\n" + "".join(
    f"ip link set {port} master br0\nip link set {port} up\n" for port in PORTS
)
RESERVED = [bytes.fromhex("0180c20000") + bytes([octet]) for octet in (*range(17), 0x20, 0x21)]

# One configuration a line, on top of the plain bridge.
CONFIGURATIONS = [
    "",
    "ip link set t1 type bridge_slave hairpin on",
    "ip link set t1 type bridge_slave learning off",
    "ip link set t2 type bridge_slave flood off",
    "ip link set t2 type bridge_slave mcast_flood off",
    "ip link set t2 type bridge_slave bcast_flood off",
    "ip link set t2 type bridge_slave flood off mcast_flood off bcast_flood off",
    "ip link set t1 type bridge_slave isolated on\nip link set t3 type bridge_slave isolated on",
    "ip link set t1 type bridge_slave isolated on hairpin on\nip link set t2 type bridge_slave isolated on",
    "ip link set t1 type bridge_slave locked on",
    "ip link set t1 type bridge_slave group_fwd_mask 0xfffd",
    "ip link set t1 type bridge_slave state 1",
    "ip link set t1 type bridge_slave state 2",
    "ip link set t1 type bridge_slave state 4",
    "ip link set br0 type bridge group_fwd_mask 0xfff8",
    "ip link set br0 type bridge group_fwd_mask 0x4008",
    "ip link set br0 type bridge mcast_snooping 0",
    "ip link set br0 type bridge no_linklocal_learn 1",
    "ip link set br0 type bridge ageing_time 0",
    "ip link set br0 promisc on",
    "ip link set br0 address 02:00:00:00:00:77",
    "ip link set br0 down",
    "ip link set t3 down",
    "ip link set t2 nomaster",
    "ip link set t1 nomaster\nip link set t1 master br0",
    "ip link set t2 mtu 600",
    "ip link set br0 mtu 600",
    f"bridge fdb add {VM2.hex(':')} dev t2 master static",
    f"bridge fdb add {VM2.hex(':')} dev t2 master static sticky",
    f"bridge fdb add {VM2.hex(':')} dev t2 master dynamic",
    f"bridge fdb add {VM2.hex(':')} dev t2 master",
    f"bridge fdb add {VM2.hex(':')} dev t2 master extern_learn",
    f"bridge fdb add {VM2.hex(':')} dev br0",
    f"bridge fdb add {GROUP.hex(':')} dev t2 master",
    f"bridge fdb add {VM2.hex(':')} dev t3 master static\nip link set t3 down",
    f"bridge fdb add {VM2.hex(':')} dev t2 master static\n"
    f"bridge fdb replace {VM2.hex(':')} dev t3 master dynamic",
]


@pytest.fixture(scope="module")
def lab() -> Iterator[KernelNetns]:
    with KernelNetns(PORTS) as kernel:
        yield kernel


@pytest.fixture
def twin(lab: KernelNetns) -> Twin:
    lab.renew(PORTS)
    return Twin(lab)


def probes() -> list[tuple[str, bytes]]:
    """Every kind of destination from a port, before and after its station spoke, and stations that move."""
    own = [port_address(number) for number in range(1, 5)]
    strangers = [VM2, VM3, NOBODY, BROADCAST, GROUP, ZERO, *own, bytes.fromhex("020000000077"), *RESERVED]
    sent = [("t1", frame(VM1, destination)) for destination in strangers]
    sent += [(port, frame(station)) for port, station in STATIONS.items()]
    sent += [("t1", frame(VM1, destination)) for destination in strangers]
    sent += [
        ("t2", frame(VM2, VM1)),
        ("t3", frame(VM3, VM1)),
        ("t3", frame(VM3, VM2)),
        ("t1", frame(VM3, VM1)),
    ]
    sent += [("t4", frame(VM2, VM1)), ("t1", frame(VM1, VM2)), ("t1", frame(own[1], NOBODY))]
    sent += [("t1", frame(source)) for source in (GROUP, BROADCAST, ZERO, own[0], own[2])]
    sent += [("t1", frame(VM1, VM2, bytes(size))) for size in (0, 1, 590, 604, 605, 1500, 1504, 1505)]
    sent += [("t1", frame(VM1, VM3, kind=kind)) for kind in (0x0026, 0x8808, 0x8100, 0xFFFF)]
    return sent


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_every_port_and_the_host_see_what_they_see_in_linux(twin: Twin, configuration: str) -> None:
    twin.configure(BRIDGE + configuration)
    twin.watch()
    twin.kernel.drain()
    twin.seen()
    closed = {line.split()[3] for line in configuration.splitlines() if line.endswith(" down")}
    for number, (port, data) in enumerate(probes()):
        if port in closed:
            continue
        theirs, ours = twin.exchange(port, data)
        assert ours == theirs, (number, port, data[:14].hex())
        theirs_seen, ours_seen = twin.seen()
        assert ours_seen == theirs_seen, (number, port, data[:14].hex())
    theirs_fdb, ours_fdb = twin.forwarding_tables()
    assert ours_fdb == theirs_fdb


def test_random_traffic_leaves_both_with_the_same_frames_and_tables(twin: Twin) -> None:
    chance = random.Random(1)
    twin.configure(BRIDGE)
    twin.watch()
    addresses = [
        *STATIONS.values(),
        *(port_address(number) for number in range(1, 5)),
        BROADCAST,
        GROUP,
        NOBODY,
    ]
    toggles = [
        f"{flag} {value}" for flag in ("hairpin", "isolated", "learning", "flood") for value in ("on", "off")
    ]
    for _ in range(20):
        twin.configure(f"ip link set {chance.choice(PORTS)} type bridge_slave {chance.choice(toggles)}")
        for _ in range(50):
            data = frame(chance.choice(addresses), chance.choice(addresses), chance.randbytes(46))
            theirs, ours = twin.exchange(chance.choice(PORTS), data)
            assert ours == theirs
        theirs_seen, ours_seen = twin.seen()
        assert ours_seen == theirs_seen
        theirs_fdb, ours_fdb = twin.forwarding_tables()
        assert ours_fdb == theirs_fdb


# --- the order of events ---------------------------------------------------------------------------------

CABLES = """
ip link add v0 type veth peer name v1
ip link add w0 type veth peer name w1
ip link add br0 type bridge
ip link set t1 master br0
ip link set v0 master br0
ip link set t2 master br0
ip link set w0 master br0
ip link set t3 master br0
ip link set v1 up
ip link set w1 up
ip link set v0 up
ip link set w0 up
ip link set t1 up
ip link set t2 up
ip link set t3 up
ip link set br0 up
"""


def order(twin: Twin, port: str, data: bytes) -> tuple[list[str], list[str]]:
    twin.seen()
    twin.exchange(port, data)
    return tuple([f"{device}:{way}" for device, way, _ in side] for side in twin.seen())  # type: ignore[return-value]


@pytest.mark.parametrize("destination", [BROADCAST, GROUP, NOBODY])
def test_a_broadcast_reaches_ports_host_and_far_ends_of_cables_in_the_kernels_order(
    twin: Twin, destination: bytes
) -> None:
    twin.configure(CABLES)
    twin.watch()
    theirs, ours = order(twin, "t2", frame(VM1, destination))
    assert ours == theirs
    assert [line for line in ours if line.endswith("out")] == ["t3:out", "w0:out", "v0:out", "t1:out"]


def test_a_second_bridge_behind_a_cable_floods_after_the_first_ones_host_was_served(twin: Twin) -> None:
    twin.configure(
        """
        ip link add v0 type veth peer name v1
        ip link add br0 type bridge
        ip link add br1 type bridge
        ip link set t1 master br0
        ip link set v0 master br0
        ip link set t2 master br0
        ip link set v1 master br1
        ip link set t3 master br1
        ip link set v0 up
        ip link set v1 up
        ip link set t1 up
        ip link set t2 up
        ip link set t3 up
        ip link set br0 up
        ip link set br1 up
        """
    )
    twin.watch()
    theirs, ours = order(twin, "t1", frame(VM1))
    assert ours == theirs
    assert ours == [
        "t1:broadcast",
        "t2:out",
        "v0:out",
        "br0:broadcast",
        "v1:broadcast",
        "t3:out",
        "br1:broadcast",
    ]


def test_an_arp_reply_leaves_before_the_request_has_crossed_the_cable(twin: Twin) -> None:
    twin.configure(CABLES + "ip addr add 10.0.0.1/24 dev br0\nip addr add 10.0.0.2/24 dev v1\n")
    twin.watch()
    asked, asker = 0x0A000001, 0x0A000009
    request = header(BROADCAST, VM1, ETH_P_ARP) + arp.build(
        arp.Arp(arp.ARPOP_REQUEST, VM1, asker, ZERO, asked)
    )
    theirs, ours = order(twin, "t1", request)
    assert ours == theirs
    assert ours.index("br0:out") < ours.index("w1:broadcast")


# --- links -----------------------------------------------------------------------------------------------

STORY = """
ip link add br0 type bridge
ip link set br0 up
ip link set t2 master br0
ip link set t2 up
ip link set t1 master br0
ip link set t1 mtu 1400
ip link set t1 up
ip link add v0 type veth peer name v1
ip link set v0 master br0
ip link set v0 up
ip link set v1 up
ip link set v1 down
ip link set t1 address 02:00:00:00:00:99
ip link set t2 nomaster
ip link set br0 mtu 1300
ip link set t1 nomaster
ip link set br0 address 02:00:00:00:00:88
ip link set t1 master br0
ip link set br0 down
ip link set br0 up
ip link set v0 nomaster
ip link del v1
ip link set t1 nomaster
ip link del br0
"""


def settle(twin: Twin) -> None:
    """Linux tells of carriers from a work queue, up to a second later: look again until it agrees."""
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        theirs, ours = twin.links()
        if theirs == ours:
            return
        time.sleep(0.01)


def test_links_and_tables_are_the_kernels_at_every_step_of_a_story(twin: Twin) -> None:
    for line in STORY.strip().splitlines():
        twin.configure(line)
        settle(twin)
        theirs_links, ours_links = twin.links()
        assert ours_links == theirs_links, line
        theirs_fdb, ours_fdb = twin.forwarding_tables()
        assert ours_fdb == theirs_fdb, line


# --- the kernel's log ------------------------------------------------------------------------------------


def kernel_lines(log: int) -> list[str]:
    """What /dev/kmsg has of our devices since the last call; other labs write there too."""
    lines: list[str] = []
    while True:
        try:
            record = os.read(log, 8192)
        except BlockingIOError:
            return lines
        text = record.decode(errors="replace").partition(";")[2].partition("\n")[0]
        if re.search(r"\bz[tbv]\d", text):
            lines.append(text)


def test_the_log_tells_the_same_story(lab: KernelNetns) -> None:
    lab.renew(["zt1", "zt2"])
    twin = Twin(lab)
    story = re.sub(r"\bbr0\b", "zb0", re.sub(r"\b([tv]\d)\b", r"z\1", STORY))
    log = os.open("/dev/kmsg", os.O_RDONLY | os.O_NONBLOCK)
    os.lseek(log, 0, os.SEEK_END)
    try:
        for line in story.splitlines():
            twin.log.clear()
            twin.configure(line)
            settle(twin)
            assert twin.log == kernel_lines(log), line
        twin.configure("ip link add zb0 type bridge\nip link set zb0 up\nip link set zt2 master zb0")
        settle(twin)
        kernel_lines(log)
        twin.log.clear()
        twin.exchange("zt2", frame(port_address(2)))
        assert len(twin.log) == 1
        assert twin.log == kernel_lines(log)
    finally:
        os.close(log)


# --- counters --------------------------------------------------------------------------------------------


def test_devices_count_what_the_kernels_count(twin: Twin) -> None:
    """Without snooping the kernel's bridge joins no group, so that it sends nothing by itself."""
    twin.configure("ip link add br0 type bridge\nip link set br0 type bridge mcast_snooping 0")
    twin.configure(CABLES.replace("ip link add br0 type bridge\n", "") + "ip link set lo up\n")
    for port, data in probes():
        if port != "t4":
            twin.exchange(port, data)
    twin.exchange("t1", frame(VM1, payload=bytes(3000)))
    for payload in (b"\x42\x42\x03", b"\xaa\xaa\x03", b"\xff\xff"):
        twin.exchange("t1", frame(VM1, kind=0x0026, payload=payload + bytes(43)))
        twin.exchange("t1", frame(VM1, kind=0x0000, payload=payload + bytes(43)))
    theirs, ours = twin.counters()
    assert ours == theirs
