"""How the tables answer a question: every rule that was tried, every route that was passed over.

The rules, tables and routes of l3/fib.py are walked by the means that they offer for it; nothing is counted,
cached or logged by that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pystack.errors import EACCES, EAGAIN, EHOSTUNREACH, EINVAL, ENETUNREACH, NetError
from pystack.explain.iproute_words import route_text, rule_text, table_name
from pystack.explain.scene import Scene, arrived_by
from pystack.explain.stage import Reason
from pystack.l3.fib_types import (
    IPTOS_RT_MASK,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTNH_F_DEAD,
    RTNH_F_DOWN,
    FibResult,
    FibRoute,
    Flow,
)
from pystack.l3.rules import FR_ACT_TO_TBL, FibRule
from pystack.wire.ipv4 import address_text

ENDS: Final = {  # by errno: what becomes of a packet
    EINVAL: "it ends here, and a sender elsewhere hears nothing",
    EACCES: "it ends here, and a sender elsewhere hears that it is forbidden (ICMP)",
    EHOSTUNREACH: "it ends here, and a sender elsewhere hears that (ICMP)",
    ENETUNREACH: "it ends here, and a sender elsewhere hears that (ICMP)",
}


def asked_again(flow: Flow) -> Flow:
    """The same question, for those who write the answer into it."""
    return Flow(
        flow.daddr,
        flow.saddr,
        oif=flow.oif,
        iif=flow.iif,
        tos=flow.tos,
        mark=flow.mark,
        scope=flow.scope,
        proto=flow.proto,
        sport=flow.sport,
        dport=flow.dport,
        uid=flow.uid,
    )


@dataclass(slots=True)
class LookupStory:
    """What the tables answered, and what was asked where before they did."""

    found: FibResult | int
    reasons: list[Reason] = field(default_factory=list)


def looked_up(scene: Scene, flow: Flow, *, ignore_linkstate: bool = False) -> LookupStory:
    """Linux: net/core/fib_rules.c fib_rules_lookup()"""
    fib = scene.netns.ipv4.fib
    story = LookupStory(fib.lookup(flow, ignore_linkstate=ignore_linkstate))
    teller = _Teller(scene, flow, ignore_linkstate, story)
    for rule in fib.rules.walk(flow, teller.passed_over):
        if teller.decides(rule):
            break
    return story


@dataclass(slots=True)
class _Teller:
    scene: Scene
    flow: Flow
    ignore_linkstate: bool
    story: LookupStory
    said: FibRule | None = None  # which was shown last
    was_thrown_out_of_local: bool = False

    def passed_over(self, rule: FibRule, condition: str | None) -> None:
        """A rule that is not about this packet."""
        self._say(rule, f"no match: {self._mismatch(condition)}")

    def decides(self, rule: FibRule) -> bool:
        """Tell what a rule led to; whether it was the last."""
        if rule.action != FR_ACT_TO_TBL:
            self._say(rule, ENDS.get(rule.error) or NetError(rule.error).text)
            return True
        name, winner, is_empty = table_name(rule.table), None, True
        if self.was_thrown_out_of_local and rule.table == RT_TABLE_MAIN:
            self._say(rule, "table main is not asked: before a rule is added it is one with local")
            return False
        for route in self._around(rule.table):
            why_not = self._why_not(route)
            if why_not is None:
                winner = route
                break
            is_empty = False
            self._say(rule, f"{self._in_table(name, route)}, {why_not}", route)
        if winner is None:
            if is_empty:
                self._say(rule, f"table {name} has nothing for {address_text(self.flow.daddr)}")
            return False
        why_goes_on = self._why_goes_on(rule, winner)
        end = ENDS.get(winner.info.error, "")
        more = f": {end}" if end else why_goes_on
        self._say(rule, self._in_table(name, winner) + more, winner)
        return not why_goes_on

    def _around(self, number: int) -> Iterator[FibRoute]:
        """A table's routes that hold the destination; local's and main's may be kept together."""
        table = self.scene.netns.ipv4.fib.tables.get(number)
        around = iter(()) if table is None else table.trie.around(self.flow.daddr)
        return (route for route in around if route.table == number)

    def _in_table(self, name: str, route: FibRoute) -> str:
        return f"table {name} has {route_text(route, self.scene.netns.ipv4.fib)}"

    def _say(self, rule: FibRule, text: str, route: FibRoute | None = None) -> None:
        words = rule_text(rule)
        is_plain = words == f"from all lookup {table_name(rule.table)}"
        shown = "" if is_plain or rule is self.said else f" ({words.removeprefix('from all ')})"
        config, rules = "" if route is None else self.scene.line_of_route(route), self.scene.config_of(rule)
        if config and rules and rule is not self.said:  # both were written by somebody
            self.story.reasons.append(Reason(f"rule {rule.priority}{shown}: it matches", rules))
            shown = ""
        self.said = rule
        reason = Reason(f"rule {rule.priority}{shown}: {text}", config or rules)
        self.story.reasons.append(reason)

    def _why_goes_on(self, rule: FibRule, winner: FibRoute) -> str:
        are_one = not self.scene.netns.ipv4.fib.rules.are_custom
        if are_one and winner.table == RT_TABLE_LOCAL:
            mains = next((route for route in self._around(RT_TABLE_MAIN) if not self._why_not(route)), None)
            if mains is not None and mains.prefixlen > winner.prefixlen:
                return ", but main has a longer prefix, and before a rule is added both are one table"
        if winner.info.error == EAGAIN:
            self.was_thrown_out_of_local = are_one and winner.table == RT_TABLE_LOCAL
            return ": on to the next rule"
        if winner.info.error or not rule.suppresses(FibResult(winner, winner.info.nexthops[0], 0)):
            return ""
        return ", which the rule suppresses"

    def _why_not(self, route: FibRoute) -> str | None:
        """Linux: net/ipv4/fib_trie.c fib_table_lookup(), fib_lookup_good_nhc()"""
        info, flow = route.info, self.flow
        if info.scope < flow.scope:
            return "but only a way on the link will do"
        if route.tos and route.tos != flow.tos & IPTOS_RT_MASK:
            return f"but the TOS is {flow.tos & IPTOS_RT_MASK:#04x}"
        if info.error:
            return None
        if info.flags & RTNH_F_DEAD:
            return "which is dead: its device is down"
        trie = self.scene.netns.ipv4.fib.tables[route.table].trie
        working = [
            hop
            for hop in info.nexthops
            if not hop.flags & RTNH_F_DOWN or trie.works(hop, self.ignore_linkstate)
        ]
        if not working:
            return "whose device has no carrier"
        if flow.oif and all(hop.dev is None or hop.dev.ifindex != flow.oif for hop in working):
            return f"but it has to leave by {self.scene.device(flow.oif)}"
        return None

    def _mismatch(self, condition: str | None) -> str:
        flow = self.flow
        words = {
            None: "all of it holds, and the rule says not",
            "iif": arrived_by(self.scene, flow.iif),
            "oif": f"it is bound to {self.scene.device(flow.oif)}"
            if flow.oif
            else "it is bound to no device",
            "fwmark": f"its mark is {flow.mark:#x}",
            "uidrange": f"its user is {flow.uid}",
            "from": f"its source is {address_text(flow.saddr)}" if flow.saddr else "it has no source yet",
            "to": f"its destination is {address_text(flow.daddr)}",
            "tos": f"its TOS is {flow.tos & IPTOS_RT_MASK:#04x}",
            "ipproto": f"its protocol is {flow.proto}",
            "sport": f"its source port is {flow.sport}",
            "dport": f"its destination port is {flow.dport}",
        }
        return words[condition]
