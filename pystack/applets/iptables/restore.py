"""The applets iptables-restore, iptables-nft-restore and iptables-legacy-restore.

Each table is taken whole at its COMMIT, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iptables.backup import Backup
from pystack.applets.iptables.chain_names import LONGEST, check_new
from pystack.applets.iptables.command import perform, refusal_text
from pystack.applets.iptables.command_line import Command
from pystack.applets.iptables.editor import Editor
from pystack.applets.iptables.errno_texts import failed, reason
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.parser import Parser
from pystack.applets.iptables.refused import (
    OTHER_PROBLEM,
    PARAMETER_PROBLEM,
    RESOURCE_PROBLEM,
    KernelRefused,
    Refused,
)
from pystack.applets.iptables.registry import find_target
from pystack.applets.iptables.usage import usage_of_restore
from pystack.applets.requests import FileRefused, Steps, read_file, read_stdin
from pystack.applets.session import USAGE, Applet, Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import EINVAL, NotModelled
from pystack.netfilter.table import Table
from pystack.netfilter.tables import TABLE_NAMES, chains_of
from pystack.netfilter.verdict import NAMES

_LONG: Final = {
    "counters": 0,
    "verbose": 0,
    "version": 0,
    "test": 0,
    "help": 0,
    "noflush": 0,
    "modprobe": 1,
    "table": 1,
    "wait": 2,
    "wait-interval": 2,
}
_POLICY_COUNTERS: Final = re.compile(r"\[(\d+):(\d+)")

Action = Callable[[], None]


def applet(owner: Owner, program: str) -> Applet:
    """The command for one owner's tables, under one of its names."""
    called = program if owner.is_nft else f"{owner.program}-restore"

    def run(args: Sequence[str], session: Session) -> Steps:
        getopt = Getopt(args, "bcvVthnwWT:M:", _LONG)
        try:
            given = dict(getopt)
        except BadOption as bad:
            session.io.err.line(f"{program}: {bad}")
            session.io.err.line(f"Try `{called} -h' for more information.")
            return OTHER_PROBLEM
        if given.keys() & {"h", "help"}:
            session.io.err.write(usage_of_restore(owner))
            return 0
        if len(getopt.operands) > 1:
            session.io.err.line("Unknown arguments found on commandline")
            return OTHER_PROBLEM
        if getopt.operands:
            try:
                octets = yield from read_file(getopt.operands[0])
            except FileRefused as refused:
                session.io.err.line(f"Can't open {refused.path}: {refused.text}")
                return OTHER_PROBLEM
        else:
            octets = yield from read_stdin(session.io)
        names = yield from load_names()
        restore = Restore(owner, called, session, names)
        restore.counters = bool(given.keys() & {"c", "counters"})
        restore.test = bool(given.keys() & {"t", "test"})
        restore.noflush = bool(given.keys() & {"n", "noflush"})
        restore.only = given.get("T", given.get("table", ""))
        return restore.run(octets.decode(errors="surrogateescape"))

    return run


