"""Packets of any kind through NAT: nothing breaks, nothing is lost unaccounted for, and what belongs to no
connection leaves as it came.
"""

from __future__ import annotations

import random

from pystack.netfilter.conntrack.conn import tracked
from pystack.netfilter.hooks import POSTROUTING, PREROUTING, HookState
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.packet import Packet
from pystack.wire import icmp, tcp, udp
from pystack.wire.ipv4 import Ipv4Header, build
from pystack.wire.tcp import TcpHeader
from tests.conftest import FULL
from tests.frames import ip
from tests.netfilter.nat.router import NatRouter

CASES = 1_000_000 if FULL else 3_000
FIRST, LAST = -500, 0x7FFFFFFF
RULES = (
    "POSTROUTING -o out0 -p tcp -j SNAT --to-source 10.2.0.20-10.2.0.23:1000-1999",
    "POSTROUTING -o out0 -j MASQUERADE",
    "PREROUTING -i out0 -p udp -j DNAT --to-destination 10.1.0.2-10.1.0.4",
    "PREROUTING -i out0 -j DNAT --to-destination 10.1.0.2",
    "PREROUTING -i in0 -p icmp -d 10.2.0.3 -j REDIRECT",
    "INPUT -j SNAT --to-source 10.1.0.4",
)
INSIDE = [ip(f"10.1.0.{host}") for host in range(1, 5)]
OUTSIDE = [ip(f"10.2.0.{host}") for host in (1, 2, 3, 20, 21, 99)]


def transport(rng: random.Random, kind: int, source: int, destination: int, said: list[bytes]) -> bytes:
    data = rng.randbytes(rng.randrange(40))
    if kind == 6:
        ports = rng.randrange(4), rng.choice((80, 1000, 1001))
        header = TcpHeader(
            *ports, seq=rng.randrange(9), ack=rng.randrange(9), flags=rng.randrange(64), window=9
        )
        return tcp.build(header, data, source, destination)
    if kind == 17:
        return udp.build(rng.randrange(4), rng.choice((53, 1000)), data, source, destination)
    if kind == 1:
        quote = rng.choice(said) if said and rng.random() < 0.6 else data
        for _ in range(rng.randrange(3)):  # errors about errors
            quote = build(Ipv4Header(source, destination, 1), 8 + len(quote)) + icmp.build(3, 1, 0, 0, quote)
        type_ = rng.choice((0, 3, 3, 3, 5, 8, 8, 11, 12, 13, rng.randrange(256)))
        return icmp.build(type_, rng.randrange(5), rng.randrange(3), 0, quote[: rng.randrange(200)])
    return data


def random_packet(rng: random.Random, side: int, said: list[bytes]) -> bytes:
    source, destination = (
        rng.choice((INSIDE, OUTSIDE)[side]),
        rng.choice((OUTSIDE, INSIDE, OUTSIDE)[side + (rng.random() < 0.3)]),
    )
    kind = rng.choice((1, 1, 6, 6, 17, 17, 47, 132, 136, rng.randrange(256)))
    body = transport(rng, kind, source, destination, said)
    flags = rng.choice((0, 0, 0, 0, 0, 0, 1, 0x2000, 0x2001))
    packet = bytearray(
        build(Ipv4Header(source, destination, kind, frag_off=flags, id=rng.randrange(9)), len(body)) + body
    )
    if len(packet) > 20 and rng.random() < 0.2:
        packet[rng.randrange(20, len(packet))] = rng.randrange(256)
    if rng.random() < 0.1:
        packet = packet[: rng.randrange(20, len(packet) + 1)]
    said.append(bytes(packet))
    del said[:-20]
    return bytes(packet)


class Witness:
    """Sees packets as they come and as they go."""

    def __init__(self, router: NatRouter) -> None:
        self.changed: list[str] = []
        self.untracked = self.tracked = 0
        self._last: tuple[Packet, bytes] | None = None
        hooks = router.box.ns.hooks.ip
        hooks[PREROUTING].register(self._come, FIRST, "come")
        hooks[POSTROUTING].register(self._go, LAST, "go")

    def _come(self, pkt: Packet, state: HookState) -> int:
        self._last = pkt, bytes(pkt.payload())
        return NF_ACCEPT

    def _go(self, pkt: Packet, state: HookState) -> int:
        if self._last is None or self._last[0] is not pkt:  # made here
            return NF_ACCEPT
        came = self._last[1]
        if tracked(pkt) is not None:
            self.tracked += 1
            return NF_ACCEPT
        self.untracked += 1
        went = bytes(pkt.payload())
        end = 20 if int.from_bytes(came[6:8], "big") & 0x3FFF else len(came)  # fragments leave as one
        if went[12:end] != came[12:end]:
            self.changed.append(f"{came.hex()} -> {went.hex()}")
        return NF_ACCEPT


def test_nothing_breaks_and_only_what_has_a_connection_is_translated() -> None:
    rng, said = random.Random(7), list[bytes]()
    router = NatRouter(*RULES)
    witness = Witness(router)
    for number in range(CASES):
        side = number & 1
        router.send(side, random_packet(rng, side, said))
        if number % 1000 == 0:
            router.box.advance(5.0)
    assert witness.changed == []
    assert witness.untracked > CASES / 100
    assert witness.tracked > CASES / 20
    router.box.advance(1000.0)
    assert router.connections == []
    assert router.box.host.outcomes.outstanding() == router.box.host.queued()
