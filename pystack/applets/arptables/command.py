"""The applets arptables, arptables-nft and arptables-legacy."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import Final

from pystack.applets.arptables.parser import ArpParser, ArpSpec
from pystack.applets.arptables.usage import LEGACY_USAGE, USAGE
from pystack.applets.io import Output
from pystack.applets.iptables.command import ACTIONS, TOLD, refusal_text, told_of_chains
from pystack.applets.iptables.command_line import Command
from pystack.applets.iptables.editor import Editor
from pystack.applets.iptables.errno_texts import reason, worded
from pystack.applets.iptables.family import Family
from pystack.applets.iptables.legality import ZERO, ZERO_RULE
from pystack.applets.iptables.listing import Listing, chain_lines, chains_in_order, rule_line
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import OTHER_PROBLEM, VERSION, KernelRefused, Refused
from pystack.applets.iptables.spec import RuleSpec
from pystack.applets.requests import Steps
from pystack.applets.session import Applet, Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import EINVAL, EMLINK, ENOENT, NotModelled
from pystack.netfilter.family_tables import ArpTables
from pystack.netfilter.hooks import NFPROTO_ARP
from pystack.netfilter.rule import BaseChain, Chain, Rule
from pystack.netfilter.table import LEGACY, NFT, Table
from pystack.netfilter.verdict import NAMES
from pystack.wire import ipv4

_ARP: Final = Family(NFPROTO_ARP, "arptables", 32, ipv4.parse_address, ipv4.address_text)
_LEGACY_VERSION: Final = "v0.0.5"
_LEGACY_REASONS: Final = {
    ("X", EMLINK): "Can't delete chain with references left",
    ("X", EINVAL): "Can't delete built-in chain",
    ("L", ENOENT): "Table does not exist (do you need to insmod?)",
}
NFT_OWNER: Final = Owner(NFT, "nf_tables", _ARP)
LEGACY_OWNER: Final = Owner(LEGACY, "legacy", _ARP)


class ArpEditor(Editor):
    """Changes one namespace's tables for one owner."""

    def __init__(self, tables: ArpTables, owner: Owner, session: Session) -> None:
        super().__init__(tables, owner, session.host.origins)
        self._of_arp = tables

    @property
    def table_names(self) -> Collection[str]:
        """Those that there are."""
        return self._of_arp.places[self.owner.tables]

    def built_in(self, table: Table) -> Collection[str]:
        """The names of a table's built-in chains."""
        return self._of_arp.chains_of(self.owner.tables, table.name)

    def _check_target(self, table: Table, spec: RuleSpec) -> None:
        try:
            super()._check_target(table, spec)
        except Refused:
            if self.owner.is_nft:
                raise
            raise Refused(f"Couldn't find target `{spec.target}'\n") from None


def applet(owner: Owner) -> Applet:
    """The command for one owner's tables."""

    def run(args: Sequence[str], session: Session) -> Steps:
        names = yield from load_names()
        return _run(args, session, owner, names)

    return run


def _run(args: Sequence[str], session: Session, owner: Owner, names: Names) -> int:
    out, err, letter = session.io.out, session.io.err, ""
    editor = ArpEditor(session.netns.arp_tables, owner, session)
    try:
        parser = ArpParser(args, names, owner)
        parser.warn = err.line
        command = parser.parse()
        letter = command.letter
        if command.help:
            out.line(
                f"arptables v{VERSION} (nf_tables)"
                if owner.is_nft
                else f"arptables {_LEGACY_VERSION} (legacy)"
            )
            out.write(USAGE if owner.is_nft else LEGACY_USAGE)
            return 0
        if command.version:
            out.line(f"arptables v{VERSION} (nf_tables)" if owner.is_nft else f"arptables {_LEGACY_VERSION}")
            return 0
        editor.told = partial(_tell, out) if command.verbose else editor.told
        out.write("".join(f"{line}\n" for line in perform(command, editor, names)))
    except Refused as refused:
        text = refusal_text(refused, "arptables", owner)
        err.write(text if owner.is_nft else text.replace(f"v{VERSION} (legacy)", _LEGACY_VERSION))
        return refused.code
    except KernelRefused as error:
        text, code = worded(error, letter, owner) if owner.is_nft else (legacy_reason(error, letter), 1)
        version = f" v{VERSION} ({owner.variant})" if code != OTHER_PROBLEM else ""
        err.line(f"arptables{version}: {text}")
        return code
    return 0


