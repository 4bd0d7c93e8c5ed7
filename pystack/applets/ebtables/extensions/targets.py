"""`-j dnat`, `snat`, `redirect`, `mark`, `arpreply`: each is told what becomes of the frame then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pystack.applets.ebtables.extension import VERDICTS, Site, TargetExtension, something_needed
from pystack.applets.ebtables.frame_words import one_mac, strtol
from pystack.applets.ebtables.header import Header
from pystack.applets.iptables.option import Option, Parse, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.rule import Target
from pystack.netfilter.targets.frame import (
    MARKS,
    ArpReply,
    MarkFrame,
    Redirect,
    SetDestination,
    SetSource,
)
from pystack.wire.ethernet import ETH_P_ARP, ZERO, mac_text


def _mac(option: str) -> Parse:
    def parse(text: str, where: Where) -> bytes:
        value = one_mac(text)
        if value is None:
            raise Refused(f"Problem with specified --{option} mac")
        return value

    return parse


def _verdict(text: str, where: Where) -> str:
    if text not in VERDICTS:
        raise Refused(f"Illegal --{where.option} target")
    return text


class _FrameTarget(TargetExtension):
    """What they have in common: which verdict there is without being asked for."""

    usual = "ACCEPT"
    verdict_option: str
    address_option = ""  # which has to be given

    def verdict(self, values: Values) -> str:
        """What was asked for."""
        given = values.get(self.verdict_option)
        return self.usual if given is None else str(given.value)

    def code(self, values: Values) -> int:
        """The same as a number."""
        return VERDICTS[self.verdict(values)]

    def missing(self, values: Values) -> str:
        """An address, mostly."""
        if not self.address_option or self.address_option in values:
            return ""
        return f"No {self.name} {'mac' if self.name == 'arpreply' else 'address'} supplied"

    def refusal(self, values: Values, site: Site) -> str:
        """In a built-in chain there is nothing to return to; but to the kernel nft's chains are none."""
        if site.nft or not site.in_base_chain or self.verdict(values) != "RETURN":
            return ""
        return f"--{self.verdict_option} RETURN not allowed on base chain"


class Dnat(_FrameTarget):
    """Linux: libebt_dnat.c"""

    name = "dnat"
    tables = ("nat", "broute")
    hooks = ("PREROUTING", "OUTPUT", "BROUTING")
    verdict_option = "dnat-target"
    address_option = "to-dst"
    options: ClassVar[tuple[Option, ...]] = (
        Option("to-dst", _mac("to-destination"), mac_text, aliases=("to-destination",)),
        Option("dnat-target", _verdict),
    )

    def check(self, values: Values, header: Header) -> None:
        """At least one option."""
        something_needed(values)

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        yield from ("--to-dst", mac_text(_address(values, "to-dst")))
        yield from ("--dnat-target", self.verdict(values))

    def compile(self, values: Values, site: Site) -> Target:
        """An address and a verdict."""
        return SetDestination(_address(values, "to-dst"), self.code(values))


class Snat(_FrameTarget):
    """Linux: libebt_snat.c"""

    name = "snat"
    tables = ("nat",)
    hooks = ("POSTROUTING",)
    verdict_option = "snat-target"
    address_option = "to-src"
    options: ClassVar[tuple[Option, ...]] = (
        Option("to-src", _mac("to-source"), mac_text, aliases=("to-source",)),
        Option("snat-target", _verdict),
        Option("snat-arp"),
    )

    def check(self, values: Values, header: Header) -> None:
        """At least one option."""
        something_needed(values)

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        yield from ("--to-src", mac_text(_address(values, "to-src")))
        yield from ("--snat-arp",) if "snat-arp" in values else ()
        yield from ("--snat-target", self.verdict(values))

    def compile(self, values: Values, site: Site) -> Target:
        """An address and a verdict."""
        return SetSource(_address(values, "to-src"), self.code(values), in_arp="snat-arp" in values)


