"""A rule: what a packet must be like, and what is done with it then.

One form for all front ends: iptables, ebtables, arptables and nftables compile their text to it once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from pystack.netfilter.ipset import IpSet
from pystack.netfilter.view import View

CONTINUE: Final = -1  # a target that lets the packet go on to the next rule
RETURN: Final = -2  # back to the chain that jumped here, or the policy

# A field of View, a mask, and what the field is under it; names and numbers without a mask are as they are.
Key = tuple[str, int, int | str]
EXACT: Final = -1


class Match:
    """Something that a packet must be like."""

    __slots__ = ()

    uses_connections = False  # a rule that asks keeps connections tracked
    is_plain = False  # asking leaves nothing behind, so it need not be asked where another part does not hold

    def __call__(self, view: View) -> bool:
        """Whether it is. Linux: struct xt_match .match"""
        raise NotImplementedError

    @property
    def ipsets(self) -> tuple[IpSet, ...]:
        """The sets that it asks, which cannot go away meanwhile."""
        return ()

    @property
    def key(self) -> Key | None:
        """What a packet that matches has in one field, where that can be said: rules are looked up by it."""
        return None

    @property
    def keys(self) -> tuple[Key, ...]:
        """The same where a packet may have one of several there; all of one field and mask."""
        key = self.key
        return () if key is None else (key,)


class Target:
    """What is done with a packet: a verdict (verdict.py), CONTINUE, or RETURN."""

    __slots__ = ()

    uses_connections = False  # as in Match

    @property
    def ipsets(self) -> tuple[IpSet, ...]:
        """As in Match."""
        return ()

    def apply(self, view: View) -> int:
        """Do it. Linux: struct xt_target .target"""
        raise NotImplementedError


class Verdict(Target):
    """ACCEPT, DROP, RETURN, QUEUE: nothing is done, only said."""

    __slots__ = ("code",)

    def __init__(self, code: int) -> None:
        self.code = code

    def apply(self, view: View) -> int:
        """What was said."""
        return self.code


class Jump(Target):
    """On to another chain; `goto` comes back not here but to where this chain was jumped from."""

    __slots__ = ("chain", "goto")

    def __init__(self, chain: Chain, *, goto: bool = False) -> None:
        self.chain = chain
        self.goto = goto

    def apply(self, view: View) -> int:
        """Never asked: the walk follows it."""
        raise AssertionError("a jump is followed, not applied")


class Chosen(Target):
    """What a verdict map says: one of the rule's tests has looked it up, and noted it at the view."""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """Never asked: what was chosen is."""
        raise AssertionError("who obeys a rule asks decided()")


CHOSEN: Final = Chosen()


class Lookup(Protocol):
    """Who knows which rules of a chain a packet can match."""

    def candidates(self, view: View) -> Sequence[int]:
        """Their numbers, from 0 and in order."""


class Rule:
    """Linux: include/uapi/linux/netfilter_ipv4/ip_tables.h struct ipt_entry"""

    __slots__ = ("handle", "octets", "origin", "packets", "spec", "target", "tests")

    def __init__(
        self, tests: tuple[Match, ...], target: Target | None, spec: object, origin: str = ""
    ) -> None:
        self.tests = tests  # all must hold; the cheap ones first
        self.target = target  # None: only counts
        self.spec = spec  # as the front end read it, for printing
        self.origin = origin  # FILE:LINE
        self.handle = 0  # the number under which nft knows it in its table
        self.packets = 0
        self.octets = 0

    @property
    def connection_users(self) -> int:
        """How many of its parts need connections to be tracked."""
        users = sum(test.uses_connections for test in self.tests)
        return users + (self.target is not None and self.target.uses_connections)

    def references(self, ipset: IpSet) -> int:
        """How often it names a set."""
        parts = (*self.tests, *((self.target,) if self.target is not None else ()))
        return sum(known is ipset for part in parts for known in part.ipsets)

    def matches(self, view: View) -> bool:
        """Whether the packet is what the rule is about."""
        for test in self.tests:  # noqa: SIM110 - twice as fast as all()
            if not test(view):
                return False
        return True


def decided(rule: Rule, view: View) -> Target | None:
    """What a rule that matched does with this packet."""
    if rule.target is not CHOSEN:
        return rule.target
    assert isinstance(view.chosen, Target), "a test in front has noted it"
    return view.chosen


class Chain:
    """Rules in their order."""

    __slots__ = ("handle", "index", "name", "policy", "references", "rules", "spec")

    def __init__(self, name: str) -> None:
        self.name = name
        self.handle = 0  # as that of a rule
        self.spec: object = None  # what nft's front end read of it
        self.policy = RETURN  # what becomes of packets that no rule decides about
        self.rules: list[Rule] = []
        self.references = 0  # rules that jump here
        self.index: Lookup | None = None  # made by the first packet that meets many rules

    @property
    def behind(self) -> tuple[Rule, ...]:
        """What stands there for the policy, where that is a rule itself."""
        return ()

    def ended(self, view: View) -> None:
        """A packet met the policy of a chain that hangs nowhere."""


class BaseChain(Chain):
    """A chain that hangs at a hook. Linux: struct nft_base_chain"""

    __slots__ = ("counts", "hook", "octets", "packets", "priority")

    def __init__(self, name: str, hook: int, priority: int, policy: int) -> None:
        super().__init__(name)
        self.hook = hook
        self.priority = priority
        self.policy = policy
        self.counts = True  # whether the packets that no rule decides about are counted
        self.packets = 0
        self.octets = 0
