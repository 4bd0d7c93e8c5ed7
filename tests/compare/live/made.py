"""A host that was taken over, packets that passed it, and what came of them, for tests."""

from __future__ import annotations

from dataclasses import replace

from pystack.compare.diff import Difference
from pystack.compare.live.causes import Cause
from pystack.compare.live.examples.example import Example
from pystack.compare.live.examples.reproduction import Reproduction
from pystack.compare.live.history import History
from pystack.compare.live.judge import Told, Verdict
from pystack.compare.live.passing import Passing
from pystack.compare.records import Hop
from pystack.compare.scenario import Scenario, Send, Topology
from pystack.explain.words import packet_of
from pystack.hooks.imported.building import Building
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6, header

HOST = bytes.fromhex("02aa00000001")
NEIGHBOUR = bytes.fromhex("02aa00000005")
PING = "10.0.0.5 > 10.0.0.1: ICMP echo request, id 7, seq 1, length 16"
ANSWER = "10.0.0.1 > 10.0.0.5: ICMP echo reply, id 7, seq 1, length 16"
_HOP = Hop(0, 1, "", "", 0, None, None, None, None, None, None, None, 0, b"")


def building() -> Building:
    """One card, one address, one neighbour."""
    host = Host(seed=1)
    made = Building(host, host.init)
    port = PortDevice("eth7", HOST)
    made.netns.devices.register(port, 7)
    made.ports["eth7"] = port
    for words in (
        "ip address add 10.0.0.1/24 dev eth7",
        "ip link set eth7 up",
        "ip neighbour add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev eth7 nud reachable",
    ):
        assert made.do(words.split()), made.left_out
    return made


def entering(words: str) -> list[Hop]:
    """The hops of a packet that comes in."""
    packet = packet_of(words).payload
    first = replace(
        _HOP,
        family="netdev",
        hook="INGRESS",
        priority=-500,
        indev="eth7",
        data=header(HOST, NEIGHBOUR, ETH_P_IP) + packet,
    )
    ip = replace(_HOP, family="ip", indev="eth7", data=packet)
    return [
        first,
        *(replace(ip, hook="PREROUTING", priority=priority) for priority in (-450, -250, -120, -60)),
        *(replace(ip, hook="INPUT", priority=priority) for priority in (-450, -120, 40, 400)),
    ]


def leaving(words: str) -> list[Hop]:
    """The first hop of one that is made here."""
    data = packet_of(words).payload
    return [replace(_HOP, family="ip", hook="OUTPUT", priority=-450, outdev="eth7", data=data)]


def ipv6(protocol: int, source: int, destination: int, body: bytes) -> bytes:
    """A frame of a machine on the link."""
    ends = b"".join(b"\xfd" + bytes(14) + bytes([end]) for end in (source, destination))
    packet = b"\x60\0\0\0" + len(body).to_bytes(2, "big") + bytes([protocol, 64]) + ends + body
    return header(bytes(6), bytes(6), ETH_P_IPV6) + packet


def noted(made: Building, *packets: tuple[list[Hop], bool]) -> History:
    """What has passed: hops, and whether the host made it by itself."""
    history = History()
    for number, (hops, is_answer) in enumerate(packets, 1):
        history.note(number, Passing(0.0, 0.0, hops), made, is_answer=is_answer)
    return history


def example(kernel: list[Hop], pystack: list[Hop], *state: Told, lacks: str = "") -> Example:
    """Of a cause."""
    verdict = Verdict(
        1, kernel, pystack, [Difference("VERDICT", 0, "ip INPUT 40", None, None, "only pystack")]
    )
    frame = kernel[0].data
    topology = Topology(("eth7",), "ip link set eth7 up\n")
    scenario = Scenario("<live>", "", topology, (Send("eth7", (frame,), frame.hex()),))
    reproduction = Reproduction(scenario, [lacks] if lacks else [])
    return Example(
        1, Cause("VERDICT", "ip INPUT 40", "only pystack; pystack: who", verdict), reproduction, state
    )
