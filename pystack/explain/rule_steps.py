"""What the rules of netfilter said to a packet: every one that matched, and the policy where none decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pystack.applets.iptables.listing import rule_line
from pystack.explain.scene import ConfigOf
from pystack.explain.stage import Reason, Step, Told, Traveller
from pystack.netfilter.rule import CONTINUE, RETURN, Chain, Jump, Rule
from pystack.netfilter.table import LEGACY, NFT, Table
from pystack.netfilter.tables import Tables
from pystack.netfilter.verdict import NAMES, NF_ACCEPT
from pystack.netfilter.view import View

_TABLE: Final = "net/ipv4/netfilter/ip_tables.c ipt_do_table()"
_HOOK: Final = "net/netfilter/core.c nf_hook_slow()"


class RuleListener:
    """Hears one table. A walk.Listener."""

    def __init__(self, table: Table, config_of: ConfigOf) -> None:
        self._table = table
        self._config_of = config_of

    def rule(self, chain: Chain, number: int, rule: Rule, verdict: int, view: View) -> None:
        """One that matched."""
        words = rule_line(chain, rule).removeprefix(f"-A {chain.name}").strip()
        name = f"{self._name(chain)}:{number}" + (f" ({words})" if words else "")
        self._note(view, Step(f"{name}: {_outcome(rule, verdict)}", verdict, rule.origin))

    def policy(self, chain: Chain, view: View) -> None:
        """None decided."""
        text = f"{self._name(chain)}: no rule decides, the policy is {NAMES[chain.policy]}"
        self._note(view, Step(text, chain.policy, self._config_of(chain)))

    def _name(self, chain: Chain) -> str:
        owner = "iptables-legacy " if self._table.owner == LEGACY else ""
        return f"{owner}{self._table.name}:{chain.name}"

    def _note(self, view: View, step: Step) -> None:
        if isinstance(view.pkt.trace, Traveller):
            view.pkt.trace.steps.append(step)


def listen(tables: Tables, config_of: ConfigOf) -> Callable[[], None]:
    """Hear all tables of a namespace; what stops it."""
    heard = [
        found for owner in (LEGACY, NFT) for name in tables.names(owner) if (found := tables.get(owner, name))
    ]
    for table in heard:
        table.listener = RuleListener(table, config_of)

    def stop() -> None:
        for table in heard:
            table.listener = None

    return stop


def accepted(traveller: Traveller, functions: list[str]) -> Told:
    """The packet left the hook on the other side; what was said is taken from it."""
    steps, traveller.steps = traveller.steps, []
    if not functions:
        return Told("accepted: nothing is registered here", _HOOK)
    if not steps:
        return Told(f"accepted by {', '.join(functions)}", _HOOK)
    decided = [step.config for step in steps if step.verdict >= 0 and step.config]
    return Told("accepted", _TABLE, tuple(_reasons(steps)), decided[-1] if decided else "")


def refused(traveller: Traveller) -> Told | None:
    """The packet went no further; None if no rule had anything to do with that."""
    steps, traveller.steps = traveller.steps, []
    if not steps:
        return None
    last = steps[-1]
    if last.verdict == NF_ACCEPT:  # it was changed, and there is no way for what it is now
        text = "accepted, but as it is now no way leads there"
        return Told(text, "net/ipv4/netfilter.c ip_route_me_harder()", tuple(_reasons(steps)))
    return Told(last.text, _TABLE, tuple(_reasons(steps[:-1])), last.config)


def _reasons(steps: list[Step]) -> Iterator[Reason]:
    return (Reason(step.text, step.config) for step in steps)


def _outcome(rule: Rule, verdict: int) -> str:
    if isinstance(rule.target, Jump):
        return f"on to {rule.target.chain.name}"
    if verdict == CONTINUE:
        return "on to the next rule"
    return "back to where it came from" if verdict == RETURN else NAMES[verdict]
