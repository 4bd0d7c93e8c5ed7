"""snat, dnat, masquerade, redirect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.nft.compile.expression import compile_expression
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.values import bounds_of
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.tree.statements import Nat
from pystack.errors import NotModelled
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nat.ranges import NatRange
from pystack.netfilter.nft.expression import Constant, Expression
from pystack.netfilter.nft.statements.nat import Translation
from pystack.netfilter.rule import Target
from pystack.netfilter.targets.nat import Dnat, Masquerade, Netmap, Redirect, Snat

_FAMILIES: Final = {"ip": (NFPROTO_IPV4,), "ip6": (NFPROTO_IPV6,)}
_BOTH: Final = (NFPROTO_IPV4, NFPROTO_IPV6)

Maker = Callable[[NatRange], Target]


def compile_nat(nat: Nat, site: Site) -> Target:
    """Raises NotModelled for transparent proxies."""
    if nat.kind == "tproxy":
        raise NotModelled("tproxy", ("snat", "dnat", "masquerade", "redirect"))
    families = _FAMILIES.get(nat.family or site.family, _BOTH)
    return Translation(
        {family: _maker(nat, family, site) for family in families},
        _ends(nat.address, site),
        _ends(nat.port, site),
        with_port=nat.with_port,
        random="random" in nat.flags or "fully-random" in nat.flags,
        persistent="persistent" in nat.flags,
    )


def _maker(nat: Nat, family: int, site: Site) -> Maker:
    """Who translates packets of a family."""
    of_family, path = site.ground.nats[family], site.ground.paths[family]
    if nat.prefix:
        return lambda wanted: Netmap(of_family, *_network(wanted))
    makers: Mapping[str, Maker] = {
        "snat": lambda wanted: Snat(of_family, wanted),
        "dnat": lambda wanted: Dnat(of_family, wanted),
        "masquerade": lambda wanted: Masquerade(of_family, wanted, path),
        "redirect": lambda wanted: Redirect(of_family, wanted, path),
    }
    return makers[nat.kind]


def _network(wanted: NatRange) -> tuple[int, int]:
    """The first address, and which bits all have. Linux: nft_nat_setup_netmap()"""
    assert wanted.addresses is not None, "evaluation asks for a network"
    low, high = wanted.addresses
    return low, ~(low ^ high)


def _ends(expression: tree.Expression | None, site: Site) -> Expression | None:
    """Both ends of a range, one behind the other; of a map whatever it has."""
    if expression is None:
        return None
    if isinstance(expression, tree.Value | tree.Range | tree.Prefix):
        low, high = bounds_of(expression)
        return Constant(low + high)
    return compile_expression(expression, site)
