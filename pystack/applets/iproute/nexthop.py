"""`ip nexthop`: add, replace, del, get, list, flush."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pystack.applets.iproute.known_device import known_device
from pystack.applets.iproute.names import PROTOCOLS
from pystack.applets.iproute.numbers import address, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.route_print import print_object
from pystack.applets.iproute.usage_of_objects import NEXTHOP_USAGE, explained
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, matches, refused, wrong
from pystack.applets.session import Session
from pystack.errors import EINVAL, ENOENT, NetError, NotModelled
from pystack.l2.devices import Link
from pystack.l3.fib_types import NexthopObject
from pystack.l3.nexthop_objects import NexthopObjects, NexthopWish

KNOWN: Final = ("id", "via", "dev", "onlink", "blackhole", "group", "protocol")
_NOT_MODELLED: Final = ("encap", "fdb", "hw_stats")
_MOST_WEIGHT: Final = 256


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/ipnexthop.c do_ipnh()"""
    if not words:
        return _list(words, options, session)
    word = words.take()
    if matches(word, "add") or matches(word, "replace"):
        return _add(words, options, session, replace=not matches(word, "add"))
    if matches(word, "delete"):
        return _delete(words, options, session)
    if matches(word, "list") or matches(word, "show") or matches(word, "lst"):
        return _list(words, options, session)
    if matches(word, "get"):
        return _get(words, options, session)
    if matches(word, "flush"):
        return _flush(words, options, session)
    if matches(word, "bucket"):
        raise NotModelled("ip nexthop bucket", ("groups of type mpath",))
    if matches(word, "help"):
        raise explained(NEXTHOP_USAGE)
    raise ToolExit(USAGE_CODE, f'Command "{word}" is unknown, try "ip nexthop help".\n')


# --- changing --------------------------------------------------------------------------------------------


def _add(words: Words, options: Options, session: Session, *, replace: bool) -> int:
    wish, _ = _parse(words, options, session)
    try:
        session.netns.ipv4.fib.objects.add(wish, replace=replace)
    except NetError as error:
        raise refused(error) from None
    return 0


def _delete(words: Words, options: Options, session: Session) -> int:
    """Linux: net/ipv4/nexthop.c nh_valid_get_del_req()"""
    wish, number = _parse(words, options, session)
    try:
        if wish.dev is not None or wish.gateway or wish.blackhole or wish.group is not None:
            raise NetError(EINVAL, "Unknown attribute type")
        if wish.protocol or wish.onlink:
            raise NetError(EINVAL, "Invalid values in header")
        if number is None:
            raise NetError(EINVAL, "Nexthop id is missing")
        _delete_one(session.netns.ipv4.fib.objects, number)
    except NetError as error:
        raise refused(error) from None
    return 0


def _delete_one(objects: NexthopObjects, number: int) -> None:
    if not number:
        raise NetError(EINVAL, "Invalid nexthop id")
    objects.delete(number)


def _parse(words: Words, options: Options, session: Session) -> tuple[NexthopWish, int | None]:
    """What is wanted, and the number that was named. Linux: iproute2 ip/ipnexthop.c ipnh_modify()"""
    wish, number = NexthopWish(has_family=options.family == "inet"), None
    while words:
        word = words.take()
        if word == "id":
            wish.number = number = _number(words.take())
        elif word == "dev":
            wish.dev, wish.has_family = known_device(words.take(), session), True
        elif word == "via":
            wish.gateway, wish.has_family = _gateway(words, wish), True
        elif word == "blackhole":
            wish.blackhole = wish.has_family = True
        elif word == "onlink":
            wish.onlink = True
        elif word == "group":
            wish.group = _group(words.take())
        elif word == "type":
            _check_type(words.take())
        elif word in _NOT_MODELLED:
            raise NotModelled(f"ip nexthop … {word}", KNOWN)
        elif matches(word, "protocol"):
            wish.protocol = _protocol(words.take())
        elif word == "help":
            raise explained(NEXTHOP_USAGE)
        else:
            raise wrong("", word)
    return wish, number


def _number(word: str) -> int:
    number = unsigned(word)
    if number is None:
        raise wrong("invalid id value", word)
    return number


def _gateway(words: Words, wish: NexthopWish) -> int:
    word, family = words.take(), "inet" if wish.has_family else ""
    if word == "inet6":
        raise NotModelled("via inet6", ("inet",))
    if word == "inet":
        word, family = words.take(), word
    return address(word, family).address


def _protocol(word: str) -> int:
    number = PROTOCOLS.number(word)
    if number is None:
        raise wrong('"protocol" value is invalid\n', word)
    return number


def _check_type(word: str) -> None:
    if word == "resilient":
        raise NotModelled("ip nexthop … type resilient", ("mpath",))
    if word != "mpath":
        raise wrong('"type" value is invalid\n', word)


