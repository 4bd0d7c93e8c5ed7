"""Real traffic through a host with a bridge, a firewall and NAT: none of it fares otherwise in the copy."""

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.process import LabProcess
from pystack.compare.live.kernel import tables
from tests.compare.lab.patience import wait_until
from tests.compare.live.box import SETUP
from tests.compare.live.watching import Json, Watching
from tests.conftest import FULL

pytestmark = pytest.mark.root

SECONDS = 60 if FULL else 4
TALK = [sys.executable, str(Path(__file__).with_name("talk.py"))]
EVERY = 0.018  # seconds between two questions of one asker: all together send 1,000 packets a second
TIMES = int(SECONDS / EVERY)
SHOWN = ("words", "side", "family", "hook", "priority", "in", "out")


@pytest.fixture
def box() -> Iterator[KernelNetns]:
    with KernelNetns() as lab:
        lab.sh(SETUP).check()
        wait_until(lambda: lab.run("ip -br link").out.count(" UP ") == 4)  # what comes later is a change
        yield lab


def inside(box: KernelNetns, side: str, *words: str) -> LabProcess:
    return box.start(["ip", "netns", "exec", side, *words] if side else words)


def served(box: KernelNetns) -> None:
    """Both containers and the world answer."""
    for side, port in (("ca", 80), ("cb", 81), ("out", 8000)):
        inside(box, side, *TALK, "serve", str(port))
    for side, port in (("ca", 80), ("cb", 81), ("out", 8000)):
        wait_until(partial(listens, box, side, port))


def listens(box: KernelNetns, side: str, port: int) -> bool:
    return f":{port} " in ended(inside(box, side, "ss", "-Htln"), 10)


def mixed(box: KernelNetns) -> tuple[list[LabProcess], list[LabProcess], list[LabProcess]]:
    """Pings, programs over TCP, and such over UDP: all of them at once, for SECONDS."""
    times = str(TIMES)
    ping = ("ping", "-q", "-i", str(EVERY), "-c", times)
    pings = [
        inside(box, "out", *ping, "172.18.0.1"),
        inside(box, "ca", *ping, "192.0.2.1"),
        inside(box, "cb", *ping, "172.18.0.1"),
        inside(box, "", *ping, "172.18.0.3"),
        inside(box, "ca", "ping", "-q", "-i", "0.2", "-c", str(SECONDS * 5), "-s", "5000", "172.18.0.3"),
    ]
    tcp = [
        inside(box, "out", *TALK, "fetch", "192.0.2.2", "8080", "300", times, str(EVERY)),
        inside(box, "cb", *TALK, "fetch", "192.0.2.1", "8000", "20000", times, str(EVERY)),
        inside(box, "", *TALK, "fetch", "172.18.0.2", "80", "1000000", str(SECONDS), "1"),
    ]
    udp = [
        inside(box, "ca", *TALK, "ask", "192.0.2.1", "8000", times, str(EVERY)),
        inside(box, "cb", *TALK, "ask", "172.18.0.2", "80", times, str(EVERY)),
    ]
    return pings, tcp, udp


def errors_and_groups(box: KernelNetns) -> None:
    """What is refused, runs out of time on its way, is for all, or meets a rule that drops it."""
    box.run("ip netns exec ca traceroute -n -w 1 192.0.2.1")
    box.run("ip netns exec out traceroute -n -w 1 -q 1 -m 3 172.18.0.2")
    box.run("ip netns exec ca ping -b -q -c 3 -i 0.2 -W 1 172.18.0.255")
    box.run("ip netns exec out nc -z -w 1 192.0.2.2 5201")
    box.run("ip netns exec out nc -z -w 1 192.0.2.2 99")
    for _ in range(5):
        box.run("echo question | ip netns exec out nc -u -w 0 192.0.2.2 53")


def lost_nothing(pings: list[LabProcess], tcp: list[LabProcess], udp: list[LabProcess]) -> None:
    patience = SECONDS * 3 + 30
    for process in pings:
        assert ", 0% packet loss" in ended(process, patience)
    for process in tcp:
        assert ended(process, patience) == "whole\n"
    for process in udp:
        assert ended(process, patience) == f"{TIMES}\n"


def ended(process: LabProcess, patience: float) -> str:
    done = process.wait(patience)
    assert done is not None, f"{process.command} does not end"
    return done.check().out


def shown(told: list[Json], cause: str) -> list[str]:
    """The first packet that has it, and its hops on both sides."""
    first = next(one["packet"] for one in told if one["type"] == "cause" and one["cause"] == cause)
    of_it = [one for one in told if one.get("packet") == first and one["type"] in ("packet", "hop")]
    return [" ".join(str(one.get(key)) for key in SHOWN if key in one) for one in of_it]


@pytest.mark.skipif(not shutil.which("traceroute"), reason="needs traceroute (Debian: traceroute)")
@pytest.mark.skipif(not shutil.which("nc"), reason="needs nc (Debian: netcat-openbsd)")
def test_mixed_traffic_fares_the_same_and_loses_nothing(box: KernelNetns) -> None:
    served(box)
    with Watching(box, "--filter", "ip and not igmp") as watching:
        pings, tcp, udp = mixed(box)
        errors_and_groups(box)
        lost_nothing(pings, tcp, udp)
        told = watching.end()
    summary = told[-1]
    assert [shown(told, row["cause"]) for row in summary["causes"]] == []
    assert (summary["differ"], summary["lost"], summary["late"]) == (0, 0, 0)
    assert summary["same"] > 12 * TIMES  # echoes and datagrams alone are that many
    assert sum(summary["not_compared"].values()) <= 0.001 * summary["compared"], summary["not_compared"]
    assert tables(box.netns_path) == []
