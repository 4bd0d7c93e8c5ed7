"""-m hashlimit in nft's words. Linux: libxt_hashlimit.c hashlimit_mt_xlate()"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.iptables.extensions.hashlimit import Rate, bursts_of, expire_of, way_of
from pystack.applets.iptables.family import Family
from pystack.applets.iptables.option import Values
from pystack.netfilter.matches.hashlimit import rate_of_cost
from pystack.wire.ipv6 import full_text

_NO_BURST: Final = 5
_A_SECOND: Final = 1000  # milliseconds: what the tool takes for the usual life of a bucket
_SIZES: Final = ((1 << 20, "mbytes"), (1 << 10, "kbytes"), (1, "bytes"))
_UNITS: Final = {"sec": "second", "min": "minute", "hour": "hour", "day": "day"}


def hashlimit(values: Values, family: Family) -> str | None:
    """Buckets by nothing cannot be said; what a rate match goes by has no name."""
    keys = list(_keys(values, family))
    if not keys:
        return None
    way, rate = way_of(values)
    timeout = f" timeout {expire_of(values) // 1000}s" if expire_of(values) != _A_SECOND else ""
    over = "over " if way == "above" else ""
    limit = f"limit rate {over}{_rate(rate, values)}"
    return f"meter {values['hashlimit-name'].value} {{ {' . '.join(keys)}{timeout} {limit} }}"


def _keys(values: Values, family: Family) -> Iterator[str]:
    modes = values["hashlimit-mode"].value if "hashlimit-mode" in values else ()
    network = family.program.removesuffix("tables")
    for end in ("dst", "src"):
        if f"{end}ip" in modes:
            yield f"{network} {end[0]}addr{_mask(values, f'hashlimit-{end}mask', family)}"
        if f"{end}port" in modes:
            yield f"tcp {end[0]}port"
    if "hashlimit-rate-match" in values:
        yield "(null)"


def _mask(values: Values, name: str, family: Family) -> str:
    length = values[name].value if name in values else family.bits
    if length == family.bits:
        return ""
    mask = family.netmask(length)
    return f" and {family.address_text(mask) if family.bits == 32 else full_text(mask)}"


def _rate(rate: Rate, values: Values) -> str:
    bursts = bursts_of(values)
    if rate.in_octets:
        octets = rate_of_cost(rate.average)
        burst = f" burst {_octets(octets * bursts)}" if bursts > 1 else ""
        return f"{_octets(octets)}/second{burst}"
    count, _, unit = rate.show()[0].partition("/")
    burst = "" if bursts == _NO_BURST else f" burst {bursts} packets"
    if "hashlimit-rate-match" in values:  # the tool takes packets in an interval for a rate
        return f"{count}/second{burst}"
    return f"{count}/{_UNITS[unit]}{burst}"


def _octets(octets: int) -> str:
    size, name = next((size, name) for size, name in _SIZES if octets >= size)
    return f"{octets // size} {name}"
