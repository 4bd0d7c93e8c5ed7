"""Targets that change a packet or what is noted about it: MARK, TOS, DSCP, TTL, CLASSIFY."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar, Final

from pystack.applets.iptables.extension import Site, TargetExtension
from pystack.applets.iptables.extensions.fields import (
    DSCP_MASK,
    dscp_class,
    show_dscp,
    show_tos,
    tos,
    tos_name,
)
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.option import U8, U16, U32, Option, Values, Where, markmask, uint
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.rule import Target
from pystack.netfilter.targets.mangle import Classify, SetMark, SetTos, SetTtl

_Pair = tuple[int, int]

# What each option does as a value and a mask, out of what was given: the masked bits are taken out, then the
# value's are turned round.
MARKS: Final[dict[str, Callable[[_Pair], _Pair]]] = {
    "set-xmark": lambda given: given,
    "set-mark": lambda given: (given[0], given[0] | given[1]),
    "and-mark": lambda given: (0, ~given[0] & U32),
    "or-mark": lambda given: (given[0], given[0]),
    "xor-mark": lambda given: (given[0], 0),
}


def whole_mark(text: str, where: Where) -> _Pair:
    """A mark without a mask."""
    value = uint(U32)(text, where)
    return value, U32


def _show_full(value: _Pair) -> str:
    return f"{value[0]:#x}/{value[1]:#x}"


class MarkTarget(TargetExtension):
    """Linux: libxt_MARK.c"""

    name = "MARK"
    options = tuple(
        Option(
            name,
            markmask if name.startswith("set") else whole_mark,
            excludes=tuple(other for other in MARKS if other != name),
        )
        for name in MARKS
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("MARK: One of the --set-xmark, --{and,or,xor,set}-mark options is required")

    def save(self, values: Values) -> str:
        """All are saved as what they come to."""
        return f"--set-xmark {_show_full(mark_and_mask(values))}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`MARK set 0x5`"""
        value, mask = mark_and_mask(values)
        if not value:
            return f"MARK and {~mask & U32:#x}"
        if value == mask:
            return f"MARK or {value:#x}"
        if not mask:
            return f"MARK xor {value:#x}"
        return f"MARK set {value:#x}" if mask == U32 else f"MARK xset {value:#x}/{mask:#x}"

    def compile(self, values: Values, site: Site) -> Target:
        """By value and mask."""
        return SetMark(*mark_and_mask(values))


def mark_and_mask(values: Values) -> _Pair:
    """What the one of MARKS comes to that was given."""
    name = next(name for name in values if name in MARKS)
    return MARKS[name](values[name].value)


# --- TOS, DSCP ----------------------------------------------------------------------------------------------

_TOSSES: Final[dict[str, Callable[[_Pair], _Pair]]] = {
    "set-tos": lambda given: given,
    "and-tos": lambda given: (0, ~given[0] & U8),
    "or-tos": lambda given: (given[0], given[0]),
    "xor-tos": lambda given: (given[0], 0),
}


def _whole_tos(text: str, where: Where) -> _Pair:
    return uint(U8)(text, where), U8


