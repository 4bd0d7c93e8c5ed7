"""`-j TRACE`: from there on every rule of a legacy table that a packet matches writes a line.

    TRACE: filter:INPUT:rule:2 IN=lo OUT= …

`rule` is `policy` at the end of a base chain, and `return` at that of another. Of nft tables the kernel tells
by another way, to those who run `nft monitor trace`.

Linux: net/ipv4/netfilter/ip_tables.c trace_packet()
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.log_text import ip_line
from pystack.netfilter.log_transport import LOG_IPOPT, LOG_TCPOPT, LOG_TCPSEQ, LOG_UID
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import BaseChain, Chain, Rule, Verdict
from pystack.netfilter.view import View

_FLAGS: Final = LOG_TCPSEQ | LOG_TCPOPT | LOG_IPOPT | LOG_UID


class LegacyTrace:
    """Writes the lines of one table."""

    __slots__ = ("_path", "_table")

    def __init__(self, path: Path, table: str) -> None:
        self._path = path
        self._table = table

    def rule(self, chain: Chain, number: int, rule: Rule, view: View) -> None:
        """A rule matched, and is about to be obeyed; one that decides about all packets ends its chain."""
        ends = isinstance(rule.target, Verdict) and not rule.tests
        self._write(chain, number, _end_of(chain) if ends else "rule", view)

    def obeyed(self, chain: Chain, rule: Rule, verdict: int, view: View) -> None:
        """Told already."""

    def end(self, chain: Chain, view: View) -> None:
        """No rule of the chain decided."""
        self._write(chain, len(chain.rules) + 1, _end_of(chain), view)

    def _write(self, chain: Chain, number: int, what: str, view: View) -> None:
        prefix = f"TRACE: {self._table}:{chain.name}:{what}:{number} "
        self._path.printk(ip_line(prefix, _FLAGS, view.pkt, view.indev, view.outdev))


def _end_of(chain: Chain) -> str:
    return "policy" if isinstance(chain, BaseChain) else "return"
