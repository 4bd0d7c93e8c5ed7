"""Which sockets `ss` shows: its words for states, ports and addresses, with and, or, not and brackets."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.sock.tcp_states import TcpState
from pystack.wire.ipv4 import parse_address

ALL: Final = frozenset(TcpState)
_UNCONNECTED: Final = frozenset({TcpState.CLOSE, TcpState.LISTEN})
_SMALL: Final = frozenset({TcpState.SYN_RECV, TcpState.TIME_WAIT})
LISTENING: Final = _UNCONNECTED
CONNECTED: Final = ALL - _UNCONNECTED - _SMALL  # what is shown if nothing is asked for
_STATES: Final = {
    **{
        state.name.lower().replace("_", "-"): frozenset({state})
        for state in ALL - {TcpState.FIN_WAIT1, TcpState.FIN_WAIT2, TcpState.LISTEN}
    },
    "fin-wait-1": frozenset({TcpState.FIN_WAIT1}),
    "fin-wait-2": frozenset({TcpState.FIN_WAIT2}),
    "closed": frozenset({TcpState.CLOSE}),
    "unconnected": frozenset({TcpState.CLOSE}),
    "listening": frozenset({TcpState.LISTEN}),
    "syn-rcv": frozenset({TcpState.SYN_RECV}),
    "all": ALL,
    "connected": ALL - _UNCONNECTED,
    "synchronized": ALL - _UNCONNECTED - {TcpState.SYN_SENT},
    "bucket": _SMALL,
    "big": ALL - _SMALL,
}

_COMPARISONS: Final[dict[str, Callable[[int, int], bool]]] = {
    word: compare
    for words, compare in (
        ("= == eq", operator.eq),
        ("!= ne neq", operator.ne),
        (">= ge geq", operator.ge),
        ("<= le leq", operator.le),
        ("> gt", operator.gt),
        ("< lt", operator.lt),
    )
    for word in words.split()
}
_AND: Final = ("and", "&", "&&")
_OR: Final = ("or", "|", "||")
_NOT: Final = ("not", "!")
_KNOWN: Final = ("state", "exclude", "sport", "dport", "src", "dst", *_AND, *_OR, *_NOT, "(", ")")


@dataclass(frozen=True, slots=True)
class Ends:
    """The addresses and ports of one socket."""

    saddr: int
    sport: int
    daddr: int
    dport: int


Test = Callable[[Ends], bool]


class FilterError(Exception):
    """What ss says before it ends."""


class Filter:
    """The words behind the options. Raises FilterError, NotModelled."""

    def __init__(self, words: Sequence[str], names: Names) -> None:
        self._words = [piece for word in words for piece in _pieces(word)]
        self._names = names
        self.states: frozenset[TcpState] | None = None  # None: as the options say
        while self._words[:1] in (["state"], ["exclude"]):
            self._take_states()
        self.test: Test = self._any() if self._words else _everything
        if self._words:
            raise NotModelled(f"ss: {self._words[0]} in a filter", _KNOWN)

    def _take_states(self) -> None:
        is_wanted = self._words.pop(0) == "state"
        if not self._words:
            raise FilterError("ss: wrong state name: (null)")
        word = self._words.pop(0)
        states = _STATES.get(word.lower())
        if states is None:
            raise FilterError(f"ss: wrong state name: {word}")
        if is_wanted:
            self.states = (self.states or frozenset()) | states
        else:
            self.states = (ALL if self.states is None else self.states) - states

    # -- the expression ------------------------------------------------------------------------------------

    def _any(self) -> Test:
        left = self._each()
        while self._words and self._words[0] in _OR:
            self._words.pop(0)
            left = _either(left, self._each())
        return left

    def _each(self) -> Test:
        left = self._one()
        while self._words and self._words[0] not in (*_OR, ")"):
            if self._words[0] in _AND:
                self._words.pop(0)
            left = _both(left, self._one())
        return left

    def _one(self) -> Test:
        word = self._next()
        if word in _NOT:
            inner = self._one()
            return lambda ends: not inner(ends)
        if word == "(":
            inner = self._any()
            if self._next() != ")":
                raise NotModelled("ss: a bracket that is not closed", _KNOWN)
            return inner
        if word in ("sport", "dport"):
            return self._port(word)
        if word in ("src", "dst"):
            return self._address(word)
        raise NotModelled(f"ss: {word} in a filter", _KNOWN)

    def _next(self) -> str:
        if not self._words:
            raise NotModelled("ss: a filter that breaks off", _KNOWN)
        return self._words.pop(0)

    def _port(self, which: str) -> Test:
        compare = _COMPARISONS.get(self._words[0] if self._words else "")
        if compare is None:
            compare = operator.eq
        else:
            self._words.pop(0)
        port = self._number(self._next().removeprefix(":"))
        if which == "sport":
            return lambda ends: compare(ends.sport, port)
        return lambda ends: compare(ends.dport, port)

    def _number(self, word: str) -> int:
        if word.isdigit():
            return int(word)
        for protocol in ("tcp", "udp"):
            if (protocol, word) in self._names.ports:
                return self._names.ports[protocol, word]
        raise FilterError(f'Error: "{word}" does not look like a port.\nCannot parse dst/src address.')

    def _address(self, which: str) -> Test:
        is_negated = bool(self._words) and self._words[0] in ("!=", "ne", "neq")
        if is_negated or (self._words and self._words[0] in ("=", "==", "eq")):
            self._words.pop(0)
        text, _, port_text = self._next().partition(":")
        prefix, _, length_text = text.partition("/")
        network = 0 if prefix in ("", "*") else parse_address(prefix)
        if network is None or (length_text and not length_text.isdigit()):
            raise FilterError(
                f'Error: an inet prefix is expected rather than "{text}".\nCannot parse dst/src address.'
            )
        length = 0 if prefix in ("", "*") else int(length_text or 32)
        mask = 0xFFFFFFFF << 32 - length & 0xFFFFFFFF
        port = self._number(port_text) if port_text not in ("", "*") else None

        def test(ends: Ends) -> bool:
            ours = ends.saddr if which == "src" else ends.daddr
            our_port = ends.sport if which == "src" else ends.dport
            return ((ours ^ network) & mask == 0 and port in (None, our_port)) is not is_negated

        return test


def _pieces(word: str) -> list[str]:
    """Brackets may touch what they enclose; one word may hold a whole filter."""
    return word.replace("(", " ( ").replace(")", " ) ").split()


def _both(one: Test, other: Test) -> Test:
    return lambda ends: one(ends) and other(ends)


def _either(one: Test, other: Test) -> Test:
    return lambda ends: one(ends) or other(ends)


def _everything(ends: Ends) -> bool:
    return True
