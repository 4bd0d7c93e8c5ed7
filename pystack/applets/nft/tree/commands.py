"""Commands, and the things that they make: tables, chains, rules, sets, objects."""

from __future__ import annotations

from dataclasses import dataclass, field

from pystack.applets.nft.place import NOWHERE, Place
from pystack.applets.nft.tree.expressions import Element, Expression
from pystack.applets.nft.tree.statements import Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """Something with a place; `places` has those of the words that an error may point at."""

    at: Place = field(default=NOWHERE, compare=False, repr=False)
    places: dict[str, Place] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Handle(Node):
    """Of what a command speaks: `inet filter input handle 4`."""

    family: str  # "" where none is written: ip, and of listings every one
    table: str = ""
    name: str = ""  # a chain's, set's, object's
    handle: int | None = None
    position: int | None = None  # a rule's handle behind or in front of which another comes
    index: int | None = None


@dataclass(frozen=True, slots=True)
class RuleText(Node):
    """The statements of a rule, and its comment."""

    statements: tuple[Statement, ...]
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Priority:
    """`priority filter + 10`, `priority -300`."""

    word: str | None
    offset: int


@dataclass(frozen=True, slots=True)
class ChainText(Node):
    """Everything is empty where not written."""

    name: str
    type: str = ""  # filter nat route
    hook: str = ""
    devices: Expression | None = None
    priority: Priority | Expression | None = None
    policy: Expression | None = None  # a Verdict, or a Symbol out of a variable
    comment: str = ""
    flags: tuple[str, ...] = ()
    rules: tuple[RuleText, ...] = ()


@dataclass(frozen=True, slots=True)
class SetText(Node):
    """A set; a map where `data` is there."""

    name: str
    key: tuple[str, ...] | Expression = ()  # type names of a concatenation; an expression of `typeof`
    data: tuple[str, ...] | Expression | str | None = None  # "verdict", "counter" and the like are one word
    data_interval: bool = False
    is_map: bool = False
    flags: tuple[str, ...] = ()  # constant interval timeout dynamic
    timeout: int | None = None  # milliseconds
    gc_interval: int | None = None
    size: int | None = None
    policy: str = ""
    auto_merge: bool = False
    statements: tuple[Statement, ...] = ()
    elements: tuple[Element, ...] | None = None
    comment: str = ""
    misgiven: Expression | None = None  # what stands in place of elements: a variable's value that is no set


@dataclass(frozen=True, slots=True)
class ObjectText(Node):
    """A named counter, quota, limit, ct helper, ct timeout; others are refused by name."""

    kind: str
    name: str
    statement: Statement | None = None  # Counter, Quota, Limit
    fields: dict[str, object] = field(
        default_factory=dict
    )  # of the ct objects: type, protocol, l3proto, policy
    comment: str = ""


@dataclass(frozen=True, slots=True)
class TableText(Node):
    """A table with all that its braces hold."""

    family: str
    name: str
    flags: tuple[str, ...] = ()
    comment: str = ""
    chains: tuple[ChainText, ...] = ()
    sets: tuple[SetText, ...] = ()
    objects: tuple[ObjectText, ...] = ()


@dataclass(frozen=True, slots=True)
class Command(Node):
    """`OPERATION OBJECT HANDLE {…}`."""

    operation: str  # add create insert replace delete flush list reset rename monitor describe
    object: str  # table chain rule set map element counter … and plurals of listings, ruleset
    handle: Handle
    body: (
        TableText
        | ChainText
        | RuleText
        | SetText
        | ObjectText
        | tuple[Element, ...]
        | Expression
        | str
        | None
    ) = None  # str: the new name of rename, the words behind monitor
    collapsed: tuple[Place, ...] = field(default=(), compare=False, repr=False)  # of those it was
