"""Fuzzing NAT: flows across a router with random rules, both ends drawn so that they often meet.

What the kernel draws is taken over from its events; so nothing is drawn where no connection begins: ranges
are never exhausted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.compare.fuzz import conntrack, packets
from pystack.compare.fuzz.conversations import Conversation, Ends
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology
from pystack.wire import icmp, udp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header, parse_address

_CLIENTS: Final = ("10.1.0.2", "10.1.0.3")
_SERVERS: Final = ("10.2.0.2", "10.2.0.3")
_OUTSIDE: Final = "10.2.0.1"  # the router's address there
_POOL: Final = tuple(f"10.2.0.{host}" for host in range(20, 24))
_MAPPED: Final = tuple(f"192.168.7.{host}" for host in (2, 3))
_STATIONS: Final = {0: (*_CLIENTS, "10.1.0.9"), 1: (*_SERVERS, *_POOL, *_MAPPED)}
_PORTS: Final = (300, 700, 1000, 1001, 2050)
_AT_ONCE: Final = 4
_MTU: Final = 1400  # so that nothing has to be cut
_COMMANDS: Final = 2  # in a hundred steps

_RULES: Final = (
    "POSTROUTING -o p1 -j MASQUERADE",
    "POSTROUTING -o p1 -p tcp -j MASQUERADE --to-ports 2000-2999",
    "POSTROUTING -o p1 -p udp -j MASQUERADE --random",
    "POSTROUTING -o p1 -j SNAT --to-source 10.2.0.20-10.2.0.23",
    "POSTROUTING -o p1 -j SNAT --to-source 10.2.0.20-10.2.0.23 --persistent",
    "POSTROUTING -o p1 -p udp -j SNAT --to-source 10.2.0.20-10.2.0.23:1000-1999",
    "POSTROUTING -o p1 -p tcp -j SNAT --to-source :1000-1999 --random-fully",
    "POSTROUTING -o p1 -s 10.1.0.3 -j SNAT --to-source 10.2.0.20",
    "POSTROUTING -o p1 -p icmp -j SNAT --to-source 10.2.0.1:0-999",
    "POSTROUTING -o p1 -s 10.1.0.0/24 -j NETMAP --to 192.168.7.0/24",
    "POSTROUTING -s 10.1.0.0/24 -d 10.1.0.0/24 -j MASQUERADE",
    "POSTROUTING -p udp --dport 53 -j ACCEPT",
    "PREROUTING -i p1 -d 192.168.7.0/24 -j NETMAP --to 10.1.0.0/24",
    "PREROUTING -d 10.2.0.1 -p tcp --dport 80 -j DNAT --to-destination 10.1.0.2",
    "PREROUTING -d 10.2.0.1 -p udp -j DNAT --to-destination 10.1.0.2-10.1.0.3",
    "PREROUTING -d 10.2.0.1 -p udp --dport 53 -j DNAT --to-destination 10.1.0.3:1000-1999",
    "PREROUTING -d 10.2.0.1 -p icmp -j DNAT --to-destination 10.1.0.3",
    "PREROUTING -d 10.2.0.1 -p tcp -j DNAT --to-destination 10.1.0.3:2000-2999/0",
    "PREROUTING -i p0 -p tcp --dport 53 -j REDIRECT --to-ports 80",
    "PREROUTING -i p0 -p icmp -d 10.2.0.3 -j REDIRECT",
    "INPUT -p icmp -j SNAT --to-source 10.1.0.9",
    "INPUT -i p1 -p udp -j SNAT --to-source 10.2.0.23",
)


def draw(dice: Dice, cases: int) -> Scenario:
    """A router with some rules, and so many steps."""
    setup = "".join(f"{line}\n" for line in router_lines()) + "".join(
        f"iptables -t nat -A {rule}\n" for rule in dice.some(_RULES, 25) or _RULES[:1]
    )
    talk = Talk(dice)
    steps = tuple(_step(dice, talk) for _ in range(cases))
    return Scenario("", "nat", Topology(conntrack.PORTS, setup), steps)


def router_lines() -> list[str]:
    """The commands that make the router."""
    lines = [line for line in conntrack.SETUP.splitlines() if not line.startswith("ip neigh")]
    for side, addresses in _STATIONS.items():
        mac = conntrack.STATIONS[side].hex(":")
        if side:
            lines.append("ip route add 192.168.7.0/24 dev p1")
            lines += [f"sysctl -qw net.ipv4.conf.{dev}.send_redirects=0" for dev in ("all", "p0", "p1")]
        lines += [f"ip neigh add {address} lladdr {mac} dev p{side}" for address in addresses]
    return lines


def _step(dice: Dice, talk: Talk) -> Step:
    if dice.chance(_COMMANDS):
        return Run(dice.among(("conntrack -C", "conntrack -F", "iptables -t nat -nvL")))
    side, packet = talk.packet()
    frame = packets.framed(conntrack.OURS[side], conntrack.STATIONS[side], packet)
    return Send(conntrack.PORTS[side], (frame,), frame.hex())


@dataclass(slots=True)
class _Flow:
    """Who talks to whom, as each of the two would have it."""

    side: int  # from which it begins
    protocol: int
    ends: tuple[Ends, Ends]  # of packets that way, and of answers
    conversation: Conversation | None


class Talk:
    """What the stations say."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._flows = [self._new() for _ in range(_AT_ONCE)]
        self._said: list[tuple[int, bytes]] = []

    def _new(self) -> _Flow:
        dice = self._dice
        protocol = dice.weighted({IPPROTO_TCP: 5, IPPROTO_UDP: 3, IPPROTO_ICMP: 2})
        side = int(dice.chance(35))
        here = self._inbound() if side else self._outbound()
        there = self._as_seen_beyond(side, here)
        talk = Conversation(dice, here, there) if protocol == IPPROTO_TCP else None
        return _Flow(side, protocol, (here, there), talk)

    def _outbound(self) -> Ends:
        dice = self._dice
        server = dice.among((*_SERVERS, *_SERVERS, _OUTSIDE))
        return Ends(_int(dice.among(_CLIENTS)), dice.among(_PORTS), _int(server), dice.among((80, 53)))

    def _inbound(self) -> Ends:
        dice = self._dice
        target = dice.among((_OUTSIDE, _OUTSIDE, _OUTSIDE, *_MAPPED, *_CLIENTS))
        return Ends(_int(dice.among(_SERVERS)), dice.among(_PORTS), _int(target), dice.among((80, 53, 2050)))

    def _as_seen_beyond(self, side: int, here: Ends) -> Ends:
        """An answer, as somebody would send it who was reached; it is guessed how."""
        dice, answer = self._dice, here.answered()
        if side:
            return answer._replace(saddr=_int(dice.among(_CLIENTS))) if dice.chance(90) else answer
        mapped = dice.among((_OUTSIDE, _OUTSIDE, _OUTSIDE, *_POOL, *_MAPPED))
        return answer._replace(daddr=_int(mapped)) if dice.chance(90) else answer

    def packet(self) -> tuple[int, bytes]:
        """From which side, and what."""
        dice = self._dice
        if self._said and dice.chance(10):
            side, packet = self._error()
        else:
            at = dice.between(0, _AT_ONCE - 1)
            if dice.chance(8):
                self._flows[at] = self._new()
            side, packet = self._of_flow(self._flows[at])
        self._said.append((side, packet))
        return side, packet

    def _of_flow(self, flow: _Flow) -> tuple[int, bytes]:
        dice = self._dice
        if flow.conversation is not None:
            way, payload = flow.conversation.segment()
        else:
            way = int(dice.chance(40))
            payload = self._datagram(flow, way)
        ends = flow.ends[way]
        packet = packets.built(Ipv4Header(ends.saddr, ends.daddr, flow.protocol), payload)
        return (1 - flow.side if way else flow.side), packet

    def _datagram(self, flow: _Flow, way: int) -> bytes:
        dice, ends = self._dice, flow.ends[way]
        if flow.protocol == IPPROTO_UDP:
            data = dice.octets(dice.among((0, 1, 4, 33)))
            datagram = udp.build(ends.sport, ends.dport, data, ends.saddr, ends.daddr)
            return datagram if dice.chance(85) else datagram[:6] + bytes(2) + datagram[8:]
        kind = icmp.ICMP_ECHOREPLY if way else icmp.ICMP_ECHO
        return icmp.build(kind, 0, flow.ends[0].sport, 7, b"abcd")

    def _error(self) -> tuple[int, bytes]:
        """About something that was said, as it may look on the other side by now."""
        dice = self._dice
        side, about = dice.among(self._said[-40:])
        kind, code = dice.among(((3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (5, 1)))
        quote = bytearray(about)
        if side == 0 and dice.chance(75):
            quote[12:16] = _int(dice.among((_OUTSIDE, _OUTSIDE, *_POOL, *_MAPPED))).to_bytes(4, "big")
        elif side and dice.chance(75):
            quote[16:20] = _int(dice.among(_CLIENTS)).to_bytes(4, "big")
        source, target = int.from_bytes(quote[16:20], "big"), int.from_bytes(quote[12:16], "big")
        payload = icmp.build(
            kind,
            code,
            0,
            _MTU if (kind, code) == (3, 4) else 0,
            bytes(quote[: dice.among((28, 28, 48, 100, 24, 20))]),
        )
        return 1 - side, packets.built(Ipv4Header(source, target, IPPROTO_ICMP), payload)


def _int(text: str) -> int:
    address = parse_address(text)
    assert address is not None, f"{text} is an address"
    return address
