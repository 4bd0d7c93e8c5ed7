"""The applets ebtables, ebtables-nft and ebtables-legacy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pystack.applets.ebtables.editor import Editor
from pystack.applets.ebtables.listing import chains_in_order, listing
from pystack.applets.ebtables.parser import Command, Parser
from pystack.applets.ebtables.usage import USAGE
from pystack.applets.iptables.command import refusal_text
from pystack.applets.iptables.errno_texts import reason, worded
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import OTHER_PROBLEM, VERSION, KernelRefused, Refused
from pystack.applets.requests import Steps
from pystack.applets.session import Applet, Session
from pystack.applets.tcpdump.names import Names, load_names

_PROGRAM: Final = "ebtables"


def applet(owner: Owner) -> Applet:
    """The command for one owner's tables."""

    def run(args: Sequence[str], session: Session) -> Steps:
        names = yield from load_names()
        return Ebtables(owner, session, names).run(args)

    return run


class Ebtables:
    """One run."""

    def __init__(self, owner: Owner, session: Session, names: Names) -> None:
        self._owner = owner
        self._names = names
        self._out, self._err = session.io.out, session.io.err
        self._editor = Editor(session.netns.bridge_tables, owner, session.host.origins)

    def run(self, args: Sequence[str]) -> int:
        """Parse and do it; the exit code."""
        letter = ""
        try:
            editor = self._editor
            command = Parser(args, self._names, editor.table_names, nft=self._owner.is_nft).parse()
            letter = command.letter
            self._out.write("".join(f"{line}\n" for line in perform(command, editor)))
        except Refused as refused:
            self._err.write(refusal_text(refused, _PROGRAM, self._owner))
            return refused.code
        except KernelRefused as error:
            return self._failed(error, letter)
        return 0

    def _failed(self, error: KernelRefused, letter: str) -> int:
        if error.verb in ("", "rule"):
            self._err.line(f"{_PROGRAM}: {reason(error, '' if letter == 'P' else letter)}")
            return OTHER_PROBLEM
        text, code = worded(error, letter, self._owner)
        self._err.line(f"{_PROGRAM} v{VERSION} ({self._owner.variant}): {text}")
        return code


def perform(command: Command, editor: Editor) -> Iterator[str]:
    """Do what is asked; yields the lines of its output. Raises Refused and KernelRefused."""
    letter = command.letter
    if letter == "V":
        yield f"{_PROGRAM} {VERSION} ({editor.owner.variant})"
    elif letter in ("", "h") and not command.also_zero:
        yield f"{_PROGRAM} {VERSION} ({editor.owner.variant})"
        yield from USAGE.splitlines()
    elif letter == "L":
        yield from _listed(command, editor)
    elif letter:
        _ACTIONS[letter](editor, command)
    if command.also_zero:
        editor.zero(command)


def _listed(command: Command, editor: Editor) -> Iterator[str]:
    table = editor.table(command.table)
    chains = chains_in_order(table, editor.built_in(table))
    if command.chain:
        chains = [chain for chain in chains if chain.name == command.chain]
        if not chains:
            where = f"chain `{command.chain}' in table `{table.name}'"
            raise Refused(f"{where} is incompatible, use 'nft' tool.", OTHER_PROBLEM)
    yield from listing(table, chains, command.listing)


_ACTIONS: Final[dict[str, Callable[[Editor, Command], None]]] = {
    "A": Editor.append,
    "I": Editor.insert,
    "D": Editor.delete,
    "C": Editor.change_counters,
    "check": Editor.check,
    "N": Editor.new_chain,
    "X": Editor.delete_chains,
    "E": Editor.rename_chain,
    "P": Editor.set_policy,
    "F": Editor.flush,
    "init-table": Editor.init_table,
}
