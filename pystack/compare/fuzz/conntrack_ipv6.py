"""Fuzzing connection tracking of IPv6: conversations across a bridge whose rules write down how each packet
stands. Extension headers come in between, fragments in any order, and ICMPv6 errors about what was said.
"""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz.conversations import Conversation, Ends
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology
from pystack.wire import icmp6, ipv6, udp
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import ETH_P_IPV6, header
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.ipv6 import IP6_MF, IPPROTO_ICMPV6, NEXTHDR_FRAGMENT, Ipv6Header

PORTS: Final = ("p0", "p1")
STATIONS: Final = (b"\x02\0\0\0\x0b\x01", b"\x02\0\0\0\x0b\x02")
_NETWORK: Final = 0x20010DB8 << 96
_ADDRESSES: Final = (_NETWORK | 0xA, _NETWORK | 0xB)
_ROUTER: Final = 0xFE80 << 112 | 1
_SETUP: Final = """\
ip link add br0 type bridge
ip link set br0 address 02:00:00:00:00:0f
ip link set p0 master br0
ip link set p1 master br0
ip link set p0 up
ip link set p1 up
ip link set br0 up
ip6tables -t mangle -A FORWARD -m conntrack --ctstate NEW -j TOS --set-tos 0x08
ip6tables -t mangle -A FORWARD -m conntrack --ctstate ESTABLISHED -j TOS --set-tos 0x10
ip6tables -t mangle -A FORWARD -m conntrack --ctstate RELATED -j TOS --set-tos 0x04
ip6tables -t mangle -A FORWARD -m conntrack --ctstate INVALID -j TOS --set-tos 0x14
ip6tables -t mangle -A FORWARD -m conntrack --ctstate UNTRACKED -j TOS --set-tos 0x18
"""
_NAT: Final = (  # ranges that conversations do not exhaust: which port was tried last nobody can tell
    "POSTROUTING -p tcp --dport 80 -j SNAT --to-source :5000-5255",
    "POSTROUTING -p udp -m physdev --physdev-in p0 -j SNAT --to-source 2001:db8::5",
    "POSTROUTING -m physdev --physdev-in p0 -j SNAT --to-source 2001:db8:7::1-2001:db8:8::9",
    "POSTROUTING -j NETMAP --to 2001:db8:5::/64",
    "PREROUTING -p tcp --dport 80 -j DNAT --to-destination :8080",
    "PREROUTING -p udp --dport 2000 -j DNAT --to-destination 2001:db8::dd",
)
_SETTINGS: Final = {
    "tcp_loose": (0, 1, 1),
    "tcp_be_liberal": (0, 0, 1),
    "checksum": (0, 1, 1),
    "acct": (0, 1),
}
_COMMANDS: Final = 3  # in a hundred steps
_AT_ONCE: Final = 3  # conversations
_QUERIES: Final = (128, 128, 128, 129, 139, 140, 135, 143, 137, 200)
_ERRORS: Final = ((1, 0), (1, 4), (2, 0), (3, 0), (4, 1), (100, 0))
# Headers that may stand in front of what is carried: what follows them is filled in.
_EXTENSIONS: Final = {
    0: bytes.fromhex("000104000000"),
    43: bytes.fromhex("000400000000"),
    60: bytes.fromhex("000104000000"),
    51: bytes.fromhex("000000000001"),
}


def draw(dice: Dice, cases: int) -> Scenario:
    """A bridge between two stations, and so many steps."""
    setup = _SETUP
    if dice.chance(20):
        setup += "".join(f"ip6tables -t nat -A {rule}\n" for rule in dice.some(_NAT, 40))
    setup += "".join(f"{_setting(dice)}\n" for _ in range(dice.between(0, 2)))
    talk, steps = _Talk(dice), list[Step]()
    while len(steps) < cases:
        steps += talk.steps()
    return Scenario("", "conntrack", Topology(PORTS, setup), tuple(steps[:cases]), family=("ip6",))


def _setting(dice: Dice) -> str:
    name = dice.among(list(_SETTINGS))
    return f"sysctl -w net.netfilter.nf_conntrack_{name}={dice.among(_SETTINGS[name])}"


