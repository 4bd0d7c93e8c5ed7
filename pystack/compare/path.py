"""Which way every packet took, in the numbers of the picture in the README, and how it ended.

Told from a side's hops, so for both sides by the same rules; the numbers come from explain/path_kind.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pystack.compare.points import NUMBERED
from pystack.compare.records import Captured, Frame, Hop, Record
from pystack.compare.refusals import connection_key, datagram_key, refusal
from pystack.explain import path_kind
from pystack.explain.path_kind import LOOPBACK, Crossed, Wiring
from pystack.wire import ipv4
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.malformed import Malformed

_LAST: Final = {(point.family, point.hook): point.priority for point in NUMBERED}  # the table is in order
_SHOWS_LINK: Final = {(point.family, point.hook): point.link for point in NUMBERED}


@dataclass(frozen=True, slots=True)
class PacketPath:
    """One packet's way through one side."""

    packet: int
    step: int
    kind: str
    end: str
    hops: tuple[Hop, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.end}"

    @property
    def way(self) -> str:
        """Hook by hook: `bridge PREROUTING tap1>, bridge FORWARD tap1>tap2`."""
        hooks = [f"{hop.family} {hop.hook} {hop.indev or ''}>{hop.outdev or ''}" for hop in self.hops]
        return ", ".join(dict.fromkeys(hooks))

    @property
    def is_ip(self) -> bool:
        """Whether it is an IPv4 packet, and no ARP or what else bridges carry."""
        return any(_ip_packet(hop) for hop in self.hops)


def paths(records: Iterable[Record], wiring: Wiring) -> list[PacketPath]:
    """The ways of all packets that a hop saw, in the order in which they began."""
    by_packet: dict[int, list[Hop]] = {}
    for record in records:
        if isinstance(record, Hop):
            by_packet.setdefault(record.packet, []).append(record)
    answers = _answers(by_packet)
    return [
        PacketPath(
            number,
            hops[0].step,
            kind_of(hops, wiring),
            answers.get(number) or end_of(hops, wiring),
            tuple(hops),
        )
        for number, hops in by_packet.items()
    ]


def packets_of_frames(records: Sequence[Record]) -> dict[int, int]:
    """By the place of a frame or capture among the records, which packet it was: a hop has its bytes."""
    waiting: dict[tuple[str, str | None, bytes], list[int]] = {}
    seen: dict[tuple[int, bytes], int] = {}
    for record in records:
        if not isinstance(record, Hop):
            continue
        if record.family == "netdev":
            way, device = ("in", record.indev) if record.hook == "INGRESS" else ("out", record.outdev)
            waiting.setdefault((way, device, record.data), []).append(record.packet)
        seen.setdefault((record.step, record.data[_network_of(record) :]), record.packet)
    found = {}
    for place, record in enumerate(records):
        if isinstance(record, Frame) and (known := waiting.get((record.dir, record.port, record.data))):
            found[place] = known.pop(0)
        elif isinstance(record, Captured) and (number := seen.get((record.step, record.data[ETH_HLEN:]))):
            found[place] = number
    return found


def kind_of(hops: Sequence[Hop], wiring: Wiring) -> str:
    """Its number in the picture: `1-7`, `1-2-8`, `4-lo-4` …"""
    return path_kind.kind_of([_crossed(hop) for hop in hops], wiring)


def _crossed(hop: Hop) -> Crossed:
    destination = _ip_packet(hop)[16:20] if hop.hook == "INPUT" else b""
    daddr = int.from_bytes(destination, "big") if destination else None
    return Crossed(hop.family, hop.hook, hop.indev, hop.outdev, daddr)


# --- end ------------------------------------------------------------------------------------------------


def end_of(hops: Sequence[Hop], wiring: Wiring) -> str:
    """`sent by tap2`, `delivered`, `dropped after …`; a flood can have several."""
    ends: list[str] = []
    for hop in hops:
        end = _end_at(hop, wiring)
        if end and end not in ends:
            ends.append(end)
    if ends:
        return ", ".join(ends)
    last = hops[-1]
    reason = f": {last.reason}" if last.reason else ""
    return f"dropped after {last.family} {last.hook} {last.priority}{reason}"


def _end_at(hop: Hop, wiring: Wiring) -> str:
    """How a packet ends that has come as far as this hop, if it is the last of its way."""
    if hop.priority != _LAST[hop.family, hop.hook]:
        return ""
    match hop.family, hop.hook:
        case ("netdev", "EGRESS"):
            return f"sent by {hop.outdev}"
        case ("arp" | "ip", "INPUT"):
            return "delivered"
        case ("bridge", "POSTROUTING"):
            return "" if hop.outdev in wiring.ports else f"sent by {hop.outdev}"
        case ("ip" | "ip6", "POSTROUTING") | ("arp", "OUTPUT"):
            is_bridged = hop.physout is not None  # br_netfilter shows IP what passes a bridge
            return "" if is_bridged else _leaves_by(hop.outdev, wiring)
    return ""


def _leaves_by(device: str | None, wiring: Wiring) -> str:
    """Behind IP, a port and a bridge have hops of their own, and lo brings the packet back."""
    if device is None or device == LOOPBACK or device in wiring.ports | wiring.bridges:
        return ""
    netns = wiring.leads_into.get(device)
    return f"sent by {device}" + (f" into {netns}" if netns else "")


# --- who answers it ---------------------------------------------------------------------------------------


def _answers(by_packet: Mapping[int, Sequence[Hop]]) -> dict[int, str]:
    """What the stack itself said no with, by the packet: the last one before it that it can mean."""
    latest: dict[bytes, int] = {}
    found: dict[int, str] = {}
    for number, hops in by_packet.items():
        packet = next((data for hop in hops if (data := _ip_packet(hop))), b"")
        if not packet:
            continue
        refused, how = refusal(packet)
        if refused in latest and hops[0].hook == "OUTPUT":
            found[latest[refused]] = f"answered by {how}"
        latest[datagram_key(packet)] = latest[connection_key(packet)] = number
    return found


def _ip_packet(hop: Hop) -> bytes:
    """From the IPv4 header on; nothing if it is no IPv4, or cannot be read."""
    start = _network_of(hop)
    if start and hop.data[ETH_HLEN - 2 : ETH_HLEN] != ETH_P_IP.to_bytes(2, "big"):
        return b""
    return b"" if isinstance(ipv4.parse(hop.data, start), Malformed) else hop.data[start:]


def _network_of(hop: Hop) -> int:
    """Where the network header stands in a hop's bytes."""
    return ETH_HLEN if _SHOWS_LINK[hop.family, hop.hook] else 0
