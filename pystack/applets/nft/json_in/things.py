"""Chains, sets and objects out of JSON."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.grammar.blocks import HOOKS
from pystack.applets.nft.grammar.objects import HELPER_NAME_MAX
from pystack.applets.nft.grammar.set_blocks import FLAG_ORDER
from pystack.applets.nft.grammar.words import FAMILIES
from pystack.applets.nft.json_in import expressions
from pystack.applets.nft.json_in.asking import Asking, integer_in, is_true_in, refuse, string_in, within
from pystack.applets.nft.json_in.load import Loaded
from pystack.applets.nft.json_in.statements import limit_of, statements
from pystack.applets.nft.tree.commands import ChainText, ObjectText, Priority, SetText
from pystack.applets.nft.tree.expressions import Element, Elements, Expression, Flags, Symbol, Verdict
from pystack.applets.nft.tree.statements import Counter, Quota, Statement
from pystack.applets.nft.types import TYPES

OBJECTS: Final = (
    "flowtable", "counter", "quota", "ct helper", "ct timeout", "ct expectation", "limit", "secmark",
)  # fmt: skip
SET_FLAGS: Final = ("constant", "interval", "timeout")
MAPPED_OBJECTS: Final = ("counter", "quota", "limit", "secmark")
POLICIES: Final = ("performance", "memory")


def chain_of(value: Loaded, name: str) -> ChainText | None:
    """A base chain if it has type, hook and priority."""
    kind, hook, priority = string_in(value, "type"), string_in(value, "hook"), integer_in(value, "prio")
    if kind is None or hook is None or priority is None:
        return None
    if hook not in HOOKS:
        refuse(f"Invalid chain hook '{hook}'.")
    device, policy = string_in(value, "dev"), string_in(value, "policy")
    if policy not in (None, "accept", "drop"):
        refuse(f"Unknown policy '{policy}'.")
    return ChainText(
        name,
        kind,
        hook,
        Flags((Symbol(device, quoted=True),)) if device is not None else None,
        Priority(None, priority),
        Verdict(policy) if policy else None,
    )


def elements_of(ask: Asking, value: Loaded) -> tuple[Element, ...] | Expression:
    """What is added to a set."""
    made = expressions.set_of(ask, "elem", value)
    return made.items if isinstance(made, Elements) else made


def set_of(ask: Asking, value: Loaded, name: str) -> SetText:
    """A set or map."""
    assert isinstance(value, dict)
    if "type" not in value:
        refuse("Invalid set type.")
    key = within("Invalid set type.", _types, value["type"])
    data = _data(string_in(value, "map"))
    policy = string_in(value, "policy")
    if policy not in (None, *POLICIES):
        refuse(f"Unknown set policy '{policy}'.")
    flags = _flags(value.get("flags"))
    elements: tuple[Element, ...] | None = None
    if "elem" in value:
        given = value["elem"]
        made = within("Invalid set elem expression.", elements_of, ask, given)
        elements = made if isinstance(made, tuple) else (Element(made),)
    timeout, gc_interval = integer_in(value, "timeout"), integer_in(value, "gc-interval")
    return SetText(
        name,
        key,
        data,
        False,
        data is not None,
        flags,
        None if timeout is None else timeout * 1000,
        None if gc_interval is None else gc_interval * 1000,
        integer_in(value, "size"),
        policy or "",
        statements=statements(ask, value["stmt"]) if "stmt" in value else (),
        elements=elements,
    )


def _types(value: Loaded) -> tuple[str, ...]:
    if isinstance(value, str):
        if value not in TYPES:
            refuse(f"Invalid datatype '{value}'.")
        return (value,)
    if not isinstance(value, list):
        refuse("Invalid set datatype.")
    names: list[str] = []
    for index, one in enumerate(value):
        names += within(f"Invalid datatype at index {index}.", _types, one)
    return tuple(names)


def _data(name: str | None) -> tuple[str, ...] | str | None:
    if name is None:
        return None
    if name in MAPPED_OBJECTS or name == "verdict":
        return name
    if name not in TYPES:
        refuse(f"Invalid map type '{name}'.")
    return (name,)


def _flags(value: Loaded) -> tuple[str, ...]:
    """Whatever is no array has no flags."""
    flags = value if isinstance(value, list) else []
    for index, flag in enumerate(flags):
        if flag not in SET_FLAGS:
            refuse(f"Invalid set flag at index {index}.")
    return tuple(flag for flag in FLAG_ORDER if flag in flags)


# --- objects ------------------------------------------------------------------------------------------------


def object_of(ask: Asking, kind: str, value: Loaded, name: str) -> ObjectText:
    """A counter, quota, limit, or one of connection tracking's."""
    made: Statement | None = None
    fields: dict[str, object] = {}
    if kind == "counter":
        made = Counter(integer_in(value, "packets") or 0, integer_in(value, "bytes") or 0)
    elif kind == "quota":
        made = Quota(
            integer_in(value, "bytes") or 0, integer_in(value, "used") or 0, is_true_in(value, "inv")
        )
    elif kind == "limit":
        rate, (per,) = ask.integer(value, "rate"), ask.strings(value, "per", first=9)
        made = limit_of(value, rate, per)
    elif kind.startswith("ct "):
        fields = _connection_fields(kind, value)
    return ObjectText(kind, name, made, fields, string_in(value, "comment") or "")


def _connection_fields(kind: str, value: Loaded) -> dict[str, object]:
    fields: dict[str, object] = {}
    helper = string_in(value, "type")
    if kind == "ct helper" and helper is not None:
        if len(helper) > HELPER_NAME_MAX:
            refuse(f"Invalid CT helper type '{helper}', max length is {HELPER_NAME_MAX + 1}.")
        fields["type"] = helper
    protocol, network = string_in(value, "protocol"), string_in(value, "l3proto")
    if protocol is not None:
        if protocol not in ("tcp", "udp"):
            refuse(f"Invalid {kind} protocol '{protocol}'.")
        fields["protocol"] = protocol
    if network is not None:
        if network not in FAMILIES:
            refuse(f"Invalid {kind} l3proto '{network}'.")
        fields["l3proto"] = network
    if kind == "ct timeout" and isinstance(value, dict) and "policy" in value:
        fields["policy"] = _timeouts(value["policy"])
    return fields


def _timeouts(value: Loaded) -> tuple[tuple[str, int], ...]:
    if not isinstance(value, dict):
        refuse("Invalid ct timeout policy.")
    made = []
    for state, seconds in value.items():
        if not isinstance(seconds, int) or isinstance(seconds, bool):
            refuse(f"Invalid ct timeout policy value for '{state}'.")
        made.append((state, seconds))
    return tuple(made)
