"""Who listens, as `ss -Htulnp` says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_PROCESS: Final = re.compile(r'users:\(\("((?:[^"\\]|\\.)*)"')
_LOCAL: Final = re.compile(r"^(?P<address>.*?)(?:%(?P<device>[^:\]]+))?:(?P<port>\d+)$")
ANY: Final = "0.0.0.0"


@dataclass(frozen=True, slots=True)
class Listening:
    """A socket that waits for anybody."""

    protocol: str  # tcp, udp
    address: str  # of IPv4; ANY if it is bound to none
    port: int
    device: str = ""  # that it is bound to
    process: str = ""


def listening(listing: str) -> Iterator[Listening]:
    """Those that IPv4 reaches: bound to an address of it, or to all of IPv6's and with that to all."""
    seen = set()
    for line in listing.splitlines():
        words = line.split()
        found = _LOCAL.match(words[4]) if len(words) > 4 else None
        if found is None or words[0] not in ("tcp", "udp"):
            continue
        address = found["address"].strip("[]")
        if address in ("*", "::"):
            address = ANY
        address = address.removeprefix("::ffff:")
        if ":" in address:
            continue
        process = _PROCESS.search(line)
        name = "" if process is None else process[1]
        one = Listening(words[0], address, int(found["port"]), found["device"] or "", name)
        if one not in seen:
            seen.add(one)
            yield one
