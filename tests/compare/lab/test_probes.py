"""The kernel's probes see every packet at every point, and change nothing."""

import re
from collections.abc import Iterator
from contextlib import closing

import pytest

from pystack.compare.lab.errors import LabUnavailable
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.kernel_side_tables import Tables
from pystack.compare.lab.probes import install, listen
from pystack.compare.points import NUMBERED, POINTS, points_of
from pystack.compare.probes import point_of, ruleset
from pystack.compare.records import Frame, Log, Record
from pystack.compare.scenario import Scenario, Send, Topology
from pystack.hooks.nflog import LoggedPacket
from pystack.hooks.ours import PROBES
from tests.compare.lab.packets import (
    BR0,
    BROADCAST,
    HOST_A,
    HOST_B,
    echo,
    ethernet,
    ipv4,
    is_at,
    ping,
    udp,
    who_has,
)

PORTS = ("tap1", "tap2", "tap3")
ROUTER = """
ip link add br0 type bridge
ip link set tap1 up master br0
ip link set tap2 up master br0
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip link set tap3 up
ip addr add 10.1.0.1/24 dev tap3
ip neigh add 10.1.0.2 lladdr 02:aa:00:00:00:03 dev tap3
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:01 dev br0
sysctl -wq net.ipv4.ip_forward=1
"""
FILTER = """
iptables-legacy -A FORWARD -p udp -j DROP
iptables-legacy -A INPUT -p udp --dport 9 -j REJECT
iptables-legacy -A INPUT -p icmp -j LOG --log-level 7 --log-prefix "in "
iptables-legacy -t mangle -A POSTROUTING -j TOS --set-tos 16
"""
OF_A_FRAGMENT = 0x2000  # more fragments


# --- the ruleset --------------------------------------------------------------------------------------------


def test_every_point_has_a_chain_that_only_logs_and_accepts() -> None:
    text = ruleset(POINTS, ["tap1"], table=PROBES)
    chains = re.findall(r"chain \w+ \{\n(.*)\n(.*)\n\t\}", text)
    assert len(chains) == len(POINTS)
    for (base, rule), point in zip(chains, POINTS, strict=True):
        device = ' device "tap1"' if point.family == "netdev" else ""
        assert base.strip() == (
            f"type filter hook {point.hook.lower()}{device} priority {point.priority}; policy accept;"
        )
        assert re.fullmatch(r'\t\tlog prefix "\d+" group \d+', rule)


def test_a_point_of_devices_has_a_chain_for_each() -> None:
    text = ruleset(points_of(["ip"]), PORTS, table=PROBES)
    assert re.findall(r'hook ingress device "(\w+)"', text) == list(PORTS)


def test_no_devices_are_no_table_of_devices() -> None:
    assert "table netdev" not in ruleset(POINTS, [], table=PROBES)


def test_a_report_names_its_point() -> None:
    text = ruleset([POINTS[3]], [], table=PROBES)
    (prefix,) = re.findall(r'prefix "(\d+)"', text)
    assert point_of(prefix.encode()) is POINTS[3]


@pytest.mark.parametrize("prefix", [b"", b"x", b"-1", str(len(NUMBERED)).encode(), b"\xb2"])
def test_a_report_that_no_probe_wrote_has_no_point(prefix: bytes) -> None:
    assert point_of(prefix) is None


# --- in the kernel ------------------------------------------------------------------------------------------


@pytest.fixture
def kernel() -> Iterator[KernelNetns]:
    with KernelNetns(PORTS) as lab:
        lab.sh(ROUTER).check()
        yield lab


@pytest.mark.root
def test_the_kernel_takes_every_point_as_it_is_written(kernel: KernelNetns) -> None:
    install(kernel, POINTS, PORTS)
    listed = kernel.run("nft -n list ruleset").check().out
    assert listed.count("group") == len(POINTS) + 2 * (len(PORTS) - 1)
    assert listed.count(f"table {POINTS[-1].family} {PROBES}") == 1


@pytest.mark.root
def test_what_the_kernel_does_not_take_is_said_in_its_words(kernel: KernelNetns) -> None:
    with pytest.raises(LabUnavailable, match=r"takes no probes: .+ out of range"):
        install(kernel, POINTS, ["a-name-of-16-char"])


