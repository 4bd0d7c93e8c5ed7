"""One scenario, the kernel and pystack: the same to the last hop, and every excuse has a name."""

from collections.abc import Iterator
from typing import Final

import pytest

from pystack.compare.diff import Comparison, Differ
from pystack.compare.lab.kernel_side import KernelSide
from pystack.compare.lab.notation import frame_of
from pystack.compare.lab.pystack_side import PystackSide
from pystack.compare.lab.side import SideError
from pystack.compare.records import Captured, Frame, Hop
from pystack.compare.scenario import Run, Scenario, Send, Start, Station, Step, Stop, Topology, Wait

pytestmark = pytest.mark.root

SETUP: Final = """\
sysctl -qw net.bridge.bridge-nf-call-iptables=0
ip link add br0 type bridge
ip link set tap1 master br0
ip link set tap2 master br0
ip link set tap1 up
ip link set tap2 up
ip link set tap3 up
ip link set br0 up
ip addr add 10.0.0.254/24 dev br0
ip addr add 10.0.1.254/24 dev tap3
sysctl -qw net.ipv4.ip_forward=1
ip neigh add 10.0.1.1 lladdr 02:00:00:00:cc:01 dev tap3
ip link add lone type bridge
"""
TOPOLOGY: Final = Topology(("tap1", "tap2", "tap3"), SETUP)
ALICE, BOB, BRIDGE = "02:00:00:00:aa:01", "02:00:00:00:bb:01", "02:00:00:00:00:01"
VM: Final = Station("vm1", "tap1", bytes.fromhex(ALICE.replace(":", "")), (0x0A000001,))


@pytest.fixture
def kernel() -> Iterator[KernelSide]:
    with KernelSide() as side:
        try:
            side.open(TOPOLOGY)
        except SideError as error:
            if error.missing:
                pytest.skip(str(error))
            raise
        yield side


def send(port: str, text: str) -> Send:
    return Send(port, (frame_of(text),), text)


def echo(source: str, destination: str, dst: str, more: str = "") -> str:
    ether = f"Ether(src='{source}', dst='{destination}')"
    return f"{ether}/IP(src='10.0.0.1', dst='{dst}'{more})/ICMP(id=7, seq=1)/b'ping'"


def compared(kernel: KernelSide, *steps: Step) -> Comparison:
    scenario = Scenario("x.toml", "t", TOPOLOGY, steps, stations=(VM,), capture=("br0",))
    theirs = kernel.play(scenario)
    pystack = PystackSide()
    pystack.adopt(kernel.choices())
    pystack.open(TOPOLOGY)
    return Differ(theirs, pystack.play(scenario)).compare()


def test_frames_take_the_same_way_through_both(kernel: KernelSide) -> None:
    found = compared(
        kernel,
        send("tap2", echo(BOB, ALICE, "10.0.0.1")),
        send("tap1", echo(ALICE, BOB, "10.0.0.2")),
        send("tap1", echo(ALICE, BRIDGE, "10.0.0.254")),
        send("tap1", echo(ALICE, BRIDGE, "10.0.1.1")),
        send("tap1", echo(ALICE, BRIDGE, "10.0.1.1", ", ttl=1")),
        send("tap1", echo(ALICE, BRIDGE, "10.9.9.9")),
        send("tap1", echo(ALICE, "ff:ff:ff:ff:ff:ff", "10.0.0.255")),
        send("tap1", f"Ether(src='{ALICE}', dst='{BOB}')/Dot1Q(vlan=5)/IP(src='10.0.0.1')/b'x'"),
        send("tap1", f"Ether(src='{ALICE}', dst='01:80:c2:00:00:0e', type=0x88cc)/b'lldp'"),
    )
    assert found.differences == []
    seen = [type(pair.pystack) for pair in found.pairs]
    assert seen.count(Hop) > 100
    assert seen.count(Frame) >= 8
    assert seen.count(Captured) >= 6


def test_commands_say_and_do_the_same_while_stations_answer(kernel: KernelSide) -> None:
    found = compared(
        kernel,
        Run("ping -c2 -i0.2 -W1 10.0.0.1; ip neigh show dev br0"),
        Run("bridge link; cat nowhere; ip -br link show lone"),
        Start("ping -i0.3 10.0.0.1", "p"),
        Wait(0.75),
        Stop("p"),
    )
    assert found.differences == []
