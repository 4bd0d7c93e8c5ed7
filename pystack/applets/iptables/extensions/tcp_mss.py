"""`-m tcpmss` and `-j TCPMSS`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site, TargetExtension
from pystack.applets.iptables.extensions.ports import range_of, syn_is_asked
from pystack.applets.iptables.option import U16, Option, Values, Where, show_range, uint, uint_range
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.matches.tcp_mss import TcpMss
from pystack.netfilter.rule import Match, Target
from pystack.netfilter.targets.tcp_mss import TcpMssTarget
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_TCP


def _sizes(text: str, where: Where) -> tuple[int, int]:
    low, high = uint_range(U16)(text, where)
    if low > high:
        raise Refused("tcpmss: invalid range given")
    return low, high


class TcpMssMatch(MatchExtension):
    """Linux: libxt_tcpmss.c"""

    name = "tcpmss"
    protocols = (IPPROTO_TCP,)
    options = (Option("mss", _sizes, show_range, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`tcpmss match 5:7`"""
        given = values["mss"]
        return f"tcpmss match {'!' if given.inverted else ''}{show_range(given.value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (TcpMss(range_of(values["mss"])),)


class TcpMssExtension(TargetExtension):
    """Linux: libxt_TCPMSS.c"""

    name = "TCPMSS"
    protocols = (IPPROTO_TCP,)
    options = (Option("set-mss", uint(U16 - HEADER_LENGTH)), Option("clamp-mss-to-pmtu"))

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("TCPMSS target: At least one parameter is required")

    def kernel_error(self, values: Values, site: Site) -> int:
        """Only where their way is known, and in legacy tables only of packets that begin a connection.

        Linux: net/netfilter/xt_TCPMSS.c tcpmss_tg4_check()
        """
        if "clamp-mss-to-pmtu" in values and site.chain in ("PREROUTING", "INPUT"):
            return EINVAL
        if not site.nft and not any(syn_is_asked(given) for given in site.rule.given("tcp")):
            return EINVAL
        return super().kernel_error(values, site)

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """What was said last."""
        last = list(values)[-1]
        return {last: values[last]}

    def save(self, values: Values) -> str:
        """`--set-mss 500`"""
        if "clamp-mss-to-pmtu" in values:
            return "--clamp-mss-to-pmtu"
        return f"--set-mss {values['set-mss'].value}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`TCPMSS set 500`"""
        if "clamp-mss-to-pmtu" in values:
            return "TCPMSS clamp to PMTU"
        return f"TCPMSS set {values['set-mss'].value}"

    def compile(self, values: Values, site: Site) -> Target:
        """To a number, or to what fits."""
        return TcpMssTarget(site.path, None if "clamp-mss-to-pmtu" in values else values["set-mss"].value)


EXTENSIONS: Final = (TcpMssMatch(), TcpMssExtension())