class Restore:
    """One run. legacy does each line to a copy that the kernel takes at COMMIT, or refuses then; of nft all
    lines are read first, and done at COMMIT.

    Linux: iptables/iptables-restore.c, iptables/xtables-restore.c
    """

    def __init__(self, owner: Owner, program: str, session: Session, names: Names) -> None:
        self.counters = self.test = self.noflush = False
        self.only = ""
        self._owner = owner
        self._program = program
        self._session = session
        self._names = names
        tables = session.netns.tables_of(owner.family.number)
        self._find_set = tables.ipsets.get
        self._editor = Editor(tables, owner, session.host.origins)
        self._editor.objections.looks_later = True
        self._editor.warn = session.io.err.line
        self._named: str | None = None  # the table of the last line with a star
        self._table: Table | None = None
        self._queue: list[tuple[int, Action]] = []  # of nft: what is done at COMMIT, and where it stands
        self._backup: Backup | None = None
        self._place = ""
        self._line = 0
        self._letter = ""  # of the command that is done

    def run(self, text: str) -> int:
        """Take the whole text; the exit code. What the last table had is back where it failed."""
        origins = self._session.host.origins
        before = self._place = origins.line
        try:
            return self._run(text)
        finally:
            origins.line = before
            if self._backup is not None:
                self._backup.give_back()

    def _run(self, text: str) -> int:
        err = self._session.io.err
        lines = text.splitlines(keepends=True)
        for number, line in enumerate(lines, 1):
            self._at(number)
            try:
                self._take(line)
            except Refused as refused:
                where = number if refused.code == PARAMETER_PROBLEM else 0
                err.write(refusal_text(refused, self._program, self._owner, where))
                return refused.code
            except KernelRefused as error:
                err.line(self._failure(error))
                return OTHER_PROBLEM
            except NotModelled as error:
                err.line(f"pystack: {self._program}: line {self._line}: {error}")
                return USAGE
        if self._table is not None:
            err.line(f"{self._program}: COMMIT expected at line {len(lines) + 1}")
            return OTHER_PROBLEM
        return 0

    def _at(self, line: int) -> None:
        self._line = line
        self._session.host.origins.line = f"{self._place}+{line}" if self._place else ""

    def _failure(self, error: KernelRefused) -> str:
        text = f"{self._program}: line {self._line} failed"
        if not self._owner.is_nft or not error.number:
            return text
        return f"{text}: {reason(error, self._letter)}."

    def _take(self, line: str) -> None:
        if line == "\n" or line.startswith("#"):
            return
        if self._table is None:
            if line.startswith("*"):
                self._begin(line[1:].split())
            elif not self.only or self._named in (self.only, None if self._owner.is_nft else self.only):
                raise KernelRefused(0)
        elif line == "COMMIT\n" or (line == "COMMIT" and self._owner.is_nft):
            self._commit(self._table)
        elif line.startswith(":"):
            self._declare(self._table, line[1:].split())
        else:
            self._command(self._table, line)

    # --- tables -------------------------------------------------------------------------------------------

    def _begin(self, words: list[str]) -> None:
        if not words:
            raise Refused(f"{self._program}: line {self._line} table name invalid")
        name = self._named = words[0]
        if self._owner.is_nft and name not in TABLE_NAMES:
            raise Refused(f"{self._program}: line {self._line} table name '{name}' invalid")
        if self.only and self.only != name:
            return
        if name not in TABLE_NAMES:
            raise Refused(f"{self._program}: unable to initialize table '{name}'")
        self._table = table = self._editor.table(name)
        self._editor.postponed = []
        if not self._owner.is_nft:
            self._backup = Backup(table)
        if not self.noflush:
            self._do(lambda: self._editor.start_anew(table))

    def _do(self, action: Action) -> None:
        """Now, or at COMMIT."""
        if self._owner.is_nft:
            self._queue.append((self._line, action))
        else:
            action()

    def _commit(self, table: Table) -> None:
        queue, self._queue = self._queue, []
        self._backup = self._backup or Backup(table)
        if self.test:
            self._backup.give_back()
        else:
            told = self._done(queue)
            if error := self._editor.objections.to_table(table):
                told = self._done_again(queue, error)
            if told:
                raise Refused(told, RESOURCE_PROBLEM)
            self._editor.hand_over(table)
            self._session.netns.end_of_command(self._program)
        self._backup = self._table = None

    def _done(self, queue: list[tuple[int, Action]]) -> str:
        """What the kernel says of nft's lines; raises KernelRefused where it names none."""
        commit_line, told = self._line, ""
        for line, action in queue:
            self._at(line)
            action()
            told += self._kernel_says()
        self._at(commit_line)
        return told + self._kernel_says()

    def _done_again(self, queue: list[tuple[int, Action]], error: int) -> str:
        """With a look at each rule, to find out which it is that makes the table wrong."""
        if not self._owner.is_nft:
            raise KernelRefused(error)
        assert self._backup is not None, "a table is restored"
        self._backup.give_back()
        self._editor.objections.looks_later = False
        told = self._done(queue)
        self._editor.objections.looks_later = True
        return told

    def _kernel_says(self) -> str:
        """What it says of the last line that was done. Raises KernelRefused where that is all the same."""
        errors, self._editor.postponed = self._editor.postponed or [], []
        if errors and not self._owner.is_nft:
            raise errors[0]
        return "".join(f"\nline {self._line}:{failed(error)}" for error in errors)

    # --- chains and rules ---------------------------------------------------------------------------------

    def _declare(self, table: Table, words: list[str]) -> None:
        """`:INPUT ACCEPT [0:0]`"""
        if not words:
            raise Refused(f"{self._program}: line {self._line} chain name invalid")
        name, is_nft = words[0], self._owner.is_nft
        if is_nft:
            check_new(name, partial(find_target, family=self._owner.family))
        elif len(name) > LONGEST:
            raise Refused(f"Invalid chain name `{name}' ({LONGEST} chars max)")
        built_in = name in chains_of(table.name)
        if not built_in and not is_nft:
            self._make_chain(table, name)
        if len(words) < 2:
            raise Refused(f"{self._program}: line {self._line} policy invalid")
        if built_in or (words[1] != "-" and not is_nft):
            self._set_policy(table, name, words[1:])
        elif is_nft:
            self._do(lambda: self._make_chain(table, name))

    def _make_chain(self, table: Table, name: str) -> None:
        if name not in table.chains:
            table.add_chain(table.new_chain(name))
        elif self.noflush or self._owner.is_nft:
            table.flush(table.chains[name])
        else:
            raise Refused(f"error creating chain '{name}':File exists")

    def _set_policy(self, table: Table, name: str, words: list[str]) -> None:
        counters = None
        if self.counters and (self._owner.is_nft or words[0] != "-"):
            found = _POLICY_COUNTERS.match(words[1]) if len(words) > 1 else None
            if found is None:
                raise Refused(f"invalid policy counters for chain '{name}'")
            counters = int(found[1]), int(found[2])
        if self._owner.is_nft:
            self._do(lambda: self._set_nft_policy(table, name, words[0], counters))
        elif words[0] != "-":
            why = "" if name in chains_of(table.name) else "Bad built-in chain name"
            why = why or ("" if words[0] in ("ACCEPT", "DROP") else "Bad policy name")
            if why:
                why = f"Can't set policy `{words[0]}' on `{name}' line {self._line}: {why}"
                raise Refused(why, OTHER_PROBLEM)
            self._editor.set_chain(table, name, words[0], counters)

    def _set_nft_policy(self, table: Table, name: str, policy: str, counters: tuple[int, int] | None) -> None:
        if policy not in ("ACCEPT", "DROP", "-"):
            self._letter = "P"
            raise KernelRefused(EINVAL, "policy")
        kept = NAMES[self._editor.tables.use_chain(table, name).policy]
        self._editor.set_chain(table, name, kept if policy == "-" else policy, counters)

    def _command(self, table: Table, line: str) -> None:
        counters, line = _rule_counters(line, self._line)
        words = split(line)
        if self.counters and counters is not None:
            words = ["--set-counters", *counters, *words]
        parser = Parser(words, self._names, self._owner, table.name)
        parser.warn = self._session.io.err.line
        parser.find_set = self._find_set
        command = parser.parse()
        if not command.other_family:
            self._editor.check_translation(command)
            self._do(lambda: self._perform(command))

    def _perform(self, command: Command) -> None:
        self._letter = command.letter
        if command.verbose > 1:
            raise NotModelled("iptables -vv")
        for line in perform(command, self._editor, self._names):
            self._session.io.out.line(line)


