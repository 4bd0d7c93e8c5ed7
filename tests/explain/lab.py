"""A small router with a bridge, for packets to be explained on."""

from pystack.applets.virtual import run_setup
from pystack.explain.journey import Explanation, Journey
from pystack.explain.stage import Stage
from pystack.explain.words import packet_of
from pystack.host import Host

SETUP = """\
ip link set lo up
ip link add br0 type bridge
ip link set tap1 master br0
ip link set tap2 master br0
ip link set tap1 up
ip link set tap2 up
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip link set wan up
ip addr add 192.0.2.1/24 dev wan
ip neigh add 192.0.2.7 lladdr 02:00:00:00:00:77 dev wan
ip neigh add 10.0.0.2 lladdr 02:aa:00:00:00:01 dev br0
bridge fdb add 02:aa:00:00:00:03 dev tap2 master static
sysctl -q -w net.ipv4.ip_forward=1
"""


def build(more: str = "") -> Host:
    host = Host(seed=1)
    for number, name in enumerate(("tap1", "tap2", "wan"), 1):
        host.init.add_port(name, bytes([2, 0, 0, 0, 0, number]))
    complaints = run_setup(host, SETUP + more, "lab.setup")
    assert complaints == []
    return host


def told(words: str, entry: str = "", *, host: Host | None = None, reply: bool = False) -> Explanation:
    """What happens to a packet that enters by a device, or is sent by a socket."""
    host = build() if host is None else host
    journey = Journey(host, host.init)
    if entry:
        journey.enter(host.init.devices[entry], packet_of(words))
    else:
        journey.leave(packet_of(words))
    if reply:
        assert journey.reply()
    return journey.close()


def stage(explanation: Explanation, kind: str, packet: int = 1) -> Stage:
    """The first of its kind on a packet's way."""
    return next(found for found in explanation.stages if found.kind == kind and found.packet == packet)


def reasons(explanation: Explanation, kind: str, packet: int = 1) -> list[str]:
    return [reason.text for reason in stage(explanation, kind, packet).told.reasons]


def ends(explanation: Explanation) -> list[str]:
    return [explanation.end_of(traveller) for traveller in explanation.travellers]
