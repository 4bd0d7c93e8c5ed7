"""Statements out of JSON.

Linux: nftables src/parser_json.c json_parse_stmt()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.nft.grammar.actions import LOG_FLAGS, LOG_LEVELS, QUEUE_FLAGS
from pystack.applets.nft.grammar.nat import FLAGS
from pystack.applets.nft.grammar.words import DATA_UNITS, TIME_UNITS
from pystack.applets.nft.json_in.asking import (
    Asking,
    integer_in,
    is_true_in,
    refuse,
    string_in,
    within,
    words_of,
)
from pystack.applets.nft.json_in.expressions import (
    MANGLED,
    UPDATED,
    as_element,
    constant,
    expression,
    map_of,
    of_statement,
    only_property,
    right,
    verdict,
)
from pystack.applets.nft.json_in.load import Loaded
from pystack.applets.nft.json_in.packet import family
from pystack.applets.nft.tree.expressions import (
    Ct,
    Element,
    Expression,
    IpOption,
    Meta,
    Payload,
    RawPayload,
    SctpChunk,
    TcpOption,
)
from pystack.applets.nft.tree.expressions import ExtensionHeader as Extension
from pystack.applets.nft.tree.statements import (
    Assign,
    ConnLimit,
    Counter,
    Decide,
    Dup,
    Forward,
    Limit,
    Log,
    Match,
    Meter,
    Nat,
    Notrack,
    ObjectUse,
    Queue,
    Quota,
    Refusal,
    Reject,
    Reset,
    SetUpdate,
    Statement,
)

Make = Callable[[Asking, str, Loaded], Statement]

OPERATORS: Final = ("==", "!=", "<", ">", "<=", ">=", "!")
REJECTS: Final = ("tcp reset", "icmpx", "icmp", "icmpv6")
BURST_PACKETS: Final = 5
METER_SIZE: Final = 0xFFFF
NAT_MODES: Final = ("interval", "prefix", "concat")


def statement(ask: Asking, value: Loaded) -> Statement:
    """Any of them."""
    kind, inside = only_property(value)
    if kind == "vmap":
        found = within("Illegal vmap statement.", map_of, ask, kind, inside)
        return Decide(found)
    if kind == "xt":
        refuse("unsupported xtables compat expression, use iptables-nft with this ruleset")
    make = _KINDS.get(kind)
    if make is None:
        refuse(f"Unknown statement object '{kind}'.")
    return make(ask, kind, inside)


def _value(ask: Asking, words: str, value: Loaded) -> Expression:
    return within(words, of_statement, ask, value)


def _given(ask: Asking, value: Loaded, key: str, words: str) -> Expression | None:
    """What a property says that may be missing."""
    return _value(ask, words, value[key]) if isinstance(value, dict) and key in value else None


# --- matches and verdicts -----------------------------------------------------------------------------------


def _match(ask: Asking, _: str, value: Loaded) -> Match:
    left, other = ask.any(value, "left"), ask.any(value, "right", 1)
    (operator,) = ask.strings(value, "op", first=14)
    if operator not in (*OPERATORS, "in"):
        refuse(f"Unknown relational op '{operator}'.")
    made = within("Invalid LHS of relational.", expression, ask, left)
    against = within("Invalid RHS of relational.", right, ask, other)
    return Match(made, against, "" if operator == "in" else operator)


def _decide(ask: Asking, kind: str, value: Loaded) -> Decide:
    return Decide(verdict(ask, kind, value))


# --- counting -----------------------------------------------------------------------------------------------


def _use(ask: Asking, kind: str, value: Loaded, words: str = "") -> ObjectUse:
    return ObjectUse(kind, _value(ask, f"Invalid {words or kind + ' reference.'}", value))


def _counter(ask: Asking, kind: str, value: Loaded) -> Statement:
    if value is None:
        return Counter()
    packets, octets = integer_in(value, "packets"), integer_in(value, "bytes")
    if packets is not None and octets is not None:
        return Counter(packets, octets)
    return _use(ask, kind, value)


def in_octets(amount: int, unit: str | None) -> int:
    """Of a unit that is not known, octets."""
    return amount * DATA_UNITS.get(unit or "", 1)


def _quota(ask: Asking, kind: str, value: Loaded) -> Statement:
    amount = integer_in(value, "val")
    if amount is None:
        return _use(ask, kind, value)
    used = in_octets(integer_in(value, "used") or 0, string_in(value, "used_unit"))
    return Quota(in_octets(amount, string_in(value, "val_unit")), used, is_true_in(value, "inv"))


def _limit(ask: Asking, kind: str, value: Loaded) -> Statement:
    rate, per = integer_in(value, "rate"), string_in(value, "per")
    if rate is None or per is None:
        return _use(ask, kind, value)
    made = limit_of(value, rate, per)
    return made if made.burst or made.octets else limit_of(value, rate, per, BURST_PACKETS)


def limit_of(value: Loaded, rate: int, per: str, burst: int | None = None) -> Limit:
    """Its numbers; a unit of time that is not known is a second."""
    unit = string_in(value, "rate_unit")
    is_packets = unit is None or unit == "packets"
    given = burst if burst is not None else integer_in(value, "burst") or 0
    if not is_packets:
        rate, given = in_octets(rate, unit), in_octets(given, string_in(value, "burst_unit"))
    return Limit(
        rate,
        per if per in TIME_UNITS else "second",
        given or None,
        is_true_in(value, "inv"),
        octets=not is_packets,
    )


def _conn_limit(ask: Asking, _: str, value: Loaded) -> ConnLimit:
    return ConnLimit(ask.integer(value, "val"), is_true_in(value, "inv"))


# --- what is done with a packet -----------------------------------------------------------------------------

_SETTABLE: Final = (Payload, RawPayload, Meta, Ct, TcpOption, IpOption, SctpChunk, Extension)


def _mangle(ask: Asking, _: str, value: Loaded) -> Statement:
    target, new = ask.any(value, "key"), ask.any(value, "value", 1)
    key = within("Invalid mangle statement key", expression, ask.inside(MANGLED), target)
    made = _value(ask, "Invalid mangle statement value", new)
    if not isinstance(key, _SETTABLE):
        refuse("Invalid mangle statement key expression type.")
    if isinstance(key, Ct) and key.key == "helper":
        return ObjectUse("ct helper", made)
    return Assign(key, made)


def _nat(ask: Asking, kind: str, value: Loaded) -> Nat:
    of = family(value)
    address = _given(ask, value, "addr", "Invalid nat addr.")
    port = _given(ask, value, "port", "Invalid nat port.")
    known = value if isinstance(value, dict) else {}
    flags = words_of(known["flags"], (*FLAGS, "netmap"), "nat flag") if "flags" in known else ()
    modes = words_of(known["type_flags"], NAT_MODES, "nat type flag") if "type_flags" in known else ()
    return Nat(
        kind,
        address,
        port,
        tuple(flag for flag in flags if flag != "netmap"),
        of,
        prefix="prefix" in modes,
        interval="interval" in modes,
        with_port="concat" in modes,
    )


def _tproxy(ask: Asking, _: str, value: Loaded) -> Nat:
    of = family(value)
    address = _given(ask, value, "addr", "Invalid addr.")
    return Nat("tproxy", address, _given(ask, value, "port", "Invalid port."), family=of)


def _reject(_: Asking, __: str, value: Loaded) -> Reject:
    kind = string_in(value, "type") or ""
    code = value["expr"] if isinstance(value, dict) and "expr" in value else None
    made = within("Illegal reject expr.", constant, code) if code is not None else None
    return Reject(kind if kind in REJECTS else "", made)


def _log(_: Asking, __: str, value: Loaded) -> Log:
    level = string_in(value, "level")
    if level is not None and level not in LOG_LEVELS:
        refuse(f"Invalid log level '{level}'.")
    flags: tuple[str, ...] = ()
    if isinstance(value, dict) and "flags" in value:
        flags = words_of(value["flags"], (*LOG_FLAGS, "all"), "log flag")
    if "all" in flags or set(LOG_FLAGS) <= set(flags):
        flags = ("all",)
    numbers = (integer_in(value, key) for key in ("group", "snaplen", "queue-threshold"))
    return Log(string_in(value, "prefix"), level, flags, *numbers)


def _queue(ask: Asking, _: str, value: Loaded) -> Queue:
    to = _given(ask, value, "num", "Invalid queue num.")
    given = value.get("flags", []) if isinstance(value, dict) else []
    if not isinstance(given, str | list):
        refuse("Unexpected object type in queue flags.")
    for index, flag in enumerate([given] if isinstance(given, str) else given):
        if not isinstance(flag, str):
            refuse(f"Invalid object in queue flag array at index {index}.")
        if flag not in QUEUE_FLAGS:
            refuse(f"Invalid queue flag '{flag}'.")
    return Queue(to, tuple(flag for flag in QUEUE_FLAGS if flag in given))


def _dup(ask: Asking, _: str, value: Loaded) -> Dup:
    to = _value(ask, "Illegal dup addr arg.", ask.any(value, "addr"))
    return Dup(to, _given(ask, value, "dev", "Illegal dup dev."))


def _forward(ask: Asking, _: str, value: Loaded) -> Forward:
    device = _value(ask, "Invalid fwd dev value.", ask.any(value, "dev"))
    of = family(value)
    address = _given(ask, value, "addr", "Invalid fwd addr value.") if of else None
    return Forward(device, of if address else "", address)


def _notrack(_: Asking, __: str, ___: Loaded) -> Notrack:
    return Notrack()


def _reset(ask: Asking, _: str, value: Loaded) -> Reset:
    option = expression(ask, value)
    return Reset(TcpOption(option.option) if isinstance(option, TcpOption) else option)


# --- sets ---------------------------------------------------------------------------------------------------


def statements(ask: Asking, value: Loaded) -> tuple[Statement, ...]:
    """Those that elements of a set shall have."""
    if not isinstance(value, list):
        refuse("Unexpected object type in stmt")
    return tuple(statement(ask, one) for one in value)


def _element(ask: Asking, words: str, value: Loaded) -> Element:
    return as_element(within(words, expression, ask.inside(UPDATED), value))


def _set(ask: Asking, _: str, value: Loaded) -> SetUpdate:
    (operation,), element = ask.strings(value, "op"), ask.any(value, "elem", 1)
    (name,) = ask.strings(value, "set", first=14)
    if operation not in ("add", "update", "delete"):
        refuse(f"Unknown set statement op '{operation}'.")
    made = _element(ask, "Illegal set statement element.", element)
    if not name.startswith("@"):
        refuse("Illegal set reference in set statement.")
    assert isinstance(value, dict)
    more = statements(ask, value["stmt"]) if "stmt" in value else ()
    whole = Element(made.key, None, made.timeout, made.expires, made.comment, more)
    return SetUpdate(operation, name[1:], whole)


def _meter(ask: Asking, _: str, value: Loaded) -> Meter:
    (name,) = ask.strings(value, "name")
    key, counted = ask.any(value, "key", 1), ask.any(value, "stmt", 2)
    made = _element(ask, "Invalid meter key.", key)
    inside = within("Invalid meter statement.", statement, ask, counted)
    whole = Element(made.key, None, made.timeout, made.expires, made.comment, (inside,))
    size = integer_in(value, "size")
    return Meter(name, whole, METER_SIZE if size is None else size)


# --- refused ------------------------------------------------------------------------------------------------


def _synproxy(ask: Asking, kind: str, value: Loaded) -> Statement:
    if value is None or (isinstance(value, dict) and {"mss", "wscale", "flags"} & set(value)):
        return Refusal(kind)
    return _use(ask, kind, value, "synproxy reference")


def _flow(ask: Asking, _: str, value: Loaded) -> Refusal:
    operation, name = ask.strings(value, "op", "flowtable")
    if operation != "add":
        refuse(f"Unknown flow offload statement op '{operation}'.")
    if not name.startswith("@"):
        refuse("Illegal flowtable reference in flow offload statement.")
    return Refusal("flow add")


_KINDS: Final[dict[str, Make]] = {
    **dict.fromkeys(("accept", "drop", "continue", "jump", "goto", "return"), _decide),
    **dict.fromkeys(("snat", "dnat", "masquerade", "redirect"), _nat),
    **dict.fromkeys(("ct helper", "ct timeout", "ct expectation", "secmark"), _use),
    "match": _match,
    "counter": _counter,
    "mangle": _mangle,
    "quota": _quota,
    "limit": _limit,
    "flow": _flow,
    "fwd": _forward,
    "notrack": _notrack,
    "dup": _dup,
    "reject": _reject,
    "set": _set,
    "log": _log,
    "meter": _meter,
    "queue": _queue,
    "ct count": _conn_limit,
    "tproxy": _tproxy,
    "synproxy": _synproxy,
    "reset": _reset,
}
