"""The rules that say which table is asked about which packet, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pystack.errors import EACCES, EEXIST, EINVAL, ENETUNREACH, ENOENT, NetError
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l3.fib_types import (
    IPTOS_RT_MASK,
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTPROT_KERNEL,
    FibResult,
    Flow,
)
from pystack.wire.ipv4 import netmask

# Linux: include/uapi/linux/fib_rules.h
FR_ACT_UNSPEC: Final = 0
FR_ACT_TO_TBL: Final = 1
FR_ACT_GOTO: Final = 2
FR_ACT_NOP: Final = 3
FR_ACT_BLACKHOLE: Final = 6
FR_ACT_UNREACHABLE: Final = 7
FR_ACT_PROHIBIT: Final = 8

# What a rule answers by itself; any action that is not known forbids. Linux: fib4_rule_action()
_ERRORS: Final = {FR_ACT_UNREACHABLE: ENETUNREACH, FR_ACT_PROHIBIT: EACCES}

ECN_MASK: Final = 0x03
_IPTOS_TOS_MASK: Final = 0x1E
_INVALID_UID: Final = 0xFFFFFFFF
_LAST_PORT: Final = 0xFFFF
_ANY: Final = -1
DETACHED: Final = -1  # the index of a device that is not there
Range = tuple[int, int]


@dataclass(slots=True, eq=False)
class FibRule:
    """Whom it is about and what is to be done. Linux: include/net/fib_rules.h struct fib_rule"""

    priority: int = 0
    action: int = FR_ACT_TO_TBL
    table: int = 0
    inverted: bool = False
    source: int = 0
    source_length: int = 0
    destination: int = 0
    destination_length: int = 0
    tos: int = 0
    mark: int = 0
    mark_mask: int = 0
    iif: str = ""
    oif: str = ""
    uids: Range | None = None
    ip_proto: int = 0
    sports: Range | None = None
    dports: Range | None = None
    target: int | None = None  # of goto
    suppress_prefixlength: int = _ANY
    suppress_ifgroup: int = _ANY
    protocol: int = 0  # who made it
    # Worked out when it is added, and when devices come and go.
    iifindex: int = 0
    oifindex: int = 0
    aim: FibRule | None = field(default=None, repr=False)  # the rule that goto leads to

    def matches(self, flow: Flow) -> bool:
        """Linux: net/core/fib_rules.c fib_rule_match()"""
        return (self.mismatch(flow) is None) is not self.inverted

    def mismatch(self, flow: Flow) -> str | None:
        """The first condition that does not hold. Linux: net/ipv4/fib_rules.c fib4_rule_match()"""
        if self.iifindex and self.iifindex != flow.iif:
            return "iif"
        if self.oifindex and self.oifindex != flow.oif:
            return "oif"
        if (self.mark ^ flow.mark) & self.mark_mask:
            return "fwmark"
        if self.uids is not None and not self.uids[0] <= flow.uid <= self.uids[1]:
            return "uidrange"
        if self.source_length and (self.source ^ flow.saddr) & netmask(self.source_length):
            return "from"
        if self.destination_length and (self.destination ^ flow.daddr) & netmask(self.destination_length):
            return "to"
        if self.tos and self.tos != flow.tos & IPTOS_RT_MASK:
            return "tos"
        if self.ip_proto and self.ip_proto != flow.proto:
            return "ipproto"
        if self.sports is not None and not self.sports[0] <= flow.sport <= self.sports[1]:
            return "sport"
        if self.dports is not None and not self.dports[0] <= flow.dport <= self.dports[1]:
            return "dport"
        return None

    def suppresses(self, found: FibResult) -> bool:
        """Whether an answer of its table does not count. Linux: net/ipv4/fib_rules.c fib4_rule_suppress()"""
        if found.route.prefixlen <= self.suppress_prefixlength:
            return True
        dev = found.info.nexthops[0].dev
        return dev is not None and dev.group == self.suppress_ifgroup

    @property
    def error(self) -> int:
        """What it answers without asking a table. Linux: net/ipv4/fib_rules.c fib4_rule_action()"""
        return _ERRORS.get(self.action, EINVAL)

    @property
    def asks_ports(self) -> bool:
        """Whether a packet must be looked into for it. Linux: fib_rule_requires_fldissect()"""
        return bool(self.ip_proto or self.sports or self.dports)


# Told of each rule that is not about the packet, and which condition failed (None: all hold, but for `not`).
PassedOver = Callable[[FibRule, str | None], None]


class FibRules:
    """Linux: include/net/fib_rules.h struct fib_rules_ops"""

    def __init__(self, devices: DeviceTable | None = None) -> None:
        self._devices = devices
        self._rules = [
            FibRule(0, table=RT_TABLE_LOCAL, protocol=RTPROT_KERNEL),
            FibRule(32766, table=RT_TABLE_MAIN, protocol=RTPROT_KERNEL),
            FibRule(32767, table=RT_TABLE_DEFAULT, protocol=RTPROT_KERNEL),
        ]
        self.are_custom = False  # since a user added or deleted one, for ever
        self.ask_ports = False
        if devices is not None:
            devices.listen(self._on_link_event)

    def __iter__(self) -> Iterator[FibRule]:
        """By priority; of equal ones the oldest first."""
        return iter(self._rules)

    def __len__(self) -> int:
        return len(self._rules)

    def default_priority(self) -> int:
        """In front of all but the first rule. Linux: net/core/fib_rules.c fib_default_rule_pref()"""
        if len(self._rules) > 1 and self._rules[1].priority:
            return self._rules[1].priority - 1
        return 0

    def walk(self, flow: Flow, passed_over: PassedOver | None = None) -> Iterator[FibRule]:
        """The rules that decide about a packet, one after another until one of them does.

        Linux: net/core/fib_rules.c fib_rules_lookup()
        """
        rules, at = self._rules, 0
        while at < len(rules):
            rule = rules[at]
            at += 1
            if not rule.matches(flow):
                if passed_over is not None:
                    passed_over(rule, rule.mismatch(flow))
            elif rule.action == FR_ACT_GOTO:
                if rule.aim is not None:
                    at = rules.index(rule.aim, at)
            elif rule.action != FR_ACT_NOP:
                yield rule

    # -- changing ------------------------------------------------------------------------------------------

    def add(self, rule: FibRule) -> None:
        """Linux: net/core/fib_rules.c fib_nl_newrule()"""
        _check(rule)
        if any(_is_taken_for(known, rule) for known in self._rules):
            raise NetError(EEXIST)
        if rule.tos & ECN_MASK:
            raise NetError(EINVAL, "Invalid dsfield (tos): ECN bits must be 0")
        if rule.tos & ~_IPTOS_TOS_MASK:
            raise NetError(EINVAL, "Invalid tos")
        behind = (place for place, known in enumerate(self._rules) if known.priority > rule.priority)
        self._rules.insert(next(behind, len(self._rules)), rule)
        self._changed()

    def find(self, wanted: FibRule, *, any_priority: bool) -> FibRule:
        """The first rule of which all holds that was said. Linux: net/core/fib_rules.c fib_nl_delrule()"""
        _check(wanted)
        for rule in self._rules:
            if (any_priority or rule.priority == wanted.priority) and _is_named(rule, wanted):
                return rule
        raise NetError(ENOENT)

    def remove(self, rule: FibRule) -> None:
        """Take a rule out."""
        self._rules.remove(rule)
        self._changed()

    def _changed(self) -> None:
        self.are_custom = True
        self.ask_ports = any(rule.asks_ports for rule in self._rules)
        for rule in self._rules:
            rule.aim = next((known for known in self._rules if known.priority == rule.target), None)
            self._find_devices(rule)

    def _find_devices(self, rule: FibRule, gone: Link | None = None) -> None:
        rule.iifindex = self._index_of(rule.iif, gone)
        rule.oifindex = self._index_of(rule.oif, gone)

    def _index_of(self, name: str, gone: Link | None) -> int:
        if not name:
            return 0
        dev = None if self._devices is None else self._devices.get(name)
        return DETACHED if dev is None or dev is gone else dev.ifindex

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/core/fib_rules.c fib_rules_event()"""
        if event in (LinkEvent.REGISTER, LinkEvent.UNREGISTER, LinkEvent.CHANGENAME):
            for rule in self._rules:
                self._find_devices(rule, dev if event is LinkEvent.UNREGISTER else None)