@pytest.mark.root
def test_probes_neither_track_connections_nor_put_fragments_together(kernel: KernelNetns) -> None:
    install(kernel, POINTS, PORTS)
    packet = ipv4("10.0.0.5", "10.1.0.2", 1, echo(), ttl=9)
    first = ipv4("10.0.0.5", "10.1.0.2", 1, echo()[:24], fragment=OF_A_FRAGMENT)
    with closing(listen(kernel)) as log, closing(Tables(kernel)) as tables:
        for sent in (packet, first):
            kernel.send("tap1", ethernet(BR0, HOST_A, sent))
        left = [frame[20:22].hex() for port, frame in kernel.drain() if port == "tap3"]
        assert left == ["0000", "2000"]
        points = [point_of(seen.prefix) for seen in log.drain() if isinstance(seen, LoggedPacket)]
        assert points.count(next(point for point in POINTS if point.name.startswith("ip/FORWARD"))) == 2
        assert tables.connections() == []
        kernel.sh("iptables-legacy -A FORWARD -m conntrack --ctstate NEW").check()  # this is what would
        kernel.send("tap1", ethernet(BR0, HOST_A, packet))
        tracked = [entry.original.protocol for entry in tables.connections()]
        assert tracked.count(1) == 1  # the kernel may report its groups meanwhile, which it tracks as well


def played(setup: str, *, hops: bool) -> list[Record]:
    """A bit of everything that a router with a bridge may meet, without the hops themselves."""
    frames = (
        ("tap1", who_has(HOST_A, "10.0.0.5", "10.0.0.1")),
        ("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.0.0.1")),
        ("tap2", ping(HOST_A, HOST_B, "10.0.0.6", "10.0.0.5")),
        ("tap1", ping(HOST_B, HOST_A, "10.0.0.5", "10.0.0.6")),
        ("tap1", ping(BROADCAST, HOST_A, "10.0.0.5", "10.0.0.255")),
        ("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2")),
        ("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.1.0.2", ttl=1)),
        ("tap1", ping(BR0, HOST_A, "10.0.0.5", "10.9.0.1")),
        ("tap1", ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.1.0.2", 17, udp(5, 6, b"forward")))),
        ("tap1", ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.0.0.1", 17, udp(5, 9, b"rejected")))),
        ("tap1", ethernet(BR0, HOST_A, ipv4("10.0.0.5", "10.1.0.2", 1, echo()[:24], fragment=OF_A_FRAGMENT))),
        ("tap2", ping(BR0, HOST_B, "10.0.0.6", "10.0.0.1")),
        ("tap2", is_at(HOST_B, "10.0.0.6", BR0, "10.0.0.1")),
        ("tap3", ping(BR0[:5] + b"\x03", HOST_B, "10.1.0.9", "10.0.0.5")),
        ("tap1", b"\x01" * 13),
        ("tap2", ethernet(BROADCAST, HOST_B, bytes(46), 0x88B5)),
    )
    steps = tuple(Send(port, (frame,), "") for port, frame in frames)
    with KernelSide() as side:
        records = side.play(Scenario("f", "t", Topology(PORTS, setup), steps), hops)
    return [record for record in records if isinstance(record, Frame | Log)]


def without_drawn(records: list[Record]) -> list[object]:
    """Frames and lines with the IP IDs that the kernel drew, and the checksums over them, blanked."""
    found: list[object] = []
    for record in records:
        if isinstance(record, Log):
            found.append(re.sub(r" ID=\d+", "", record.text))
        elif isinstance(record, Frame):
            data = record.data
            if data[12:14] == b"\x08\0":
                data = data[:18] + b"\0\0" + data[20:24] + b"\0\0" + data[26:]
            found.append((record.step, record.port, record.dir, data))
    return found


@pytest.mark.root
@pytest.mark.parametrize("setup", [ROUTER, ROUTER + FILTER], ids=["open", "filtered"])
def test_the_same_frames_leave_with_and_without_probes(setup: str) -> None:
    plain = without_drawn(played(setup, hops=False))
    assert without_drawn(played(setup, hops=True)) == plain
    assert len([record for record in plain if "out" in record]) > 10  # type: ignore[operator]
