"""The state of reading: the next token, the open scopes, and the variables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final, NamedTuple, NoReturn

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar.variables import Variables
from pystack.applets.nft.keywords import OPENS, TOKEN_ORDER
from pystack.applets.nft.lexer import END, NEWLINE, SEMICOLON, Lexer, Token
from pystack.applets.nft.place import NOWHERE, Place
from pystack.applets.nft.source import Reader
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.statements import Statement

ERRORS_MAX: Final = 10
EXPECTED_MAX: Final = 4  # of more, nft names none
START: Final = ""
DEPTH_MAX: Final = 80  # Linux differs: braces, parentheses and operators in each other may be thousands


class Abandoned(Exception):
    """Nothing more is read: too many errors, or one at the end."""


class Nested(NamedTuple):
    """What the modules further up read, for those below them, where a thing may hold its like."""

    braces: Callable[[Parser, bool], Expression]  # a set; True: it may be empty
    statement: Callable[[Parser], Statement]


class Parser:
    """Reads one token ahead, and only when it must: the scope may change in between."""

    def __init__(self, reader: Reader, variables: Variables, nested: Nested) -> None:
        self.reader = reader
        self.nested = nested
        self.variables = variables
        self.errors: list[NftError] = []
        self.scope = START
        self._scopes: list[str] = []
        self._open: Counter[str] = Counter()
        self._closed_early = 0
        self._ahead: Token | None = None
        self.last = Token(START, "", NOWHERE)
        self.depth = 0
        self.recoveries = 0

    # --- tokens ---------------------------------------------------------------------------------------------

    @property
    def next(self) -> Token:
        """The token ahead."""
        if self._ahead is None:
            self._ahead = token = self.reader.next(self.scope)
            if token.kind in OPENS:
                self._open_scope(OPENS[token.kind])
        return self._ahead

    def take(self) -> Token:
        """The token ahead, which is now behind."""
        token = self.last = self.next
        self._ahead = None
        return token

    def take_if(self, *kinds: str) -> Token | None:
        """The token ahead if it is one of these."""
        return self.take() if self.next.kind in kinds else None

    def expect(self, *kinds: str, also: tuple[str, ...] = ()) -> Token:
        """The token ahead, which must be one of these; `also` might have stood here, too."""
        if self.next.kind not in kinds:
            self.fail(*kinds, *also)
        return self.take()

    def fail(self, *expected: str) -> NoReturn:
        """Refuse the token ahead."""
        expected = tuple(sorted(set(expected), key=TOKEN_ORDER.index))
        message = f"syntax error, unexpected {self.next.kind}"
        if 0 < len(expected) <= EXPECTED_MAX:
            message += f", expecting {' or '.join(expected)}"
        raise NftError(self.next.at, message)

    def include(self, path: str, at: Place) -> None:
        """Read another file next; nothing must be ahead."""
        assert self._ahead is None
        self.reader.include(path, at)

    def lexer_if_nothing_is_ahead(self) -> Lexer | None:
        """For who reads on without tokens."""
        return self.reader.lexer if self._ahead is None else None

    def open_block(self) -> None:
        """A block begins that may have variables of its own; too many of them in each other are an error
        each.
        """
        if not self.variables.open():
            end = self.last.at
            place = Place(end.source, end.line, end.last, end.last)
            self.errors.append(NftError(place, "too many levels of nesting"))
            self.recoveries += 1

    def enter(self) -> None:
        """Something begins that may hold its like."""
        if self.depth == DEPTH_MAX:
            raise NftError(self.next.at, "memory exhausted")
        self.depth += 1

    def leave(self) -> None:
        """It ends."""
        self.depth -= 1

    # --- errors ---------------------------------------------------------------------------------------------

    def lines(self, start: Place, line: Callable[[], None], after: Callable[[], None]) -> Place:
        """A block up to its closing brace, and what must be behind that; the place of what is inside.

        nft goes on inside the block if there is something else behind the brace, and so do we.
        """
        inside, is_open = start, True

        def step() -> None:
            nonlocal inside, is_open
            inside = self.since(start)
            if not self.take_if("'}'"):
                line()
                return
            after()
            is_open = False

        while is_open:
            self.guarded(step)
        return inside

    def guarded(self, step: Callable[[], None]) -> None:
        """Do it; if that fails, go on behind the end of its line."""
        depth = self.depth
        try:
            step()
        except NftError as error:
            self.errors.append(error)
            self.depth = depth
            while self.next.kind not in (NEWLINE, SEMICOLON):
                if self.next.kind == END:
                    raise Abandoned from None
                self.take()
            self.take()
            self.recoveries += 1
            if self.recoveries == ERRORS_MAX:
                raise Abandoned from None

    # --- places ---------------------------------------------------------------------------------------------

    def since(self, start: Place) -> Place:
        """From there to the last token taken."""
        return start.to(self.last.at)

    # --- scopes ---------------------------------------------------------------------------------------------

    def _open_scope(self, scope: str) -> None:
        self._scopes.append(self.scope)
        self.scope = scope
        self._open[scope] += 1

    def close(self, scope: str) -> None:
        """A scope ends. One that is not the innermost is left when those inside it have been."""
        self._open[scope] -= 1
        if scope != self.scope:
            self._closed_early += 1
            return
        while self._closed_early and self._scopes:
            self._closed_early -= 1
            self.scope = self._scopes.pop()
            if self._open[self.scope]:
                return
        if self._scopes:
            self.scope = self._scopes.pop()