class _Talk:
    """What the two stations say."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._next_port = 1000
        self._next_id = 0
        self._conversations = [self._new() for _ in range(_AT_ONCE)]
        self._said: list[tuple[int, bytes]] = []

    def steps(self) -> list[Step]:
        """A command, or a packet; that may come in pieces."""
        dice = self._dice
        if dice.chance(_COMMANDS):
            return [Run(dice.among(("conntrack -C", "conntrack -F", _setting(dice))))]
        side, packet = self._packet()
        self._said.append((side, packet))
        frames = [
            header(STATIONS[1 - side], STATIONS[side], ETH_P_IPV6) + piece for piece in self._pieces(packet)
        ]
        return [Send(PORTS[side], (frame,), frame.hex()) for frame in frames]

    def _new(self) -> Conversation:
        self._next_port += 1
        ends = Ends(_ADDRESSES[0], self._next_port, _ADDRESSES[1], 80)
        return Conversation(self._dice, ends, ends.answered())

    def _packet(self) -> tuple[int, bytes]:
        """From which side, and what."""
        dice = self._dice
        kind = dice.weighted({"tcp": 18, "udp": 4, "query": 4, "error": 4, "other": 1})
        if kind == "tcp":
            at = dice.between(0, _AT_ONCE - 1)
            if dice.chance(4):
                self._conversations[at] = self._new()
            side, payload = self._conversations[at].segment()
            return side, self._built(side, IPPROTO_TCP, payload)
        if kind == "error" and self._said:
            return self._error()
        side = dice.between(0, 1)
        if kind == "udp":
            ports = dice.among((1000, 2000)), dice.among((1000, 2000))
            data = dice.octets(dice.among((4, 4, 90, 400)))
            ends = _ADDRESSES[side], _ADDRESSES[1 - side]
            return side, self._built(side, IPPROTO_UDP, udp.build(*ports, data, *ends))
        if kind == "other":
            return side, self._built(side, dice.among((50, 99, 4, 1, 59)), bytes(20))
        message = bytes((dice.among(_QUERIES), 0, 0, 0, 0, dice.among((1, 2)), 0, 7)) + b"abcd"
        return side, self._built(side, IPPROTO_ICMPV6, self._summed(message, *self._ends(side)))

    def _ends(self, side: int) -> tuple[int, int]:
        return _ADDRESSES[side], _ADDRESSES[1 - side]

    def _summed(self, message: bytes, saddr: int, daddr: int) -> bytes:
        check = 0xFFFF ^ transport_sum(saddr, daddr, IPPROTO_ICMPV6, message)
        check ^= self._dice.chance(3)
        return message[: icmp6.CHECK_OFFSET] + check.to_bytes(2, "big") + message[icmp6.CHECK_OFFSET + 2 :]

    def _error(self) -> tuple[int, bytes]:
        dice = self._dice
        side, about = dice.among(self._said)
        side = 1 - side if dice.chance(80) else side
        quote = about[: dice.among((48, 48, 60, 200, 44, 40, 39))]
        saddr, daddr = self._ends(side)
        kind, code = dice.among(_ERRORS)
        message, hops = bytes((kind, code)) + bytes(6) + quote, 64
        if dice.chance(15):
            message = bytes((icmp6.REDIRECT, 0)) + bytes(38) + b"\4\6" + bytes(6) + quote
            saddr, hops = dice.among((_ROUTER, _ROUTER, saddr)), dice.among((255, 255, 64))
        return side, self._built(side, IPPROTO_ICMPV6, self._summed(message, saddr, daddr), saddr, hops)

    def _built(
        self, side: int, kind: int, payload: bytes, saddr: int | None = None, hop_limit: int = 64
    ) -> bytes:
        dice = self._dice
        while dice.chance(6):
            extension = dice.among(list(_EXTENSIONS))
            payload, kind = bytes((kind,)) + _EXTENSIONS[extension] + bytes(1) + payload, extension
        own, peer = self._ends(side)
        own = own if saddr is None else saddr
        return ipv6.build(Ipv6Header(own, peer, kind, ttl=hop_limit, payload_len=len(payload))) + payload

    def _pieces(self, packet: bytes) -> list[bytes]:
        """Mostly the packet itself, else fragments: some are lost, repeated, or overlap others."""
        dice, payload = self._dice, packet[ipv6.HEADER_LENGTH :]
        if not dice.chance(12) or len(payload) < 9:
            return [packet]
        self._next_id += 1
        cuts = sorted({0, *(8 * dice.between(1, len(payload) // 8) for _ in range(dice.between(0, 2)))})
        bounds = list(zip(cuts, [*cuts[1:], len(payload)], strict=True))
        pieces = [self._fragment(packet, start, end) for start, end in bounds if end > start]
        if dice.chance(15):
            start = 8 * dice.between(0, len(payload) // 8)
            pieces.append(self._fragment(packet, start, min(len(payload), start + dice.among((8, 16, 11)))))
        if dice.chance(15):
            pieces.append(dice.among(pieces))
        if dice.chance(10):
            pieces.remove(dice.among(pieces))
        return pieces[::-1] if dice.chance(40) else pieces

    def _fragment(self, packet: bytes, start: int, end: int) -> bytes:
        payload = packet[ipv6.HEADER_LENGTH :]
        field = start | (IP6_MF if end < len(payload) else 0)
        own = bytes((packet[6], 0)) + field.to_bytes(2, "big") + self._next_id.to_bytes(4, "big")
        body = own + payload[start:end]
        return packet[:4] + len(body).to_bytes(2, "big") + bytes((NEXTHDR_FRAGMENT,)) + packet[7:40] + body
