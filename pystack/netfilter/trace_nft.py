"""TRACE and `meta nftrace set 1` in tables of nft: every rule that a packet matches, and every policy, is
told to who listens.

What is told first in a base chain comes with the packet, as it is then.

Linux: net/netfilter/nf_tables_trace.c
"""

from __future__ import annotations

from typing import Final

from pystack.events import Traced, TracedPacket
from pystack.netfilter.hooks import NFPROTO_BRIDGE, NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.needs import Tracing
from pystack.netfilter.rule import CONTINUE, RETURN, BaseChain, Chain, Jump, Rule, decided
from pystack.netfilter.verdict import NAMES
from pystack.netfilter.view import NO_PROTOCOL, View
from pystack.wire.vlan import tag_length

# How much of each header is told.
_LINK: Final = 20
_NETWORK: Final = 40
_TRANSPORT: Final = 20


class NftTrace:
    """Tells of one table. A walk.Tracer."""

    __slots__ = ("_family", "_path", "_table", "_told")

    def __init__(self, path: Tracing, family: int, table: str) -> None:
        self._path = path
        self._family = family
        self._table = table
        self._told: View | None = None  # whose packet was told already

    def rule(self, chain: Chain, number: int, rule: Rule, view: View) -> None:
        """Nothing yet: what it does to the packet is to be seen."""

    def obeyed(self, chain: Chain, rule: Rule, verdict: int, view: View) -> None:
        """A rule matched, and was obeyed."""
        target = decided(rule, view)
        if isinstance(target, Jump):
            what = f"{'goto' if target.goto else 'jump'} {target.chain.name}"
        elif verdict == RETURN:
            what = "return"
        else:
            what = "continue" if verdict == CONTINUE else NAMES[verdict].lower()
        self._tell(chain, rule, what, view)

    def end(self, chain: Chain, view: View) -> None:
        """No rule of the chain decided."""
        if isinstance(chain, BaseChain):
            self._tell(chain, None, NAMES[chain.policy].lower(), view)

    def _tell(self, chain: Chain, rule: Rule | None, what: str, view: View) -> None:
        pkt, packet = view.pkt, None
        if self._told is not view:
            packet = described(view, self._family)
            if packet is None:
                return
        self._told = view
        family, table, name = self._family, self._table, chain.name
        self._path.traced(Traced("", family, pkt.nf_trace, packet, table, name, rule, what, pkt.mark))


def described(view: View, table_family: int) -> TracedPacket | None:
    """None of a tagged frame that leaves: the kernel fails to tell of it.

    Linux: nf_trace_fill_dev_info(), nf_trace_fill_pkt_info(), nf_trace_fill_ll_header()
    """
    pkt, start = view.pkt, view.start
    has_transport = view.protocol != NO_PROTOCOL and view.transport > start
    network_end = view.transport if has_transport else len(pkt.data)
    indev, outdev = view.indev, view.outdev
    family = table_family
    if family == NFPROTO_INET:
        family = NFPROTO_IPV4 if pkt.ip is not None else NFPROTO_IPV6
    # What leaves has no link header yet, but for frames of a bridge.
    has_link = indev is not None or family == NFPROTO_BRIDGE
    if not has_link and tag_length(pkt.protocol):
        return None
    link = pkt.data[pkt.mac_header : start][:_LINK] if has_link else b""
    transport = pkt.data[view.transport :][:_TRANSPORT] if has_transport else b""
    return TracedPacket(
        family,
        0 if indev is None else indev.ifindex,
        0 if outdev is None else outdev.ifindex,
        0 if indev is None else indev.type,
        bytes(link),
        bytes(pkt.data[start:network_end][:_NETWORK]),
        bytes(transport),
    )
