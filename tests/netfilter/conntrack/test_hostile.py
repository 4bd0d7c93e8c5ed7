"""Packets that somebody made to do harm, through tracking, NAT and helpers: nothing breaks, nothing stays."""

from __future__ import annotations

import gc
from collections.abc import Callable
from random import Random

import pytest

from pystack.applets import virtual
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.wire import icmp, ipv4
from pystack.wire.checksum import checksum
from pystack.wire.ethernet import ETH_P_IP, header
from pystack.wire.icmp import ERROR_TYPES
from tests.frames import datagram, ip
from tests.netfilter.conntrack.agreements import RULES, Agreements
from tests.netfilter.conntrack.conversations import Conversation
from tests.netfilter.conntrack.packets import ADDRESSES, Mix
from tests.netfilter.conntrack.router import OURS, STATION, PystackRouter

PACKETS = 1_000_000
MASQUERADE = "10.2.0.1"
NAT = """
iptables -t nat -A POSTROUTING -o ct2 -j MASQUERADE --random
iptables -t nat -A PREROUTING -d 10.2.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.2:1000-1010
iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP
iptables -t mangle -A PREROUTING -p udp -j CONNMARK --save-mark
"""
SETTINGS = {"acct": "1", "timestamp": "1", "events": "1", "log_invalid": "255", "udp_timeout": "3"}


class Hostile:
    """Draws packets of all kinds, and spoils most of them."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self._mix, self._talk = Mix(seed), Conversation(seed)
        self._agreements = Agreements(seed)
        self._sent: list[bytes] = []

    def packet(self) -> tuple[int, bytes]:
        chance = self.chance
        kinds = (self._mix.packet, self._talk.segment, self._agreements.packet, self._nested, self._anything)
        side, packet = chance.choices(kinds, (5, 4, 4, 3, 1))[0]()
        if side:  # as those outside see it
            packet = _with_destination(packet, ip(MASQUERADE))
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            packet = chance.choice((self._flipped, self._cut, self._lying, self._fragment))(packet)
        self._sent.append(packet)
        del self._sent[:-50]
        return side, packet

    def _nested(self) -> tuple[int, bytes]:
        """Errors about errors about something that was sent, or about themselves."""
        chance = self.chance
        side, about = chance.randrange(2), chance.choice(self._sent or [bytes(40)])
        for _ in range(chance.choice((1, 1, 2, 3))):
            kind, code = chance.choice(((3, 1), (3, 4), (4, 0), (5, 1), (11, 0), (12, 0)))
            message = icmp.build(kind, code, 0, 0, about[: chance.choice((0, 8, 20, 28, 60, 200))])
            source = chance.choice((*ADDRESSES, ip(MASQUERADE)))
            about = datagram(message, ipv4.IPPROTO_ICMP, src=source, dst=ADDRESSES[1 - side])
        return side, about

    def _anything(self) -> tuple[int, bytes]:
        chance, side = self.chance, self.chance.randrange(2)
        payload = chance.randbytes(chance.randrange(80))
        return side, datagram(payload, chance.randrange(256), src=ADDRESSES[side], dst=ADDRESSES[1 - side])

    def _flipped(self, packet: bytes) -> bytes:
        octets = bytearray(packet)
        for _ in range(self.chance.choice((1, 1, 3))):
            octets[self.chance.randrange(len(octets))] ^= 1 << self.chance.randrange(8)
        return _with_header_sum(bytes(octets)) if self.chance.random() < 0.9 else bytes(octets)

    def _cut(self, packet: bytes) -> bytes:
        return packet[: self.chance.randrange(1, len(packet) + 1)]

    def _lying(self, packet: bytes) -> bytes:
        """About its length, or its header's."""
        octets = bytearray(packet)
        if len(octets) >= 20 and self.chance.random() < 0.7:
            octets[2:4] = self.chance.choice((0, 19, 20, 21, len(octets) + 9, 65535)).to_bytes(2, "big")
        elif octets:
            octets[0] = 0x40 | self.chance.randrange(16)
        return _with_header_sum(bytes(octets))

    def _fragment(self, packet: bytes) -> bytes:
        octets = bytearray(packet)
        if len(octets) >= 20:
            place = self.chance.choice((0x2000, 0x2000, 1, 3, 185, 0x2001, 0x1FFF, 0xE000))
            octets[6:8] = place.to_bytes(2, "big")
        return _with_header_sum(bytes(octets))


def _with_destination(packet: bytes, daddr: int) -> bytes:
    return _with_header_sum(packet[:16] + daddr.to_bytes(4, "big") + packet[20:])


def _with_header_sum(packet: bytes) -> bytes:
    length = (packet[0] & 15) * 4 if packet else 0
    if length < 20 or len(packet) < length:
        return packet
    bare = packet[:10] + bytes(2) + packet[12:length]
    return packet[:10] + checksum(bare).to_bytes(2, "big") + packet[12:]


def router() -> PystackRouter:
    ours = PystackRouter()
    for line in filter(None, f"{RULES}{NAT}".splitlines()):
        assert virtual.run(line.split(), ours.box.host).rc == 0, line
    for name, value in SETTINGS.items():
        ours.box.sysctl(f"net.netfilter.nf_conntrack_{name}", value)
    ours.tracking.context.watch(lambda conn, event, portid: None)
    return ours


def alive(kind: type) -> int:
    gc.collect()
    return sum(isinstance(one, kind) for one in gc.get_objects())


def let_out(frames: list[bytes]) -> set[int]:
    """Whom packets from inside seem to come from; errors about what is not translated need no translation."""
    packets = [frame[14:] for frame in frames if frame[12:14] == ETH_P_IP.to_bytes(2, "big")]
    errors = [packet for packet in packets if packet[9] == ipv4.IPPROTO_ICMP and packet[20] in ERROR_TYPES]
    return {int.from_bytes(packet[12:16], "big") for packet in packets if packet not in errors}


@pytest.mark.slow
def test_hostile_packets_break_nothing_get_out_only_translated_and_leave_nothing_behind(
    scaled: Callable[[int], int],
) -> None:
    before = alive(Conn), alive(Expectation)
    ours, hostile = router(), Hostile(5)
    inside, outside = ours.devices
    templates, seen = 2, set[int]()
    for number in range(scaled(scaled(PACKETS))):
        side, packet = hostile.packet()
        ours.box.send(ours.devices[side], header(OURS[side], STATION[side], ETH_P_IP) + packet)
        left = ours.box.sent(outside)
        seen |= let_out(left) if side == 0 else set()
        ours.box.sent(inside)
        ours.lines.clear()
        ours.reasons.clear()
        if number % 500 == 0:
            ours.box.advance(1.5)
    assert seen == {ip(MASQUERADE)}
    ours.box.assert_every_packet_is_accounted_for()
    virtual.run(["conntrack", "-F"], ours.box.host)
    ours.box.advance(100)
    assert (ours.tracking.count, ours.tracking.context.expectations.count) == (0, 0)
    ours.box.assert_every_packet_is_accounted_for()
    assert (alive(Conn), alive(Expectation)) == (before[0] + templates, before[1])
