"""What the rules of netfilter said to a packet: every one that matched, and the policy where none decided."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from pystack.applets.ebtables.listing import rule_text
from pystack.applets.iptables.listing import rule_line
from pystack.explain.nft_listener import NftListener
from pystack.explain.scene import ConfigOf
from pystack.explain.stage import Reason, Step, Told, Traveller
from pystack.explain.teller import Heard, Teller
from pystack.netfilter.family_tables import BROUTE
from pystack.netfilter.hooks import (
    NFPROTO_ARP,
    NFPROTO_BRIDGE,
    NFPROTO_INET,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    NFPROTO_NETDEV,
)
from pystack.netfilter.nft.kin import CompatRule, is_filled_by_kin
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import Chain, Rule
from pystack.netfilter.table import LEGACY, NFT, Table
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from pystack.netns import Netns

_HOOK: Final = "net/netfilter/core.c nf_hook_slow()"
_PROGRAMS: Final = {
    NFPROTO_IPV4: "iptables",
    NFPROTO_IPV6: "ip6tables",
    NFPROTO_BRIDGE: "ebtables",
    NFPROTO_ARP: "arptables",
}
_WALKS: Final = {
    NFPROTO_IPV4: "net/ipv4/netfilter/ip_tables.c ipt_do_table()",
    NFPROTO_IPV6: "net/ipv6/netfilter/ip6_tables.c ip6t_do_table()",
    NFPROTO_BRIDGE: "net/bridge/netfilter/ebtables.c ebt_do_table()",
    NFPROTO_ARP: "net/ipv4/netfilter/arp_tables.c arpt_do_table()",
    NFPROTO_INET: "net/netfilter/nf_tables_core.c nft_do_chain()",
    NFPROTO_NETDEV: "net/netfilter/nf_tables_core.c nft_do_chain()",
}
_NOT_BRIDGED: Final = "DROP, which means here: not for the bridge"
_BROUTED: Final = "net/bridge/netfilter/ebtable_broute.c ebt_broute()"


class RuleListener:
    """Hears one table of iptables' kin. A walk.Listener."""

    def __init__(self, table: Table, netns: Netns, config_of: ConfigOf) -> None:
        self._table = table
        named = table.standing
        self._beside = NftListener(named, netns, config_of) if isinstance(named, NftTable) else None
        self._teller = Teller(config_of, _NOT_BRIDGED if _broutes(table) else "")

    def rule(self, chain: Chain, number: int, rule: Rule, verdict: int, view: View) -> None:
        """One that matched."""
        heard = Heard(self._table.family, self.name(chain), chain, view)
        self._teller.rule(heard, number, rule, self.words(chain, rule), verdict)

    def policy(self, chain: Chain, view: View) -> None:
        """None decided."""
        self._teller.policy(Heard(self._table.family, self.name(chain), chain, view))

    def words(self, chain: Chain, rule: Rule) -> str:
        """A rule of it as its program lists it; one that nft's users put there, as nft does."""
        if self._beside is not None and not isinstance(rule, CompatRule):
            return self._beside.words(chain, rule)
        if self._table.family == NFPROTO_BRIDGE:
            return rule_text(rule).strip()
        return rule_line(chain, rule).removeprefix(f"-A {chain.name}").strip()

    def name(self, chain: Chain) -> str:
        """A chain of it."""
        owner = f"{_PROGRAMS[self._table.family]}-legacy " if self._table.owner == LEGACY else ""
        return f"{owner}{self._table.name}:{chain.name}"


def _broutes(table: Table) -> bool:
    return table.family == NFPROTO_BRIDGE and table.name == BROUTE


def listeners(
    netns: Netns, config_of: ConfigOf
) -> Iterator[tuple[Table | NftTable, RuleListener | NftListener]]:
    """Of every table, in the words of those who filled it."""
    for tables in (netns.tables, netns.tables6, netns.bridge_tables, netns.arp_tables):
        for owner in (LEGACY, NFT):
            for name in tables.names(owner):
                table = tables.get(owner, name)
                if table is not None and table.is_own:
                    yield table, RuleListener(table, netns, config_of)
    for named in netns.nft.tables.values():
        if not is_filled_by_kin(named):
            yield named, NftListener(named, netns, config_of)


def listen(netns: Netns, config_of: ConfigOf) -> Callable[[], None]:
    """Hear all tables of a namespace; what stops it."""
    heard = list(listeners(netns, config_of))
    for table, listener in heard:
        table.listener = listener

    def stop() -> None:
        for table, _ in heard:
            table.listener = None

    return stop


def accepted(traveller: Traveller, family: int, functions: list[str]) -> Told:
    """The packet left the hook on the other side; what was said there is taken from it."""
    steps = _taken(traveller, family)
    if not functions:
        return Told("accepted: nothing is registered here", _HOOK)
    if not steps:
        return Told(f"accepted by {', '.join(functions)}", _HOOK)
    decided = [step.config for step in steps if step.verdict >= 0 and step.config]
    return Told("accepted", _WALKS[family], tuple(_reasons(steps)), decided[-1] if decided else "")


def at_card(traveller: Traveller, outcome: str) -> Told | None:
    """The packet left a card's hook, on its way or on another one; None if no rule had a word in it."""
    steps = _taken(traveller, NFPROTO_NETDEV)
    return Told(outcome, _WALKS[NFPROTO_NETDEV], tuple(_reasons(steps))) if steps else None


def so_far(traveller: Traveller) -> Told | None:
    """What the bridge's rules said before br_netfilter shows the packet to IP; None if they said nothing."""
    steps = _taken(traveller, NFPROTO_BRIDGE)
    if not steps:
        return None
    return Told("accepted, and shown to IP", _WALKS[NFPROTO_BRIDGE], tuple(_reasons(steps)))


def refused(traveller: Traveller) -> Told | None:
    """The packet went no further; None if no rule had anything to do with that."""
    if not traveller.steps:
        return None
    last = traveller.steps[-1]
    steps = _taken(traveller, last.family)
    walk = _WALKS[last.family]
    if last.verdict == NF_ACCEPT:  # it was changed, and there is no way for what it is now
        text = "accepted, but as it is now no way leads there"
        return Told(text, "net/ipv4/netfilter.c ip_route_me_harder()", tuple(_reasons(steps)))
    return Told(last.text, walk, tuple(_reasons(steps[:-1])), last.config)


def brouted(traveller: Traveller) -> Told | None:
    """The bridge had the packet, and gave it away before it was bridged; None if that is not so."""
    steps = _taken(traveller, NFPROTO_BRIDGE)
    if not steps or steps[-1].verdict != NF_DROP:
        return None
    last = steps[-1]
    return Told(last.text, _BROUTED, tuple(_reasons(steps[:-1])), last.config)


def _taken(traveller: Traveller, family: int) -> list[Step]:
    """What rules of a family said; IP's hooks are asked in between while the bridge's go on."""
    taken = [step for step in traveller.steps if step.family == family]
    traveller.steps = [step for step in traveller.steps if step.family != family]
    return taken


def _reasons(steps: Iterable[Step]) -> Iterator[Reason]:
    return (Reason(step.text, step.config) for step in steps)
