"""The applets arptables-save and arptables-restore, in both kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pystack.applets.arptables.command import ArpEditor, perform
from pystack.applets.arptables.parser import ArpParser
from pystack.applets.ebtables.restore import Restore
from pystack.applets.iptables.listing import chains_in_order, rule_line
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.save import ctime
from pystack.applets.iptables.save_options import SaveOptions
from pystack.applets.requests import Steps, read_stdin
from pystack.applets.session import Applet, Session
from pystack.applets.tcpdump.names import Names, load_names
from pystack.netfilter.rule import BaseChain
from pystack.netfilter.table import Table
from pystack.netfilter.verdict import NAMES

_LONG: Final = {"counters": 0, "version": 0, "modprobe": 1}


def save_applet(owner: Owner, program: str) -> Applet:
    """The command for one owner's tables, under one of its names."""
    options = SaveOptions(program, owner.variant, "cM:V", _LONG)

    def run(args: Sequence[str], session: Session) -> Steps:
        yield from ()
        out = session.io.out
        given = options.read(args, session)
        if isinstance(given, int):
            return given
        editor = ArpEditor(session.netns.arp_tables, owner, session)
        now = ctime(session.netns.clock.wall + session.io.utc_offset)
        for name in editor.tables.names(owner.tables):
            counters = bool(given.keys() & {"c", "counters"})
            out.write(options.framed(_lines(editor, editor.table(name), counters=counters), now))
        return 0

    return run


def _lines(editor: ArpEditor, table: Table, *, counters: bool) -> Iterator[str]:
    """Chains first, because rules jump to them."""
    yield f"*{table.name}"
    chains = chains_in_order(table, editor.built_in(table))
    for chain in chains:
        yield f":{chain.name} {NAMES[chain.policy] if isinstance(chain, BaseChain) else '-'}"
    for chain in chains:
        for rule in chain.rules:
            yield (f"[{rule.packets}:{rule.octets}] " if counters else "") + rule_line(chain, rule)


def restore_applet(owner: Owner) -> Applet:
    """The command for one owner's tables; it has no options."""

    def run(args: Sequence[str], session: Session) -> Steps:
        octets = yield from read_stdin(session.io)
        names = yield from load_names()
        return ArpRestore(owner, session, names).run(octets.decode(errors="surrogateescape"))

    return run


class ArpRestore(Restore):
    """One run."""

    program = "arptables-restore"
    policies = ("ACCEPT", "DROP")
    no_policy = "-"

    def __init__(self, owner: Owner, session: Session, names: Names) -> None:
        self._arp_editor = ArpEditor(session.netns.arp_tables, owner, session)
        super().__init__(owner, session, names, self._arp_editor, noflush=False)

    def _obey(self, words: list[str], table: Table) -> Iterator[str]:
        command = ArpParser(words, self._names, self._owner, table.name).parse()
        self._letter = command.letter
        return perform(command, self._arp_editor, self._names)
