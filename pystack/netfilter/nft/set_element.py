"""What a set is, and one of its elements."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol, runtime_checkable

from pystack.errors import EINVAL, EOPNOTSUPP, NetError
from pystack.netfilter.nft.statements.conn_limit import ConnLimit
from pystack.netfilter.rule import Jump, Match, Target, Verdict

DEFAULT_DYNAMIC_SIZE: Final = 0xFFFF  # of a set that has none, once a rule adds to it
_KEY_MAX: Final = 64  # octets
_BITMAP_LENGTH: Final = 2  # octets of a key that Linux keeps as bits

Data = bytes | Target | Match | None  # what a key is mapped to: a value, a verdict, a named object, nothing


@runtime_checkable
class Stateful(Protocol):
    """A statement that every element has one of its own of: counter, limit, quota, ct count."""

    def clone(self) -> Match:
        """A fresh one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetForm:
    """What a set was made for. Times are in jiffies; 0 is none."""

    fields: tuple[int, ...]  # octets of the key, of a concatenation those of each part
    interval: bool = False
    timeouts: bool = False
    dynamic: bool = False
    constant: bool = False
    anonymous: bool = False
    is_map: bool = False
    holds_objects: bool = False  # what it maps to are named counters and the like
    size: int = 0
    timeout: int = 0
    gc_interval: int = 0
    statements: tuple[Stateful, ...] = ()

    @property
    def has_fields(self) -> bool:
        """Whether it holds intervals of concatenations."""
        return self.interval and len(self.fields) > 1

    @property
    def takes_updates(self) -> bool:
        """Whether rules may add to it: only Linux's hash that can grow lets them.

        Linux: net/netfilter/nf_tables_api.c nft_select_set_ops(), struct nft_set_ops .update
        """
        if self.interval:
            return False
        has_more = self.is_map or bool(self.statements)
        is_bitmap = len(self.fields) == 1 and self.fields[0] <= _BITMAP_LENGTH and not has_more
        return self.timeouts or self.dynamic or not (self.size or is_bitmap)

    def check(self) -> None:
        """Raise what Linux would. Linux: net/netfilter/nf_tables_api.c nf_tables_newset()"""
        if sum(self.fields) > _KEY_MAX:
            raise NetError(EINVAL)
        if (self.constant and self.timeouts) or (self.interval and self.dynamic):
            raise NetError(EOPNOTSUPP)
        self.check_statements(self.statements)

    def check_statements(self, statements: Sequence[object]) -> None:
        """Elements that count connections go when these are over, so they have no time of their own.

        Linux: net/netfilter/nf_tables_api.c nft_set_elem_expr_alloc()
        """
        if self.timeouts and any(isinstance(one, ConnLimit) for one in statements):
            raise NetError(EOPNOTSUPP)


class Element:
    """Everything from one key to another; both are the same where it stands for one alone.

    Linux: struct nft_set_ext
    """

    __slots__ = ("comment", "data", "end", "expires", "key", "statements", "timeout")

    def __init__(
        self,
        key: bytes,
        end: bytes | None = None,
        data: Data = None,
        *,
        timeout: int = 0,
        expires: int = 0,
        statements: tuple[Match, ...] = (),
        comment: str = "",
    ) -> None:
        self.key = key  # empty: it stands for every key that no other element stands for
        self.end = key if end is None else end
        self.data = data
        self.timeout = timeout  # in jiffies; 0: for ever
        self.expires = expires  # at which jiffy
        self.statements = statements
        self.comment = comment

    @property
    def is_catch_all(self) -> bool:
        """Whether it stands for every key that no other one does."""
        return not self.key


def same_data(one: Data, other: Data) -> bool:
    """Whether two keys are mapped to the same."""
    if isinstance(one, Jump) and isinstance(other, Jump):
        return one.chain is other.chain and one.goto == other.goto
    if isinstance(one, Verdict) and isinstance(other, Verdict):
        return one.code == other.code
    return one is other if isinstance(one, Match | Target) else one == other