def _tell(out: Output, spec: RuleSpec) -> None:
    """What -v says of a rule that a command is about."""
    assert isinstance(spec, ArpSpec), "arptables reads rules of its own"
    out.line(spec.text(None, numeric=True, verbose=True) + _blank(spec))


def legacy_reason(error: KernelRefused, letter: str) -> str:
    """Why, in a few words. Linux: arptables libarptc/libarptc_incl.c TC_STRERROR()"""
    return _LEGACY_REASONS.get((letter, error.number)) or reason(error, letter)


def perform(command: Command, editor: ArpEditor, names: Names) -> Iterator[str]:
    """Do what is asked; yields the lines of its output. Raises Refused and KernelRefused."""
    if command.letter not in ("L", "S"):
        if command.letter in TOLD:
            yield from told_of_chains(command, editor, TOLD[command.letter])
        return ACTIONS[command.letter](editor, command)
    table = editor.table(command.table)
    chains = [
        chain for chain in chains_in_order(table, editor.built_in(table)) if command.chain in ("", chain.name)
    ]
    if not chains and editor.owner.is_nft:
        where = f"chain `{command.chain}' in table `{table.name}'"
        raise Refused(f"{where} is incompatible, use 'nft' tool.", OTHER_PROBLEM)
    if not chains:
        raise KernelRefused(ENOENT)
    if command.letter == "S":
        yield from _as_commands(chains, command)
    else:
        yield from _listing(chains, command, names)
    if command.zeroes:
        yield from told_of_chains(command, editor, TOLD["Z"]) if command.zeroes == ZERO else ()
        editor.zero(command, of_rule=command.zeroes == ZERO_RULE)


def _as_commands(chains: Collection[Chain], command: Command) -> Iterator[str]:
    if not command.rulenum:
        yield from (chain_lines(chain, counters=command.verbose > 0) for chain in chains)
    for chain in chains:
        for number, rule in enumerate(chain.rules, 1):
            if command.rulenum in (0, number):
                yield rule_line(chain, rule, counters=command.verbose > 0)


def _listing(chains: Collection[Chain], command: Command, names: Names) -> Iterator[str]:
    """`-L`. Linux: iptables/nft-arp.c nft_arp_print_rule()"""
    numbers = Listing(command, names)
    for place, chain in enumerate(chains):
        if place:
            yield ""
        if not command.rulenum:
            yield _head(chain, command, numbers)
        for number, rule in enumerate(chain.rules, 1):
            if command.rulenum in (0, number):
                yield (f"{number} " if command.line_numbers else "") + _rule(rule, command, numbers)


def _head(chain: Chain, command: Command, numbers: Listing) -> str:
    if not isinstance(chain, BaseChain):
        return f"Chain {chain.name} ({chain.references} references)"
    text = f"Chain {chain.name} (policy {NAMES[chain.policy]}"
    if command.verbose:
        packets, octets = numbers.count(chain.packets).strip(), numbers.count(chain.octets).strip()
        text += f" {packets} packets, {octets} bytes"
    return f"{text})"


def _rule(rule: Rule, command: Command, numbers: Listing) -> str:
    spec = rule.spec
    if not isinstance(spec, ArpSpec):
        raise NotModelled("arptables where nft has put a rule into its table", ("nft list ruleset",))
    text = spec.text(rule, numeric=command.numeric, verbose=command.verbose > 0)
    blank = _blank(spec)
    if not command.verbose:
        return text + blank
    packets, octets = numbers.count(rule.packets).strip(), numbers.count(rule.octets).strip()
    return f"{text}{' ' if spec.nft else blank}, pcnt={packets} -- bcnt={octets} "


def _blank(spec: ArpSpec) -> str:
    """What arptables-legacy ends its lines with."""
    return "" if spec.nft or spec.target == "MARK" else " "