def _rule_counters(line: str, number: int) -> tuple[tuple[str, str] | None, str]:
    """`[5:600] -A INPUT`. Linux: tokenize_rule_counters()"""
    if not line.startswith("["):
        return None, line
    inside, bracket, rest = line[1:].partition("]")
    if not bracket:
        raise Refused(f"Bad line {number}: need ]")
    packets, _, octets = inside.lstrip(":").partition(":")
    if not packets:
        raise Refused(f"Bad line {number}: need :")
    if not octets:
        raise Refused(f"Bad line {number}: need ]")
    return (packets, octets), rest


def split(line: str) -> list[str]:
    """Words, as -restore takes them: only double quotes and backslashes in them mean something.

    Linux: iptables/xshared.c add_param_to_argv()
    """
    if '"' not in line:
        return line.split()
    words, word, in_quotes, escaped = [], "", False, False
    for sign in line:
        if escaped:
            word, escaped = word + sign, False
        elif in_quotes and sign == "\\":
            escaped = True
        elif sign == '"' and not in_quotes:
            in_quotes = True
        elif sign == '"' or (sign in " \t\n" and not in_quotes):
            if word or in_quotes:
                words.append(word)
            word, in_quotes = "", False
        else:
            word += sign
    if word:
        words.append(word)
    return words
