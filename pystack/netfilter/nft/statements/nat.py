"""`snat to`, `dnat to`, `masquerade`, `redirect`: which address and port a connection's packets shall have.

Linux: net/netfilter/nft_nat.c, nft_masq.c, nft_redir.c
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.nat.ranges import NatRange
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View

_LENGTHS: Final = {NFPROTO_IPV4: 4, NFPROTO_IPV6: 16}  # octets of an address
_PORT: Final = 2
_PORT_IN_KEY: Final = 4  # a part of a concatenation is made of whole words


class Translation(Target):
    """Expressions say where to, perhaps for each connection something else: an address, or two between which
    it is chosen; ports likewise.
    """

    __slots__ = ("address", "makers", "persistent", "port", "random", "with_port")

    uses_connections = True

    def __init__(
        self,
        makers: Mapping[int, Callable[[NatRange], Target]],
        address: Expression | None,
        port: Expression | None,
        *,
        with_port: bool = False,
        random: bool = False,
        persistent: bool = False,
    ) -> None:
        """`makers`: who translates packets of a family, by NFPROTO_*; `with_port`: an address comes with a
        port behind it
        """
        self.makers = makers
        self.address = address
        self.port = port
        self.with_port = with_port
        self.random = random
        self.persistent = persistent

    def apply(self, view: View) -> int:
        """A map that has nothing for a connection leaves it to the next rule. Linux: nft_nat_eval()"""
        maker = self.makers.get(view.family)
        wanted = None if maker is None else self._wanted(view)
        return CONTINUE if maker is None or wanted is None else maker(wanted).apply(view)

    def _wanted(self, view: View) -> NatRange | None:
        """Linux: nft_nat_setup_addr(), nft_nat_setup_proto()"""
        address = b"" if self.address is None else self.address(view)
        port = b"" if self.port is None else self.port(view)
        if address is None or port is None:
            return None
        length = _LENGTHS[view.family]
        if self.with_port:
            unit = length + _PORT_IN_KEY
            low, high = address[:unit], address[-unit:]
            address, port = low[:length] + high[:length], low[length:][:_PORT] + high[length:][:_PORT]
        return NatRange(
            _ends(address, length), _ends(port, _PORT), random=self.random, persistent=self.persistent
        )


def _ends(found: bytes, length: int) -> tuple[int, int] | None:
    """The lower and the upper end, which are the same if only one is there."""
    if not found:
        return None
    return int.from_bytes(found[:length], "big"), int.from_bytes(found[-length:], "big")
