"""GNU getopt(3) and getopt_long(3): options may stand behind operands, long ones may be abbreviated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

OPTIONAL: Final = 2  # colons
_LETTER: Final = re.compile(r"([^:])(:*)")


class BadOption(Exception):
    """What getopt complains about; the text is its line without the program's name."""


class Getopt:
    """The options of one command line, one by one; the operands once all options were asked for.

    `short` is written as for getopt(): a colon follows a letter that takes an argument, two of them one that
    may take the rest of its word; a + in front ends the options at the first operand. `long` gives the number
    of colons of long options.
    """

    def __init__(self, args: Sequence[str], short: str, long: Mapping[str, int] | None = None) -> None:
        self._args = list(args)
        self._ends_at_operand = short.startswith("+")
        letters = _LETTER.findall(short.lstrip("+"))
        self._takes: dict[str, int] = {letter: len(colons) for letter, colons in letters}
        self._long = dict(long or {})
        self.operands: list[str] = []

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Pairs of an option, without its dashes, and its argument. Raises BadOption."""
        while self._args:
            word = self._args.pop(0)
            is_operand = not word.startswith("-") or word == "-"
            if word == "--" or (is_operand and self._ends_at_operand):
                self.operands += [word, *self._args] if is_operand else self._args
                self._args = []
            elif word.startswith("--") and self._long:
                yield self._long_option(word[2:])
            elif not is_operand:
                yield from self._letters(word[1:])
            else:
                self.operands.append(word)

    def next_word(self) -> str | None:
        """The next word, taken, if it is no option: what some programs let follow an option."""
        if not self._args or self._args[0].startswith("-"):
            return None
        return self._args.pop(0)

    def _letters(self, letters: str) -> Iterator[tuple[str, str]]:
        while letters:
            letter, letters = letters[0], letters[1:]
            takes = self._takes.get(letter)
            if takes is None:
                raise BadOption(f"invalid option -- '{letter}'")
            if not takes:
                yield letter, ""
                continue
            if takes == OPTIONAL:
                yield letter, letters
                return
            if not letters and not self._args:
                raise BadOption(f"option requires an argument -- '{letter}'")
            yield letter, letters or self._args.pop(0)
            return

    def _long_option(self, word: str) -> tuple[str, str]:
        name, given, argument = word.partition("=")
        found = [name] if name in self._long else [known for known in self._long if known.startswith(name)]
        if not found:
            raise BadOption(f"unrecognized option '--{name}'")
        if len(found) > 1:
            candidates = "".join(f" '--{known}'" for known in found)
            raise BadOption(f"option '--{name}' is ambiguous; possibilities:{candidates}")
        if not self._long[found[0]]:
            if given:
                raise BadOption(f"option '--{found[0]}' doesn't allow an argument")
            return found[0], ""
        if self._long[found[0]] == OPTIONAL:
            return found[0], argument
        if not given and not self._args:
            raise BadOption(f"option '--{found[0]}' requires an argument")
        return found[0], argument if given else self._args.pop(0)
