"""Rules of ours in a live namespace: put there, watched, taken back."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from pystack.drivers.kernel_netns import HeldNetns, in_netns
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.changes import NETLINK_ADD_MEMBERSHIP, SOL_NETLINK
from pystack.hooks.nfnetlink import open_socket
from pystack.hooks.shim.counters import queues_of
from pystack.hooks.shim.placement import (
    NFT,
    NFT_RULES,
    TAG,
    Place,
    StandingRule,
    is_lawful,
    standing_rules,
)
from pystack.hooks.tools import ToolFailed, ToolMissing, output

_LEGACY_TABLES: Final = Path("/proc/thread-self/net/ip_tables_names")
_NFNLGRP_NFTABLES: Final = 7
_SIZE: Final = 1 << 16
_HANDED: Final = re.compile(rf"^\[(\d+):.*--comment \"?{TAG}.*--queue-num (\d+)", re.MULTILINE)
_NO_RIGHT: Final = "Permission denied"
_QUEUE: Final = re.compile(r"--queue-num (\d+)")


class ShimsUnavailable(Exception):
    """The kernel, the rights or somebody else stand in the way; the text says who."""


class StandingRules:
    """Those of one comparison, watched by its keeper."""

    def __init__(self, netns: str, places: Sequence[Place]) -> None:
        self._held = HeldNetns(netns)
        self._netns = self._held.path
        self._places = places
        self._news = in_netns(netns, _hear_changes)

    def fileno(self) -> int:
        """Readable when some rule of the namespace has changed."""
        return self._news.fileno()

    @property
    def descriptors(self) -> list[int]:
        """All that it needs, also in another process."""
        return [self._news.fileno(), *self._held.descriptors]

    def check(self) -> None:
        """Take back those that may not stand where they do any more."""
        self._forget_news()
        saved = saved_rules(self._netns)
        standing = standing_rules(saved)
        for one in self._places:
            if is_lawful(one, saved):
                continue
            for program, table, rule in standing:
                if (program, table, rule.split()[1]) == (one.program, one.table, one.chain):
                    _try(self._netns, _removal(program, table, rule))  # somebody else may take it back, too

    def take_back(self) -> None:
        """Take back all of them. Raises ShimsUnavailable."""
        ours = {one.number for one in self._places}
        standing = standing_rules(saved_rules(self._netns))
        _remove_all(self._netns, [rule for rule in standing if queue_of(rule) in ours])

    def take_back_chains(self) -> None:
        """And the chains and tables that came into being with them. No packet may wait in a queue then: the
        kernel drops those when a hook goes, wherever they wait.

        Linux: net/netfilter/nfnetlink_queue.c nfqnl_nf_hook_drop()
        """
        for one in self._places:
            if one.program == NFT and one.makes[1]:
                _try(self._netns, ["nft", "delete", "chain", "ip", one.table, one.chain])
        for table in {one.table for one in self._places if one.program == NFT and one.makes[0]}:
            if "chain " not in _try(self._netns, ["nft", "list", "table", "ip", table]):
                _try(self._netns, ["nft", "delete", "table", "ip", table])

    def packets(self) -> Mapping[int, int]:
        """How many have met the rules of each queue; nothing where nobody tells."""
        counted: Counter[int] = Counter()
        for program, table in {(one.program, one.table) for one in self._places}:
            for row in _HANDED.finditer(_try(self._netns, [f"{program}-save", "-c", "-t", table])):
                counted[int(row[2])] += int(row[1])
        return counted

    def close(self) -> None:
        """Hear of no more changes."""
        self._news.close()
        self._held.close()

    def _forget_news(self) -> None:
        while True:
            try:
                self._news.recv(_SIZE)
            except BlockingIOError:
                return
            except OSError:  # more happened than the socket holds: that is news enough
                continue


def install(netns: str, one: Place) -> None:
    """At the end of its chain. Raises ShimsUnavailable."""
    for rule in one.rules:
        _run(netns, [one.program, "-t", one.table, "-A", one.chain, *rule])


def is_orphaned(netns: str) -> bool:
    """Whether rules of ours are there whose queue has no listener. Raises ShimsUnavailable."""
    return bool(_orphans(netns))


def take_back_orphans(netns: str) -> int:
    """Remove those that nobody answers for; how many there were. Raises ShimsUnavailable."""
    return _remove_all(netns, _orphans(netns))


def _orphans(netns: str) -> list[StandingRule]:
    standing = standing_rules(saved_rules(netns))
    listened = queues_of(netns) if standing else {}
    return [rule for rule in standing if queue_of(rule) not in listened]


def queue_of(rule: StandingRule) -> int:
    """Where it sends packets; -1 for one that sends them nowhere."""
    queue = _QUEUE.search(rule[2])
    return int(queue[1]) if queue is not None else -1


def _remove_all(netns: str, rules: list[StandingRule]) -> int:
    for rule in rules:
        try:
            _run(netns, _removal(*rule))
        except ShimsUnavailable:
            if rule in standing_rules(saved_rules(netns)):
                raise
            continue  # another process of ours has taken it back meanwhile
    return len(rules)


def _removal(program: str, table: str, rule: str) -> list[str]:
    return [program, "-t", table, *rule.replace("-A ", "-D ", 1).replace('"', "").split()]


def saved_rules(netns: str) -> dict[str, str]:
    """What both iptables have now; legacy tables that are not there are not asked for: asking makes them."""

    def ask() -> dict[str, str]:
        try:
            tables = _LEGACY_TABLES.read_text().split()
        except OSError:
            tables = []
        saved = {"iptables-nft-save": _output("iptables-nft-save"), NFT_RULES: _output(*NFT_RULES.split())}
        for name in tables:
            saved[f"iptables-legacy-save {name}"] = _output("iptables-legacy-save", "-t", name)
        return saved

    return in_netns(netns, ask)


def _hear_changes() -> socket.socket:
    sock = open_socket()
    sock.bind((0, 0))
    sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, _NFNLGRP_NFTABLES)
    sock.setblocking(False)
    return sock


def _run(netns: str, argv: list[str]) -> None:
    in_netns(netns, lambda: _output(*argv))


def _try(netns: str, argv: list[str]) -> str:
    """What it prints; nothing if it fails: somebody else uses what we made, so it stays."""
    try:
        return in_netns(netns, lambda: _output(*argv))
    except (ShimsUnavailable, PortUnavailable):
        return ""


def _output(*argv: str) -> str:
    try:
        return output(*argv)
    except ToolMissing:
        return ""  # then it keeps no rules either
    except ToolFailed as error:
        if _NO_RIGHT in str(error):
            raise ShimsUnavailable(f"no right to use {argv[0]} there (it takes CAP_NET_ADMIN)") from None
        raise ShimsUnavailable(str(error)) from None
