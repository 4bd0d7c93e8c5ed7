"""The grammar of filter expressions.

`and` and `or` bind equally and to the left. An address, port or protocol that stands alone takes the
qualifiers of the one before it: `tcp port 80 or 443`.
libpcap: grammar.y
"""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import IPv6Address
from typing import Final

from pystack.applets.tcpdump.filter.arithmetic import (
    OPERATIONS,
    RELATIONS,
    Number,
    combine,
    compare,
    constant,
    frame_length,
    load,
    negative,
)
from pystack.applets.tcpdump.filter.code import Code
from pystack.applets.tcpdump.filter.errors import FilterError, syntax_error
from pystack.applets.tcpdump.filter.lexer import (
    FOREIGN_WORDS,
    LINK_WORDS,
    PROTOCOL_WORDS,
    Kind,
    Token,
    tokens,
)
from pystack.applets.tcpdump.filter.qualifiers import ANY, UNDEFINED, Qualifiers
from pystack.applets.tcpdump.filter.test import Test, both, either, everything, negated, nothing
from pystack.errors import NotModelled

KNOWN: Final = tuple(
    "host net port portrange src dst ether ip ip6 arp rarp icmp icmp6 igmp tcp udp sctp proto vlan broadcast "
    "multicast less greater len and or not".split()
)
ADDRESS_KINDS: Final = (Kind.NAME, Kind.DOTTED, Kind.IP6, Kind.MAC)
# How strongly a sign binds to what stands left of it; two have no rank in the grammar and take all they can.
RANKS: Final = {"|": 1, "&": 2, "<<": 3, ">>": 3, "+": 4, "-": 4, "*": 5, "/": 5, "^": 6, "%": 6}
GREEDY: Final = ("^", "%")
NEGATION_RANK: Final = 7
DEEPEST: Final = 60  # of what nests; bison's stack ends somewhere too


class _Elsewhere(Exception):
    """This is no arithmetic: what stands in the parentheses is an expression."""


