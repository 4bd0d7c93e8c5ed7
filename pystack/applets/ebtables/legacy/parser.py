"""The command line of ebtables-legacy, which knows the table while it reads.

Linux: ebtables ebtables.c do_command()
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Final

from pystack.applets.ebtables.extension import VERDICTS, Extension, TargetExtension
from pystack.applets.ebtables.frame_words import strtol
from pystack.applets.ebtables.legacy.extensions import LEGACY_REGISTRY
from pystack.applets.ebtables.parser import Change, Parser, rule_range
from pystack.applets.iptables.refused import Refused
from pystack.applets.iptables.words import Word
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled

_MAX_CHAIN_NAME: Final = 31
_MAX_INTERFACE: Final = 15
_LONG_OPTIONS: Final = ("logical-in", "logical-out")

# What a table has: the names of its built-in chains, and of the user's. Raises Refused.
ChainsOf = Callable[[str], tuple[Collection[str], Collection[str]]]


class LegacyParser(Parser):
    """Reads one line."""

    nft = False

    def __init__(self, args: Sequence[str], names: Names, chains_of: ChainsOf, *, table: str = "") -> None:
        super().__init__(args, names, LEGACY_REGISTRY, table=table)
        self._chains_of = chains_of

    def _unknown(self, word: Word) -> Refused:
        if word.text.startswith("--atomic"):  # tables in files
            raise NotModelled(f"ebtables-legacy {word.text}")
        return super()._unknown(word)

    # --- commands -----------------------------------------------------------------------------------------

    def _check_chain(self, letter: str) -> None:
        built_in, users = self._chains_of(self._command.table)
        name = self._command.chain
        if letter == "N":
            return self._check_new_name(
                name, f"Chain {name} already exists", f"Target with name {name} exists"
            )
        if name and name not in built_in and name not in users:
            raise Refused(f"Chain '{name}' doesn't exist")

    def _check_new_name(self, name: str, is_chain: str, is_target: str) -> None:
        built_in, users = self._chains_of(self._command.table)
        if name in built_in or name in users:
            raise Refused(is_chain)
        if isinstance(self._registry.target(name), TargetExtension) or name == "standard":
            raise Refused(is_target)
        super()._check_new_name(name, is_chain, is_target)

    def _with_chain(self, letter: str, word: Word) -> None:
        if letter == "N" and len(word.argument or "") > _MAX_CHAIN_NAME:
            raise Refused(f"Chain name length can't exceed {_MAX_CHAIN_NAME}")
        super()._with_chain(letter, word)
        if letter == "X" and self._words.following is not None:
            raise Refused("No extra options allowed with -X")

    def _place(self) -> None:
        self._command.first = 1
        if self._next_is_number:
            text = self._words.skip() or ""
            value, rest = strtol(text, 10)
            if rest:
                raise Refused(f"Problem with the specified rule number '{text}'")
            self._command.first = value

    def _new_counters(self) -> None:
        texts = [self._words.skip(), self._words.skip()]
        if None in texts or any(
            (text or "")[:1] == "-" and not (text or "")[1:2].isdigit() for text in texts
        ):
            raise Refused("The command -C needs at least 2 arguments")
        if self._next_is_number:
            texts.append(self._words.skip())
            if self._words.following is not None:
                raise Refused("No extra options allowed with -C start_nr[:end_nr] pcnt bcnt")
            bounds = rule_range(texts[0] or "")
            if bounds is None:
                raise Refused(f"Something is wrong with the rule number specification '{texts[0]}'")
            self._command.first, self._command.last = bounds
        packets, octets = (_change(text or "") for text in texts[-2:])
        self._command.changes = packets, octets

    def _table(self, name: str) -> None:
        if self._command.letter or self._command.also_zero:
            raise Refused("Please put the -t option first")
        super()._table(name)

    def _ask_watchers(self, extension: Extension) -> None:
        """Each is asked about its own options only."""

    # --- the rule -----------------------------------------------------------------------------------------

    def _device(self, letter: str, text: str) -> None:
        if len(text) > _MAX_INTERFACE:
            raise Refused(f"Interface name length cannot exceed {_MAX_INTERFACE} characters")
        try:
            super()._device(letter, text)
        except Refused as refused:
            dashes = "--" if letter in _LONG_OPTIONS else "-"
            raise Refused(f"{refused.text} for '{dashes}{letter}'") from None

    def _jump(self, name: str) -> None:
        built_in, users = self._chains_of(self._command.table)
        if name == "RETURN" and self._command.chain in built_in:
            raise Refused("Return target only for user defined chains")
        self._target_name = name
        if name in VERDICTS or name in users:
            return
        if name in built_in:
            raise Refused("Don't jump to a standard chain")
        extension = self._registry.target(name)
        if not isinstance(extension, TargetExtension):
            raise Refused(f"Illegal target name '{name}'")
        self._target = extension, {}

    def _without_target(self, option: str, target: str) -> Exception:
        if self._target is None:
            return Refused("Unknown argument: don't forget the -t option")
        return Refused("Target-specific option does not correspond with specified target")


def _change(text: str) -> Change:
    """`5`, `+5`, `-5`"""
    sign = text[0] if text.startswith(("+", "-")) else ""
    if not text[len(sign) :].isdigit():
        raise Refused(f"Packet counter '{text}' invalid")
    return sign, int(text[len(sign) :])
