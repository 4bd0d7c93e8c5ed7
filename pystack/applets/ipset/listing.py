"""`ipset list` and `ipset save`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.ipset.elements import Elements
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.ipset import HASH_IP, HASH_IP_PORT, HASH_NET, Element, IpSet, Key, Settings

_REVISIONS: Final = {HASH_IP: 6, HASH_NET: 7, HASH_IP_PORT: 7}

# Octets of a table without elements, of each length of a prefix that hash:net has room for, of a bucket, and
# of what may be kept with an element. Linux: ip_set_hash_gen.h mtype_ahash_memsize()
_EMPTY: Final = 216
_LENGTH: Final = 8
_BUCKET: Final = 32
_SLOTS: Final = 2
_TIMEOUT, _COUNTERS, _COMMENT = 8, 16, 8


def listed(one: IpSet, references: int, names: Names, *, terse: bool, ordered: bool) -> Iterator[str]:
    """The lines of a set."""
    members = list(one.living())
    settings = one.settings
    yield f"Name: {one.name}"
    yield f"Type: {settings.kind}"
    yield f"Revision: {_REVISIONS[settings.kind]}"
    yield f"Header: {header(settings)}"
    yield f"Size in memory: {_memory(settings, len(members))}"
    yield f"References: {references}"
    yield f"Number of entries: {len(members)}"
    if terse:
        return
    yield "Members:"
    yield from member_lines(one, members, names, ordered=ordered)


def saved(one: IpSet, names: Names, *, ordered: bool) -> Iterator[str]:
    """The commands that make a set again."""
    yield f"create {one.name} {one.settings.kind} {header(one.settings)}"
    members = list(one.living())
    yield from (f"add {one.name} {line}" for line in member_lines(one, members, names, ordered=ordered))


def header(settings: Settings) -> str:
    """What a set was made for. That it makes room is not told, as the tool does not tell it."""
    words = ["family inet6" if settings.is_ipv6 else "family inet"]
    words += [f"hashsize {settings.hash_size}", f"maxelem {settings.most}"]
    words += [f"netmask {settings.prefix}"] if settings.prefix is not None else []
    words += [f"timeout {settings.timeout}"] if settings.timeout is not None else []
    words += ["counters"] if settings.counters else []
    words += ["comment"] if settings.comments else []
    return " ".join([*words, f"bucketsize {settings.bucket_size}", f"initval 0x{settings.seed:08x}"])


def member_lines(
    one: IpSet, members: list[tuple[Key, Element]], names: Names, *, ordered: bool
) -> Iterator[str]:
    """An element a line, in the order in which they came. Linux differs: in the order of their hash."""
    elements = Elements(one.settings, names)
    for key, element in sorted(members, key=lambda member: member[0]) if ordered else members:
        yield " ".join([elements.text(key), *_details(one, element)])


def _details(one: IpSet, element: Element) -> Iterator[str]:
    settings = one.settings
    if settings.timeout is not None:
        yield f"timeout {one.seconds_left(element)}"
    if element.excludes:
        yield "nomatch"
    if settings.counters:
        yield f"packets {element.packets} bytes {element.octets}"
    if element.comment:
        yield f'comment "{element.comment}"'


def _memory(settings: Settings, count: int) -> int:
    """Linux differs: elements that share a bucket take less."""
    key = settings.bits // 8 + (0 if settings.kind == HASH_IP else 4)
    key += _TIMEOUT if settings.timeout is not None else 0
    key += _COUNTERS if settings.counters else 0
    key += _COMMENT if settings.comments else 0
    lengths = settings.bits * _LENGTH if settings.kind == HASH_NET else 0
    return _EMPTY + lengths + count * (_BUCKET + _SLOTS * key)
