"""The files that a text includes: asked of the user's side as they are met."""

from __future__ import annotations

from pystack.applets.requests import FileRefused

_IS_FOLDER = "Is a directory"
_MISSING = "No such file or directory"


class Wanted(Exception):
    """A file has to be read before the text can be read on."""

    def __init__(self, path: str, is_pattern: bool = False) -> None:
        super().__init__(path)
        self.path = path
        self.is_pattern = is_pattern


class KnownFiles:
    """Those that were read so far. A source.Files: who reads fetches what is wanted, and begins again."""

    def __init__(self) -> None:
        self._read: dict[str, bytes | str] = {}  # octets, or why there are none
        self._found_by: dict[str, list[str]] = {}

    def know(self, path: str, found: bytes | str) -> None:
        """What is in a file, or why it cannot be read."""
        self._read[path] = found

    def know_names(self, pattern: str, names: list[str]) -> None:
        """What a pattern finds."""
        self._found_by[pattern] = names

    def read(self, path: str) -> bytes:
        """All octets of a file; raises FileRefused, or Wanted."""
        found = self._found(path)
        if isinstance(found, str):
            raise FileRefused(path, found)
        return found

    def expand(self, pattern: str) -> list[str]:
        """The names that a pattern stands for; raises Wanted, or FileRefused where nobody can look."""
        if any(sign in pattern for sign in "*?["):
            if pattern in self._found_by:
                return self._found_by[pattern]
            if pattern in self._read:
                raise FileRefused(pattern, str(self._read[pattern]))
            raise Wanted(pattern, is_pattern=True)
        found = self._found(pattern)
        if found == _MISSING:
            return []
        return [f"{pattern}/" if found == _IS_FOLDER else pattern]

    def _found(self, path: str) -> bytes | str:
        found = self._read.get(path)
        if found is None:
            raise Wanted(path)
        return found
