"""Extension headers of IPv6: `-m ah`."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.ports import range_of
from pystack.applets.iptables.family import IPV6
from pystack.applets.iptables.option import U32, Option, Values, show_range, uint, uint_range
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches.ipv6_headers import AuthHeader
from pystack.netfilter.matches.ports import Range
from pystack.netfilter.rule import Match

_ALL_SPIS: Final = (0, U32)


class Ah6(MatchExtension):
    """Linux: libip6t_ah.c"""

    families = (IPV6,)
    name = "ah"
    options = (
        Option("ahspi", uint_range(U32), show_range, invert=True),
        Option("ahlen", uint(U32), invert=True),
        Option("ahres"),
    )

    def save(self, values: Values) -> str:
        """All SPIs, and a length of nothing, are the same as none."""
        nothing = (("ahspi", _ALL_SPIS), ("ahlen", 0))
        return super().save(
            {name: given for name, given in values.items() if (name, given.value) not in nothing}
        )

    def listing(self, values: Values, names: Names | None) -> str:
        """`ah spis:1:5length:12 reserved`: the tool leaves no room before the length."""
        text = "ah "
        if "ahspi" in values and (values["ahspi"].value != _ALL_SPIS or values["ahspi"].inverted):
            low, high = values["ahspi"].value
            bang = "!" if values["ahspi"].inverted else ""
            text += f"spi:{bang}{low}" if low == high else f"spis:{bang}{low}:{high}"
        if "ahlen" in values and (values["ahlen"].value or values["ahlen"].inverted):
            text += f"length:{'!' if values['ahlen'].inverted else ''}{values['ahlen'].value}"
        return f"{text} reserved" if "ahres" in values else text

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        length = None
        if "ahlen" in values and values["ahlen"].value:
            octets = values["ahlen"].value
            length = Range(octets, octets, values["ahlen"].inverted)
        spis = range_of(values["ahspi"]) if "ahspi" in values else Range(*_ALL_SPIS)
        return (AuthHeader(spis, length, "ahres" in values),)


EXTENSIONS: Final = (Ah6(),)
