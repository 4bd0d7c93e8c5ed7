"""A rule: its statements, made to tests, and what it says in the end."""

from __future__ import annotations

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.compile.expression import compile_expression, compile_set
from pystack.applets.nft.compile.reject import compile_reject
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.stacked import stacked
from pystack.applets.nft.compile.statement import compile_statement
from pystack.applets.nft.compile.translation import compile_nat
from pystack.applets.nft.compile.verdict import compile_verdict
from pystack.applets.nft.tree import statements
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Lookup, Verdict
from pystack.errors import EPROTO, NetError, NotModelled
from pystack.netfilter.nft.lookup import MapsVerdict, Otherwise, WhileUndecided
from pystack.netfilter.nft.statements.hand_over import Fwd, FwdToNeighbour
from pystack.netfilter.nft.table import ARP, BRIDGE, NETDEV
from pystack.netfilter.rule import CHOSEN, Jump, Match, Target
from pystack.netfilter.targets.hand_over import Queue


def compile_rule(rule: RuleText, site: Site) -> tuple[tuple[Match, ...], Target | None]:
    """Its tests, in the order written, and its target. Raises Blamed, and NotModelled."""
    made = _Made(site)
    for statement in stacked(rule.statements):
        try:
            made.take(statement)
            _check_connections(made, site.family)
        except Blamed:
            raise
        except NetError as error:
            at = statement.left.at if isinstance(statement, statements.Match) else statement.at
            raise Blamed(error.number, at) from None
    return tuple(made.tests), made.target


def _check_connections(made: _Made, family: str) -> None:
    """Linux: net/netfilter/nf_conntrack_proto.c nf_ct_netns_get()"""
    asks = any(test.uses_connections for test in made.tests[-1:])
    if asks and family in (ARP, NETDEV):
        raise NetError(EPROTO)
    if asks and family == BRIDGE:
        raise NotModelled("connection tracking of bridged frames", ("the families ip, ip6 and inet",))


class _Made:
    """What there is of it already."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.tests: list[Match] = []
        self.target: Target | None = None

    def take(self, statement: statements.Statement) -> None:
        """The next one; behind a block of rules no packet comes."""
        if isinstance(self.target, Jump) or (isinstance(statement, statements.Match) and statement.idle):
            return
        if isinstance(statement, statements.Decide) and isinstance(statement.verdict, Lookup):
            self._map(statement.verdict)
            return
        target = self._decision(statement)
        if target is not None:
            self._decide(target)
        elif not _is_continue(statement):
            self._test(compile_statement(statement, self.site))

    def _map(self, verdict: Lookup) -> None:
        key, found = compile_expression(verdict.key, self.site), compile_set(verdict.set, self.site)
        self._test(MapsVerdict(key, found))
        self.target = CHOSEN

    def _test(self, test: Match) -> None:
        """Behind a verdict map only for packets for which it said `continue`."""
        self.tests.append(test if self.target is None else WhileUndecided(test))

    def _decide(self, target: Target) -> None:
        if self.target is None:
            self.target = target
        else:
            self.tests.append(Otherwise(target))

    def _decision(self, statement: statements.Statement) -> Target | None:
        """What a statement does that ends the rule."""
        site = self.site
        match statement:
            case statements.Decide(verdict=Verdict() as verdict) if verdict.word != "continue":
                return compile_verdict(verdict, site)
            case statements.Reject():
                return compile_reject(statement, site)
            case statements.Nat():
                return compile_nat(statement, site)
            case statements.Queue():
                return Queue(bypass="bypass" in statement.flags)
            case statements.Forward():
                return _forward(statement, site)
        return None


def _is_continue(statement: statements.Statement) -> bool:
    return isinstance(statement, statements.Decide)


def _forward(statement: statements.Forward, site: Site) -> Target:
    device, devices = compile_expression(statement.device, site), site.ground.devices
    if statement.address is None:
        return Fwd(devices, device)
    return FwdToNeighbour(devices, device, compile_expression(statement.address, site))
