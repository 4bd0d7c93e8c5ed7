"""How iptables refuses: what it prints, and its exit code. Linux: xtables_error()"""

from __future__ import annotations

from typing import Final

VERSION: Final = "1.8.9"

OTHER_PROBLEM: Final = 1
PARAMETER_PROBLEM: Final = 2
VERSION_PROBLEM: Final = 3
RESOURCE_PROBLEM: Final = 4


class Refused(Exception):
    """A command line that the tool does not take. The text stands behind the program's name and version."""

    def __init__(self, text: str, code: int = PARAMETER_PROBLEM) -> None:
        super().__init__(text)
        self.text = text
        self.code = code


class BadOption(Refused):
    """An option of an extension that is not as its table says; one line more than elsewhere."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text}\n")


class BadArgument(Refused):
    """A word that belongs to nothing; told without the program's name."""

    def __init__(self, word: str | None) -> None:
        super().__init__("" if word is None else f"Bad argument `{word}'")


class KernelRefused(Exception):
    """The tables themselves refuse: an errno that each command words in its own way."""

    def __init__(self, number: int, verb: str = "", where: str = "") -> None:
        super().__init__(verb)
        self.number = number
        self.verb = verb  # nft's name of what failed, such as RULE_APPEND; empty where iptables says it
        self.where = where
