"""Hears what rules of nftables' own tables say to a packet."""

from __future__ import annotations

from pystack.applets.nft.listing import listed_rule
from pystack.applets.nft.printer.chains import listed_rule_text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.style import Style
from pystack.applets.nft.surroundings import Surroundings
from pystack.explain.scene import ConfigOf
from pystack.explain.teller import Heard, Teller
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import Chain, Rule
from pystack.netfilter.view import View
from pystack.netns import Netns


class NftListener:
    """One table. A walk.Listener."""

    def __init__(self, table: NftTable, netns: Netns, config_of: ConfigOf) -> None:
        self._table = table
        self._teller = Teller(config_of)
        around = Surroundings(devices={dev.name: dev.ifindex for dev in netns.devices})
        self._page = Page(Style(stateless=True), around, table.family)

    def rule(self, chain: Chain, number: int, rule: Rule, verdict: int, view: View) -> None:
        """One that matched."""
        self._teller.rule(self._heard(chain, view), number, rule, self.words(chain, rule), verdict)

    def policy(self, chain: Chain, view: View) -> None:
        """None decided."""
        self._teller.policy(self._heard(chain, view))

    def words(self, _chain: Chain, rule: Rule) -> str:
        """A rule of it as nft lists it."""
        return listed_rule_text(listed_rule(rule), self._page)

    def name(self, chain: Chain) -> str:
        """A chain of it."""
        return f"{self._table.family} {self._table.name}:{chain.name}"

    def _heard(self, chain: Chain, view: View) -> Heard:
        return Heard(view.family, self.name(chain), chain, view)
