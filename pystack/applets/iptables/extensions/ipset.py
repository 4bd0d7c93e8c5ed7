"""`-m set`, `-j SET`"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site, TargetExtension
from pystack.applets.iptables.family import Family
from pystack.applets.iptables.option import U32, Given, Option, Values, Where, number
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.netfilter.ipset import IpSet
from pystack.netfilter.matches.ipset import CounterTest, Ends, InSet
from pystack.netfilter.rule import Match, Target
from pystack.netfilter.targets.ipset import SetTarget

_MOST_ENDS: Final = 6
_LONGEST_NAME: Final = 31
_U64: Final = (1 << 64) - 1
_ONLY_ONCE: Final = "--match-set can be specified only once"  # also under its old name
_NO_TIMEOUT: Final = U32 - 1

Wanted = tuple[str, Ends]  # a set's name, and whether source or destination is meant


def _name(text: str, where: Where) -> str:
    return text


def _with_ends(name: str, text: str | None, where: Where) -> Wanted:
    """`foo src,dst`. Linux: libxt_set.h parse_dirs()"""
    if text is None:
        raise Refused(f"--{where.option} requires two args.")
    if len(name) > _LONGEST_NAME:
        raise Refused(f"setname `{name}' too long, max {_LONGEST_NAME} characters.")
    _found(name, where.find_set, where.family)
    ends: list[bool] = []
    for word in text.split(","):
        if len(ends) == _MOST_ENDS:
            raise Refused(f"Can't be more src/dst options than {_MOST_ENDS}.")
        if word not in ("src", "dst"):
            raise Refused("You must spefify (the comma separated list of) 'src' or 'dst'.")
        ends.append(word == "src")
    return name, tuple(ends)


def _show(wanted: Wanted) -> str:
    name, ends = wanted
    return f"{name} {','.join('src' if source else 'dst' for source in ends)}"


def _found(name: str, find: Callable[[str], IpSet | None], family: Family) -> IpSet:
    """The set that is meant. Linux: libxt_set.h get_set_byname()"""
    found = find(name)
    if found is None:
        raise Refused(f"Set {name} doesn't exist.\n")
    if found.settings.bits != family.bits:
        other = "IPv6" if found.settings.is_ipv6 else "IPv4"
        raise Refused(f"The protocol family of set {name} is {other}, which is not applicable.\n")
    return found


def _resolved(wanted: Wanted, site: Site) -> tuple[IpSet, Ends]:
    name, ends = wanted
    return _found(name, site.tables.ipsets.get, site.header.family), ends


def _counter(text: str, where: Where) -> int:
    value = number(text, _U64)
    if value is None:
        raise Refused(f"Cannot parse {text} as a counter value\n")
    return value


class SetMatch(MatchExtension):
    """Linux: libxt_set.c"""

    name = "set"
    options = (
        Option("match-set", _name, _show, invert=True, more=_with_ends, twice=_ONLY_ONCE),
        Option("set", _name, _show, invert=True, more=_with_ends, twice=_ONLY_ONCE),
        Option("return-nomatch"),
        Option("update-counters", invert=True),
        Option("update-subcounters", invert=True),
        *(
            Option(f"{what}-{sign}", _counter, invert=sign == "eq")
            for what in ("packets", "bytes")
            for sign in ("eq", "lt", "gt")
        ),
    )

    def check(self, values: Values) -> None:
        """A set, and one test for each counter."""
        for what in ("packets", "bytes"):
            if sum(name.startswith(f"{what}-") for name in values) > 1:
                raise Refused(f"only one of the --{what}-[eq|lt|gt] is allowed")
        if not values.keys() & {"match-set", "set"}:
            raise Refused("You must specify `--match-set' with proper arguments")

    def warnings(self, values: Values) -> tuple[str, ...]:
        """Of an old name."""
        return ("--set option deprecated, please use --match-set",) if "set" in values else ()

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """Under the new name; an update that is wanted is what happens anyway."""
        kept = {"match-set" if name == "set" else name: given for name, given in values.items()}
        plain = ("update-counters", "update-subcounters")
        return {name: given for name, given in kept.items() if name not in plain or given.inverted}

    def listing(self, values: Values, names: Names | None) -> str:
        """`! match-set foo src,dst`"""
        return self.save(values).replace("--", "")

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["match-set"]
        ipset, ends = _resolved(given.value, site)
        return (
            InSet(
                ipset,
                ends,
                inverted=given.inverted,
                excluded_instead="return-nomatch" in values,
                counts="update-counters" not in values,
                packets=_counter_test("packets", values),
                octets=_counter_test("bytes", values),
            ),
        )


def _counter_test(what: str, values: Values) -> CounterTest | None:
    for sign in ("eq", "lt", "gt"):
        given: Given | None = values.get(f"{what}-{sign}")
        if given is not None:
            return CounterTest("ne" if given.inverted else sign, given.value)
    return None


def _timeout(text: str, where: Where) -> int:
    value = number(text, _NO_TIMEOUT)
    if value is None:
        raise Refused(f"Invalid value for option --timeout or out of range 0-{_NO_TIMEOUT}")
    return value


def _not_mapped(text: str, where: Where) -> str:
    raise NotModelled(f"{where.family.program} -j SET --map-set", ("--add-set", "--del-set"))


class SetExtension(TargetExtension):
    """Linux: libxt_SET.c"""

    name = "SET"
    options = (
        Option("add-set", _name, _show, more=_with_ends, twice="--add-set can be specified only once"),
        Option("exist"),
        Option("timeout", _timeout),
        Option("del-set", _name, _show, more=_with_ends, twice="--del-set can be specified only once"),
        Option("map-set", _not_mapped),
    )

    def check(self, values: Values) -> None:
        """Something to do; what is said of additions needs one."""
        if not values.keys() & {"add-set", "del-set"}:
            raise Refused("You must specify either `--add-set' or `--del-set' or `--map-set'")
        for name in ("exist", "timeout"):
            if name in values and "add-set" not in values:
                raise Refused(f"Option `--{name}' can be used with `--add-set' only")

    def listing(self, values: Values, names: Names | None) -> str:
        """`add-set foo src exist timeout 50`"""
        return self.save(values).replace("--", "")

    def compile(self, values: Values, site: Site) -> Target:
        """What is added, and what is taken out."""
        added, deleted = (
            _resolved(values[name].value, site) if name in values else None for name in ("add-set", "del-set")
        )
        timeout = values["timeout"].value if "timeout" in values else None
        return SetTarget(added, deleted, timeout, renews="exist" in values)


EXTENSIONS: Final = (SetMatch(), SetExtension())
