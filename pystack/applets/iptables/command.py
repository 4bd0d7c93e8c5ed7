"""The applets iptables, iptables-nft and iptables-legacy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from pystack.applets.iptables.backup import Backup
from pystack.applets.iptables.command_line import Command
from pystack.applets.iptables.editor import Editor
from pystack.applets.iptables.errno_texts import worded
from pystack.applets.iptables.from_nft import check_rules, remarks
from pystack.applets.iptables.legality import ZERO, ZERO_RULE
from pystack.applets.iptables.lint import Linter
from pystack.applets.iptables.listing import Listing, chains_in_order, rules_as_commands, told
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.parser import Parser
from pystack.applets.iptables.refused import (
    OTHER_PROBLEM,
    PARAMETER_PROBLEM,
    VERSION,
    VERSION_PROBLEM,
    BadArgument,
    KernelRefused,
    Refused,
)
from pystack.applets.iptables.spec import RuleSpec
from pystack.applets.iptables.usage import usage
from pystack.applets.requests import Steps
from pystack.applets.session import Applet, Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import ENOENT, NotModelled
from pystack.netfilter.rule import BaseChain
from pystack.netfilter.tables import chains_of


def applet(owner: Owner, called: str) -> Applet:
    """The command for one owner's tables, under one of its names."""

    def run(args: Sequence[str], session: Session) -> Steps:
        if "--lint" in args:
            return lint(owner, session, [word for word in args if word != "--lint"])
        names = yield from load_names()
        return Iptables(owner, session, names).run(args, called)

    return run


def lint(owner: Owner, session: Session, args: Sequence[str]) -> int:
    """`--lint [-t TABLE]`: 1 if anything was found."""
    tables = session.netns.tables_of(owner.family.number)
    names = tables.names(owner.tables)
    if args:
        if len(args) != 2 or args[0] not in ("-t", "--table"):
            raise NotModelled(f"{owner.program} --lint {' '.join(args)}", ("-t TABLE",))
        names = [name for name in names if name == args[1]]
    found = [
        line
        for name in names
        if (table := tables.get(owner.tables, name)) is not None
        for line in Linter(table).findings()
    ]
    session.io.out.write("".join(f"{line}\n" for line in found))
    return int(bool(found))


class Iptables:
    """One run."""

    def __init__(self, owner: Owner, session: Session, names: Names) -> None:
        self._owner = owner
        self._names = names
        self._out, self._err = session.io.out, session.io.err
        tables = session.netns.tables_of(owner.family.number)
        self._find_set = tables.ipsets.get
        self._editor = Editor(tables, owner, session.host.origins)

    def run(self, args: Sequence[str], called: str) -> int:
        """Parse and do it; the exit code."""
        letter, program = "", self._owner.program
        try:
            parser = Parser(args, self._names, self._owner, called=called)
            parser.warn = self._err.line
            parser.find_set = self._find_set
            command = parser.parse()
            letter = command.letter
            if command.help:
                self._out.write(usage(self._owner))
                return 0
            if command.version:
                self._out.line(f"{program} v{VERSION} ({self._owner.variant})")
                return 0
            if command.other_family:
                raise BadArgument(None)
            if command.letter in ("L", "S"):
                self._err.write(self._editor.hint_at_legacy(""))
            if command.verbose > 1:
                raise NotModelled("iptables -vv")
            self._editor.warn = self._err.line
            self._editor.told = self._tell if command.verbose else self._editor.told
            self._perform(command)
        except Refused as refused:
            self._err.write(refusal_text(refused, program, self._owner))
            return refused.code
        except KernelRefused as error:
            text, code = worded(error, letter, self._owner)
            version = f" v{VERSION} ({self._owner.variant})" if code != OTHER_PROBLEM else ""
            self._err.line(f"{program}{version}: {text}")
            return code
        return 0

    def _perform(self, command: Command) -> None:
        """All of it, or nothing."""
        table = self._editor.table(command.table)
        self._editor.check_translation(command)
        backup = Backup(table)
        try:
            for line in perform(command, self._editor, self._names):
                self._out.line(line)
        except (KernelRefused, Refused):
            backup.give_back()
            raise
        if command.letter != "C" and (command.letter not in "LS" or command.zeroes):
            self._editor.hand_over(table)

    def _tell(self, spec: RuleSpec) -> None:
        self._out.line(told(spec))


def refusal_text(refused: Refused, program: str, owner: Owner, line: int = 0) -> str:
    """What is printed for a bad command line. Linux: basic_exit_err()"""
    text = f"{program} v{VERSION} ({owner.variant}): {refused.text}\n".replace("{program}", program)
    if isinstance(refused, BadArgument):
        text = "" if refused.text == "" else f"{refused.text}\n"
    if line and refused.code == PARAMETER_PROBLEM:
        text += f"Error occurred at line: {line}\n"
    if refused.code == PARAMETER_PROBLEM:
        text += f"Try `{program} -h' or '{program} --help' for more information.\n"
    if refused.code == VERSION_PROBLEM:
        text += f"Perhaps {program} or your kernel needs to be upgraded.\n"
    return text


def perform(command: Command, editor: Editor, names: Names) -> Iterator[str]:
    """Do what is asked; yields the lines of its output. Raises Refused and KernelRefused."""
    if command.letter in ("L", "S"):
        yield from _show(command, editor, names)
        return
    action = ACTIONS[command.letter]
    if command.verbose and command.letter in TOLD:
        yield from told_of_chains(command, editor, TOLD[command.letter])
    action(editor, command)


TOLD: Final = {"F": "Flushing", "Z": "Zeroing", "X": "Deleting"}


def told_of_chains(command: Command, editor: Editor, doing: str) -> Iterator[str]:
    """What -v says of each chain that a command is about."""
    if not command.verbose or (command.rulenum and command.letter == "Z"):
        return
    table = editor.table(command.table)
    everything = chains_in_order(table, editor.built_in(table))
    for chain in everything if not command.chain else [editor.chain(table, command.chain)]:
        if command.letter != "X" or not isinstance(chain, BaseChain):
            yield f"{doing} chain `{chain.name}'"


ACTIONS: Final[dict[str, Callable[[Editor, Command], None]]] = {
    "A": Editor.append,
    "I": Editor.insert,
    "R": Editor.replace,
    "D": Editor.delete,
    "C": Editor.check,
    "N": Editor.new_chain,
    "X": Editor.delete_chains,
    "E": Editor.rename_chain,
    "P": Editor.set_policy,
    "F": Editor.flush,
    "Z": Editor.zero,
}


def _show(command: Command, editor: Editor, names: Names) -> Iterator[str]:
    table = editor.table(command.table)
    chain = command.chain
    if editor.owner.is_nft and command.zeroes:  # what is set to 0 comes into being
        for name in [chain] if chain in chains_of(table.name) else [] if chain else chains_of(table.name):
            editor.tables.use_chain(table, name)
    if chain and chain not in table.chains and chain not in chains_of(table.name):
        if editor.owner.is_nft:
            where = f"chain `{chain}' in table `{table.name}'"
            raise Refused(f"{where} is incompatible, use 'nft' tool.", OTHER_PROBLEM)
        raise KernelRefused(ENOENT)
    yield from remarks(table)
    check_rules(table, chain)
    if command.letter == "S":
        yield from rules_as_commands(table, command)
    else:
        yield from Listing(command, names).lines(table)
    if command.zeroes:
        yield from told_of_chains(command, editor, "Zeroing") if command.zeroes == ZERO else ()
        editor.zero(command, of_rule=command.zeroes == ZERO_RULE)
