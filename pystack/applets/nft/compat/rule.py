"""A rule of iptables or its kin as nft reads it back from the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pystack.applets.arptables.parser import ArpSpec
from pystack.applets.ebtables.extension import WatcherExtension
from pystack.applets.ebtables.spec import RuleSpec as FrameSpec
from pystack.applets.iptables.option import Values
from pystack.applets.iptables.spec import RuleSpec
from pystack.applets.nft.compat import native
from pystack.applets.nft.compat.frames import FRAME_MATCHES, FRAME_TARGETS
from pystack.applets.nft.compat.matches import MATCHES
from pystack.applets.nft.compat.targets import TARGETS
from pystack.applets.nft.evaluate.listing import Listing
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Verdict as VerdictWord
from pystack.applets.nft.tree.statements import Counter, Decide, Statement, Xt
from pystack.netfilter.nft.table import ARP, BRIDGE, IP, IP6
from pystack.netfilter.rule import Jump, Rule, Verdict
from pystack.netfilter.verdict import NF_ACCEPT

_VERDICTS: Final = frozenset({"ACCEPT", "DROP", "RETURN"})
# What the kernel's modules are called where that is not what the tools say.
_MODULES: Final = {"state": "conntrack", "NOTRACK": "CT"}


def translated(rule: Rule) -> RuleText:
    """With its counter as it stands."""
    spec = rule.spec
    if spec is None:  # the policy of a chain of ebtables' user
        return RuleText((Counter(rule.packets, rule.octets), *_policy(rule)))
    if isinstance(spec, FrameSpec):
        return _text(BRIDGE, _frame_statements(spec, rule))
    assert isinstance(spec, RuleSpec), "a rule of iptables or its kin"
    if isinstance(spec, ArpSpec):
        return _text(ARP, _arp_statements(spec, rule))
    family = spec.header.family.program.removesuffix("tables")
    return _text(IP6 if family == IP6 else IP, _ip_statements(spec, rule))


def _text(family: str, statements: Iterable[Statement]) -> RuleText:
    listing = Listing(family)
    for statement in statements:
        listing.add(statement)
    return RuleText(tuple(listing.statements))


# --- iptables, ip6tables ------------------------------------------------------------------------------------


def _ip_statements(spec: RuleSpec, rule: Rule) -> Iterator[Statement]:
    yield from native.ip_header(spec.header)
    for extension, values in spec.matches:
        yield from _match(extension.name, values, spec)
    yield Counter(rule.packets, rule.octets)
    yield from _target(spec, rule)


def _match(name: str, values: Values, spec: RuleSpec) -> Iterator[Statement]:
    """Linux: iptables/nft.c add_match()"""
    if name in ("tcp", "udp") and native.says_ports(values):
        yield from native.ports(name, values)
    elif name == "mark":
        yield native.mark(values)
    elif name == "limit":
        yield native.limit(values)
    else:
        translate = MATCHES.get(name)
        words = None if translate is None else translate(values, spec)
        yield Xt("match", _MODULES.get(name, name), words)


def _target(spec: RuleSpec, rule: Rule) -> Iterator[Statement]:
    """Linux: iptables/nft.c add_action()"""
    if spec.extension is None:
        yield from _verdict(spec.target, rule, goto=spec.goto)
        return
    extension, values = spec.extension
    if extension.name == "NFLOG":
        yield native.nflog(values)
    elif extension.name == "TRACE":
        yield native.TRACE
    else:
        translate = TARGETS.get(extension.name)
        words = None if translate is None else translate(values, spec.header.family)
        yield Xt("target", _MODULES.get(extension.name, extension.name), words)


def _verdict(target: str, rule: Rule, *, goto: bool = False) -> Iterator[Statement]:
    if isinstance(rule.target, Jump):
        yield Decide(VerdictWord("goto" if goto else "jump", rule.target.chain.name))
    elif target in _VERDICTS:
        yield Decide(VerdictWord(target.lower()))


# --- arptables, ebtables ------------------------------------------------------------------------------------


def _arp_statements(spec: ArpSpec, rule: Rule) -> Iterator[Statement]:
    yield from native.arp_header(spec.header, spec.arp)
    yield Counter(rule.packets, rule.octets)
    if spec.extension is None:
        yield from _verdict(spec.target, rule, goto=spec.goto)
        return
    extension, values = spec.extension
    # libxtables knows a translation of the one that is not arptables' own.
    words = TARGETS["CLASSIFY"](values, spec.header.family) if extension.name == "CLASSIFY" else None
    yield Xt("target", extension.name, words)


def _frame_statements(spec: FrameSpec, rule: Rule) -> Iterator[Statement]:
    yield from native.frame_header(spec.header)
    for part, values in spec.parts:
        if part.name == "limit":
            yield native.limit(values)
        else:
            kind = "watcher" if isinstance(part, WatcherExtension) else "match"
            yield _frame_part(kind, part.name, values)
    yield Counter(rule.packets, rule.octets)
    if spec.extension is None:
        yield from _verdict(spec.target, rule)
    else:
        yield _frame_part("target", spec.extension[0].name, spec.extension[1])


def _policy(rule: Rule) -> Iterator[Statement]:
    assert isinstance(rule.target, Verdict), "a policy is a verdict"
    yield Decide(VerdictWord("accept" if rule.target.code == NF_ACCEPT else "drop"))


def _frame_part(kind: str, name: str, values: Values) -> Xt:
    translate = (FRAME_TARGETS if kind == "target" else FRAME_MATCHES).get(name)
    return Xt(kind, name, None if translate is None else translate(values))
