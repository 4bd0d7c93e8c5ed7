"""From the words of a command line of arptables to what is asked.

Linux: iptables/nft-arp.c nft_arp_post_parse()
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pystack.applets.arptables.header import Address, ArpHeader, Numbered, tests, words
from pystack.applets.arptables.targets import TARGETS
from pystack.applets.ebtables.frame_words import ARP_OPERATIONS, mac_and_mask, strtol
from pystack.applets.iptables.extension import Site, TargetExtension
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.option import U16, Values
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.parser import Parser
from pystack.applets.iptables.refused import Refused
from pystack.applets.iptables.registry import find_target
from pystack.applets.iptables.spec import RuleSpec
from pystack.applets.iptables.words import OPTIONAL, SHARED_LONG, Word, Words
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.netfilter.rule import Chain, Jump, Match, Rule, Target
from pystack.wire.arp import ARPHRD_ETHER
from pystack.wire.ethernet import ETH_ALEN, ETH_P_IP

_SHORT: Final = {
    **dict.fromkeys("ACDRINEPMopsdjitcl", 1),
    **dict.fromkeys("LSFZXh", OPTIONAL),
    **dict.fromkeys("Vnvx", 0),
    **dict.fromkeys(("src-mac", "dst-mac", "p-length", "opcode", "h-type", "proto-type"), 1),
}
_LONG: Final = {
    **SHARED_LONG,
    "source-ip": "s",
    "destination-ip": "d",
    "src-ip": "s",
    "dst-ip": "d",
    "source-mac": "src-mac",
    "destination-mac": "dst-mac",
    "src-mac": "src-mac",
    "dst-mac": "dst-mac",
    "h-length": "l",
    "p-length": "p-length",
    "opcode": "opcode",
    "h-type": "h-type",
    "proto-type": "proto-type",
}
_NEWER: Final = ("C", "S")  # which arptables-legacy does not know
_OF_ARP: Final = ("src-mac", "dst-mac", "l", "opcode", "h-type", "proto-type")
_DEPRECATED: Final = (
    "Using intrapositioned negation (`--option ! this`) is deprecated in favor of extrapositioned "
    "(`! --option this`)."
)


@dataclass(slots=True)
class ArpSpec(RuleSpec):
    """A rule as it was read."""

    arp: ArpHeader = field(default_factory=ArpHeader)

    def text(self, rule: Rule | None, *, numeric: bool, verbose: bool) -> str:
        """As it is printed; the target stands in front, its options behind."""
        name = self.target
        if rule is not None and isinstance(rule.target, Jump):
            name = rule.target.chain.name
        parts = [f"-j {name}"] if name else []
        parts += words(self.header, self.arp, nft=self.nft, numeric=numeric, verbose=verbose)
        text = " ".join(parts)
        if self.extension is not None:
            text += f" {self.extension[0].save(self.extension[1])}"
        return text

    def save(self) -> str:
        """Nothing stands in front of the target."""
        return ""

    def save_target(self, rule: Rule | None = None) -> str:
        """All of it."""
        return f" {self.text(rule, numeric=True, verbose=False)}"

    def compile(self, site: Site, chains: Mapping[str, Chain]) -> tuple[tuple[Match, ...], Target | None]:
        """The tests, and the target."""
        return tuple(tests(self.header, self.arp, nft=self.nft)), self._target(site, chains)


class ArpParser(Parser):
    """Reads one line."""

    def __init__(self, args: Sequence[str], names: Names, owner: Owner, table: str = "") -> None:
        self._nft = owner.is_nft
        super().__init__(args, names, owner, table)
        usual = (Numbered(ETH_ALEN, 0xFF), Numbered(ARPHRD_ETHER, U16)) if owner.is_nft else (None, None)
        self._arp = ArpHeader(length=usual[0], hardware=usual[1])

    def _words_of(self, args: Sequence[str]) -> Words:
        if self._nft:
            return Words(args, _SHORT, _LONG)
        short = {letter: takes for letter, takes in _SHORT.items() if letter not in _NEWER}
        return Words(args, short, {name: letter for name, letter in _LONG.items() if letter not in _NEWER})

    def _target_named(self, name: str) -> TargetExtension | None:
        found = TARGETS.get(name)
        if found is None and name.isupper() and find_target(name, IPV4) is not None:
            raise NotModelled(f"arptables -j {name}", ("ACCEPT", "DROP", "RETURN", *sorted(TARGETS)))
        return found

    def _option(self, word: Word) -> None:
        if word.letter == "p-length":
            raise Refused("not supported")
        if word.letter in (*_OF_ARP, *"sdio") and word.argument == "!":
            if self._inverted:
                raise Refused("Multiple `!' flags not allowed")
            self.warn(_DEPRECATED)
            self._inverted = True
            if self._words.skip() is None:
                raise Refused("no argument following `!'")
        if word.letter not in _OF_ARP:
            return super()._option(word)
        if word.letter in self._given:
            # Linux differs: it prints a control character for those that have no letter.
            raise Refused(f"multiple -{word.letter if word.letter == 'l' else ''} flags not allowed")
        self._given.add(word.letter)
        self._of_arp(word.letter, self._words.last)  # whole: --opcode=1 is no operation

    def _of_arp(self, letter: str, text: str) -> None:
        inverted = self._inverted
        if letter in ("src-mac", "dst-mac"):
            mac = mac_and_mask(text)
            if mac is None:
                which = "source" if letter == "src-mac" else "destination"
                raise Refused(f"Problem with specified {which} mac")
            address = Address(mac, inverted)
            if letter == "src-mac":
                self._arp = replace(self._arp, source=address)
            else:
                self._arp = replace(self._arp, target=address)
        elif letter == "l":
            self._length(text)
        elif letter == "opcode":
            names = {name.lower(): value for value, name in enumerate(ARP_OPERATIONS, 1)}
            self._arp = replace(self._arp, operation=self._numbered(text, 10, names, "opcode"))
        elif letter == "h-type":
            names = {"ethernet": ARPHRD_ETHER}
            self._arp = replace(self._arp, hardware=self._numbered(text, 16, names, "hardware type"))
        else:
            names = {"ipv4": ETH_P_IP}
            self._arp = replace(self._arp, protocol=self._numbered(text, 0, names, "protocol type"))

    def _length(self, text: str) -> None:
        """What is no number the tools pass over."""
        value, slash, mask = text.partition("/")
        number, bits = _number(value, 10, 255), _number(mask, 10, 255) if slash else 255
        before = self._arp.length
        if number is None or bits is None:
            if before is not None:
                self._arp = replace(self._arp, length=before._replace(inverted=self._inverted))
            return
        if self._nft and number != ETH_ALEN:
            raise Refused("Only harware address length of 6 is supported currently.")
        self._arp = replace(self._arp, length=Numbered(number, bits, self._inverted))

    def _numbered(self, text: str, base: int, names: Mapping[str, int], what: str) -> Numbered | None:
        """A number with a mask, or a name. None for 0, of which nft's rules have no notion."""
        value, slash, mask = text.partition("/")
        number, bits = _number(value, base, U16), _number(mask, base, U16) if slash else U16
        if number is None or bits is None:
            number, bits = names.get(text.lower()), U16
        if number is None:
            raise Refused(f"Problem with specified {what}")
        return Numbered(number, bits, self._inverted) if number or self._inverted or not self._nft else None

    def _fill(self, spec: RuleSpec) -> None:
        super()._fill(spec)
        if not self._nft and spec.extension is not None:
            self._check_length(spec.extension[1])
        self._command.spec = ArpSpec(
            spec.header, target=spec.target, extension=spec.extension, nft=spec.nft, arp=self._arp
        )

    def _check_length(self, values: Values) -> None:
        """The legacy tool writes MAC addresses only where it was told how long they are."""
        if "mangle-mac-s" not in values and "mangle-mac-d" not in values:
            return
        if self._arp.length is None:
            raise Refused("no --h-length defined")
        if self._arp.length.value != ETH_ALEN:
            raise Refused("only --h-length 6 supported")


def _number(text: str, base: int, high: int) -> int | None:
    value, rest = strtol(text, base)
    return value if text and not rest and 0 <= value <= high else None
