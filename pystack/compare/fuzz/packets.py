"""IPv4 packets for the areas that fuzz what routers and hosts do with them."""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.wire import icmp, ipv4
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import ETH_P_IP, header
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

ERROR_CODES: Final = {icmp.ICMP_DEST_UNREACH: 16, icmp.ICMP_REDIRECT: 5, icmp.ICMP_TIME_EXCEEDED: 3}
KINDS: Final = {"echo": 12, "udp": 6, "tcp": 3, "error": 8, "question": 2, "any icmp": 2, "unknown": 3}
RECORD_ROUTE, TIMESTAMP, LOOSE, STRICT, ROUTER_ALERT = 7, 68, 131, 137, 148


def framed(destination: bytes, source: bytes, packet: bytes) -> bytes:
    """The packet on a link."""
    return header(destination, source, ETH_P_IP) + packet


def message(dice: Dice, head: Ipv4Header, quote: bytes) -> tuple[int, bytes]:
    """A protocol and its payload; errors are about `quote`."""
    kind = dice.weighted(KINDS)
    data = dice.octets(dice.between(0, 40)) + bytes(dice.among([0, 0, 0, 700, 1300]))
    match kind:
        case "echo":
            return IPPROTO_ICMP, icmp.build(
                icmp.ICMP_ECHO, dice.among([0, 0, 1]), 7, dice.between(0, 9), data
            )
        case "udp":
            return IPPROTO_UDP, _udp(head, data)
        case "tcp":
            return IPPROTO_TCP, _tcp(dice, head)
        case "error":
            type_ = dice.among(list(ERROR_CODES))
            code = dice.between(0, ERROR_CODES[type_])
            return IPPROTO_ICMP, _error(dice, type_, code, quote)
        case "question":
            type_ = dice.among([icmp.ICMP_TIMESTAMP, icmp.ICMP_ADDRESS, icmp.ICMP_ECHOREPLY])
            return IPPROTO_ICMP, icmp.build(type_, 0, 7, 1, data[: dice.among([0, 4, 12])])
        case "any icmp":
            return IPPROTO_ICMP, icmp.build(dice.between(0, 50), dice.between(0, 20), 7, 1, data or quote)
        case _:
            return dice.among([4, 47, 50, 99, 132, 255]), data


def _error(dice: Dice, type_: int, code: int, quote: bytes) -> bytes:
    if dice.chance(10):
        quote = quote[: dice.between(0, len(quote))]
    mtu = dice.among([0, 68, 300, 552, 600, 1000, 1400, 1500, 9000])
    return icmp.build(type_, code, dice.among([0, 0x0A00]), mtu, quote)


def redirect(dice: Dice, gateway: int, quote: bytes) -> bytes:
    """An ICMP redirect to a gateway."""
    code = dice.among([0, 1, 1, 1, 2, 3, 4])
    return icmp.build(icmp.ICMP_REDIRECT, code, gateway >> 16, gateway & 0xFFFF, quote)


def _udp(head: Ipv4Header, data: bytes) -> bytes:
    length = 8 + len(data)
    datagram = b"\x10\x00\x20\x00" + length.to_bytes(2, "big") + bytes(2) + data
    return datagram[:6] + _sum(head, IPPROTO_UDP, datagram) + datagram[8:]


def _tcp(dice: Dice, head: Ipv4Header) -> bytes:
    segment = (
        b"\x10\x00\x20\x00" + dice.octets(8) + bytes((0x50, dice.between(0, 63))) + b"\x20\x00" + bytes(4)
    )
    return segment[:16] + _sum(head, IPPROTO_TCP, segment) + segment[18:]


def _sum(head: Ipv4Header, protocol: int, data: bytes) -> bytes:
    check = 0xFFFF ^ transport_sum(head.saddr, head.daddr, protocol, data)
    return (check or 0xFFFF).to_bytes(2, "big")


def options(dice: Dice, hops: list[int]) -> bytes:
    """Options that Linux writes no time of day into: that is each side's own."""
    raw = b"".join(_option(dice, hops) for _ in range(dice.between(1, 2)))
    if dice.chance(20) and raw:
        at = dice.between(0, len(raw) - 1)
        if raw[at] != TIMESTAMP and TIMESTAMP not in raw:
            raw = raw[:at] + bytes([dice.between(0, 63)]) + raw[at + 1 :]
    raw = raw[:40]
    return raw + bytes(-len(raw) % 4)


def _option(dice: Dice, hops: list[int]) -> bytes:
    kind = dice.weighted({"route": 4, "time": 2, "source": 4, "alert": 2, "nothing": 2, "unknown": 1})
    slots = [dice.among(hops) for _ in range(dice.between(1, 4))]
    octets = b"".join(hop.to_bytes(4, "big") for hop in slots)
    pointer = 4 + 4 * dice.between(0, len(slots))
    match kind:
        case "route":
            return bytes((RECORD_ROUTE, 3 + len(octets), pointer)) + octets
        case "time":  # without room, of an unknown kind
            flags = dice.among([0x00, 0x10, 0xF0, 0x03, 0xF3])
            return bytes((TIMESTAMP, 4 + len(octets), 5 + len(octets), flags)) + octets
        case "source":
            return bytes((dice.among([LOOSE, STRICT]), 3 + len(octets), pointer)) + octets
        case "alert":
            return bytes((ROUTER_ALERT, 4, 0, dice.among([0, 0, 1])))
        case "nothing":
            return b"\x01" * dice.between(1, 4)
        case _:
            return bytes((dice.among([0x55, 0x82, 0x88, 0x99, 0x86]), 4)) + dice.octets(2)


def built(head: Ipv4Header, payload: bytes) -> bytes:
    """A whole packet."""
    return ipv4.build(head, len(payload)) + payload
