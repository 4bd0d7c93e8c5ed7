"""The applets ebtables, ebtables-nft and ebtables-legacy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pystack.applets.ebtables.editor import Editor
from pystack.applets.ebtables.legacy.editor import LegacyEditor
from pystack.applets.ebtables.legacy.listing import chains_in_order as legacy_chains_in_order
from pystack.applets.ebtables.legacy.listing import legacy_listing
from pystack.applets.ebtables.legacy.parser import LegacyParser
from pystack.applets.ebtables.listing import chains_in_order, listing
from pystack.applets.ebtables.parser import Command, Parser
from pystack.applets.ebtables.usage import LEGACY_USAGE, USAGE
from pystack.applets.iptables.backup import Backup
from pystack.applets.iptables.command import refusal_text
from pystack.applets.iptables.errno_texts import reason, worded
from pystack.applets.iptables.owner import LEGACY_OWNER, NFT_OWNER
from pystack.applets.iptables.refused import OTHER_PROBLEM, VERSION, KernelRefused, Refused
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.applets.tcpdump.names import load_names

_PROGRAM: Final = "ebtables"
_LEGACY_PROBLEM: Final = 255
_LEGACY_VERSION: Final = "ebtables v2.0.11 (legacy) (December 2011)"


def run(args: Sequence[str], session: Session) -> Steps:
    """`ebtables`, `ebtables-nft`"""
    names = yield from load_names()
    err, letter = session.io.err, ""
    editor = Editor(session.netns.bridge_tables, NFT_OWNER, session.host.origins)
    try:
        parser = Parser(args, names)
        parser.warn = err.line
        command = parser.parse()
        letter = command.letter
        session.io.out.write("".join(f"{line}\n" for line in all_or_nothing(command, editor)))
    except Refused as refused:
        err.write(refusal_text(refused, _PROGRAM, NFT_OWNER))
        return refused.code
    except KernelRefused as error:
        if error.verb in ("", "rule"):
            err.line(f"{_PROGRAM}: {reason(error, '' if letter == 'P' else letter)}")
            return OTHER_PROBLEM
        text, code = worded(error, letter, NFT_OWNER)
        err.line(f"{_PROGRAM} v{VERSION} ({NFT_OWNER.variant}): {text}")
        return code
    return 0


def all_or_nothing(command: Command, editor: Editor) -> Iterator[str]:
    """As perform(); what is refused leaves no chain behind that came into being for it."""
    if command.letter not in _ACTIONS:
        yield from perform(command, editor)
        return
    backup = Backup(editor.table(command.table))
    try:
        yield from perform(command, editor)
    except (Refused, KernelRefused):
        backup.give_back()
        raise


def run_legacy(args: Sequence[str], session: Session) -> Steps:
    """`ebtables-legacy`"""
    names = yield from load_names()
    editor = LegacyEditor(session.netns.bridge_tables, LEGACY_OWNER, session.host.origins)
    try:
        command = LegacyParser(args, names, editor.chains_of).parse()
        session.io.out.write("".join(f"{line}\n" for line in perform(command, editor)))
    except Refused as refused:
        session.io.err.line(f"{refused.text}.")
        return _LEGACY_PROBLEM
    return 0


def perform(command: Command, editor: Editor) -> Iterator[str]:
    """Do what is asked; yields the lines of its output. Raises Refused and KernelRefused."""
    letter, is_nft = command.letter, editor.owner.is_nft
    if letter == "V" or (letter in ("", "h") and not command.also_zero):
        yield f"{_PROGRAM} {VERSION} ({editor.owner.variant})" if is_nft else _LEGACY_VERSION
        if letter != "V":
            yield from _usage(command, editor)
    elif letter == "L":
        yield from _listed(command, editor) if is_nft else _legacy_listed(command, editor)
    elif letter:
        _ACTIONS[letter](editor, command)
    if command.also_zero:
        editor.zero(command)


def _usage(command: Command, editor: Editor) -> Iterator[str]:
    if editor.owner.is_nft:
        yield from USAGE.splitlines()
        return
    yield from LEGACY_USAGE.splitlines()
    yield f"Supported chains for the {command.table} table:"
    yield "".join(f"{name} " for name in editor.built_in(editor.table(command.table)))


def _listed(command: Command, editor: Editor) -> Iterator[str]:
    table = editor.table(command.table)
    chains = chains_in_order(table, editor.built_in(table))
    if command.chain:
        chains = [chain for chain in chains if chain.name == command.chain]
        if not chains:
            where = f"chain `{command.chain}' in table `{table.name}'"
            raise Refused(f"{where} is incompatible, use 'nft' tool.", OTHER_PROBLEM)
    yield from listing(table, chains, command.listing)


def _legacy_listed(command: Command, editor: Editor) -> Iterator[str]:
    table = editor.table(command.table)
    chains = [chain for chain in legacy_chains_in_order(table) if command.chain in ("", chain.name)]
    yield from legacy_listing(table, chains, command.listing, all_chains=not command.chain)


_ACTIONS: Final[dict[str, Callable[[Editor, Command], None]]] = {
    "A": lambda editor, command: editor.append(command),
    "I": lambda editor, command: editor.insert(command),
    "D": lambda editor, command: editor.delete(command),
    "C": lambda editor, command: editor.change_counters(command),
    "check": lambda editor, command: editor.check(command),
    "N": lambda editor, command: editor.new_chain(command),
    "X": lambda editor, command: editor.delete_chains(command),
    "E": lambda editor, command: editor.rename_chain(command),
    "P": lambda editor, command: editor.set_policy(command),
    "F": lambda editor, command: editor.flush(command),
    "init-table": lambda editor, command: editor.init_table(command),
}
