"""The files that a text includes: asked of the user's side as they are met."""

from __future__ import annotations

from pystack.applets.requests import FileRefused
from pystack.errors import NotModelled

_IS_FOLDER = "Is a directory"
_MISSING = "No such file or directory"


class Wanted(Exception):
    """A file has to be read before the text can be read on."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class KnownFiles:
    """Those that were read so far. A source.Files: who reads fetches what is wanted, and begins again."""

    def __init__(self) -> None:
        self._read: dict[str, bytes | str] = {}  # octets, or why there are none

    def know(self, path: str, found: bytes | str) -> None:
        """What is in a file, or why it cannot be read."""
        self._read[path] = found

    def read(self, path: str) -> bytes:
        """All octets of a file; raises FileRefused, or Wanted."""
        found = self._found(path)
        if isinstance(found, str):
            raise FileRefused(path, found)
        return found

    def expand(self, pattern: str) -> list[str]:
        """The names that a pattern stands for; raises Wanted."""
        if any(sign in pattern for sign in "*?["):
            raise NotModelled(f"include with a pattern ({pattern})", ("the name of one file",))
        found = self._found(pattern)
        if found == _MISSING:
            return []
        return [f"{pattern}/" if found == _IS_FOLDER else pattern]

    def _found(self, path: str) -> bytes | str:
        found = self._read.get(path)
        if found is None:
            raise Wanted(path)
        return found
