"""Named objects: what was not written about them.

Linux: nftables src/evaluate.c obj_evaluate(), src/rule.c timeout_protocol
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.tree.commands import ObjectText
from pystack.applets.nft.tree.statements import Counter, Quota

# Seconds; nft writes all of them into an object, whatever the kernel's own are.
TIMEOUTS: Final[Mapping[str, Mapping[str, int]]] = {
    "tcp": {
        "syn_sent": 120,
        "syn_recv": 60,
        "established": 432_000,
        "fin_wait": 120,
        "close_wait": 60,
        "last_ack": 30,
        "time_wait": 120,
        "close": 10,
        "syn_sent2": 120,
        "retrans": 300,
        "unack": 300,
    },
    "udp": {"unreplied": 30, "replied": 120},
}


def evaluate_object(state: State, named: ObjectText) -> ObjectText:
    """With the family of its table where none is written, and only those timeouts that nft would not take."""
    if named.kind == "counter":
        return named if named.statement is not None else replace(named, statement=Counter())
    if named.kind == "quota":
        return named if named.statement is not None else replace(named, statement=Quota(0))
    if not named.kind.startswith("ct "):
        return named
    fields = {"l3proto": state.family, **named.fields}
    if named.kind == "ct timeout":
        fields["policy"] = _policy(named)
    return replace(named, fields=fields)


def _policy(named: ObjectText) -> dict[str, int]:
    usual = TIMEOUTS.get(str(named.fields.get("protocol")), {})
    written: dict[str, int] = {}
    states = named.fields.get("policy", ())
    assert isinstance(states, tuple)
    for name, seconds in states:
        if name not in usual:
            fail(named.places.get(name, named.at), "invalid state for this protocol")
        written[name] = seconds
    return {name: written[name] for name in usual if written.get(name, usual[name]) != usual[name]}
