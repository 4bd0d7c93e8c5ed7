"""The applets ebtables-save and ebtables-nft-save."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pystack.applets.ebtables.editor import Editor
from pystack.applets.ebtables.listing import chains_in_order, policy_name, rule_text
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import OTHER_PROBLEM
from pystack.applets.iptables.save import ctime
from pystack.applets.iptables.save_options import SaveOptions
from pystack.applets.requests import Steps
from pystack.applets.session import Applet, Session
from pystack.netfilter.rule import Chain
from pystack.netfilter.table import Table

_LONG: Final = {"counters": 0, "table": 1, "version": 0, "modprobe": 1}
_ORDER: Final = ("filter", "nat")


def applet(owner: Owner, program: str) -> Applet:
    """The command for one owner's tables, under one of its names."""
    options = SaveOptions(program, owner.variant, "ct:M:V", _LONG)

    def run(args: Sequence[str], session: Session) -> Steps:
        yield from ()
        out, err = session.io.out, session.io.err
        given = options.read(args, session)
        if isinstance(given, int):
            return given
        editor = Editor(session.netns.bridge_tables, owner, session.host.origins)
        only = given.get("t", given.get("table", ""))
        if only and only not in editor.table_names:
            err.line(f"Table `{only}' does not exist")
            return OTHER_PROBLEM
        now = ctime(session.netns.clock.wall + session.io.utc_offset)
        existing = editor.tables.names(owner.tables)
        for name in [only] if only else [name for name in _ORDER if name in existing]:
            counters = bool(given.keys() & {"c", "counters"})
            out.write(options.framed(_lines(editor, editor.table(name), counters=counters), now))
        return 0

    return run


def _lines(editor: Editor, table: Table, *, counters: bool) -> Iterator[str]:
    """Chains first, because rules jump to them."""
    yield f"*{table.name}"
    chains = chains_in_order(table, editor.built_in(table))
    for chain in chains:
        yield f":{chain.name} {policy_name(chain)}"
    for chain in chains:
        yield from _rules(chain, counters=counters)


def _rules(chain: Chain, *, counters: bool) -> Iterator[str]:
    for rule in chain.rules:
        head = f"[{rule.packets}:{rule.octets}] " if counters else ""
        yield f"{head}-A {chain.name} {rule_text(rule)}"