def _group(word: str) -> list[tuple[int, int]]:
    """`1/2,3`: numbers, some with weights. Linux: iproute2 ip/ipnexthop.c add_nh_group_attr()"""
    group: list[tuple[int, int]] = []
    parts = word.split("/")
    for at, part in enumerate(parts):
        name, comma, weight_word = part.partition(",")
        number = unsigned(name)
        if number is None:  # the tool shows what it has not cut off yet
            raise wrong('"group" value is invalid\n', parts[0].partition(",")[0] if at else name)
        weight = unsigned(weight_word) if comma else 1
        if not weight or weight > _MOST_WEIGHT:
            raise wrong('"weight" is invalid\n', weight_word)
        group.append((number, weight))
    return group


# --- listing ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Filter:
    """Linux: iproute2 ip/ipnexthop.c filter"""

    dev: Link | None = None
    master: Link | None = None
    groups: bool = False
    protocol: int = 0
    number: int | None = None
    inet: bool = False
    is_empty: bool = True

    def takes(self, told: NexthopObject) -> bool:
        """Linux: net/ipv4/nexthop.c nh_dump_filtered()"""
        if (self.groups and not told.is_group) or (self.protocol and told.protocol != self.protocol):
            return False
        if self.dev is None and self.master is None and not self.inet:
            return True
        dev = told.hop.dev
        if told.is_group or dev is None:
            return False
        return (self.dev is None or dev is self.dev) and (self.master is None or dev.master is self.master)


def _parse_filter(words: Words, options: Options, session: Session) -> _Filter:
    """Linux: iproute2 ip/ipnexthop.c ipnh_list_flush()"""
    found = _Filter(inet=options.family == "inet", is_empty=not words)
    while words:
        word = words.take()
        if matches(word, "dev"):
            found.dev = known_device(words.take(), session)
        elif matches(word, "groups"):
            found.groups = True
        elif matches(word, "master"):
            found.master = known_device(words.take(), session)
        elif matches(word, "vrf"):
            raise NotModelled("ip nexthop list vrf", KNOWN)
        elif word == "id":
            found.number = _number(words.take())
            return found
        elif matches(word, "protocol"):
            value = words.take()
            number = unsigned(value)
            if number is None:
                raise wrong("invalid protocol value", value)
            found.protocol = number
        elif matches(word, "help"):
            raise explained(NEXTHOP_USAGE)
        elif not matches(word, "fdb"):  # which the kernel takes no notice of here
            raise wrong("", word)
    return found


def _list(words: Words, options: Options, session: Session) -> int:
    found = _parse_filter(words, options, session)
    if found.number is not None:
        return _show(found.number, options, session)
    _print(filter(found.takes, session.netns.ipv4.fib.objects), options, session)
    return 0


def _get(words: Words, options: Options, session: Session) -> int:
    number = 0
    while words:
        if words.take() != "id":
            raise explained(NEXTHOP_USAGE)
        number = _number(words.take())
    if not number:
        raise explained(NEXTHOP_USAGE)
    return _show(number, options, session)


def _show(number: int, options: Options, session: Session) -> int:
    if not number:
        raise refused(NetError(EINVAL, "Invalid nexthop id"))
    told = session.netns.ipv4.fib.objects.find(number)
    if told is None:
        raise refused(NetError(ENOENT))
    _print([told], options, session)
    return 0


def _print(all_told: Iterable[NexthopObject], options: Options, session: Session) -> None:
    printer = options.printer(session.io)
    printer.begin()
    for told in all_told:
        print_object(printer, options, told)
        printer.text("\n")
    printer.end()


def _flush(words: Words, options: Options, session: Session) -> int:
    """Groups first, if all go. Linux: iproute2 ip/ipnexthop.c ipnh_flush()"""
    found, objects = _parse_filter(words, options, session), session.netns.ipv4.fib.objects
    if found.number is not None:
        return _flush_one(objects, found.number)
    doomed = [told.number for told in objects if found.takes(told)]
    if found.is_empty:
        doomed.sort(key=lambda number: not _is_group(objects, number))
    flushed = 0
    for number in doomed:
        try:
            _delete_one(objects, number)
            flushed += 1
        except NetError as error:
            session.io.err.write(refused(error).text)
    session.io.out.write(f"Flushed {flushed} nexthops\n" if flushed else "Nothing to flush\n")
    return 0


def _flush_one(objects: NexthopObjects, number: int) -> int:
    try:
        _delete_one(objects, number)
    except NetError as error:
        raise refused(error, 1) from None
    return 0


def _is_group(objects: NexthopObjects, number: int) -> bool:
    told = objects.find(number)
    return told is not None and told.is_group
