"""`-L` and `-S`: tables and chains as iptables prints them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from pystack.applets.iptables.command_line import Command
from pystack.applets.iptables.from_nft import rules_seen, seen
from pystack.applets.iptables.header import PROTOCOL_NAMES, Header, protocol_name
from pystack.applets.iptables.spec import RuleSpec, spec_of
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.rule import BaseChain, Chain, Jump, Rule
from pystack.netfilter.table import Table
from pystack.netfilter.tables import chains_of
from pystack.netfilter.verdict import NAMES, NF_ACCEPT

_KILO: Final = 1000
_MOST_WITHOUT_LETTER: Final = 99999
_MOST_WITH_LETTER: Final = 9999


def chains_in_order(table: Table, names: Collection[str] | None = None) -> list[Chain]:
    """The built-in ones, also those that nobody used yet, then the user's by name."""
    names = chains_of(table.name) if names is None else names
    built_in = [table.chains.get(name) or _unused(name) for name in names]
    users = [chain for chain in table.chains.values() if not isinstance(chain, BaseChain)]
    return built_in + sorted(users, key=lambda chain: chain.name)


def _unused(name: str) -> BaseChain:
    return BaseChain(name, 0, 0, NF_ACCEPT)


# --- -S and save --------------------------------------------------------------------------------------------


def chain_lines(chain: Chain, *, counters: bool) -> str:
    """`-P INPUT ACCEPT` or `-N mine`"""
    if not isinstance(chain, BaseChain):
        return f"-N {chain.name}"
    tail = f" -c {chain.packets} {chain.octets}" if counters else ""
    return f"-P {chain.name} {NAMES[chain.policy]}{tail}"


def rule_line(chain: Chain, rule: Rule, *, counters: bool = False) -> str:
    """`-A INPUT -p tcp -j ACCEPT`"""
    spec = spec_of(rule)
    middle = f" -c {rule.packets} {rule.octets}" if counters else ""
    return f"-A {chain.name}{spec.save()}{middle}{spec.save_target(rule)}"


def rules_as_commands(table: Table, command: Command) -> Iterator[str]:
    """`-S`"""
    counters = command.verbose > 0
    chosen = [chain for chain in chains_in_order(table) if command.chain in ("", chain.name)]
    if command.rulenum:
        for chain in chosen:
            for rule in chain.rules[command.rulenum - 1 : command.rulenum]:
                yield rule_line(chain, seen(table, chain, rule), counters=counters)
        return
    for chain in chosen:
        yield chain_lines(chain, counters=counters)
    for chain in chosen:
        for rule in rules_seen(table, chain):
            yield rule_line(chain, rule, counters=counters)


# --- -L -----------------------------------------------------------------------------------------------------


