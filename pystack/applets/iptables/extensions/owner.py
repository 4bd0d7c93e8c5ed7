"""`-m owner`"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.ports import range_of
from pystack.applets.iptables.option import U32, Option, Values, Where, number
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.matches.owner import Owner
from pystack.netfilter.rule import Match


def _uids(text: str, where: Where) -> tuple[int, int]:
    return _ids(text, where, where.names.users)


def _gids(text: str, where: Where) -> tuple[int, int]:
    return _ids(text, where, where.names.groups)


def _ids(text: str, where: Where, known: Mapping[str, int]) -> tuple[int, int]:
    """A name, or one number or a range.

    Linux: libxt_owner.c owner_parse_range()
    """
    if text in known:
        return known[text], known[text]
    low_text, dash, high_text = text.partition("-")
    low, high = number(low_text, U32 - 1), number(high_text if dash else low_text, U32 - 1)
    if low is None or high is None:
        raise Refused(f'owner: Bad value for "--{where.option}" option: "{text}"')
    return low, high


def _behind_a_group(where: Where) -> None:
    """Linux: libxt_owner.c owner_mt_parse()"""
    if "gid-owner" not in where.given:
        why = '"you need to use --gid-owner first"'
        raise Refused(f'owner: Bad value for "--suppl-groups" option: {why}')


def _show(value: tuple[int, int]) -> str:
    low, high = value
    return str(low) if low == high else f"{low}-{high}"


def _name_of(value: tuple[int, int], known: Mapping[str, int]) -> str:
    """Only one alone has a name."""
    low, high = value
    named = (name for name, number in known.items() if low == high == number)
    return next(named, _show(value))


class OwnerExtension(MatchExtension):
    """Linux: libxt_owner.c"""

    name = "owner"
    hooks = ("OUTPUT", "POSTROUTING")
    options = (
        Option("socket-exists", invert=True),
        Option("uid-owner", _uids, _show, invert=True),
        Option("gid-owner", _gids, _show, invert=True),
        Option("suppl-groups", check=_behind_a_group),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("owner: At least one of --uid-owner, --gid-owner or --socket-exists is required")

    def kernel_error(self, values: Values, site: Site) -> int:
        """A range has to go up. Linux: net/netfilter/xt_owner.c owner_check()"""
        ranges = [values[name].value for name in ("uid-owner", "gid-owner") if name in values]
        if any(low > high for low, high in ranges):
            return EINVAL
        return super().kernel_error(values, site)

    def listing(self, values: Values, names: Names | None) -> str:
        """`owner UID match 77`"""
        words: list[str] = []
        users, groups = (names.users, names.groups) if names is not None else ({}, {})
        for name, said, known in (("uid-owner", "UID", users), ("gid-owner", "GID", groups)):
            if name in values:
                given = values[name]
                shown = _name_of(given.value, known)
                words.append(f"{'! ' if given.inverted else ''}owner {said} match {shown}")
        if "socket-exists" in values:
            words.insert(0, f"{'! ' if values['socket-exists'].inverted else ''}owner socket exists")
        if "suppl-groups" in values:
            words.append("incl. suppl. groups")
        return " ".join(words)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        uids, gids = (
            range_of(values[name]) if name in values else None for name in ("uid-owner", "gid-owner")
        )
        exists = not values["socket-exists"].inverted if "socket-exists" in values else None
        return (Owner(uids, gids, exists),)


EXTENSIONS: Final = (OwnerExtension(),)