class TosTarget(TargetExtension):
    """Linux: libxt_TOS.c"""

    name = "TOS"
    tables = ("mangle",)
    options = tuple(
        Option(
            name,
            tos if name == "set-tos" else _whole_tos,
            excludes=tuple(other for other in _TOSSES if other != name),
        )
        for name in _TOSSES
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("TOS: An action is required")

    def save(self, values: Values) -> str:
        """All are saved as what they come to."""
        return f"--set-tos {show_tos(tos_and_mask(values))}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`TOS set 0x10/0xff`; the tool prints its space in front of both when it has a name."""
        value, mask = given = tos_and_mask(values)
        if names is None:
            return f"TOS set {show_tos(given)}"
        if (named := tos_name(given)) is not None:
            return f" TOS set{named}"
        if not value:
            return f"TOS and 0x{~mask & U8:02x}"
        if value == mask:
            return f"TOS or 0x{value:02x}"
        return f"TOS xor 0x{value:02x}" if not mask else f"TOS set {show_tos(given)}"

    def compile(self, values: Values, site: Site) -> Target:
        """By value and mask."""
        return SetTos(*tos_and_mask(values))


def tos_and_mask(values: Values) -> _Pair:
    """What the option comes to that was given."""
    ((name, given),) = values.items()
    return _TOSSES[name](given.value)


class DscpTarget(TargetExtension):
    """Linux: libxt_DSCP.c"""

    name = "DSCP"
    tables = ("mangle",)
    options = (
        Option("set-dscp", uint(0x3F), show_dscp, excludes=("set-dscp-class",)),
        Option("set-dscp-class", dscp_class, show_dscp),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("DSCP target: Parameter --set-dscp is required")

    def save(self, values: Values) -> str:
        """A class is saved as its number."""
        (given,) = values.values()
        return super().save({"set-dscp": given})

    def listing(self, values: Values, names: Names | None) -> str:
        """`DSCP set 0x05`"""
        (given,) = values.values()
        return f"DSCP set {show_dscp(given.value)}"

    def compile(self, values: Values, site: Site) -> Target:
        """The upper six bits of the TOS."""
        (given,) = values.values()
        return SetTos(given.value << 2, DSCP_MASK)


# --- TTL, CLASSIFY ------------------------------------------------------------------------------------------

_STEPS: Final = {"set": "set to", "dec": "decrement by", "inc": "increment by"}


class TtlTarget(TargetExtension):
    """Linux: libipt_TTL.c"""

    families: ClassVar[tuple[Family, ...]] = (IPV4,)
    name = "TTL"
    ids = ("ttl-set", "ttl-inc", "ttl-dec")
    tables = ("mangle",)
    options = (
        Option("ttl-set", uint(U8), excludes=("ttl-inc", "ttl-dec")),
        Option("ttl-dec", uint(U8, 1), excludes=("ttl-set", "ttl-inc")),
        Option("ttl-inc", uint(U8, 1), excludes=("ttl-set", "ttl-dec")),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused(f"{self.name}: You must specify an action")

    def listing(self, values: Values, names: Names | None) -> str:
        """`TTL set to 5`"""
        ((name, given),) = values.items()
        return f"{self.name} {_STEPS[name[-3:]]} {given.value}"

    def compile(self, values: Values, site: Site) -> Target:
        """To a number, or by one."""
        ((name, given),) = values.items()
        step = name[-3:]
        if step == "set":
            return SetTtl(given.value, 0)
        return SetTtl(None, given.value if step == "inc" else -given.value)


class HopLimitTarget(TtlTarget):
    """Linux: libip6t_HL.c"""

    families = (IPV6,)
    name = "HL"
    ids = ("hl-set", "hl-inc", "hl-dec")
    options = (
        Option("hl-set", uint(U8), excludes=("hl-inc", "hl-dec")),
        Option("hl-dec", uint(U8, 1), excludes=("hl-set", "hl-inc")),
        Option("hl-inc", uint(U8, 1), excludes=("hl-set", "hl-dec")),
    )


_CLASS: Final = re.compile(r"\s*([-+]?(?:0x)?[0-9a-f]+):\s*([-+]?(?:0x)?[0-9a-f]+)", re.I)


def _class(text: str, where: Where) -> int:
    """`MAJOR:MINOR`, hexadecimal. Linux: libxt_CLASSIFY.c CLASSIFY_string_to_priority()"""
    found = _CLASS.match(text)
    if found is None:
        raise Refused(f'Bad class value "{text}"')
    return (int(found[1], 16) << 16 | int(found[2], 16) & U16) & U32


def _show_class(value: int) -> str:
    return f"{value >> 16:04x}:{value & 0xFFFF:04x}"


class ClassifyTarget(TargetExtension):
    """Linux: libxt_CLASSIFY.c"""

    name = "CLASSIFY"
    hooks: ClassVar[tuple[str, ...]] = ("FORWARD", "OUTPUT", "POSTROUTING")
    options = (Option("set-class", _class, _show_class, required=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`CLASSIFY set 1:ff`"""
        value = values["set-class"].value
        return f"CLASSIFY set {value >> 16:x}:{value & 0xFFFF:x}"

    def compile(self, values: Values, site: Site) -> Target:
        """By its number."""
        return Classify(values["set-class"].value)


EXTENSIONS: Final = (MarkTarget(), TosTarget(), DscpTarget(), TtlTarget(), HopLimitTarget(), ClassifyTarget())
