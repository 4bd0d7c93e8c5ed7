"""The options of ebtables itself. Linux: iptables/xtables-eb.c ebt_original_options"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.applets.iptables.refused import Refused
from pystack.applets.iptables.words import OPTIONAL, Words

# With how many arguments; an option that has no letter is known by its name.
_SHORT: Final = {
    **dict.fromkeys("ACDEIMNPcdijopst", 1),
    **dict.fromkeys("FLXZ", OPTIONAL),
    **dict.fromkeys("Vhv", 0),
    **dict.fromkeys(("logical-in", "logical-out", "check", "db"), 1),
}
_LONG: Final = {
    "append": "A",
    "insert": "I",
    "delete": "D",
    "list": "L",
    "Lc": "Lc",
    "Ln": "Ln",
    "Lx": "Lx",
    "Lmac2": "Lmac2",
    "zero": "Z",
    "flush": "F",
    "policy": "P",
    "in-interface": "i",
    "in-if": "i",
    "logical-in": "logical-in",
    "logical-out": "logical-out",
    "out-interface": "o",
    "out-if": "o",
    "version": "V",
    "verbose": "v",
    "help": "h",
    "jump": "j",
    "set-counters": "c",
    "change-counters": "C",
    "proto": "p",
    "protocol": "p",
    "db": "db",
    "source": "s",
    "src": "s",
    "destination": "d",
    "dst": "d",
    "table": "t",
    "modprobe": "M",
    "new-chain": "N",
    "rename-chain": "E",
    "delete-chain": "X",
    "init-table": "init-table",
    "concurrent": "concurrent",
    "check": "check",
}


class EbWords(Words):
    """One command line."""

    def __init__(self, args: Sequence[str], *, nft: bool) -> None:
        super().__init__(args, _SHORT, _LONG)
        self._nft = nft

    def unknown(self, text: str) -> Refused:
        """What is said of a word that belongs to nothing; nft's tool says it of the next one."""
        named = ("(null)" if self.following is None else self.following) if self._nft else text
        return Refused(f"Unknown argument: '{named}'")

    def _argument(self, text: str) -> str:
        word = self.skip()
        if word is None:
            raise self.unknown(text)
        return word
