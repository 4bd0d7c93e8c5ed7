"""One command of a batch: what is asked of each kind of it.

nft: src/evaluate.c cmd_evaluate()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.actions import (
    evaluate_assign,
    evaluate_decide,
    evaluate_dup,
    evaluate_forward,
    evaluate_log,
    evaluate_plain,
    evaluate_queue,
    evaluate_refusal,
    evaluate_reset,
    evaluate_verdict,
)
from pystack.applets.nft.evaluate.beside import placed
from pystack.applets.nft.evaluate.binary import evaluate_binary
from pystack.applets.nft.evaluate.chains import evaluate_chain
from pystack.applets.nft.evaluate.concatenations import evaluate_concatenation
from pystack.applets.nft.evaluate.constants import (
    evaluate_anything,
    evaluate_boolean,
    evaluate_flags,
    evaluate_prefix,
    evaluate_range,
    evaluate_symbol,
    evaluate_value,
)
from pystack.applets.nft.evaluate.context import Context
from pystack.applets.nft.evaluate.declarations import (
    evaluate_element_command,
    evaluate_set_declaration,
)
from pystack.applets.nft.evaluate.elements import evaluate_set
from pystack.applets.nft.evaluate.keys import data_of, key_of
from pystack.applets.nft.evaluate.maps import evaluate_lookup
from pystack.applets.nft.evaluate.missing import need_table
from pystack.applets.nft.evaluate.nat import evaluate_nat
from pystack.applets.nft.evaluate.objects import evaluate_object
from pystack.applets.nft.evaluate.packet import (
    evaluate_ct,
    evaluate_extension_header,
    evaluate_fib,
    evaluate_hash,
    evaluate_ip_option,
    evaluate_meta,
    evaluate_numgen,
    evaluate_payload,
    evaluate_raw_payload,
    evaluate_rt,
    evaluate_sctp_chunk,
    evaluate_socket,
    evaluate_tcp_option,
)
from pystack.applets.nft.evaluate.reject import evaluate_reject
from pystack.applets.nft.evaluate.relation import evaluate_match
from pystack.applets.nft.evaluate.rules import evaluate_rule
from pystack.applets.nft.evaluate.state import Evaluator, Evaluators, State, StatementEvaluator, fail
from pystack.applets.nft.evaluate.there import check_flushed, check_listed, check_renamed, check_reset
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.evaluate.updates import evaluate_meter, evaluate_update, evaluate_use
from pystack.applets.nft.tree import expressions, statements
from pystack.applets.nft.tree.commands import ChainText, Command, ObjectText, RuleText, SetText

_EXPRESSIONS: Final[dict[type, Evaluator]] = {
    expressions.Symbol: evaluate_symbol,
    expressions.Value: evaluate_value,
    expressions.Prefix: evaluate_prefix,
    expressions.Range: evaluate_range,
    expressions.Anything: evaluate_anything,
    expressions.Flags: evaluate_flags,
    expressions.Boolean: evaluate_boolean,
    expressions.Elements: evaluate_set,
    expressions.Verdict: evaluate_verdict,
    expressions.Lookup: evaluate_lookup,
    expressions.Concatenation: evaluate_concatenation,
    expressions.Meta: evaluate_meta,
    expressions.Ct: evaluate_ct,
    expressions.Payload: evaluate_payload,
    expressions.RawPayload: evaluate_raw_payload,
    expressions.ExtensionHeader: evaluate_extension_header,
    expressions.TcpOption: evaluate_tcp_option,
    expressions.IpOption: evaluate_ip_option,
    expressions.SctpChunk: evaluate_sctp_chunk,
    expressions.Fib: evaluate_fib,
    expressions.Rt: evaluate_rt,
    expressions.SocketOf: evaluate_socket,
    expressions.Numgen: evaluate_numgen,
    expressions.Hash: evaluate_hash,
    expressions.Binary: evaluate_binary,
}
_STATEMENTS: Final[dict[type, StatementEvaluator]] = {
    statements.Match: evaluate_match,
    statements.Decide: evaluate_decide,
    statements.Counter: evaluate_plain,
    statements.Limit: evaluate_plain,
    statements.Quota: evaluate_plain,
    statements.ConnLimit: evaluate_plain,
    statements.ObjectUse: evaluate_use,
    statements.Log: evaluate_log,
    statements.Reject: evaluate_reject,
    statements.Nat: evaluate_nat,
    statements.Notrack: evaluate_plain,
    statements.Assign: evaluate_assign,
    statements.Reset: evaluate_reset,
    statements.Dup: evaluate_dup,
    statements.Forward: evaluate_forward,
    statements.Queue: evaluate_queue,
    statements.SetUpdate: evaluate_update,
    statements.Meter: evaluate_meter,
    statements.Refusal: evaluate_refusal,
}
_EVALUATORS: Final = Evaluators(_EXPRESSIONS, _STATEMENTS, evaluate_rule)
_CHECKS: Final = {"list": check_listed, "flush": check_flushed, "rename": check_renamed, "reset": check_reset}
_NOT_MODELLED: Final = ("flowtable", "ct expectation", "secmark", "synproxy")


def evaluate(command: Command, context: Context) -> Command:
    """The command with everything in it resolved; an NftError says what is wrong with it."""
    state = State(context, command.handle, _EVALUATORS)
    try:
        evaluated = _evaluate(state, command)
    except NftError as error:
        raise NftError.of([*state.complaints, error]) from None
    if state.complaints:
        raise NftError.of(state.complaints)
    return evaluated


def _evaluate(state: State, command: Command) -> Command:
    if command.operation in ("add", "create", "insert", "replace"):
        return _evaluate_new(state, command)
    if command.operation in ("delete", "get") and command.object == "element":
        need_table(state.context, command.handle)
        return replace(command, body=evaluate_element_command(state, command))
    if command.operation in ("export", "import"):
        return _evaluate_markup(command)
    check = _CHECKS.get(command.operation)
    if check is not None:
        check(state.context, command)
    return command


def _evaluate_markup(command: Command) -> Command:
    """Words of older versions, which tell what replaced them; `import json` is refused later."""
    is_json = command.body in ("json", "vm")
    if command.operation == "import":
        return command if is_json else fail(command.at, "this output type not supported")
    if is_json:
        fail(command.at, "JSON export is no longer supported, use 'nft -j list ruleset' instead")
    fail(command.at, "this output type is not supported, use nft -j list ruleset for JSON support instead")


def _evaluate_new(state: State, command: Command) -> Command:
    body = command.body
    if command.object in _NOT_MODELLED:
        fail(command.at, f"{command.object} is not modelled")
    if isinstance(body, RuleText):
        return placed(state.context, replace(command, body=evaluate_rule(state, body)))
    if command.object == "table":
        return command
    need_table(state.context, command.handle)
    if isinstance(body, ChainText):
        return replace(command, body=evaluate_chain(state, body))
    if isinstance(body, SetText):
        return replace(command, body=evaluate_set_declaration(state, body))
    if isinstance(body, ObjectText):
        return replace(command, body=evaluate_object(state, body))
    if command.object == "element":
        return replace(command, body=evaluate_element_command(state, command))
    return command


def as_declared(command: Command, context: Context) -> Command | None:
    """What nft knows of a set, chain or object all the same if something is wrong with it."""
    body, handle = command.body, command.handle
    if not context.has_table(handle.family or "ip", handle.table):
        return None
    if isinstance(body, SetText):
        return replace(command, body=replace(body, elements=None))
    return command if isinstance(body, ChainText | ObjectText) else None


def kinds_of(command: Command, declared: SetText, context: Context) -> tuple[Expected, Expected]:
    """Of which types the keys and the data of a set are."""
    state = State(context, command.handle, _EVALUATORS)
    return key_of(state, declared), data_of(state, declared)