class RedirectTarget(_FrameTarget):
    """Linux: libebt_redirect.c"""

    name = "redirect"
    tables = ("nat", "broute")
    hooks = ("PREROUTING", "BROUTING")
    verdict_option = "redirect-target"
    options: ClassVar[tuple[Option, ...]] = (Option("redirect-target", _verdict),)

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        if self.verdict(values) != self.usual:
            yield from ("--redirect-target", self.verdict(values))

    def compile(self, values: Values, site: Site) -> Target:
        """A verdict."""
        return Redirect(self.code(values))


class ArpReplyTarget(_FrameTarget):
    """Linux: libebt_arpreply.c"""

    name = "arpreply"
    tables = ("nat",)
    hooks = ("PREROUTING",)
    usual = "DROP"
    verdict_option = "arpreply-target"
    address_option = "arpreply-mac"
    options: ClassVar[tuple[Option, ...]] = (
        Option("arpreply-mac", _mac("arpreply-mac"), mac_text),
        Option("arpreply-target", _verdict),
    )

    def refusal(self, values: Values, site: Site) -> str:
        """Linux: ebt_arpreply.c ebt_arpreply_tg_check()"""
        if not site.header.carries(ETH_P_ARP):
            return "For ARP replying the protocol must be specified as ARP"
        return super().refusal(values, site)

    def misplacement(self, table: str, hook: str) -> str:
        """It has words of its own for that."""
        return "arpreply only allowed in PREROUTING" if super().misplacement(table, hook) else ""

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        yield from ("--arpreply-mac", mac_text(_address(values, "arpreply-mac")))
        if self.verdict(values) != self.usual:
            yield from ("--arpreply-target", self.verdict(values))

    def compile(self, values: Values, site: Site) -> Target:
        """An address and a verdict."""
        return ArpReply(site.path, _address(values, "arpreply-mac"), self.code(values))


def _address(values: Values, name: str) -> bytes:
    return values[name].value if name in values else ZERO


def _mark(text: str, where: Where) -> int:
    value, rest = strtol(text, 0)
    if rest or not text:
        raise Refused(f"Bad MARK value '{text}'")
    return value & 0xFFFFFFFFFFFFFFFF


class MarkTarget(_FrameTarget):
    """Linux: libebt_mark.c"""

    name = "mark"
    verdict_option = "mark-target"
    options: ClassVar[tuple[Option, ...]] = (
        Option("mark-set", _mark, hex, aliases=("set-mark",)),
        *(Option(f"mark-{how}", _mark, hex) for how in MARKS if how != "set"),
        Option("mark-target", _verdict),
    )

    def check_with(self, option: Option, values: Values) -> None:
        """Only one of the changes."""
        changes = [f"mark-{how}" for how in MARKS]
        if option.name in changes and any(name in values and name != option.name for name in changes):
            raise Refused(f"--{option.name} cannot be used together with specific --mark option")

    def check(self, values: Values, header: Header) -> None:
        """At least one option."""
        if not values:
            raise Refused("You must specify some option")
        if self.missing(values):
            raise Refused("Unknown mark action")

    def missing(self, values: Values) -> str:
        """What is done to the mark."""
        return "" if any(f"mark-{how}" in values for how in MARKS) else "No mark value supplied"

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        how, value = _change(values)
        yield from (f"--mark-{how}", f"{value:#x}")
        yield from ("--mark-target", self.verdict(values))

    def compile(self, values: Values, site: Site) -> Target:
        """A change and a verdict."""
        how, value = _change(values)
        return MarkFrame(how, value, self.code(values))


def _change(values: Values) -> tuple[str, int]:
    how = next(how for how in MARKS if f"mark-{how}" in values)
    return how, values[f"mark-{how}"].value


EXTENSIONS: Final = (Dnat(), Snat(), RedirectTarget(), ArpReplyTarget(), MarkTarget())
