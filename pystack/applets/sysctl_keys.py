"""Keys of sysctl(8), and the tree below /proc/sys that they lead into."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Final

from pystack.applets.glob import glob_matches, is_glob
from pystack.applets.procfs import refuse_unknown
from pystack.errors import ENOENT, ENOTDIR, NetError
from pystack.netns import Netns
from pystack.sysctl import Knob, Path

_SEPARATORS: Final = "./"

Branch = dict[str, "Branch | Knob"]


def swap(key: str, new: str, warn: Callable[[str], None]) -> str:
    """Exchange dots and slashes, unless the first separator is what it shall be.

    `warn` is told of doubled ones.
    Linux: procps src/sysctl.c slashdot()
    """
    places = [place for place, character in enumerate(key) if character in _SEPARATORS]
    if not places or key[places[0]] == new:
        return key
    doubled = [place for place in places if key[place + 1 : place + 2] in tuple(_SEPARATORS)]
    if doubled:
        warn(f"separators should not be repeated: {key[doubled[0] :]}")
    return "".join({".": "/", "/": "."}.get(character, character) for character in key)


class Tree:
    """What stands below /proc/sys, by paths as a user wrote them."""

    def __init__(self, netns: Netns) -> None:
        self._netns = netns

    @cached_property
    def _root(self) -> Branch:
        """Hundreds of knobs, which a command that names one of them does not need."""
        root: Branch = {}
        for path, knob in self._netns.sysctls:
            branch = root
            for word in path[:-1]:
                inner = branch.setdefault(word, {})
                assert isinstance(inner, dict)
                branch = inner
            branch[path[-1]] = knob
        return root

    def find(self, text: str) -> Branch | Knob:
        """A folder or a knob. Raises NetError as stat(2) fails, or NotModelled."""
        words = self._words(text)
        knob = self._netns.sysctls.get(words) if words else None
        node = self._walk(words) if knob is None else knob
        if isinstance(node, Knob) and text.endswith("/"):
            raise NetError(ENOTDIR)
        return node

    def _walk(self, words: Path) -> Branch | Knob:
        node: Branch | Knob = self._root
        for word in words:
            if isinstance(node, Knob):
                raise NetError(ENOTDIR)
            below = node.get(word)
            if below is None:
                refuse_unknown(words)
                raise NetError(ENOENT)
            node = below
        return node

    def matches(self, pattern: str) -> Iterator[str]:
        """Paths that a pattern means, as glob(3) sorts them."""
        found: list[tuple[str, Branch | Knob]] = [("", self._root)]
        for word in self._words(pattern):
            found = [
                (f"{path}/{name}", below)
                for path, node in found
                if isinstance(node, dict)
                for name, below in node.items()
                if (glob_matches(word, name) if is_glob(word) else word == name)
            ]
        return iter(sorted(path.removeprefix("/") for path, _ in found))

    @staticmethod
    def _words(text: str) -> Path:
        words: list[str] = []
        for word in text.split("/"):
            if word == ".." and words:
                words.pop()
            elif word not in ("", "."):
                words.append(word)
        return tuple(words)
