"""getopt_long() as iptables and ebtables use it: options may become known on the way, and all words come in
order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pystack.applets.iptables.refused import Refused

OPTIONAL: Final = 2

# Letters of iptables itself, with how many arguments: 2 for one that may be missing.
SHORT: Final = {
    **dict.fromkeys("ACDRINEPopsdjitmcg", 1),
    **dict.fromkeys("LSFZXMhwW", OPTIONAL),
    **dict.fromkeys("Vfbvnx46", 0),
    "N": 1,
    "M": 1,
}
# What arptables has too.
SHARED_LONG: Final = {
    "append": "A",
    "delete": "D",
    "check": "C",
    "insert": "I",
    "replace": "R",
    "list": "L",
    "list-rules": "S",
    "flush": "F",
    "zero": "Z",
    "new-chain": "N",
    "delete-chain": "X",
    "rename-chain": "E",
    "policy": "P",
    "in-interface": "i",
    "jump": "j",
    "table": "t",
    "match": "m",
    "numeric": "n",
    "out-interface": "o",
    "verbose": "v",
    "exact": "x",
    "version": "V",
    "help": "h",
    "line-numbers": "0",
    "modprobe": "M",
    "set-counters": "c",
}
LONG: Final = {
    **SHARED_LONG,
    "source": "s",
    "destination": "d",
    "src": "s",
    "dst": "d",
    "protocol": "p",
    "wait": "w",
    "wait-interval": "W",
    "fragments": "f",
    "goto": "g",
    "ipv4": "4",
    "ipv6": "6",
}


@dataclass(frozen=True, slots=True)
class Word:
    """What one step found: an option of iptables (`letter`) or of an extension (`name`), or a plain word."""

    text: str  # as it stood there
    letter: str = ""
    name: str = ""
    argument: str | None = None


class Words:
    """One command line."""

    def __init__(
        self,
        args: Sequence[str],
        short: Mapping[str, int] = SHORT,
        long: Mapping[str, str] = LONG,
    ) -> None:
        self.in_front = ""  # the word before the first: the program's own name, mostly
        self._args = list(args)
        self._at = 0
        self._letters = ""  # that are left of a word like -vnL
        self._passed = ""  # those behind one that is not known
        self._short, self._long_options = short, long
        self._extended: dict[str, int] = {}  # long options of extensions, with how many arguments
        self._meanings = dict(long)  # synonyms have one

    def add(self, name: str, arguments: int, meaning: str = "") -> None:
        """An extension was loaded that knows this option."""
        self._extended[name] = arguments
        self._meanings[name] = meaning or name

    @property
    def following(self) -> str | None:
        """The next word, whatever it is."""
        return self._args[self._at] if self._at < len(self._args) else None

    def skip(self) -> str | None:
        """Take the next word, whatever it is."""
        word = self.following
        self._at += 1
        return word

    @property
    def has_argument(self) -> bool:
        """Whether the next word is no option. Linux: xs_has_arg()"""
        if self._letters or self._at >= len(self._args):
            return False
        return not self._args[self._at].startswith(("-", "!"))

    def take(self) -> str | None:
        """The next word, if it is no option."""
        if not self.has_argument:
            return None
        self._at += 1
        return self._args[self._at - 1]

    @property
    def last(self) -> str:
        """The last word that was read, whole."""
        return self._args[self._at - 1]

    def again(self) -> Word:
        """Read the last word once more: what it says may be known now.

        Of a word like -fxm, where x is not known, only the m is read before the whole word comes again.
        """
        self._at -= 1
        self._letters, self._passed = self._passed, ""
        word = self.next()
        assert word is not None, "it was there before"
        return word

    def next(self) -> Word | None:
        """The next option or plain word; None at the end. An option that is not known has no name."""
        if self._letters:
            return self._letter()
        if self._at >= len(self._args):
            return None
        text = self._args[self._at]
        self._at += 1
        if text.startswith("--") and len(text) > 2:
            return self._long(text)
        if text.startswith("-") and len(text) > 1 and text != "--":
            self._letters = text[1:]
            return self._letter()
        return Word(text, argument=text)

    def _letter(self) -> Word:
        letter, self._letters = self._letters[0], self._letters[1:]
        takes = self._short.get(letter)
        text = self._args[self._at - 1]
        if takes is None:
            left, self._letters = self._letters, ""
            self._passed = left
            before = self._args[self._at - 2] if self._at > 1 else self.in_front
            told = before if left else text
            return Word(told if told != "!" else "")  # the tool has emptied each ! that it read
        if not takes:
            return Word(text, letter)
        rest, self._letters = self._letters, ""
        if rest or takes == OPTIONAL:
            return Word(text, letter, argument=rest or None)
        return Word(text, letter, argument=self._argument(text))

    def _long(self, text: str) -> Word:
        given, equals, value = text[2:].partition("=")
        found = self._named(given)
        if len(found) != 1:
            return Word(text)
        (name,) = found
        letter = "" if name in self._extended else self._long_options[name]
        takes = self._extended[name] if not letter else self._short.get(letter, 0)
        if not takes:
            return Word(text, letter, name) if not equals else Word(text)
        if equals or takes == OPTIONAL:
            return Word(text, letter, name, value if equals else None)
        return Word(text, letter, name, self._argument(text))

    def _named(self, given: str) -> set[str]:
        """The options that a word can mean; synonyms count as one."""
        if given in self._meanings:
            return {given}
        found = {name for name in self._meanings if name.startswith(given)}
        return {min(found)} if len({self._meanings[name] for name in found}) == 1 else found

    def _argument(self, text: str) -> str:
        if self._at >= len(self._args):
            raise Refused(f'option "{text}" requires an argument')
        self._at += 1
        return self._args[self._at - 1]
