"""Sets of nftables in this process: loading intervals, and looking addresses up in them.

The intervals are made up: prefixes and ranges by turns, with gaps between them. The yardstick is one probe
of a dictionary of as many keys.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Final

from pystack.applets import virtual
from pystack.applets.virtual import Outside
from pystack.drivers.garbage import gc_discipline
from pystack.host import Host
from pystack.netfilter.nft.set import NftSet
from pystack.rng import Rng
from pystack.wire.ipv4 import address_text
from scripts.bench_parts.lab import BenchError
from scripts.bench_parts.results import Reading

DICT_PROBE: Final = "dict probe"
QUESTIONS: Final = 20_000
A_FRAME: Final = 5  # so many intervals for each frame that other rows send: 100,000 in a whole run
FIRST: Final = 10 << 24
APART: Final = 256  # addresses from the start of an interval to that of the next one


@lru_cache(maxsize=1)
def ruleset(count: int) -> bytes:
    """A table with one set."""
    elements = ", ".join(_interval(FIRST + number * APART, number) for number in range(count))
    words = f"type ipv4_addr; flags interval; elements = {{ {elements} }}"
    return f"table ip t {{ set s {{ {words}; }}; }}\n".encode()


def _interval(start: int, number: int) -> str:
    if number % 2:
        return f"{address_text(start)}/25"
    return f"{address_text(start)}-{address_text(start + 9)}"


def load(count: int) -> Reading:
    """Seconds from the text to the set, with the garbage collector as pystack's programs have it."""
    text, host = ruleset(count), Host()
    gc_discipline()
    begun = time.process_time()
    _loaded(host, text)
    return Reading(time.process_time() - begun)


@lru_cache(maxsize=1)
def filled(count: int) -> NftSet:
    """A set that look-ups leave as it is."""
    host = Host()
    _loaded(host, ruleset(count))
    content = host.init.nft.tables["ip", "t"].sets["s"].content
    if not isinstance(content, NftSet) or sum(1 for _ in content) != count:
        raise BenchError(f"the set does not hold {count} intervals")
    return content


def _loaded(host: Host, text: bytes) -> None:
    ended = virtual.run(["nft", "-f", "-"], host, outside=Outside(stdin=text))
    if ended.rc:
        raise BenchError(ended.text)


def keys(count: int) -> list[bytes]:
    """Addresses within the intervals and between them; the same ones each time."""
    rng = Rng(1)
    return [(FIRST + rng.below(count * APART)).to_bytes(4, "big") for _ in range(QUESTIONS)]


def look_up(count: int) -> Reading:
    """Microseconds a look-up of an address."""
    asked, find = keys(count), filled(count).find
    begun = time.process_time()
    for key in asked:
        find(key)
    return Reading((time.process_time() - begun) / len(asked) * 1e6)


def dict_probe(count: int) -> Reading:
    """Microseconds a probe of as large a dictionary, as the loop above would do it."""
    asked = keys(count)
    probe = {(FIRST + number * APART).to_bytes(4, "big"): number for number in range(count)}.get
    begun = time.process_time()
    for key in asked:
        probe(key)
    return Reading((time.process_time() - begun) / len(asked) * 1e6)
