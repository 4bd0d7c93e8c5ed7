"""A router under hostile headers, options, quotes and fragments: no exception, nothing lost, no memory that
grows, and no more comes out than Linux would let out.
"""

from collections.abc import Callable
from struct import pack

import pytest

from pystack.l2.port import PortDevice
from pystack.wire import icmp, ipv4
from pystack.wire.checksum import checksum
from pystack.wire.ethernet import header
from pystack.wire.ipv4 import Ipv4Header
from tests.box import Box
from tests.frames import ip
from tests.storm import Storm

FRAMES = 1_000_000
BURST = 50
OUR_MACS = [bytes((2, 0, 0, 0, 0, number)) for number in (1, 2)]
ADDRESSES = [
    ip(text) for text in ("10.0.0.1", "10.0.1.1", "10.0.0.255", "224.0.0.1", "10.50.0.1", "10.60.0.1")
]
FAR = [ip("10.50.0.0"), ip("10.60.0.0")]
SMALL_MTU = 300
MOST_PIECES = 7  # of a frame of 1514 octets on the link with the small MTU
ANSWER_OVERHEAD = 20 + 40 + 8 + 14  # what an error has besides its quote


class RouterStorm(Storm):
    """Packets whose options, quotes and group messages are wrong in every way."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed, OUR_MACS, ADDRESSES)
        self.kinds += [self._optioned, self._optioned, self._quoting, self._quoting, self._group, self._long]

    def _ether(self, kind: int) -> bytes:
        """Mostly for us."""
        if self.random.random() < 0.2:
            return super()._ether(kind)
        return header(self.random.choice(self.own), self._station(), kind)

    def _address(self) -> int:
        """Mostly ours, or behind a gateway."""
        chance = self.random
        if chance.random() < 0.2:
            return super()._address()
        return chance.choice((*ADDRESSES, chance.choice(FAR) + chance.randrange(65536)))

    def _options(self) -> bytes:
        chance, raw = self.random, b""
        for _ in range(chance.randint(1, 3)):
            kind = chance.choice((0, 1, 7, 68, 131, 137, 148, 134, chance.randrange(256)))
            slots = b"".join(self._address().to_bytes(4, "big") for _ in range(chance.randrange(5)))
            pointer = chance.choice((4, 5, 4 + len(slots), chance.randrange(256)))
            raw += bytes((kind, chance.choice((3 + len(slots), chance.randrange(48))), pointer)) + slots
        raw = raw[:40]
        return raw + bytes(-len(raw) % 4)

    def _optioned(self) -> bytes:
        echo = icmp.build(icmp.ICMP_ECHO, 0, 1, 1, self.random.randbytes(self.random.randrange(40)))
        return self._ip(1, echo, options=self._options())

    def _quoting(self) -> bytes:
        """An error about something that we may have sent."""
        chance = self.random
        inner = self._ip(chance.choice((1, 6, 17, 99)), chance.randbytes(chance.randrange(24)))[14:]
        if chance.random() < 0.5:  # an answer of ours to somebody behind a gateway
            head = Ipv4Header(ADDRESSES[0], chance.choice(FAR) + chance.randrange(65536), 1, ttl=60)
            inner = ipv4.build(head, 12) + bytes(12)
        kind, info = (
            chance.choice((3, 3, 5, 5, 11, 12)),
            chance.choice((68, 600, 900, chance.getrandbits(32))),
        )
        code = 4 if kind == 3 and chance.random() < 0.5 else chance.randrange(6)
        return self._ip(1, icmp.build(kind, code, info >> 16, info & 0xFFFF, inner), options=self._maybe())

    def _maybe(self) -> bytes:
        return self._options() if self.random.random() < 0.2 else b""

    def _group(self) -> bytes:
        chance = self.random
        kind = chance.choice((0x11, 0x11, 0x12, 0x16, 0x17, 0x22))
        body = pack("!BBHI", kind, chance.randrange(256), 0, chance.choice((0, 0xEF010101, 0xE0000001)))
        body += chance.randbytes(chance.choice((0, 4, 4, 12)))
        return self._ip(2, body[:2] + checksum(body).to_bytes(2, "big") + body[4:], options=b"\x94\x04\0\0")

    def _long(self) -> bytes:
        chance = self.random
        flags = chance.choice((0, 0x4000, 0x2000, 0x2000 | chance.randrange(0x2000)))
        return self._ip(17, bytes(chance.choice((400, 1472))), fragment=flags, options=self._maybe())


class Router(Box):
    def __init__(self) -> None:
        super().__init__()
        self.ports = [self.port(f"p{number}", OUR_MACS[number], f"10.0.{number}.1/24") for number in range(2)]
        self.ns.devices.set_mtu(self.ports[1], SMALL_MTU)
        self.forward()
        self.route("10.50.0.0/16", via="10.0.0.2")
        self.route("10.60.0.0/16", via="10.0.1.2")
        for key, value in (
            ("net.ipv4.conf.all.accept_source_route", "1"),
            ("net.ipv4.conf.all.accept_redirects", "1"),
            ("net.ipv4.icmp_echo_ignore_broadcasts", "0"),
            ("net.ipv4.conf.p0.proxy_arp", "1"),
            ("net.ipv4.ipfrag_low_thresh", "1000"),
            ("net.ipv4.ipfrag_high_thresh", "100000"),
        ):
            self.sysctl(key, value)
        self.ns.ipv4.groups.join(self.ports[0], ip("239.1.1.1"))
        self.storm = RouterStorm(11)
        self.came = self.came_octets = self.went = self.went_octets = 0

    def burst(self) -> None:
        for number in range(BURST):
            frame = self.storm.frame()
            self.came += 1
            self.came_octets += len(frame)
            self.ns.receive(self.ports[number % 2], frame, self.storm.offload())
            self.host.run_backlog()
        self.host.clock.set(self.host.clock.now + 0.1)
        self.host.run_timers()
        self.assert_every_packet_is_accounted_for()
        for port in self.ports:
            self._take(port)

    def _take(self, port: PortDevice) -> None:
        self.went += len(port.tx)
        self.went_octets += sum(len(frame) for frame, _ in port.tx)
        port.tx.clear()

    def assert_bounded(self) -> None:
        ipv4 = self.ns.ipv4
        assert ipv4.defrag.memory <= 102_000  # one fragment more than the threshold
        assert len(ipv4.exceptions) <= 10_240
        assert ipv4.arp.proxy.queued <= 2 * 65
        assert len(ipv4.neighbours) <= ipv4.neighbours.thresholds.gc_thresh3

    def assert_no_amplification(self) -> None:
        assert self.went <= MOST_PIECES * self.came
        assert self.went_octets <= 2 * self.came_octets + ANSWER_OVERHEAD * self.came


@pytest.mark.slow
def test_a_storm_on_a_router_breaks_nothing_and_comes_out_no_larger(scaled: Callable[[int], int]) -> None:
    router = Router()
    for _ in range(10):
        for _ in range(scaled(FRAMES) // BURST // 10):
            router.burst()
        router.assert_bounded()
        router.assert_no_amplification()


def test_the_storm_gets_through_to_what_it_is_aimed_at() -> None:
    """Else the test above would prove nothing."""
    router = Router()
    for _ in range(100):
        router.burst()
    router.assert_no_amplification()
    icmp_counters, drops = router.ns.snmp.Icmp, router.drops()
    assert icmp_counters.OutParmProbs > 0
    assert icmp_counters.OutRedirects > 0
    assert icmp_counters.OutDestUnreachs > 0
    assert router.ns.snmp.Ip.FragCreates > 0
    assert len(router.ns.ipv4.exceptions) > 0
    assert {"IP_OPTIONS", "IGMP_MALFORMED", "FRAG_CORRUPT"} <= drops.keys()
