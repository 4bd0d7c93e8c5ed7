"""What else rules do with connections: connmark, connbytes, connlimit; CONNMARK."""

from __future__ import annotations

from typing import ClassVar, Final

from pystack.applets.iptables.extension import MatchExtension, Site, TargetExtension
from pystack.applets.iptables.extensions.mangle import MARKS, mark_and_mask, whole_mark
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.option import (
    U32,
    Option,
    Values,
    Where,
    markmask,
    prefix_length,
    show_mark,
    uint,
    uint_range,
)
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.conntrack.info import ORIGINAL, REPLY
from pystack.netfilter.matches.conntrack import BOTH, ConnBytes, ConnLimit, ConnMark
from pystack.netfilter.rule import Match, Target
from pystack.netfilter.targets.conntrack import RestoreMark, SaveMark, SetConnMark

_U64: Final = (1 << 64) - 1


class ConnMarkMatch(MatchExtension):
    """Linux: libxt_connmark.c"""

    name = "connmark"
    options = (Option("mark", markmask, show_mark, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`connmark match  0x5`, with two blanks."""
        given = values["mark"]
        return f"connmark match {'!' if given.inverted else ''} {show_mark(given.value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        value, mask = values["mark"].value
        return (ConnMark(value, mask, values["mark"].inverted),)


# --- connbytes ----------------------------------------------------------------------------------------------

_DIRECTIONS: Final = {"original": ORIGINAL, "reply": REPLY, "both": BOTH}
_MODES: Final = ("packets", "bytes", "avgpkt")


def _amounts(text: str, where: Where) -> tuple[int, int]:
    """`LOW[:[HIGH]]`. Linux: libxt_connbytes.c connbytes_parse()"""
    low, high = uint_range(_U64)(text, where)
    high = high if ":" in text else _U64
    if low > high:
        raise Refused(f"{low} should be less than {high}")
    return low, high


def _show_amounts(value: tuple[int, int]) -> str:
    low, high = value
    return str(low) if high == _U64 else f"{low}:{high}"


def _way(text: str, where: Where) -> str:
    if text not in _DIRECTIONS:
        raise Refused(f"Unknown --connbytes-dir `{text}'")
    return text


def _mode(text: str, where: Where) -> str:
    if text not in _MODES:
        raise Refused(f"Unknown --connbytes-mode `{text}'")
    return text


class ConnBytesMatch(MatchExtension):
    """Linux: libxt_connbytes.c"""

    name = "connbytes"
    options = (
        Option("connbytes", _amounts, _show_amounts, required=True, invert=True),
        Option("connbytes-dir", _way, required=True),
        Option("connbytes-mode", _mode, required=True),
    )

    def save(self, values: Values) -> str:
        """The mode before the direction."""
        order = ("connbytes", "connbytes-mode", "connbytes-dir")
        shown = [f"--{name} {self._shown(values, name)}" for name in order]
        return "! " * values["connbytes"].inverted + " ".join(shown)

    def _shown(self, values: Values, name: str) -> str:
        value = values[name].value
        return _show_amounts(value) if name == "connbytes" else str(value)

    def listing(self, values: Values, names: Names | None) -> str:
        """`connbytes 10:20 connbytes mode packets connbytes direction both`"""
        amounts, mode, way = (
            self._shown(values, name) for name in ("connbytes", "connbytes-mode", "connbytes-dir")
        )
        text = "! " * values["connbytes"].inverted + f"connbytes {amounts}"
        return f"{text} connbytes mode {mode} connbytes direction {way}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """What is to be asked for has to be counted. Linux: xt_connbytes.c connbytes_mt_check()"""
        site.conntrack.context.conf.acct = 1
        low, high = values["connbytes"].value
        if values["connbytes"].inverted:
            low, high = high, low
        way, mode = _DIRECTIONS[values["connbytes-dir"].value], values["connbytes-mode"].value
        return (ConnBytes(mode, way, low, high),)


# --- connlimit ----------------------------------------------------------------------------------------------


class ConnLimitMatch(MatchExtension):
    """Linux: libxt_connlimit.c"""

    families: ClassVar[tuple[Family, ...]] = (IPV4,)
    name = "connlimit"
    options = (
        Option("connlimit-upto", uint(U32), excludes=("connlimit-above",), invert=True),
        Option("connlimit-above", uint(U32), invert=True),
        Option("connlimit-mask", prefix_length),
        Option("connlimit-saddr", excludes=("connlimit-daddr",)),
        Option("connlimit-daddr"),
    )

    def check(self, values: Values) -> None:
        """One of the two limits."""
        if "connlimit-upto" not in values and "connlimit-above" not in values:
            raise Refused('You must specify "--connlimit-above" or "--connlimit-upto".')

    def save(self, values: Values) -> str:
        """With what holds where nothing was said."""
        limit, above = _limit(values)
        kind = "above" if above else "upto"
        end = "daddr" if "connlimit-daddr" in values else "saddr"
        return f"--connlimit-{kind} {limit} --connlimit-mask {self._length(values)} --connlimit-{end}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`#conn src/32 > 5`"""
        limit, above = _limit(values)
        end = "dst" if "connlimit-daddr" in values else "src"
        return f"#conn {end}/{self._length(values)} {'>' if above else '<='} {limit}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, which remembers whom it counted."""
        limit, above = _limit(values)
        mask, by_destination = self.families[0].netmask(self._length(values)), "connlimit-daddr" in values
        context = site.conntrack.context
        return (ConnLimit(limit, mask, context, above=above, by_destination=by_destination),)

    def _length(self, values: Values) -> int:
        bits = self.families[0].bits
        return min(values["connlimit-mask"].value, bits) if "connlimit-mask" in values else bits


class ConnLimitMatch6(ConnLimitMatch):
    """The same of IPv6."""

    families = (IPV6,)


def _limit(values: Values) -> tuple[int, bool]:
    """How many, and whether more than these are meant."""
    above = "connlimit-above" in values
    given = values["connlimit-above" if above else "connlimit-upto"]
    return given.value, above != given.inverted


# --- CONNMARK -----------------------------------------------------------------------------------------------

_COPIES: Final = {"save-mark": SaveMark, "restore-mark": RestoreMark}
_OPERATIONS: Final = (*MARKS, *_COPIES)


class ConnMarkTarget(TargetExtension):
    """Linux: libxt_CONNMARK.c"""

    name = "CONNMARK"
    ids = (
        "set-mark",
        "save-mark",
        "restore-mark",
        "and-mark",
        "or-mark",
        "xor-mark",
        "left-shift-mark",
        "right-shift-mark",
        "set-xmark",
        "ctmask",
        "nfmask",
        "mask",
    )
    options = (
        *(
            Option(
                name,
                None if name in _COPIES else markmask if name.startswith("set") else whole_mark,
                excludes=tuple(other for other in _OPERATIONS if other != name),
            )
            for name in _OPERATIONS
        ),
        Option("left-shift-mark", uint(32)),
        Option("right-shift-mark", uint(32)),
        Option("ctmask", uint(U32), excludes=("mask",)),
        Option("nfmask", uint(U32), excludes=("mask",)),
        Option("mask", uint(U32)),
    )

    def check(self, values: Values) -> None:
        """One of the operations."""
        if not any(name in values for name in _OPERATIONS):
            raise Refused("CONNMARK target: No operation specified")

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: xt_connmark.c connmark_tg_check_v2()"""
        return EINVAL if abs(shift_of(values)) > 31 else super().kernel_error(values, site)

    def save(self, values: Values) -> str:
        """All that sets a mark is saved as what it comes to."""
        copy = copy_of(values)
        if copy is None:
            value, mask = mark_and_mask(values)
            return f"--set-xmark {value:#x}/{mask:#x}" + _shown_shift(values, " --")
        connection, packet = masks_of(values)
        return f"--{copy} --nfmask {packet:#x} --ctmask {connection:#x}" + _shown_shift(values, " --")

    def listing(self, values: Values, names: Names | None) -> str:
        """`CONNMARK set 0x5`, `CONNMARK save mask 0x7`"""
        copy = copy_of(values)
        text = _shown_setting(*mark_and_mask(values)) if copy is None else _shown_copy(copy, values)
        return f"CONNMARK {text}" + _shown_shift(values, " ")

    def compile(self, values: Values, site: Site) -> Target:
        """One of three."""
        context, copy, shift = site.conntrack.context, copy_of(values), shift_of(values)
        if copy is None:
            value, mask = mark_and_mask(values)
            return SetConnMark(context, value, mask, shift=shift)
        return _COPIES[copy](context, 0, *masks_of(values), shift)


def copy_of(values: Values) -> str | None:
    """Which mark is copied, if one is."""
    return next((name for name in _COPIES if name in values), None)


def masks_of(values: Values) -> tuple[int, int]:
    """The connection's, and the packet's."""
    both: int = values["mask"].value if "mask" in values else U32
    connection, packet = (values[name].value if name in values else both for name in ("ctmask", "nfmask"))
    return connection, packet


def shift_of(values: Values) -> int:
    """To the left; negative to the right."""
    if "left-shift-mark" in values:
        return int(values["left-shift-mark"].value)
    return -int(values["right-shift-mark"].value) if "right-shift-mark" in values else 0


def _shown_shift(values: Values, before: str) -> str:
    shift = shift_of(values)
    if not shift:
        return ""
    return f"{before}{'left' if shift > 0 else 'right'}-shift-mark {abs(shift)}"


def _shown_setting(value: int, mask: int) -> str:
    if not value:
        return f"and {~mask & U32:#x}"
    if value == mask:
        return f"or {value:#x}"
    if not mask:
        return f"xor {value:#x}"
    return f"set {value:#x}" if mask == U32 else f"xset {value:#x}/{mask:#x}"


def _shown_copy(copy: str, values: Values) -> str:
    connection, packet = masks_of(values)
    verb = copy.removesuffix("-mark")
    if connection == packet:
        return verb if packet == U32 else f"{verb} mask {packet:#x}"
    if copy == "save-mark":
        return f"{verb} nfmask {packet:#x} ctmask ~{connection:#x}"
    return f"{verb} ctmask {connection:#x} nfmask ~{packet:#x}"


EXTENSIONS: Final = (ConnMarkMatch(), ConnBytesMatch(), ConnLimitMatch(), ConnLimitMatch6(), ConnMarkTarget())
