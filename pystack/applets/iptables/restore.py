"""The applets iptables-restore, iptables-nft-restore and iptables-legacy-restore.

Each table is taken whole at its COMMIT, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iptables.backup import Backup
from pystack.applets.iptables.chain_names import LONGEST
from pystack.applets.iptables.command import perform, refusal_text
from pystack.applets.iptables.editor import Editor
from pystack.applets.iptables.errno_texts import reason
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.parser import Parser
from pystack.applets.iptables.reach import has_misplaced
from pystack.applets.iptables.refused import OTHER_PROBLEM, KernelRefused, Refused
from pystack.applets.requests import FileRefused, Steps, read_file, read_stdin
from pystack.applets.session import USAGE, Applet, Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import EINVAL, NotModelled
from pystack.netfilter.rule import Chain
from pystack.netfilter.table import Table
from pystack.netfilter.tables import TABLE_NAMES, chains_of

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
_COUNTERS: Final = re.compile(r"\[(\d+):(\d+)\]")


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
    """One run."""

    def __init__(self, owner: Owner, program: str, session: Session, names: Names) -> None:
        self.counters = self.test = self.noflush = False
        self.only = ""
        self._owner = owner
        self._program = program
        self._session = session
        self._names = names
        tables = session.netns.tables_of(owner.family.number)
        self._editor = Editor(tables, owner, session.host.origins)
        self._editor.in_batch = True
        self._table: Table | None = None
        self._backup: Backup | None = None
        self._skipping = False
        self._line = 0
        self._letter = ""  # of the command in the line

    def run(self, text: str) -> int:
        """Take the whole text; the exit code. What the last table had is back where it failed."""
        origins = self._session.host.origins
        before = origins.line
        try:
            return self._run(text, before)
        finally:
            origins.line = before
            if self._backup is not None:
                self._backup.give_back()

    def _run(self, text: str, place: str) -> int:
        err = self._session.io.err
        for self._line, line in enumerate(text.splitlines(keepends=True), 1):
            self._session.host.origins.line = f"{place}+{self._line}" if place else ""
            try:
                self._take(line)
            except Refused as refused:
                err.write(refusal_text(refused, self._program, self._owner, self._line))
                return refused.code
            except KernelRefused as error:
                err.line(self._failure(error))
                return OTHER_PROBLEM
            except NotModelled as error:
                err.line(f"pystack: {self._program}: line {self._line}: {error}")
                return USAGE
        if self._table is not None or self._skipping:
            err.line(f"{self._program}: COMMIT expected at line {self._line + 1}")
            return OTHER_PROBLEM
        return 0

    def _failure(self, error: KernelRefused) -> str:
        text = f"{self._program}: line {self._line} failed"
        if not self._owner.is_nft or not error.number:
            return text
        return f"{text}: {reason(error, self._letter)}."

    def _take(self, line: str) -> None:
        if line == "\n" or line.startswith("#"):
            return
        if line.startswith("*"):
            self._begin(line[1:].split()[0] if line[1:].split() else "")
        elif self._skipping:
            self._skipping = line.rstrip("\n") != "COMMIT"
        elif self._table is None:
            raise KernelRefused(0)
        elif line.rstrip() == "COMMIT":
            self._commit()
        elif line.startswith(":"):
            self._declare(self._table, line[1:])
        else:
            self._command(self._table, line)

    def _begin(self, name: str) -> None:
        if self.only and self.only != name:
            self._skipping = True
            return
        if name not in TABLE_NAMES:
            if self._owner.is_nft:
                raise Refused(f"{self._program}: line {self._line} table name '{name}' invalid")
            raise Refused(f"{self._program}: unable to initialize table '{name}'")
        self._table = self._editor.table(name)
        self._backup = Backup(self._table)
        if not self.noflush:
            self._editor.start_anew(self._table)

    def _commit(self) -> None:
        if self._table is not None and has_misplaced(self._table):
            raise KernelRefused(EINVAL)
        if not self.test:
            self._backup = None
        elif self._backup is not None:
            self._backup.give_back()
            self._backup = None
        self._table = None

    def _declare(self, table: Table, text: str) -> None:
        """`:INPUT ACCEPT [0:0]`"""
        words = text.split()
        name = words[0] if words else ""
        if len(name) > LONGEST:
            if self._owner.is_nft:
                raise Refused(f"chain name `{name}' too long (must be under {LONGEST + 1} chars)")
            raise Refused(f"Invalid chain name `{name}' ({LONGEST} chars max)")
        if len(words) < 2:
            raise Refused(f"{self._program}: line {self._line} policy invalid")
        if name in chains_of(table.name):
            self._set_policy(table, name, words[1:])
        elif name in table.chains:
            table.flush(table.chains[name])
        else:
            table.add_chain(Chain(name))

    def _set_policy(self, table: Table, name: str, words: list[str]) -> None:
        found = _COUNTERS.match(words[1]) if self.counters and len(words) > 1 else None
        if self.counters and found is None and (self._owner.is_nft or words[0] != "-"):
            raise Refused(f"invalid policy counters for chain '{name}'")
        if words[0] == "-":
            return
        if words[0] not in ("ACCEPT", "DROP"):
            if self._owner.is_nft:
                self._letter = "P"
                raise KernelRefused(EINVAL, "policy")
            why = f"Can't set policy `{words[0]}' on `{name}' line {self._line}: Bad policy name"
            raise Refused(why, OTHER_PROBLEM)
        counters = (0, 0) if found is None else (int(found[1]), int(found[2]))
        self._editor.set_chain(table, name, words[0], counters)

    def _command(self, table: Table, line: str) -> None:
        counters = None
        found = _COUNTERS.match(line)
        if found is not None:
            counters, line = (int(found[1]), int(found[2])), line[found.end() :].lstrip()
        command = Parser(split(line), self._names, self._owner, table.name).parse()
        self._letter = command.letter
        if command.other_family:
            return
        if self.counters and counters is not None:
            command.counters = counters
        for warning in command.warnings:
            self._session.io.err.line(warning)
        for _ in perform(command, self._editor, self._names):
            pass


def split(line: str) -> list[str]:
    """Words, as -restore takes them: only double quotes and backslashes in them mean something.

    Linux: iptables/xshared.c add_param_to_argv()
    """
    if '"' not in line and "\\" not in line:
        return line.split()
    words, word, in_quotes, escaped, begun = [], "", False, False, False
    for sign in line:
        if escaped:
            word, escaped = word + sign, False
        elif in_quotes and sign == "\\":
            escaped = True
        elif sign == '"':
            in_quotes, begun = not in_quotes, True
        elif sign in " \t\n" and not in_quotes:
            if word or begun:
                words.append(word)
            word, begun = "", False
        else:
            word += sign
    if word or begun:
        words.append(word)
    return words
