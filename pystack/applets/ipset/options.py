"""What stands behind `create NAME TYPE` and `add NAME ELEMENT`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pystack.applets.ipset.elements import family_named
from pystack.applets.ipset.refused import Refused, number, syntax, usage, worded
from pystack.errors import NotModelled
from pystack.netfilter.ipset import DIMENSIONS, HASH_IP, HASH_IP_PORT, HASH_NET, Element, Fault, Settings

_MOST_SECONDS: Final = 0xFFFFFFFF // 2000
_U8: Final = 0xFF
_U32: Final = 0xFFFFFFFF
_U64: Final = (1 << 64) - 1
_FEWEST_BUCKETS: Final = 64
_LONGEST_COMMENT: Final = 255

_OLD_NAMES: Final = {"iphash": HASH_IP, "nethash": HASH_NET, "ipporthash": HASH_IP_PORT}
_KINDS_OF_OTHERS: Final = frozenset(
    "bitmap:ip bitmap:ip,mac bitmap:port hash:mac hash:ip,mac hash:ip,mark hash:ip,port,ip hash:ip,port,net "
    "hash:net,net hash:net,port hash:net,port,net hash:net,iface list:set ipmap macipmap portmap "
    "ipportiphash ipportnethash setlist".split()
)
_CREATION_OF_OTHERS: Final = frozenset(("skbinfo", "bitmask"))
_ADDITION_OF_OTHERS: Final = frozenset(("skbmark", "skbprio", "skbqueue"))
_SHORT: Final = {"-4": ("family", "inet"), "-6": ("family", "inet6")}


def kind_named(name: str) -> str:
    """The type of a set; raises Refused, NotModelled."""
    name = _OLD_NAMES.get(name, name)
    if name in DIMENSIONS:
        return name
    if name in _KINDS_OF_OTHERS:
        raise NotModelled(f"ipset create … {name}", tuple(DIMENSIONS))
    raise syntax(f"typename '{name}' is unknown")


def settings_of(kind: str, words: Sequence[str], seed: int) -> Settings:
    """How a set is made; `seed` is taken where none is given."""
    options = dict(_CREATION)
    if kind == HASH_IP:
        options["netmask"] = lambda text: text
    given = _read(words, options, _CREATION_OF_OTHERS, "create")
    bits = given.get("family", 32)
    prefix = None
    if "netmask" in given:
        prefix = _netmask(given["netmask"], bits)
    return Settings(
        kind,
        bits,
        hash_size=given.get("hashsize", 1024),
        most=given.get("maxelem", 65536),
        prefix=None if prefix == bits else prefix,
        timeout=given.get("timeout"),
        counters="counters" in given,
        comments="comment" in given,
        makes_room="forceadd" in given,
        bucket_size=given.get("bucketsize", 12),
        seed=given.get("initval", seed),
    )


def _netmask(text: str, bits: int) -> int:
    try:
        return number(text, bits, 1)
    except Refused as refused:
        what = f"netmask is out of the inclusive range of 1-{bits}"
        raise Refused(f"{refused.text}\nSyntax error: {what}") from None


@dataclass(frozen=True, slots=True)
class Addition:
    """What is said of an element."""

    timeout: int | None = None
    packets: int | None = None
    octets: int | None = None
    comment: str | None = None
    excludes: bool = False

    def element(self, settings: Settings) -> Element:
        """What a set keeps of it; raises Refused for what it cannot keep."""
        for asked, can, fault in (
            (self.timeout is not None, settings.timeout is not None, Fault.NO_TIMEOUT),
            (self.packets is not None or self.octets is not None, settings.counters, Fault.NO_COUNTERS),
            (self.comment is not None, settings.comments, Fault.NO_COMMENT),
        ):
            if asked and not can:
                raise Refused(worded("add", fault))
        return Element(
            packets=self.packets or 0,
            octets=self.octets or 0,
            comment=self.comment or "",
            excludes=self.excludes,
        )


def addition_of(kind: str, words: Sequence[str]) -> Addition:
    """What stands behind an element that is added."""
    options = dict(_ADDITION)
    if kind == HASH_NET:
        options["nomatch"] = None
    given = _read(words, options, _ADDITION_OF_OTHERS, "add")
    return Addition(
        given.get("timeout"),
        given.get("packets"),
        given.get("bytes"),
        given.get("comment"),
        excludes="nomatch" in given,
    )


def is_about_excluded(kind: str, words: Sequence[str]) -> bool:
    """What stands behind an element that is tested or deleted: `nomatch`, or nothing."""
    options: Options = {"nomatch": None} if kind == HASH_NET else {}
    return "nomatch" in _read(words, options, frozenset(), "test")


Options = dict[str, Callable[[str], Any] | None]  # by name; None for those without an argument


def _read(words: Sequence[str], options: Options, others: frozenset[str], command: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    waiting = [word for one in words for word in _SHORT.get(one, (one,))]
    while waiting:
        word = waiting.pop(0)
        name = word.removeprefix("--")
        if name in others:
            raise NotModelled(f"ipset {command} … {name}", tuple(options))
        if name not in options:
            raise usage(f"Unknown argument: `{word}'")
        parse = options[name]
        if parse is None or (name == "comment" and command == "create"):
            found[name] = True
            continue
        if name in found:
            raise syntax(f"{name} already specified")
        if not waiting:
            raise usage(f"Missing mandatory argument of option `{name}'")
        found[name] = parse(waiting.pop(0))
    return found


def _hash_size(text: str) -> int:
    """A power of two. Linux: ip_set_hash_gen.h mtype_create()"""
    asked = number(text, _U32)
    return max(_FEWEST_BUCKETS, 1 << (asked - 1).bit_length() if asked else 0)


def _comment(text: str) -> str:
    if '"' in text:
        raise syntax('" character is not permitted in comments')
    if len(text) > _LONGEST_COMMENT:
        raise syntax(f"Comment is longer than the maximum allowed {_LONGEST_COMMENT} characters")
    return text


_CREATION: Final[Options] = {
    "family": lambda text: family_named(text).bits,
    "hashsize": _hash_size,
    "maxelem": lambda text: number(text, _U32),
    "timeout": lambda text: number(text, _MOST_SECONDS),
    "bucketsize": lambda text: max(2, number(text, _U8)),
    "initval": lambda text: number(text, _U32),
    "counters": None,
    "comment": None,
    "forceadd": None,
}
_ADDITION: Final[Options] = {
    "timeout": lambda text: number(text, _MOST_SECONDS),
    "packets": lambda text: number(text, _U64),
    "bytes": lambda text: number(text, _U64),
    "comment": _comment,
}
