"""From the words of a command line to what is asked. Linux: iptables/xtables-eb.c do_commandeb()"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.ebtables.extension import VERDICTS
from pystack.applets.ebtables.frame_words import strtol
from pystack.applets.ebtables.registry import NFT_REGISTRY, Registry
from pystack.applets.ebtables.rule_parser import HEADER_OPTIONS, RuleParser
from pystack.applets.ebtables.spec import RuleSpec
from pystack.applets.iptables.option import number
from pystack.applets.iptables.refused import Refused
from pystack.applets.iptables.words import Word
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled

_WITH_RULE: Final = ("A", "I", "D", "C", "check")
_INT_MAX: Final = 0x7FFFFFFF
_MAX_CHAIN_NAME: Final = 255


Change = tuple[str, int]  # `+` or `-` or nothing, and a number


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
    changes: tuple[Change, Change] = (("", 0), ("", 0))  # of counters, with -C
    listing: set[str] = field(default_factory=set)  # Lc, Ln, Lx, Lmac2


class Parser(RuleParser):
    """Reads one line."""

    def __init__(
        self, args: Sequence[str], names: Names, registry: Registry = NFT_REGISTRY, *, table: str = ""
    ) -> None:
        super().__init__(args, names, registry)
        self._fixed_table = table  # inside ebtables-restore
        self._command = Command(table=table or "filter")

    def parse(self) -> Command:
        """What is asked; raises Refused."""
        while (word := self._next()) is not None:
            if not word.letter and not word.name and word.argument is not None:
                self._plain(word.argument)
                continue
            self._option(word)
            if self._command.letter in ("V", "init-table", "h"):
                return self._command
            self._inverted = False
        self._finish()
        return self._command

    def _next(self) -> Word | None:
        try:
            return self._words.next()
        except Refused:
            if self.nft and self._inverted:
                raise self._unknown(Word("")) from None
            raise

    def _option(self, word: Word) -> None:
        letter = word.letter
        if not letter and not word.name:
            raise self._unknown(word)
        if letter in ("A", "D", "C", "P", "I", "N", "E", "X", "check"):
            self._with_chain(letter, word)
        elif letter in ("L", "F", "Z"):
            self._of_table(letter)
        elif letter in HEADER_OPTIONS:
            self._needs_rule()
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
            if self._command.letter not in _WITH_RULE:
                raise Refused("Extensions only for -A, -I, -D and -C")
        elif letter not in ("v", "concurrent"):
            raise self._unknown(word)

    def _needs_rule(self) -> None:
        if not self._command.letter and not self._command.also_zero:
            raise Refused("No command specified")
        if self._command.letter not in _WITH_RULE:
            raise Refused("Command and option do not match")

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
        command.chain = self._chain = chain
        self._check_chain(letter)
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
        self._check_new_name(name, f"Chain '{name}' already exists", f"Target with name '{name}' exists")
        return name

    def _check_new_name(self, name: str, is_chain: str, is_target: str) -> None:
        """Whether a chain may have this name; the two other texts are for names that are taken."""
        if " " in name:
            raise Refused("Use of ' ' not allowed in chain names")

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
        self._check_chain(letter)

    def _check_chain(self, letter: str) -> None:
        """Whether there is such a chain; nft's tool asks that later."""

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

    def _finish(self) -> None:
        command = self._command
        if command.letter in _WITH_RULE:
            command.spec = self._made()
            command.counters = self._counted


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
