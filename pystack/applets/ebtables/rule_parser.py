"""From words to a rule: what a frame must be like, and what is done with it.

Linux: iptables/xtables-eb.c do_commandeb(), ebt_command_default()
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pystack.applets.ebtables.extension import (
    VERDICTS,
    Extension,
    MatchExtension,
    TargetExtension,
    WatcherExtension,
)
from pystack.applets.ebtables.frame_words import ethertype, mac_and_mask, strtol
from pystack.applets.ebtables.header import Header
from pystack.applets.ebtables.registry import Registry
from pystack.applets.ebtables.spec import RuleSpec
from pystack.applets.ebtables.words import EbWords
from pystack.applets.iptables import header as ip_header
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.option import Given, Option, Where
from pystack.applets.iptables.refused import Refused
from pystack.applets.iptables.registry import find_target as find_target_of_iptables
from pystack.applets.iptables.words import Word
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.wire.ethernet import ETH_P_802_3_MIN

HEADER_OPTIONS: Final = ("i", "logical-in", "o", "logical-out", "j", "p", "s", "d", "c")

Values = dict[str, Given]


class RuleParser:
    """Reads the part of a line that makes a rule."""

    nft = True  # whose tool it is

    def __init__(self, args: Sequence[str], names: Names, registry: Registry) -> None:
        self.warn: Callable[[str], None] = _say_nothing  # what the tool tells while it reads
        self._words = EbWords(args, nft=self.nft)
        for name, option in registry.options():
            takes = int(option is None or option.parse is not None)
            self._words.add(name, takes, name if option is None else option.name)
        self._names = names
        self._registry = registry
        self._chain = ""  # where the rule is to stand
        self._header = Header()
        self._parts: dict[str, tuple[Extension, Values]] = {}  # by name, in the order in which they came up
        self._target: tuple[Extension, Values] | None = None
        self._target_name = "CONTINUE"
        self._counted = (0, 0)
        self._given: set[str] = set()
        self._inverted = False

    def _plain(self, text: str) -> None:
        if text != "!":
            raise Refused(f"Bad argument : '{text}'")
        if self._inverted:
            raise Refused("Double use of '!' not allowed")
        self._inverted = True

    def _argument(self, word: Word) -> str:
        """The argument of an option; a `!` may stand in front of it."""
        text = word.argument or ""
        if text != "!":
            return text
        self._plain(text)
        behind = self._words.skip()
        if behind is None:
            raise self._unknown(word)
        return behind

    def _unknown(self, word: Word) -> Refused:
        if self.nft and self._inverted:
            return Refused("The use of '!' makes no sense for the nflog watcher")
        return self._words.unknown(word.text)

    def _once(self, name: str) -> None:
        if name in self._given:
            raise Refused("Multiple use of same option not allowed")
        self._given.add(name)

    def _made(self) -> RuleSpec:
        """All of it."""
        spec = RuleSpec(self._header, target=self._target_name, nft=self.nft)
        for extension, values in self._parts.values():
            if self.nft:
                extension.check(values, self._header)
            assert isinstance(extension, MatchExtension), "targets are kept apart"
            spec.parts.append((extension, extension.prepared(values)))
        if self._target is not None:
            target, values = self._target
            if self.nft:
                target.check(values, self._header)
            assert isinstance(target, TargetExtension), "only those are kept here"
            spec.extension = target, values
        return spec

    # --- the header ---------------------------------------------------------------------------------------

    def _of_rule(self, letter: str, word: Word) -> None:
        self._once(letter)
        if letter in ("i", "logical-in", "o", "logical-out"):
            self._check_place(letter)
        text = self._argument(word)
        if letter == "j":
            self._jump(text)
        elif letter == "c":
            self._counters(text)
        elif letter == "p":
            self._protocol(text)
        elif letter in "sd":
            self._address(letter, text)
        else:
            self._device(letter, text)

    def _check_place(self, letter: str) -> None:
        option = f"-{letter}" if len(letter) == 1 else f"--{letter}"
        if letter in ("i", "logical-in") and self._chain in ("OUTPUT", "POSTROUTING"):
            raise Refused(f"Use {option} only in INPUT, FORWARD, PREROUTING and BROUTING chains")
        if letter in ("o", "logical-out") and self._chain in ("PREROUTING", "INPUT", "BROUTING"):
            raise Refused(f"Use {option} only in OUTPUT, FORWARD and POSTROUTING chains")

    def _device(self, letter: str, text: str) -> None:
        name, warning = ip_header.interface(text) if text else ("", "")
        if warning:
            self.warn(warning)
        if "+" in name[:-1]:
            raise Refused("Spurious characters after '+' wildcard")
        header, inverted = self._header, self._inverted
        if self.nft and name == "+" and not inverted:
            name = ""
        if letter == "i":
            header.indev, header.indev_inverted = name, inverted
        elif letter == "o":
            header.outdev, header.outdev_inverted = name, inverted
        elif letter == "logical-in":
            header.logical_in, header.logical_in_inverted = name, inverted
        else:
            header.logical_out, header.logical_out_inverted = name, inverted

    def _address(self, letter: str, text: str) -> None:
        which = "source" if letter == "s" else "destination"
        value = mac_and_mask(text)
        if value is None:
            shown = text.rpartition("/")[0] if "/" in text else text  # the tool cuts its mask off first
            raise Refused(f"Problem with specified {which} mac '{shown}'")
        if letter == "s":
            self._header.source, self._header.source_inverted = value, self._inverted
        else:
            self._header.destination, self._header.destination_inverted = value, self._inverted

    def _protocol(self, text: str) -> None:
        self._header.ethertype_inverted = self._inverted
        value, rest = strtol(text, 16)
        if not rest and not 0 <= value <= 0xFFFF:
            raise Refused("Problem with the specified protocol")
        if rest:
            if text.lower() == "length":
                self._header.is_length = True
                return
            known = ethertype(text)
            if known is None:
                where = f"'{text}', perhaps /etc/ethertypes is missing"
                raise Refused(f"Problem with the specified Ethernet protocol {where}")
            value = known
        if value < ETH_P_802_3_MIN:
            raise Refused("Sorry, protocols have values above or equal to 0x0600")
        self._header.ethertype = value

    def _counters(self, packets: str) -> None:
        if self._inverted:
            raise Refused("Unexpected '!' after -c")
        octets = self._words.skip()
        if octets is None or packets.startswith("-") or octets.startswith("-"):
            raise Refused("Option -c needs 2 arguments")
        for text in (packets, octets):
            if not text.isdigit():
                raise Refused(f"Packet counter '{text}' invalid")
        self._counted = int(packets), int(octets)

    def _jump(self, name: str) -> None:
        if not name and self.nft:
            raise Refused("Invalid target name (too short)")
        self._target_name = name
        extension = self._registry.target(name) if name not in VERDICTS else None
        if extension is None and name.isupper() and find_target_of_iptables(name, IPV4) is not None:
            raise NotModelled(f"ebtables -j {name}")
        if isinstance(extension, TargetExtension):
            self._target = extension, {}
        elif extension is not None:  # a watcher lets the frame go on
            self._target_name = "CONTINUE"
            self._parts.setdefault(extension.name, (extension, {}))

    # --- extensions ---------------------------------------------------------------------------------------

    def _of_extension(self, word: Word) -> None:
        extension, option = self._registry.option(word.name)
        text = self._argument(word)
        if option.name in extension.whole_words:
            text = self._words.last
        if isinstance(extension, TargetExtension):
            if self._target is None or self._target[0] is not extension:
                raise self._without_target(option.name, extension.name)
            values = self._target[1]
        else:
            if self._inverted and isinstance(extension, WatcherExtension):
                self._ask_watchers(extension)
            values = self._parts.setdefault(extension.name, (extension, {}))[1]
        extension.check_inversion(option, inverted=self._inverted)
        extension.check_with(option, values)
        self._take(extension, option, text, values)

    def _without_target(self, option: str, target: str) -> Exception:
        """What is said of a target's option where that target was not asked for."""
        return NotModelled(f"ebtables: --{option} without -j {target} in front of it")

    def _ask_watchers(self, extension: Extension) -> None:
        """The tool asks nflog about the first option of any other watcher too, which bears no `!` at all."""
        if extension.name not in self._parts:
            raise Refused("The use of '!' makes no sense for the nflog watcher")

    def _take(self, extension: Extension, option: Option, text: str, values: Values) -> None:
        before = values.get(option.name)
        if before is not None and not option.many:
            raise Refused("Multiple use of same option not allowed")
        where = Where(extension.name, option.name, self._names)
        value = None if option.parse is None else option.parse(text, where)
        inverted = self._inverted or (before is not None and before.inverted)
        values[option.name] = Given(value, inverted)


def _say_nothing(text: str) -> None:
    pass
