"""The command line as iproute2 reads it: word by word, abbreviations allowed, the first mistake ends it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.errors import NetError
from pystack.l2.devices import DeviceTable, Link

USAGE_CODE: Final = 255  # exit(-1)


class ToolExit(Exception):
    """The tool ends here: its last words for standard error, and its exit code."""

    def __init__(self, code: int, text: str = "") -> None:
        super().__init__(text)
        self.code = code
        self.text = text

    @property
    def leaves(self) -> bool:
        """Whether iproute2 calls exit() here, and so leaves a batch too."""
        return self.code == USAGE_CODE


def matches(word: str, full: str) -> bool:
    """Whether a word is an abbreviation. Linux: iproute2 lib/utils.c matches()"""
    return bool(word) and full.startswith(word)


class Words:
    """The words that are left."""

    __slots__ = ("_at", "_words")

    def __init__(self, words: Sequence[str]) -> None:
        self._words = list(words)
        self._at = 0

    def __bool__(self) -> bool:
        return self._at < len(self._words)

    def __len__(self) -> int:
        return len(self._words) - self._at

    @property
    def word(self) -> str:
        """The word under the eye."""
        return self._words[self._at]

    def take(self) -> str:
        """The next word, which must be there. Linux: NEXT_ARG()"""
        if self._at >= len(self._words):
            raise ToolExit(USAGE_CODE, 'Command line is not complete. Try option "help"\n')
        self._at += 1
        return self._words[self._at - 1]

    def rest(self) -> list[str]:
        """All that is left, read now."""
        left = self._words[self._at :]
        self._at = len(self._words)
        return left

    def is_now(self, *names: str) -> bool:
        """Whether the word under the eye is one of these, spelled out."""
        return self.word in names

    def begins(self, *names: str) -> bool:
        """Whether the word under the eye is one of these, or an abbreviation."""
        return any(matches(self.word, name) for name in names)


def wrong(text: str, word: str) -> ToolExit:
    """Linux: iproute2 lib/utils.c invarg()"""
    return ToolExit(USAGE_CODE, f'Error: argument "{word}" is wrong: {text}\n')


def duplicate(key: str, word: str) -> ToolExit:
    """Linux: iproute2 lib/utils.c duparg()"""
    return ToolExit(USAGE_CODE, f'Error: duplicate "{key}": "{word}" is the second value.\n')


def garbage(key: str, word: str) -> ToolExit:
    """Linux: iproute2 lib/utils.c duparg2()"""
    return ToolExit(USAGE_CODE, f'Error: either "{key}" is duplicate, or "{word}" is a garbage.\n')


def no_device(name: str, code: int = 1) -> ToolExit:
    """Linux: iproute2 lib/utils.c nodev()"""
    return ToolExit(code, f'Cannot find device "{name}"\n')


def device_named(name: str, devices: DeviceTable) -> Link:
    """The device that must be there."""
    dev = devices.get(name)
    if dev is None:
        raise no_device(name)
    return dev


def refused(error: NetError, code: int = 2) -> ToolExit:
    """The kernel said no. Linux: iproute2 lib/libnetlink.c rtnl_talk_error()"""
    if error.extack:
        end = "" if error.extack.endswith((".", "\n")) else "."
        return ToolExit(code, f"Error: {error.extack}{end}\n")
    return ToolExit(code, f"RTNETLINK answers: {error.text}\n")


def parse_on_off(key: str, word: str, code: int = 1) -> bool:
    """Linux: iproute2 lib/utils.c parse_on_off()"""
    if matches(word, "off"):
        return False
    if matches(word, "on"):
        return True
    raise ToolExit(code, f'Error: argument of "{key}" must be one of "off", "on", not "{word}"\n')
