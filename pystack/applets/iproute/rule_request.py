"""What a user says of a rule to add or delete: `from 10.0.0.0/8 lookup 100 pref 5`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from pystack.applets.iproute.names import (
    GROUPS,
    PROTOCOLS,
    TABLES,
    dsfield,
    ip_protocol,
    route_type,
)
from pystack.applets.iproute.numbers import integer, prefix, unsigned
from pystack.applets.iproute.usage_of_objects import RULE_USAGE, explained
from pystack.applets.iproute.words import Words, matches, wrong
from pystack.errors import NotModelled
from pystack.l2.devices import IFNAMSIZ
from pystack.l3.fib_types import RT_TABLE_MAIN
from pystack.l3.rules import FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL, FR_ACT_UNSPEC, FibRule, Range

KNOWN: Final = tuple(
    "not from to iif oif fwmark tos ipproto sport dport uidrange pref table goto nop blackhole unreachable "
    "prohibit suppress_prefixlength suppress_ifgroup protocol".split()
)
_PORTS: Final = re.compile(r"\s*([+-]?\d+)(?:-\s*([+-]?\d+))?")
_UIDS: Final = re.compile(r"\s*([+-]?\d+)-\s*([+-]?\d+)")


def mark_and_mask(word: str) -> tuple[int, int | None]:
    """`0x10/0xf0`; no mask where none is given"""
    head, slash, tail = word.partition("/")
    mark = unsigned(head)
    if mark is None:
        raise wrong("fwmark value is invalid\n", head)
    mask = unsigned(tail) if slash else None
    if slash and mask is None:
        raise wrong("fwmask value is invalid\n", tail)
    return mark, mask


def ports(word: str, said: str) -> Range:
    """`80` or `80-90`. Linux: sscanf(, "%hu-%hu")"""
    found = _PORTS.match(word)
    if found is None:
        raise wrong(said, word)
    first = int(found[1]) & 0xFFFF
    return first, first if found[2] is None else int(found[2]) & 0xFFFF


def uids(word: str) -> Range:
    """`0-1000`. Linux: sscanf(, "%u-%u")"""
    found = _UIDS.match(word)
    if found is None:
        raise wrong("invalid UID range\n", word)
    return int(found[1]) & 0xFFFFFFFF, int(found[2]) & 0xFFFFFFFF


def protocol(word: str) -> int:
    """`tcp`"""
    number = ip_protocol(word)
    if number is None:
        raise wrong('Invalid "ipproto" value\n', word)
    return number


class RuleParser:
    """Linux: iproute2 ip/iprule.c iprule_modify()"""

    def __init__(self, words: Words, family: str) -> None:
        self._words = words
        self._family = family
        self._rule = FibRule(action=FR_ACT_UNSPEC)
        self._mark_mask: int | None = None
        self._has_table = False
        self.has_priority = False

    def parse(self, *, deletes: bool) -> FibRule:
        """All words; the priority is 0 where none was given."""
        rule = self._rule
        if not deletes:
            rule.action = FR_ACT_TO_TBL
        while self._words:
            self._take(self._words.take())
        if not self._has_table and not deletes:
            rule.table = RT_TABLE_MAIN
        every_bit = 0xFFFFFFFF if rule.mark else 0
        rule.mark_mask = every_bit if self._mark_mask is None else self._mark_mask
        return rule

    def _take(self, word: str) -> None:
        rule, words = self._rule, self._words
        if word == "not":
            rule.inverted = True
        elif word == "from":
            found = prefix(words.take(), self._family)
            rule.source, rule.source_length = found.address, found.length
        elif word == "to":
            found = prefix(words.take(), self._family)
            rule.destination, rule.destination_length = found.address, found.length
        elif any(matches(word, name) for name in ("preference", "order", "priority")):
            rule.priority = self._number(unsigned, "preference value is invalid\n")
            self.has_priority = True
        elif word == "tos" or matches(word, "dsfield"):
            rule.tos = self._number(dsfield, "TOS value is invalid\n")
        elif word == "fwmark":
            rule.mark, mask = mark_and_mask(words.take())
            self._mark_mask = self._mark_mask if mask is None else mask
        elif matches(word, "realms") or matches(word, "tun_id") or word == "l3mdev":
            raise NotModelled(f"ip rule … {word}", KNOWN)
        elif matches(word, "protocol"):
            rule.protocol = self._number(PROTOCOLS.number, '"protocol" value is invalid\n')
        elif matches(word, "table") or word == "lookup":
            rule.table = self._number(TABLES.number, "invalid table ID\n")
            self._has_table = True
        else:
            self._take_rarer(word)

    def _take_rarer(self, word: str) -> None:
        rule, words = self._rule, self._words
        if matches(word, "suppress_prefixlength") or word == "sup_pl":
            rule.suppress_prefixlength = self._number(_natural, "suppress_prefixlength value is invalid\n")
        elif matches(word, "suppress_ifgroup") or word == "sup_group":
            rule.suppress_ifgroup = self._number(GROUPS.number, 'Invalid "suppress_ifgroup" value\n')
        elif word in ("dev", "iif"):
            rule.iif = self._device('"iif"/"dev" not a valid ifname')
        elif word == "oif":
            rule.oif = self._device('"oif" not a valid ifname')
        elif word == "uidrange":
            rule.uids = uids(words.take())
        elif word == "nat" or matches(word, "map-to"):
            raise NotModelled(f"ip rule … {word}", KNOWN)
        elif word == "ipproto":
            rule.ip_proto = protocol(words.take())
        elif word == "sport":
            rule.sports = ports(words.take(), "invalid port range\n")
        elif word == "dport":
            rule.dports = ports(words.take(), "invalid dport range\n")
        else:
            self._action(words.take() if word == "type" else word)

    def _action(self, word: str) -> None:
        rule = self._rule
        if matches(word, "help"):
            raise explained(RULE_USAGE)
        if matches(word, "goto"):
            rule.action, rule.target = FR_ACT_GOTO, self._number(unsigned, "invalid target\n")
        elif matches(word, "nop"):
            rule.action = FR_ACT_NOP
        else:
            kind = route_type(word)
            if kind is None:
                raise wrong("Failed to parse rule type", word)
            rule.action = kind
        self._has_table = True

    def _device(self, said: str) -> str:
        """Linux: iproute2 lib/utils.c check_ifname()"""
        name = self._words.take()
        if not 0 < len(name.encode()) < IFNAMSIZ or "/" in name or any(map(str.isspace, name)):
            raise wrong(said, name)
        return name

    def _number(self, parse: Callable[[str], int | None], said: str) -> int:
        value = self._words.take()
        number = parse(value)
        if number is None:
            raise wrong(said, value)
        return number


def _natural(word: str) -> int | None:
    return integer(word, 0)