def _check(rule: FibRule) -> None:
    """Linux: net/core/fib_rules.c fib_nl2rule(), fib_nl2rule_rtnl()"""
    if rule.target is not None and rule.action != FR_ACT_GOTO:
        raise NetError(EINVAL, "Unexpected goto")
    if rule.target is None and rule.action == FR_ACT_GOTO:
        raise NetError(EINVAL, "Missing goto target for action goto")
    if rule.uids is not None and (rule.uids[0] > rule.uids[1] or rule.uids[1] == _INVALID_UID):
        raise NetError(EINVAL, "Invalid uid range")
    for name, ports in (("sport", rule.sports), ("dport", rule.dports)):
        if ports is not None and not 0 < ports[0] <= ports[1] < _LAST_PORT:
            raise NetError(EINVAL, f"Invalid {name} range")
    if rule.target is not None and rule.target <= rule.priority:
        raise NetError(EINVAL, "Backward goto not supported")


# What two rules must share to be the same; what a user leaves open of it, where he names one.
_COMPARED: Final[dict[str, object]] = {
    "action": FR_ACT_UNSPEC,
    "table": 0,
    "iif": "",
    "oif": "",
    "mark": 0,
    "mark_mask": 0,
    "suppress_ifgroup": _ANY,
    "suppress_prefixlength": _ANY,
    "uids": None,
    "ip_proto": 0,
    "protocol": 0,
    "sports": None,
    "dports": None,
}


def _is_taken_for(known: FibRule, rule: FibRule) -> bool:
    """Linux: net/core/fib_rules.c rule_exists()"""
    if known.priority != rule.priority:
        return False
    return all(getattr(known, name) == getattr(rule, name) for name in _COMPARED) and _ends_fit(known, rule)


def _is_named(known: FibRule, wanted: FibRule) -> bool:
    """Linux: net/core/fib_rules.c rule_find()"""
    for name, unsaid in _COMPARED.items():
        said = getattr(wanted, name)
        if said != unsaid and getattr(known, name) != said:
            return False
    return _ends_fit(known, wanted)


def _ends_fit(known: FibRule, said: FibRule) -> bool:
    """What is not said of addresses and TOS is not compared, not even between new rules and old ones.

    Linux: net/ipv4/fib_rules.c fib4_rule_compare()
    """
    if said.source_length and (known.source, known.source_length) != (said.source, said.source_length):
        return False
    destination = said.destination, said.destination_length
    if said.destination_length and (known.destination, known.destination_length) != destination:
        return False
    return not said.tos or known.tos == said.tos