class Parser:
    """One text, read once."""

    def __init__(self, text: str, code: Code) -> None:
        self._code = code
        self._failure: FilterError | None = None
        self._tokens: list[Token] = []
        try:
            for token in tokens(text):
                self._tokens.append(token)
        except FilterError as failure:
            self._failure = failure  # told when the reader comes to that place
        self._at = 0
        if _depth(self._tokens) > DEEPEST:
            raise FilterError("can't parse filter expression: memory exhausted")

    def parse(self) -> Test:
        """Raises FilterError, NotModelled."""
        if self._is_end():
            return everything
        test, _ = self._expression(UNDEFINED)
        if not self._is_end():
            raise syntax_error()
        if test is nothing:
            raise FilterError("expression rejects all packets")
        return test

    # -- words ---------------------------------------------------------------------------------------------

    def _peek(self, ahead: int = 0) -> Token:
        if self._at + ahead < len(self._tokens):
            return self._tokens[self._at + ahead]
        if self._failure is not None:
            raise self._failure
        return self._tokens[-1]

    def _is_end(self) -> bool:
        return self._peek().kind is Kind.END

    def _next(self) -> Token:
        token = self._peek()
        self._at += 1
        if token.kind is Kind.WORD and token.text in FOREIGN_WORDS:
            raise NotModelled(f"tcpdump: the filter word {token.text}", KNOWN)
        return token

    def _takes(self, text: str) -> bool:
        token = self._peek()
        if token.text != text or token.kind not in (Kind.SIGN, Kind.WORD):
            return False
        self._at += 1
        return True

    def _expect(self, text: str) -> None:
        if not self._takes(text):
            raise syntax_error()

    def _number(self) -> int:
        token = self._next()
        if token.kind is not Kind.NUMBER:
            raise syntax_error()
        return token.value

    # -- expressions ---------------------------------------------------------------------------------------

    def _expression(self, q: Qualifiers) -> tuple[Test, Qualifiers]:
        test, last = self._term(q)
        return self._continued(test, last, self._operand)

    def _continued(
        self, test: Test, q: Qualifiers, operand: Callable[[Qualifiers], tuple[Test, Qualifiers]]
    ) -> tuple[Test, Qualifiers]:
        while True:
            if self._takes("and"):
                right, q = operand(q)
                test = both(test, right)
            elif self._takes("or"):
                right, q = operand(q)
                test = either(test, right)
            else:
                return test, q

    def _operand(self, q: Qualifiers) -> tuple[Test, Qualifiers]:
        """What follows `and` or `or`: a term, or an address that goes on with what was said before."""
        return (self._identifier(q), q) if self._is_identifier() else self._term(q)

    def _is_identifier(self) -> bool:
        """Whether the next words, behind `not` and parentheses, are an address rather than a term."""
        ahead = 0
        while self._peek(ahead).kind is Kind.SIGN and self._peek(ahead).text in ("not", "("):
            ahead += 1
        token = self._peek(ahead)
        if token.kind in ADDRESS_KINDS:
            return True
        if token.kind is not Kind.NUMBER:
            return False
        while self._peek(ahead + 1).text == ")" and self._peek(ahead + 1).kind is Kind.SIGN:
            ahead += 1
        following = self._peek(ahead + 1)
        return following.text not in OPERATIONS and following.text not in RELATIONS

    def _term(self, q: Qualifiers) -> tuple[Test, Qualifiers]:
        if self._takes("not"):
            test, q = self._term(q)
            return negated(test), q
        token = self._peek()
        if token.kind is Kind.SIGN and token.text == "(":
            return self._parenthesis(q)
        if token.kind is Kind.NUMBER or token.text in ("len", "-"):
            return self._surely_relation(), UNDEFINED
        if token.kind is not Kind.WORD:
            raise syntax_error()
        if token.text in PROTOCOL_WORDS and self._peek(1).text == "[":
            return self._surely_relation(), UNDEFINED
        return self._primitive()

    def _parenthesis(self, q: Qualifiers) -> tuple[Test, Qualifiers]:
        start, code = self._at, self._code
        offsets = code.type_at, code.payload_at
        try:
            return self._relation(), UNDEFINED
        except _Elsewhere:
            self._at = start
            code.type_at, code.payload_at = offsets
        self._expect("(")
        test, _ = self._expression(q)
        self._expect(")")
        return test, q

    # -- arithmetic ----------------------------------------------------------------------------------------

    def _relation(self) -> Test:
        left = self._arithmetic(0)
        sign = self._peek()
        if sign.kind is not Kind.SIGN or sign.text not in RELATIONS:
            raise _Elsewhere
        self._at += 1
        return compare(sign.text, left, self._arithmetic(0))

    def _surely_relation(self) -> Test:
        try:
            return self._relation()
        except _Elsewhere:
            raise syntax_error() from None

    def _arithmetic(self, floor: int) -> Number:
        left = self._factor()
        while True:
            sign = self._peek()
            rank = RANKS.get(sign.text, 0) if sign.kind is Kind.SIGN else 0
            if rank <= floor:
                return left
            self._at += 1
            left = combine(sign.text, left, self._arithmetic(0 if sign.text in GREEDY else rank))

    def _factor(self) -> Number:
        token = self._peek()
        if token.kind is Kind.NUMBER:
            self._at += 1
            return constant(token.value)
        if self._takes("len"):
            return frame_length()
        if self._takes("-"):
            return negative(self._arithmetic(NEGATION_RANK))
        if self._takes("("):
            inner = self._arithmetic(0)
            if not self._takes(")"):
                raise _Elsewhere
            return inner
        if token.kind is Kind.WORD and token.text in PROTOCOL_WORDS and self._peek(1).text == "[":
            return self._octets()
        raise _Elsewhere

    def _octets(self) -> Number:
        word = self._next().text
        self._expect("[")
        index = self._arithmetic(0)
        size = self._number() if self._takes(":") else 1
        self._expect("]")
        return load(self._code, word, index, size)

    # -- primitives ----------------------------------------------------------------------------------------

    def _primitive(self) -> tuple[Test, Qualifiers]:
        code = self._code
        word = self._next().text
        if word in ("less", "greater"):
            return self._length_test(word, self._number()), UNDEFINED
        if word == "vlan":
            return code.vlan(self._optional_number()), UNDEFINED
        if word in ("inbound", "outbound"):
            return code.bound(outgoing=word == "outbound"), UNDEFINED
        if word == "ifindex":
            return code.interface(self._number()), UNDEFINED
        protocol = ANY
        if word in PROTOCOL_WORDS:
            protocol = "link" if word in LINK_WORDS else word
            following = self._peek()
            word = following.text if following.kind is Kind.WORD else ""
            if word not in (
                "host",
                "net",
                "port",
                "portrange",
                "proto",
                "src",
                "dst",
                "broadcast",
                "multicast",
            ):
                self._refuse_foreign(following)
                return code.protocol(protocol), UNDEFINED
            self._at += 1
        if word == "broadcast":
            return code.broadcast(protocol), UNDEFINED
        if word == "multicast":
            return code.multicast(protocol), UNDEFINED
        q = self._qualifiers(protocol, word)
        return self._identifier(q), q

    @staticmethod
    def _refuse_foreign(token: Token) -> None:
        if token.kind is Kind.WORD and token.text in FOREIGN_WORDS:
            raise NotModelled(f"tcpdump: the filter word {token.text}", KNOWN)

    @staticmethod
    def _length_test(word: str, limit: int) -> Test:
        if word == "less":
            return lambda subject: subject.length <= limit
        return lambda subject: subject.length >= limit

    def _optional_number(self) -> int | None:
        if self._peek().kind is not Kind.NUMBER:
            return None
        return self._number()

    def _qualifiers(self, protocol: str, word: str) -> Qualifiers:
        """Direction and kind of address, whose first word was read already."""
        direction = ANY
        if word in ("src", "dst"):
            direction = self._direction(word)
            word = self._peek().text if self._peek().kind is Kind.WORD else ""
            if word in ("host", "net", "port", "portrange"):
                self._at += 1
            else:
                self._refuse_foreign(self._peek())
                return Qualifiers(protocol, direction, ANY)
        if word not in ("host", "net", "port", "portrange", "proto"):
            raise syntax_error()
        return Qualifiers(protocol, direction, word)

    def _direction(self, word: str) -> str:
        other = "dst" if word == "src" else "src"
        if self._peek().text in ("or", "and") and self._peek(1).text == other:
            joined = self._next().text
            self._at += 1
            return "both" if joined == "and" else "either"
        return word

    # -- addresses -----------------------------------------------------------------------------------------

    def _identifier(self, q: Qualifiers) -> Test:
        if self._takes("not"):
            return negated(self._identifier(q))
        if self._takes("("):
            test, _ = self._continued(self._identifier(q), q, lambda q: (self._identifier(q), q))
            self._expect(")")
            return test
        token = self._next()
        code = self._code
        if token.kind is Kind.NUMBER:
            return code.number(token.value, q)
        if token.kind is Kind.NAME:
            return code.name(token.text, q)
        if token.kind is Kind.MAC:
            return code.mac(token.text, q)
        if token.kind is Kind.IP6:
            return code.ip6_host(IPv6Address(token.text), self._number() if self._takes("/") else 128, q)
        if token.kind is not Kind.DOTTED:
            raise syntax_error()
        if self._takes("/"):
            return code.network(token.text, self._number(), q)
        if self._takes("mask"):
            mask = self._next()
            if mask.kind is not Kind.DOTTED:
                raise syntax_error()
            return code.masked_network(token.text, mask.text, q)
        return code.dotted(token.text, q)


def _depth(words: list[Token]) -> int:
    """How deep an expression can nest at most: brackets, signs in a row, and each change of and and or."""
    depth = deepest = run = changes = 0
    joined = ""
    for token in words:
        run = run + 1 if token.text in ("not", "-") else 0
        depth += (token.text in ("(", "[")) - (token.text in (")", "]"))
        if token.text in ("and", "or"):
            changes += token.text != joined
            joined = token.text
        deepest = max(deepest, depth + run)
    return deepest + changes
