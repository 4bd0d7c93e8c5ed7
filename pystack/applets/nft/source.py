"""The texts that are read: the first one, and those that `include` brings in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.lexer import END, Lexer, Token
from pystack.applets.nft.place import Place, Source
from pystack.applets.requests import FileRefused

INCLUDE_DEPTH_MAX: Final = 16
DEFAULT_INCLUDE_PATH: Final = "/etc"


class Files(Protocol):
    """Where included files come from."""

    def read(self, path: str) -> bytes:
        """All octets of a file; raises FileRefused."""

    def expand(self, pattern: str) -> list[str]:
        """The sorted names that a pattern stands for; those of folders end with `/`. A plain name is one,
        too.
        """


class NoFiles:
    """For texts that include nothing."""

    def read(self, path: str) -> bytes:
        """Refuse."""
        raise FileRefused(path, "No such file or directory")

    def expand(self, pattern: str) -> list[str]:
        """Find nothing."""
        return []


def source_of(name: str, octets: bytes, included: Place | None = None) -> Source:
    """A text; nft reads octets, and sees no further than a zero one."""
    return Source(name, octets.partition(b"\0")[0].decode("latin-1"), included)


class Reader:
    """Tokens of a source and of all that it includes."""

    def __init__(
        self, source: Source, files: Files, folders: tuple[str, ...] = (DEFAULT_INCLUDE_PATH,)
    ) -> None:
        self._files = files
        self._folders = folders
        self._lexers = [Lexer(source)]
        self._depths = [1]

    @property
    def lexer(self) -> Lexer:
        """Of the text being read."""
        return self._lexers[-1]

    def next(self, scope: str) -> Token:
        """The next token; at the end of an included text what follows the `include`."""
        while True:
            token = self._lexers[-1].next(scope)
            if token.kind != END or len(self._lexers) == 1:
                return token
            self._lexers.pop()
            self._depths.pop()

    def include(self, pattern: str, at: Place) -> None:
        """Go on with another file, or with those that a pattern finds."""
        depth = self._depths[-1] + 1
        for path in reversed(list(self._found(pattern, at))):
            if depth > INCLUDE_DEPTH_MAX:
                raise NftError(at, f"Include nested too deeply, max {INCLUDE_DEPTH_MAX} levels")
            try:
                octets = self._files.read(path)
            except FileRefused as refused:
                raise NftError(at, f'Could not open file "{path}": {refused.text}\n') from None
            self._lexers.append(Lexer(source_of(path, octets, at)))
            self._depths.append(depth)

    def _found(self, pattern: str, at: Place) -> Iterator[str]:
        """A name without wildcards is found once and must be; folders are left out."""
        is_pattern = any(character in pattern for character in "*?[")
        is_path = pattern.startswith(("/", "./", "../"))
        for place in (pattern,) if is_path else tuple(f"{folder}/{pattern}" for folder in self._folders):
            try:
                paths = self._files.expand(place)
            except FileRefused:
                raise NftError(at, f"Failed to glob the pattern {place}") from None
            yield from (path for path in paths if not path.endswith("/"))
            if paths and not is_pattern:
                return
        if not is_pattern:
            raise NftError(at, f"File not found: {pattern}")
