"""Statements that do something else with a packet than change its addresses.

nft: src/evaluate.c stmt_evaluate_verdict(), _payload(), _meta(), _ct(), _log(), _queue(), _dup(), _fwd()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NoReturn

from pystack.applets.nft import types
from pystack.applets.nft.evaluate.arguments import evaluate_argument
from pystack.applets.nft.evaluate.concatenations import refuse_ambiguous
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected, Typed, kind_name
from pystack.applets.nft.evaluate.writes import check_written
from pystack.applets.nft.keys import CT_KEYS, META_KEYS
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import (
    Ct,
    Expression,
    Lookup,
    Meta,
    Payload,
    Range,
    RawPayload,
    Value,
    Verdict,
)
from pystack.applets.nft.tree.statements import (
    Assign,
    Decide,
    Dup,
    Forward,
    Log,
    Queue,
    Refusal,
    Reset,
    Statement,
)
from pystack.applets.nft.types import DataType

_ADDRESSES: Final = {"ip": types.IPV4_ADDR, "ip6": types.IPV6_ADDR}
_QUEUE_MAX: Final = 0xFFFF


def evaluate_plain(state: State, statement: Statement) -> Statement:
    """One that holds nothing to be resolved."""
    return statement


def evaluate_refusal(state: State, refusal: Refusal) -> NoReturn:
    """One that nft has and we have not."""
    fail(refusal, f"{refusal.words} is not modelled")


def evaluate_verdict(state: State, verdict: Verdict, expected: Expected) -> Typed:
    """`accept`, `jump CHAIN`; `jump { … }` holds rules, which know nothing of the one around them."""
    if verdict.rules is not None:
        rules = tuple(state.evaluate_rule(rule) for rule in verdict.rules if isinstance(rule, RuleText))
        verdict = replace(verdict, rules=rules)
    return Typed(verdict, types.VERDICT, 0, constant=True, singleton=True)


def evaluate_decide(state: State, decide: Decide) -> Decide:
    """`accept`, `jump CHAIN`, `tcp dport vmap { … }`."""
    typed = evaluate_argument(state, decide, decide.verdict, types.VERDICT, 0)
    if not isinstance(typed.expression, Verdict | Lookup):
        fail(typed.expression, f"invalid verdict expression {kind_name(typed.expression)}")
    return replace(decide, verdict=typed.expression)


# --- assignments --------------------------------------------------------------------------------------------


def evaluate_assign(state: State, assign: Assign) -> Assign:
    """`meta mark set 1`, `ip ttl set 3`."""
    target = assign.target
    if isinstance(target, Meta):
        key = META_KEYS[target.key]
        return _assigned(state, assign, target, key.type, key.bits)
    if isinstance(target, Ct):
        return _assign_ct(state, assign, target)
    typed = state.evaluate(target)
    return _assigned(state, assign, typed.expression, typed.type, typed.bits)


def _assign_ct(state: State, assign: Assign, target: Ct) -> Assign:
    key = CT_KEYS[target.key]
    done = _assigned(state, assign, target, key.type, key.bits)
    if target.key == "secmark" and isinstance(done.value, Value):
        fail(assign, "ct secmark must not be set to constant value")
    return done


def _assigned(state: State, assign: Assign, target: Expression, kind: DataType, bits: int) -> Assign:
    refuse_ambiguous(assign.value)
    value = evaluate_argument(state, assign, assign.value, kind, bits)
    if isinstance(target, Payload | RawPayload):
        check_written(target, value)
    return replace(assign, target=target, value=value.expression)


def evaluate_reset(state: State, reset: Reset) -> Reset:
    """`reset tcp option sack-perm`."""
    return replace(reset, option=state.evaluate(reset.option).expression)


# --- log and queue ------------------------------------------------------------------------------------------


def evaluate_log(state: State, log: Log) -> Log:
    """To the kernel's log, or to a group of listeners."""
    to_group = log.group is not None or log.snaplen is not None or log.threshold is not None
    if to_group and log.level is not None:
        fail(log, "level and group are mutually exclusive")
    if to_group and log.flags:
        fail(log, "flags and group are mutually exclusive")
    if log.level == "audit" and (to_group or log.prefix is not None or log.flags):
        fail(log, "log level audit doesn't support any further options")
    if log.level == "warn" and log.prefix is None and not log.flags:
        return replace(log, level=None)
    return log


def evaluate_queue(state: State, queue: Queue) -> Queue:
    """To a program: by number, by a range of them, or by what is counted."""
    if queue.to is None:
        return queue
    typed = evaluate_argument(state, queue, queue.to, types.INTEGER, 16)
    if "fanout" in queue.flags and not isinstance(typed.expression, Range):
        fail(typed.expression, "fanout requires a range to be specified")
    if typed.maximum > _QUEUE_MAX:
        fail(typed.expression, f"queue expression max value exceeds {_QUEUE_MAX}")
    return replace(queue, to=typed.expression)


# --- copies -------------------------------------------------------------------------------------------------


def evaluate_dup(state: State, dup: Dup) -> Dup:
    """A copy to another host, or out of another device."""
    if state.family in _ADDRESSES:
        if dup.to is None:
            fail(dup, "missing destination address")
        kind = _ADDRESSES[state.family]
        to = evaluate_argument(state, dup, dup.to, kind, kind.bits).expression
        device = _device(state, dup, dup.device) if dup.device is not None else None
        return replace(dup, to=to, device=device)
    if state.family != "netdev":
        fail(dup, "unsupported family")
    if dup.to is None:
        fail(dup, "missing destination interface")
    if dup.device is not None:
        fail(dup, "cannot specify device")
    return replace(dup, to=_device(state, dup, dup.to))


def evaluate_forward(state: State, forward: Forward) -> Forward:
    """The packet itself out of another device."""
    if state.family != "netdev":
        fail(forward, "unsupported family")
    device = _device(state, forward, forward.device)
    address = forward.address
    if address is not None:
        if forward.family not in _ADDRESSES:
            fail(forward, "missing family")
        kind = _ADDRESSES[forward.family]
        address = evaluate_argument(state, forward, address, kind, kind.bits).expression
    return replace(forward, device=device, address=address)


def _device(state: State, statement: Statement, device: Expression) -> Expression:
    return evaluate_argument(state, statement, device, types.IFACE_INDEX, 32).expression
