"""The way of one live packet among what a side of a lab saw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from pystack.compare.live.flows import key_of
from pystack.compare.live.judge import Verdict
from pystack.compare.live.passing import Passings
from pystack.compare.points import framed
from pystack.compare.records import Hop, Record
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP

_TYPE: Final = slice(ETH_HLEN - 2, ETH_HLEN)
_IPV4: Final = ETH_P_IP.to_bytes(2, "big")
_PROTOCOL_AT: Final = ETH_HLEN + 9
_TELLS: Final = {IPPROTO_TCP: slice(13, 14), IPPROTO_ICMP: slice(0, 2)}

Place = tuple[str, str, int, str | None, str | None]


def way_of(records: Iterable[Record], verdict: Verdict) -> list[Hop]:
    """The hops of the last packet that began there as the live one did; none if none did."""
    passings = Passings()  # fragments are one packet there
    passings.add([record for record in records if isinstance(record, Hop)], 0.0)
    alike = [passing.hops for passing in passings.rest() if _begins_alike(passing.first, verdict.first)]
    return alike[-1] if alike else []


def _begins_alike(one: Hop, other: Hop) -> bool:
    return (one.family, one.hook, one.indev) == (other.family, other.hook, other.indev) and (
        _kind(framed(one)) == _kind(framed(other))
    )


def _kind(frame: bytes) -> tuple[bytes, bytes]:
    """Of which flow, and what it is there: flags of TCP, type and code of ICMP."""
    at = ETH_HLEN + (frame[ETH_HLEN] & 15) * 4 if len(frame) > ETH_HLEN else 0
    told = _TELLS.get(frame[_PROTOCOL_AT]) if frame[_TYPE] == _IPV4 and len(frame) > _PROTOCOL_AT else None
    return key_of(frame), frame[at:][told] if told else b""


def place_of(hop: Hop) -> Place:
    """Where a packet was seen, whatever its octets were."""
    return hop.family, hop.hook, hop.priority, hop.indev, hop.outdev


def is_same_way(hops: Sequence[Hop], others: Sequence[Hop]) -> bool:
    """Whether both passed the same places in the same order."""
    return list(map(place_of, hops)) == list(map(place_of, others))
