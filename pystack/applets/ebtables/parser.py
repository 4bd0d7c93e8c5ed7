"""From the words of a command line to what is asked. Linux: iptables/xtables-eb.c do_commandeb()"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
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
from pystack.applets.ebtables.registry import find_option, find_target, option_names
from pystack.applets.ebtables.spec import RuleSpec
from pystack.applets.ebtables.words import EbWords
from pystack.applets.iptables import header as ip_header
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.option import Given, Option, Where, number
from pystack.applets.iptables.refused import Refused
from pystack.applets.iptables.registry import find_target as find_target_of_iptables
from pystack.applets.iptables.words import Word
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.wire.ethernet import ETH_P_802_3_MIN

_WITH_RULE: Final = ("A", "I", "D", "C", "check")
_HEADER: Final = ("i", "logical-in", "o", "logical-out", "j", "p", "s", "d", "c")
_INT_MAX: Final = 0x7FFFFFFF
_MAX_CHAIN_NAME: Final = 255

Values = dict[str, Given]


@dataclass(slots=True)
class Command:
    """What is asked."""

    letter: str = ""  # or the name of a command that has none
    also_new: bool = False  # -N NAME -P POLICY
    also_zero: bool = False  # -L -Z
    chain: str = ""
    new_name: str = ""
    policy: str = ""
    first: int = 0  # number of a rule; 0: none was given
    last: int = 0
    table: str = "filter"
    spec: RuleSpec = field(default_factory=RuleSpec)
    counters: tuple[int, int] = (0, 0)
    listing: set[str] = field(default_factory=set)  # Lc, Ln, Lx, Lmac2


class Parser:
    """Reads one line."""

    def __init__(
        self, args: Sequence[str], names: Names, tables: Sequence[str], *, nft: bool, table: str = ""
    ) -> None:
        self._words = EbWords(args)
        for name, option in option_names():
            takes = int(option is None or option.parse is not None)
            self._words.add(name, takes, name if option is None else option.name)
        self._names = names
        self._tables = tables
        self._fixed_table = table  # inside ebtables-restore
        self._command = Command(table=table or "filter", spec=RuleSpec(nft=nft))
        self._header = Header()
        self._parts: dict[str, tuple[Extension, Values]] = {}  # by name, in the order in which they came up
        self._target: tuple[Extension, Values] | None = None
        self._given: set[str] = set()
        self._inverted = False

    def parse(self) -> Command:
        """What is asked; raises Refused."""
        while (word := self._words.next()) is not None:
            if not word.letter and not word.name and word.argument is not None:
                self._plain(word.argument)
                continue
            self._option(word)
            if self._command.letter in ("V", "init-table", "h"):
                return self._command
            self._inverted = False
        self._finish()
        return self._command

    def _plain(self, text: str) -> None:
        if text != "!":
            raise Refused(f"Bad argument : '{text}'")
        if self._inverted:
            raise Refused("Double use of '!' not allowed")
        self._inverted = True

    def _option(self, word: Word) -> None:
        letter = word.letter
        if not letter and not word.name:
            raise self._words.unknown()
        if letter in ("A", "D", "C", "P", "I", "N", "E", "X", "check"):
            self._with_chain(letter, word)
        elif letter in ("L", "F", "Z"):
            self._of_table(letter)
        elif letter in _HEADER:
            self._of_rule(letter, word)
        elif letter in ("Lc", "Ln", "Lx", "Lmac2"):
            self._style(letter)
        elif letter == "t":
            self._table(word.argument or "")
        elif letter in ("V", "h"):
            self._alone(letter)
        elif letter == "init-table":
            self._command.letter = letter
        elif not letter:
            self._of_extension(word)
        elif letter not in ("v", "concurrent"):
            raise self._words.unknown()

    def _argument(self, word: Word) -> str:
        """The argument of an option; a `!` may stand in front of it."""
        text = word.argument or ""
        if text != "!":
            return text
        self._plain(text)
        behind = self._words.skip()
        if behind is None:
            raise self._words.unknown()
        return behind

    # --- commands -----------------------------------------------------------------------------------------

    def _alone(self, letter: str) -> None:
        if self._command.letter or self._command.also_zero:
            raise Refused("Multiple commands are not allowed")
        if letter == "h" and self._words.following is not None:
            raise NotModelled("ebtables -h with the name of an extension")
        self._command.letter = letter

    def _with_chain(self, letter: str, word: Word) -> None:
        command = self._command
        if command.letter == "N" and letter == "P":
            command.letter, command.also_new = letter, True
            return self._policy(word.argument)
        if command.letter or command.also_zero:
            raise Refused("Multiple commands are not allowed")
        command.letter = letter
        chain = word.argument or ""
        if chain.startswith("-") or chain == "!":
            raise Refused("No chain name specified")
        if letter == "X" and not chain:
            chain = self._words.take() or ""
        command.chain = chain
        if letter == "E":
            command.new_name = self._new_name()
        elif letter == "P":
            self._policy(self._words.skip())
        elif letter == "D" and self._next_is_number:
            self._range()
        elif letter == "I":
            self._place()
        elif letter == "C":
            self._new_counters()

    @property
    def _next_is_number(self) -> bool:
        """A word that begins with a dash and a digit is one too, as in C."""
        following = self._words.following
        return following is not None and (not following.startswith("-") or following[1:2].isdigit())

    def _new_name(self) -> str:
        name = self._words.skip()
        if name is None:
            raise Refused("No new chain name specified")
        if self._words.following is not None:
            raise Refused("No extra options allowed with -E")
        if len(name) > _MAX_CHAIN_NAME:
            raise Refused(f"Chain name length can't exceed {_MAX_CHAIN_NAME} characters")
        if " " in name:
            raise Refused("Use of ' ' not allowed in chain names")
        return name

    def _policy(self, text: str | None) -> None:
        if text is None:
            raise Refused("No policy specified")
        if text not in VERDICTS:
            raise Refused(f"Unknown policy '{text}'")
        if text == "CONTINUE":
            raise Refused(f"Wrong policy '{text}'")
        self._command.policy = text

    def _range(self) -> None:
        text = self._words.skip() or ""
        if self._words.following is not None:
            raise Refused("No extra options allowed with -D start_nr[:end_nr]")
        bounds = rule_range(text)
        if bounds is None:
            raise Refused(f"Problem with the specified rule number(s) '{text}'")
        self._command.first, self._command.last = bounds

    def _place(self) -> None:
        self._command.first = 1
        if self._next_is_number:
            text = self._words.skip() or ""
            value = number(text, _INT_MAX, 1)
            if value is None:
                raise Refused(f"Invalid rule number `{text}'")
            self._command.first = value

    def _new_counters(self) -> None:
        """nft's tool reads them, and then does nothing."""
        texts = [self._words.skip(), self._words.skip()]
        if None in texts or any(text is not None and text.startswith("-") for text in texts):
            raise Refused("The command -C needs at least 2 arguments")
        if self._next_is_number:
            texts.append(self._words.skip())
            if self._words.following is not None:
                raise Refused("No extra options allowed with -C start_nr[:end_nr] pcnt bcnt")
            if rule_range(texts[0] or "") is None:
                raise Refused(f"Something is wrong with the rule number specification '{texts[0]}'")
        for text in texts[-2:]:
            if not (text or "").lstrip("+-").isdigit():
                raise Refused(f"Packet counter '{text}' invalid")

    def _of_table(self, letter: str) -> None:
        command = self._command
        if letter == "Z":
            if command.also_zero or command.letter not in ("", "L"):
                raise Refused("Command -Z only allowed together with command -L")
            command.also_zero = True
        elif command.letter:
            raise Refused("Multiple commands are not allowed")
        elif command.also_zero and letter != "L":
            raise Refused("Command -Z only allowed together with command -L")
        else:
            command.letter = letter
        if self._words.following is not None and not self._words.following.startswith("-"):
            command.chain = self._words.skip() or ""

    def _table(self, name: str) -> None:
        if "t" in self._given:
            raise Refused("Multiple use of same option not allowed")
        if self._fixed_table:
            raise Refused("The -t option cannot be used in {program}.")
        self._given.add("t")
        self._command.table = name

    def _style(self, name: str) -> None:
        self._once(name)
        if self._command.letter != "L":
            raise Refused(f"Use --{name} with -L")
        if {"Ln", "Lx"} <= self._command.listing | {name}:
            raise Refused("--Lx is not compatible with --Ln")
        self._command.listing.add(name)

    def _once(self, name: str) -> None:
        if name in self._given:
            raise Refused("Multiple use of same option not allowed")
        self._given.add(name)

    # --- the rule -----------------------------------------------------------------------------------------

    def _of_rule(self, letter: str, word: Word) -> None:
        command = self._command
        if not command.letter and not command.also_zero:
            raise Refused("No command specified")
        if command.letter not in _WITH_RULE:
            raise Refused("Command and option do not match")
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
        chain, option = self._command.chain, f"-{letter}" if len(letter) == 1 else f"--{letter}"
        if letter in ("i", "logical-in") and chain in ("OUTPUT", "POSTROUTING"):
            raise Refused(f"Use {option} only in INPUT, FORWARD, PREROUTING and BROUTING chains")
        if letter in ("o", "logical-out") and chain in ("PREROUTING", "INPUT", "BROUTING"):
            raise Refused(f"Use {option} only in OUTPUT, FORWARD and POSTROUTING chains")

    def _device(self, letter: str, text: str) -> None:
        name, _ = ip_header.interface(text)
        if "+" in name[:-1]:
            raise Refused("Spurious characters after '+' wildcard")
        header, inverted = self._header, self._inverted
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
            shown = text.rpartition("/")[0] or text  # the tool cuts its mask off first
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
        self._command.counters = int(packets), int(octets)

    def _jump(self, name: str) -> None:
        self._command.spec.target = name
        extension = find_target(name) if name not in VERDICTS else None
        if extension is None and name.isupper() and find_target_of_iptables(name, IPV4) is not None:
            raise NotModelled(f"ebtables -j {name}")
        if isinstance(extension, TargetExtension):
            self._target = extension, {}
        elif extension is not None:  # a watcher lets the frame go on
            self._command.spec.target = "CONTINUE"
            self._parts.setdefault(extension.name, (extension, {}))

    # --- extensions ---------------------------------------------------------------------------------------

    def _of_extension(self, word: Word) -> None:
        extension, option = find_option(word.name)
        text = self._argument(word)
        if isinstance(extension, TargetExtension):
            if self._target is None or self._target[0] is not extension:
                raise NotModelled(f"ebtables: --{option.name} without -j {extension.name} in front of it")
            values = self._target[1]
        else:
            if self._inverted and isinstance(extension, WatcherExtension):
                self._ask_watchers(extension)
            values = self._parts.setdefault(extension.name, (extension, {}))[1]
        extension.check_inversion(option, inverted=self._inverted)
        extension.check_with(option, values)
        self._take(extension, option, text, values)
        if self._command.letter not in _WITH_RULE:
            raise Refused("Extensions only for -A, -I, -D and -C")

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

    # --- the end ------------------------------------------------------------------------------------------

    def _finish(self) -> None:
        command = self._command
        if command.table not in self._tables:
            return  # told by whoever looks for it
        if command.letter not in _WITH_RULE:
            return
        spec = command.spec
        spec.header = self._header
        for extension, values in self._parts.values():
            extension.check(values, self._header)
            assert isinstance(extension, MatchExtension), "targets are kept apart"
            spec.parts.append((extension, extension.prepared(values)))
        if self._target is not None:
            target, values = self._target
            target.check(values, self._header)
            assert isinstance(target, TargetExtension), "only those are kept here"
            spec.extension = target, values


def rule_range(text: str) -> tuple[int, int] | None:
    """`2`, `2:5`, `:5`, `2:` (up to -1, the last one); None if it is none of these.

    Linux: parse_rule_range()
    """
    low, colon, high = text.partition(":")
    first, rest = strtol(low, 10) if low else (1, "")
    last, more = strtol(high, 10) if high else (-1, "")
    if rest or more or not first or not last:
        return None
    return first, last if colon else first
