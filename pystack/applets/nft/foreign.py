"""The tables that iptables-nft and its kin have made: nft sees them beside its own."""

from __future__ import annotations

from collections.abc import Iterator

from pystack.applets.iptables.backup import Backup
from pystack.applets.nft.tree.commands import Command
from pystack.errors import NotModelled
from pystack.netfilter.nft.journal import Journal
from pystack.netfilter.nft.table import ARP, BRIDGE, IP, IP6
from pystack.netfilter.table import NFT, Table
from pystack.netns import Netns

_TOOLS = {IP: "iptables", IP6: "ip6tables", ARP: "arptables", BRIDGE: "ebtables"}
_CHANGING = ("add", "create", "insert", "replace", "delete", "rename")


def foreign_tables(netns: Netns) -> Iterator[tuple[str, Table]]:
    """With the family as nft writes it."""
    owners = (
        (IP, netns.tables),
        (IP6, netns.tables6),
        (ARP, netns.arp_tables),
        (BRIDGE, netns.bridge_tables),
    )
    for family, tables in owners:
        for name in tables.names(NFT):
            table = tables.get(NFT, name)
            if table is not None:
                yield family, table


class ForeignTables:
    """Those in a namespace, for one batch."""

    def __init__(self, netns: Netns) -> None:
        self._there = [(family, table.name) for family, table in foreign_tables(netns)]
        self.unshown: NotModelled | None = None  # what a listing of everything leaves out

    def check(self, command: Command) -> None:
        """Raise NotModelled for what would show or change one of them; of everything the rest is shown."""
        handle, operation = command.handle, command.operation
        if (operation, command.object) == ("flush", "ruleset"):
            self._there = [known for known in self._there if handle.family not in ("", known[0])]
        shows = operation == "list" and command.object != "tables"
        for family, name in self._there:
            is_meant = (handle.family, handle.table) == (family, name)
            if not handle.table:
                is_meant = shows and handle.family in ("", family)
            if is_meant and (shows or operation in _CHANGING):
                tool = _TOOLS[family]
                what = f"nft {operation} {command.object} where {tool} has a table {family} {name}"
                refusal = NotModelled(what, (f"{tool}-save", f"{tool} -t {name}", "nft list tables"))
                if command.object != "ruleset":
                    raise refusal
                self.unshown = self.unshown or refusal


def flush_foreign(netns: Netns, family: str, journal: Journal) -> None:
    """All rules and chains of theirs go, as if nobody had used them."""
    for of, table in list(foreign_tables(netns)):
        if family in ("", of):
            backup = Backup(table)
            journal.undone_by(backup.give_back)
            table.clear()
