"""A packet of our own that rules have changed may have another way now."""

from __future__ import annotations

from collections.abc import Callable

from pystack.netfilter.hooks import HookState
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import Packet

Judge = Callable[[Packet, HookState], int]


def rerouting(judge: Judge, reroute: Callable[[Packet], bool]) -> Judge:
    """Ask for the way again if anything has changed on which it depends.

    Linux: net/ipv4/netfilter/iptable_mangle.c ipt_mangle_out(), net/netfilter/nft_chain_route.c
    nf_route_table_hook4()
    """

    def judge_and_route(pkt: Packet, state: HookState) -> int:
        before = _way_of(pkt)
        verdict = judge(pkt, state)
        if verdict == NF_ACCEPT and _way_of(pkt) != before and not reroute(pkt):
            return NF_DROP
        return verdict

    return judge_and_route


def _way_of(pkt: Packet) -> tuple[int, ...]:
    """All that its way depends on."""
    header = pkt.ip
    assert header is not None, "no IPv4 packet comes to an ip hook unparsed"
    return header.saddr, header.daddr, header.tos, pkt.mark