class Listing:
    """Prints as asked by -v, -n, -x and --line-numbers."""

    def __init__(self, command: Command, names: Names) -> None:
        self._command = command
        self._verbose = command.verbose > 0
        self._names = None if command.numeric else names

    def lines(self, table: Table) -> Iterator[str]:
        """`-L`"""
        command, first = self._command, True
        for chain in chains_in_order(table):
            if command.chain not in ("", chain.name):
                continue
            if not first:
                yield ""
            first = False
            if not command.rulenum:
                yield from self._head(chain)
            for number, rule in enumerate(chain.rules, 1):
                if command.rulenum in (0, number):
                    yield self._rule_line(seen(table, chain, rule), number)

    def _head(self, chain: Chain) -> Iterator[str]:
        """Linux: print_header()"""
        text = f"Chain {chain.name}"
        if isinstance(chain, BaseChain):
            text += f" (policy {NAMES[chain.policy]}"
            if self._verbose:
                packets, octets = self.count(chain.packets).strip(), self.count(chain.octets).strip()
                text += f" {packets} packets, {octets} bytes"
            yield f"{text})"
        else:
            yield f"{text} ({chain.references} references)"
        columns = "num  " if self._command.line_numbers else ""
        if self._verbose:
            columns += "    pkts      bytes " if self._command.exact else " pkts bytes "
        columns += "target     prot opt "
        if self._verbose:
            columns += "in     out     "
        yield f"{columns}source               destination         "

    def _rule_line(self, rule: Rule, number: int) -> str:
        """Linux: print_firewall()"""
        spec = spec_of(rule)
        text = f"{number:<4} " if self._command.line_numbers else ""
        if self._verbose:
            text += f"{self.count(rule.packets)}{self.count(rule.octets)}"
        target = rule.target.chain.name if isinstance(rule.target, Jump) else spec.target
        if spec.extension is not None:
            target = spec.extension[0].listed_as or target
        text += f"{target:<9} " + self._details(spec.header, nft=spec.nft)
        if spec.goto:
            text += "[goto] "
        return text + _extensions(spec, self._names)

    def _details(self, header: Header, *, nft: bool) -> str:
        """Linux: print_fragment(), print_ifaces(), print_ipv4_addresses()"""
        text = f"{_bang(header.protocol_inverted)}{self._protocol(header):<4} "
        text += f"{'!f' if header.fragment_inverted else '-f' if header.fragment else '--'} "
        if self._verbose:
            indev = self._device(header.indev, header.indev_inverted, nft=nft)
            outdev = self._device(header.outdev, header.outdev_inverted, nft=nft)
            text += f" {indev:<6} {outdev:<6} "
        text += f"{_bang(header.source_inverted)}{header.source.listed(self._names):<19} "
        return f"{text}{_bang(header.destination_inverted)}{header.destination.listed(self._names):<19} "

    def _device(self, name: str, inverted: bool, *, nft: bool) -> str:
        """Of `-i +` nft's tables keep nothing."""
        anyname = "*" if self._names is None else "any"
        if nft and name == "+" and not inverted:
            return anyname
        return ("!" if inverted else "") + (name or anyname)

    def _protocol(self, header: Header) -> str:
        if self._names is None:
            return str(header.protocol)
        return protocol_name(header.protocol, self._names) if header.protocol else "all"

    def count(self, number: int) -> str:
        """Five digits, or fewer and a letter. Linux: xtables_print_num()"""
        if self._command.exact:
            return f"{number:>8} "
        if number <= _MOST_WITHOUT_LETTER:
            return f"{number:>5} "
        return _with_letter(number, "KMGT")


def _with_letter(number: int, letters: str) -> str:
    number = (number + _KILO // 2) // _KILO
    if number > _MOST_WITH_LETTER and len(letters) > 1:
        return _with_letter(number, letters[1:])
    return f"{number:>4}{letters[0]} "


def _bang(inverted: bool) -> str:
    return "!" if inverted else " "


def told(spec: RuleSpec) -> str:
    """A rule in one line, as -v says what a command was about."""
    header = spec.header
    fragment = "!f" if header.fragment_inverted else "-f" if header.fragment else "--"
    protocol = PROTOCOL_NAMES.get(header.protocol, str(header.protocol)) if header.protocol else "all"
    target = spec.extension[0].listed_as if spec.extension is not None else ""
    text = f"{target or spec.target} {_bang(header.protocol_inverted)}{protocol} opt {fragment}"
    for way, name, inverted in (
        ("in", header.indev, header.indev_inverted),
        ("out", header.outdev, header.outdev_inverted),
    ):
        any_device = not name or (spec.nft and name == "+" and not inverted)
        text += f" {way} {'!' if inverted else ''}{'*' if any_device else name}"
    text += " "
    for arrow, network, inverted in (
        ("", header.source, header.source_inverted),
        ("-> ", header.destination, header.destination_inverted),
    ):
        text += f"{_bang(inverted)}{arrow}{network.listed(None)} "
    text += " [goto] " if spec.goto else " "
    return text + _extensions(spec, None)


def _extensions(spec: RuleSpec, names: Names | None) -> str:
    """What stands behind the addresses."""
    shown = (
        (extension.gap, extension.listing(values, names))
        for extension, values in spec.parts()
        if extension.is_shown(values, nft=spec.nft)
    )
    return "".join(f"{gap}{listed}" for gap, listed in shown if listed)
