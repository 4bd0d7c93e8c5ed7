"""Diverted packets enter the stack by the device of the same name; the others stay the kernel's."""

from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.judge.diverting import Diverting
from pystack.hooks.queue.packet import Queued
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.netfilter.hooks import FORWARD, OUTPUT, PREROUTING
from pystack.netfilter.verdict import NF_DROP
from tests.hooks.judge.copied import ETH0, ETH1, copied, do, queued

TAKEN = Answer(NF_DROP)
PING = "10.0.0.5 > 10.0.0.1: ICMP echo request, id 3, seq 1, length 16"
POINTS = {PREROUTING: "mangle/prerouting", FORWARD: "mangle/forward", OUTPUT: "mangle/output"}


def stack_with(*commands: str) -> Host:
    """A daemon's own, whose eth1 has another number than the kernel's, and no eth0."""
    host = Host(seed=1)
    for name in ("spare", "other", "eth1"):
        host.init.devices.register(PortDevice(name, b"\2\0\0\0\0\x99"))
    do(host, "ip addr add 10.0.0.1/24 dev eth1", "ip link set eth1 up", *commands)
    do(host, "ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev eth1")
    return host


def ask(judge: Diverting, packet: Queued) -> Answer:
    (answer,) = judge.judge(POINTS[packet.hook], [packet])
    return answer


def sent(host: Host) -> list[bytes]:
    port = host.init.devices["eth1"]
    assert isinstance(port, PortDevice)
    return [bytes(frame) for frame, _ in port.tx]


def test_a_packet_goes_through_the_stack_and_leaves_by_its_port() -> None:
    host = stack_with()
    judge = Diverting(host.init, copied().init.devices)
    assert ask(judge, queued(PREROUTING, PING, devices=(ETH1, 0))) == TAKEN
    (reply,) = sent(host)
    assert (reply[:6], reply[26:34]) == (bytes.fromhex("02aa00000005"), bytes([10, 0, 0, 1, 10, 0, 0, 5]))
    assert (judge.taken, judge.left) == (1, 0)


def test_a_packet_by_a_device_that_the_stack_lacks_or_has_down_is_the_kernels() -> None:
    host = stack_with()
    judge = Diverting(host.init, copied().init.devices)
    assert ask(judge, queued(PREROUTING, PING, devices=(ETH0, 0))) == ACCEPT
    do(host, "ip link set eth1 down")
    assert ask(judge, queued(PREROUTING, PING, devices=(ETH1, 0))) == ACCEPT
    assert (judge.taken, judge.left) == (0, 2)
    assert judge.notes == ["2 packets were left to the kernel: no such device is up here"]


def test_what_the_host_itself_sends_and_what_it_routes_already_is_the_kernels() -> None:
    host = stack_with()
    judge = Diverting(host.init, copied().init.devices)
    assert ask(judge, queued(OUTPUT, PING)) == ACCEPT
    assert ask(judge, queued(FORWARD, PING, devices=(ETH1, ETH0))) == ACCEPT
    assert sent(host) == []


def test_a_packet_that_a_bridge_brought_enters_by_its_port() -> None:
    host = stack_with("ip link add br0 type bridge")
    kernels = copied("ip link add br0 type bridge").init.devices
    judge = Diverting(host.init, kernels)
    seen = queued(PREROUTING, PING, devices=(kernels["br0"].ifindex, 0))
    bridged = Queued(1, seen.protocol, 0, seen.indev, 0, ETH1, 0, 0, seen.payload, seen.length, seen.station)
    assert ask(judge, bridged) == TAKEN
    assert len(sent(host)) == 1
