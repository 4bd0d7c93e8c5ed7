"""conntrack, state and connbytes in nft's words.

Linux: libxt_conntrack.c, libxt_connbytes.c
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.iptables.extensions.conntrack import ADDRESSES, PORTS, STATES, STATUSES
from pystack.applets.iptables.family import Family
from pystack.applets.iptables.option import U64, Given, Values
from pystack.applets.nft.compat.words import but, span
from pystack.netfilter.conntrack import info

_PORT_NAMES: Final = {"sport": "proto-src", "dport": "proto-dst"}


def conntrack(values: Values, family: Family) -> str:
    """Linux: libxt_conntrack.c _conntrack3_mt_xlate()"""
    return " ".join(_conntrack(values, family)).rstrip()


def _conntrack(values: Values, family: Family) -> Iterator[str]:
    way = values["ctdir"].value.lower() if "ctdir" in values else "original"
    if "ctdir" in values:
        yield f"ct direction {way}"
    if "ctproto" in values:
        yield f"ct {way} protocol {but(values['ctproto'])}{values['ctproto'].value}"
    states = values.get("state", values.get("ctstate"))
    if states is not None:
        yield _states(states)
    if "ctstatus" in values:
        given = values["ctstatus"]
        names = [name.lower().replace("_", "-") for name, bit in STATUSES.items() if given.value & bit]
        yield f"ct status {'! ' if given.inverted else ''}{','.join(names)}".rstrip()
    if "ctexpire" in values:
        yield f"ct expiration {but(values['ctexpire'])}{span(*values['ctexpire'].value)}"
    for name, (field, is_reply) in ADDRESSES.items():
        if name in values:
            yield f"ct {_direction(is_reply)} {field} {but(values[name])}{_network(values[name], family)}"
    for name, (field, is_reply) in PORTS.items():
        if name in values:
            given = values[name]
            yield f"ct {_direction(is_reply)} {_PORT_NAMES[field]} {but(given)}{span(*given.value)}"


def _states(given: Given) -> str:
    """Who asks for a translated connection is told of nothing else."""
    for name, bit in (("snat", info.STATE_SNAT), ("dnat", info.STATE_DNAT)):
        if given.value & bit:
            return f"ct status {name}"
    names = ",".join(name.lower() for name, bit in STATES.items() if given.value & bit)
    return f"ct state {'! ' if given.inverted else ''}{names}"


def _direction(is_reply: bool) -> str:
    return "reply" if is_reply else "original"


def _network(given: Given, family: Family) -> str:
    address, mask = given.value
    length = family.prefix_length(mask)
    tail = "" if length in (None, family.bits) else f"/{length}"
    return f"{family.address_text(address)}{tail}"


def connbytes(values: Values) -> str:
    """Linux: libxt_connbytes.c connbytes_xlate()"""
    given, way = values["connbytes"], values["connbytes-dir"].value
    low, high = given.value
    direction = "" if way == "both" else f"{way} "
    words = f"ct {direction}{values['connbytes-mode'].value}"
    if high == U64:
        return f"{words} {'lt' if given.inverted else 'ge'} {low}"
    return f"{words} {but(given)}{span(low, high)}"
