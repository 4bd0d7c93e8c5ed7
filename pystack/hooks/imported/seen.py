"""What Linux's tools say of a namespace, as they said it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pystack.netfilter.conntrack.snapshot import Snapshot

Row = dict[str, Any]  # of JSON


@dataclass(slots=True)
class Seen:
    """One reading; a tool that is not there has said nothing and stands among the missing."""

    links: list[Row] = field(default_factory=list)  # ip -j -d link
    addresses: list[Row] = field(default_factory=list)  # ip -j -4 address
    other_addresses: list[Row] = field(default_factory=list)  # ip -j -6 address
    routes: str = ""  # ip -4 route show table all
    rules: str = ""  # ip -4 rule
    nexthops: list[Row] = field(default_factory=list)  # ip -j nexthop
    neighbours: list[Row] = field(default_factory=list)  # ip -j -4 neigh
    proxies: list[Row] = field(default_factory=list)  # ip -j -4 neigh show proxy
    fdb: list[Row] = field(default_factory=list)  # bridge -j fdb
    sysctls: dict[tuple[str, ...], str] = field(default_factory=dict)  # by the words of their path
    firewalls: dict[str, str] = field(default_factory=dict)  # by the name of the -save program, in order
    nft: str = ""  # nft list ruleset
    nft_plain: str = ""  # nft -n -s list ruleset
    nft_things: list[Row] = field(default_factory=list)  # nft -j list ruleset
    ipsets: str = ""  # ipset save
    sockets: str = ""  # ss -Htulnp
    connections: list[Snapshot] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)  # tools
