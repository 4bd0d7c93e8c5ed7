"""The SPIs of `-m esp` and `-m ah`."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.ports import range_of
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.option import (
    U32,
    Option,
    Values,
    show_range,
    uint_range,
)
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches.ports import (
    Range,
    Spi,
)
from pystack.netfilter.rule import Match


class _Spis(MatchExtension):
    """What esp and ah share."""

    offset: int
    length: int

    def save(self, values: Values) -> str:
        """All SPIs are the same as none."""
        return super().save({name: given for name, given in values.items() if given.value != (0, U32)})

    def listing(self, values: Values, names: Names | None) -> str:
        """`esp spis:!1:5`"""
        for given in values.values():
            if given.value != (0, U32) or given.inverted:
                low, high = given.value
                plural = "s" if low != high else ""
                return f"{self.name} spi{plural}:{'!' if given.inverted else ''}{show_range(given.value)}"
        return f"{self.name} " if self.name == "ah" else self.name

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """All of them if none was given."""
        spis = range_of(values[f"{self.name}spi"]) if values else Range(0, U32)
        return (Spi(spis, self.offset, self.length),)


class Esp(_Spis):
    """Linux: libxt_esp.c"""

    name = "esp"
    protocols = (50,)
    options = (Option("espspi", uint_range(U32), show_range, invert=True),)
    offset, length = 0, 8


class Ah(_Spis):
    """Linux: libipt_ah.c"""

    families = (IPV4,)
    name = "ah"
    protocols = (51,)
    options = (Option("ahspi", uint_range(U32), show_range, invert=True),)
    offset, length = 4, 12


EXTENSIONS: Final = (Esp(), Ah())
