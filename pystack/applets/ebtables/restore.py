"""The applets ebtables-restore and ebtables-nft-restore.

A table is taken whole where the next one begins, or where the text ends, or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, Protocol

from pystack.applets.ebtables.command import perform
from pystack.applets.ebtables.editor import Editor
from pystack.applets.ebtables.extension import VERDICTS
from pystack.applets.ebtables.parser import Parser
from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iptables.backup import Backup
from pystack.applets.iptables.command import refusal_text
from pystack.applets.iptables.errno_texts import reason
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import OTHER_PROBLEM, KernelRefused, Refused
from pystack.applets.iptables.restore import split
from pystack.applets.requests import Steps, read_stdin
from pystack.applets.session import USAGE, Applet, Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.errors import NotModelled
from pystack.netfilter.rule import Chain
from pystack.netfilter.table import Table

_PROGRAM: Final = "ebtables-restore"
_COUNTERS: Final = re.compile(r"\[\d+:\d+\]\s*")


def applet(owner: Owner) -> Applet:
    """The command for one owner's tables."""

    def run(args: Sequence[str], session: Session) -> Steps:
        getopt = Getopt(args, "nv", {"noflush": 0, "verbose": 0})
        try:
            given = dict(getopt)
        except BadOption as bad:
            session.io.err.line(f"{_PROGRAM}: {bad}")
            session.io.err.line("Usage: ebtables-restore [ --verbose ] [ --noflush ]")
            return OTHER_PROBLEM
        octets = yield from read_stdin(session.io)
        names = yield from load_names()
        editor = Editor(session.netns.bridge_tables, owner, session.host.origins)
        restore = Restore(owner, session, names, editor, noflush=bool(given.keys() & {"n", "noflush"}))
        return restore.run(octets.decode(errors="surrogateescape"))

    return run


class RestoreEditor(Protocol):
    """What -restore asks of an editor besides single commands."""

    @property
    def table_names(self) -> Collection[str]:
        """Those that there are."""

    def table(self, name: str) -> Table:
        """One of them."""

    def built_in(self, table: Table) -> Collection[str]:
        """The names of a table's built-in chains."""

    def chain(self, table: Table, name: str) -> Chain:
        """A chain; a built-in one of nft comes into being by that."""

    def start_anew(self, table: Table) -> None:
        """No rules, no chains of the user's, and the policies of the beginning."""


class Restore:
    """One run."""

    program = "ebtables-restore"
    policies: Collection[str] = ("ACCEPT", "DROP", "RETURN")
    no_policy = ""  # what stands for the policy of a chain of the user's

    def __init__(
        self, owner: Owner, session: Session, names: Names, editor: RestoreEditor, *, noflush: bool
    ) -> None:
        self._owner = owner
        self._session = session
        self._names = names
        self._noflush = noflush
        self._editor = editor
        self._table: Table | None = None
        self._backup: Backup | None = None
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
        for self._line, line in enumerate(text.splitlines(), 1):
            self._session.host.origins.line = f"{place}+{self._line}" if place else ""
            try:
                self._take(line)
            except Refused as refused:
                err.write(refusal_text(refused, self.program, self._owner, self._line))
                return refused.code
            except KernelRefused as error:
                err.line(f"{self.program}: line {self._line} failed: {reason(error, self._letter)}.")
                return OTHER_PROBLEM
            except NotModelled as error:
                err.line(f"pystack: {self.program}: line {self._line}: {error}")
                return USAGE
        self._backup = None
        return 0

    def _take(self, line: str) -> None:
        if not line or line.startswith("#"):
            return
        if line.startswith("*"):
            self._begin(line[1:].split())
        elif self._table is None:
            return
        elif line == "COMMIT":
            self._table = self._backup = None
        elif line.startswith(":"):
            self._declare(self._table, line[1:].split())
        else:
            self._command(self._table, line)

    def _begin(self, words: list[str]) -> None:
        where = f"{self.program}: line {self._line} table name"
        if not words:
            raise Refused(f"{where} invalid")
        if words[0] not in self._editor.table_names:
            raise Refused(f"{where} '{words[0]}' invalid")
        self._table = self._editor.table(words[0])
        self._backup = Backup(self._table)
        if not self._noflush:
            self._editor.start_anew(self._table)

    def _declare(self, table: Table, words: list[str]) -> None:
        """`:INPUT ACCEPT`"""
        where = f"{self.program}: line {self._line}"
        if not words:
            raise Refused(f"{where} chain name invalid")
        if len(words) < 2:
            raise Refused(f"{where} policy invalid")
        name, policy = words[:2]
        is_built_in = name in self._editor.built_in(table)
        if policy not in self.policies and (is_built_in or policy != self.no_policy):
            why = f"Can't set policy `{policy}' on `{name}' line {self._line}: Invalid argument"
            raise Refused(why, OTHER_PROBLEM)
        if is_built_in:
            base = self._editor.chain(table, name)
            base.policy = VERDICTS[policy]
            table.changed(base)
            return
        chain = table.chains.get(name)
        if chain is None:
            chain = table.new_chain(name)
            table.add_chain(chain)
        table.flush(chain)
        if policy != self.no_policy:
            chain.policy = VERDICTS[policy]

    def _command(self, table: Table, line: str) -> None:
        words = split(_COUNTERS.sub("", line, count=1) if line.startswith("[") else line)
        for _ in self._obey(words, table):
            pass

    def _obey(self, words: list[str], table: Table) -> Iterator[str]:
        """Obey one line."""
        command = Parser(words, self._names, table=table.name).parse()
        self._letter = command.letter
        assert isinstance(self._editor, Editor), "the one that was made above"
        return perform(command, self._editor)
