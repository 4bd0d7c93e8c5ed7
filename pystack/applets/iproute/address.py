"""`ip addr`: add, change, replace, del, flush."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pystack.applets.iproute.address_show import print_address, show_addresses
from pystack.applets.iproute.link_filter import FLAG_BITS, LinkFilter, parse_filter
from pystack.applets.iproute.names import SCOPES
from pystack.applets.iproute.numbers import Prefix, address, prefix, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.usage_of_objects import ADDRESS_USAGE, explained
from pystack.applets.iproute.words import (
    USAGE_CODE,
    ToolExit,
    Words,
    duplicate,
    garbage,
    no_device,
    refused,
    wrong,
)
from pystack.applets.session import Session
from pystack.errors import EADDRNOTAVAIL, EEXIST, EINVAL, ENOBUFS, EOPNOTSUPP, ERANGE, NetError, NotModelled
from pystack.l2.devices import IFNAMSIZ, Link
from pystack.l3.addresses import INFINITY, RT_SCOPE_HOST, Address
from pystack.wire.ipv4 import MIN_MTU, is_loopback, netmask

_READ_ONLY = frozenset("secondary temporary dadfailed deprecated tentative permanent stable-privacy".split())
_ONLY_INET6 = frozenset("nodad optimistic home mngtmpaddr".split())

KNOWN = (
    "peer",
    "broadcast",
    "scope",
    "dev",
    "label",
    "metric",
    "valid_lft",
    "preferred_lft",
    "noprefixroute",
)


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/ipaddress.c do_ipaddr()"""
    if not words:
        return show_addresses(words, options, session)
    for name in ("add", "change", "chg", "replace", "delete"):
        if words.is_now(name) or (name != "chg" and words.begins(name)):
            words.take()
            return _modify(name, words, options, session)
    if words.begins("list", "show", "lst"):
        words.take()
        return show_addresses(words, options, session)
    if words.begins("flush"):
        words.take()
        return _flush(words, options, session)
    if words.begins("help"):
        raise explained(ADDRESS_USAGE)
    if words.begins("save", "showdump", "restore"):
        raise NotModelled(f"ip address {words.word}", ("add", "change", "replace", "del", "show", "flush"))
    raise ToolExit(USAGE_CODE, f'Command "{words.word}" is unknown, try "ip address help".\n')


@dataclass(slots=True)
class _Request:
    local: Prefix | None = None
    local_word: str = ""
    peer: Prefix | None = None
    broadcast: int | None = None
    broadcast_fill: str = ""  # + or -
    scope: int | None = None
    dev: str = ""
    label: str = ""
    metric: int = 0
    valid_lft: int | None = None
    preferred_lft: int | None = None
    flags: int = 0
    family: str = ""
    has_empty: bool = False  # an address without octets was given


def _parse(words: Words, family: str, warn: Callable[[str], None]) -> _Request:
    """Linux: iproute2 ip/ipaddress.c ipaddr_modify()"""
    request = _Request(family=family)
    while words:
        word = words.take()
        if word in ("peer", "remote"):
            value = words.take()
            if request.peer is not None:
                raise duplicate("peer", value)
            request.peer = _sent(prefix(value, request.family), request)
        elif word == "brd" or (word and "broadcast".startswith(word)):
            _parse_broadcast(words.take(), request)
        elif word == "anycast":
            raise NotModelled("anycast", KNOWN)
        elif word == "scope":
            value = words.take()
            request.scope = SCOPES.number(value)
            if request.scope is None:
                raise wrong("invalid scope value.", value)
        elif word == "dev":
            request.dev = words.take()
        elif word == "label":
            request.label = words.take()
        elif word and any(name.startswith(word) for name in ("metric", "priority", "preference")):
            value = words.take()
            metric = unsigned(value)
            if metric is None:
                raise wrong('"metric" value is invalid\n', value)
            request.metric = metric
        elif word and "valid_lft".startswith(word):
            request.valid_lft = _lifetime(words, word, "valid_lft", request.valid_lft)
        elif word and "preferred_lft".startswith(word):
            request.preferred_lft = _lifetime(words, word, "preferred_lft", request.preferred_lft)
        elif word in FLAG_BITS:
            _parse_flag(word, request, warn)
        else:
            _parse_local(word, words, request)
    return request


def _sent(found: Prefix, request: _Request) -> Prefix | None:
    """The address if it has octets; the first address decides about the family of the others."""
    request.family = request.family or found.family
    request.has_empty = request.has_empty or not found.has_octets
    return found if found.has_octets else None


def _parse_broadcast(value: str, request: _Request) -> None:
    if request.broadcast is not None or request.broadcast_fill:
        raise duplicate("broadcast", value)
    if value in ("+", "-"):
        request.broadcast_fill = value
    else:
        found = _sent(address(value, request.family), request)
        request.broadcast = None if found is None else found.address


def _parse_flag(word: str, request: _Request, warn: Callable[[str], None]) -> None:
    if word in _READ_ONLY:
        warn(f"Warning: {word} option is not mutable from userspace\n")
    elif word in _ONLY_INET6:
        warn(f"Warning: {word} option can be set only for IPv6 addresses\n")
    elif word == "autojoin":
        raise NotModelled("autojoin", KNOWN)
    else:
        request.flags |= FLAG_BITS[word]


def _parse_local(word: str, words: Words, request: _Request) -> None:
    if word == "local":
        word = words.take()
    if word and "help".startswith(word):
        raise explained(ADDRESS_USAGE)
    if request.local is not None:
        raise garbage("local", word)
    request.local, request.local_word = _sent(prefix(word, request.family), request), word


def _lifetime(words: Words, word: str, name: str, before: int | None) -> int:
    if before is not None:
        raise duplicate(name, word)
    value = words.take()
    lifetime = INFINITY if value == "forever" else unsigned(value)
    if lifetime is None:
        raise wrong(f"{name} value", value)
    return lifetime


def _modify(command: str, words: Words, options: Options, session: Session) -> int:
    request = _parse(words, options.family, session.io.err.write)
    deletes = command == "delete"
    if not request.dev:
        raise ToolExit(1, 'Not enough information: "dev" argument is required.\n')
    wildcard = (
        deletes and request.peer is None and request.local is not None and not request.local.length_given
    )
    if wildcard:
        session.io.err.write(_WILDCARD.format(word=request.local_word))
    if request.broadcast_fill and not deletes:
        _fill_broadcast(request)
    dev = session.netns.devices.get(request.dev)
    if dev is None:
        raise no_device(request.dev)
    valid, preferred = _lifetimes(request)
    try:
        if deletes:
            _delete(request, dev, session, wildcard=wildcard)
        else:
            _add(request, dev, session, command, valid, preferred)
    except NetError as error:
        raise refused(error) from None
    return 0


def _fill_broadcast(request: _Request) -> None:
    if request.family != "inet":
        raise ToolExit(1, "Broadcast can be set only for IPv4 addresses\n")
    base = request.peer or request.local
    if base is None or base.length > 30:
        return
    host = ~netmask(base.length) & 0xFFFFFFFF
    filled = base.address | host if request.broadcast_fill == "+" else base.address & ~host
    request.broadcast = filled & 0xFFFFFFFF


def _lifetimes(request: _Request) -> tuple[int, int]:
    valid = INFINITY if request.valid_lft is None else request.valid_lft
    preferred = INFINITY if request.preferred_lft is None else request.preferred_lft
    if request.valid_lft is None and request.preferred_lft is None:
        return valid, preferred
    if not valid:
        raise ToolExit(1, "valid_lft is zero\n")
    if valid < preferred:
        raise ToolExit(1, "preferred_lft is greater than valid_lft\n")
    return valid, preferred


def _delete(request: _Request, dev: Link, session: Session, *, wildcard: bool) -> None:
    """Linux: net/ipv4/devinet.c inet_rtm_deladdr()"""
    _check_attributes(request)
    book = session.netns.ipv4.addresses
    far = request.peer or request.local
    length = far.length if far is not None else 0
    for held in book.of(dev):
        if request.local is not None and held.local != request.local.address:
            continue
        if request.label and held.label != request.label:
            continue
        named = far is not None and not wildcard
        if named and far is not None and (held.prefixlen != length or not held.holds(far.address)):
            continue
        return book.remove(held)
    raise NetError(EADDRNOTAVAIL, "ipv4: Address not found")


def _check_attributes(request: _Request) -> None:
    if not request.family:
        raise NetError(EOPNOTSUPP)
    if request.has_empty or len(request.label.encode()) >= IFNAMSIZ:
        raise NetError(ERANGE, "Attribute failed policy validation")


def _add(request: _Request, dev: Link, session: Session, command: str, valid: int, preferred: int) -> None:
    """Linux: net/ipv4/devinet.c inet_rtm_newaddr()"""
    _check_attributes(request)
    if request.local is None:
        raise NetError(EINVAL)
    if dev.mtu < MIN_MTU:
        raise NetError(ENOBUFS)
    if not request.local.address:
        return
    far = request.peer or request.local
    scope = request.scope
    if scope is None:
        scope = RT_SCOPE_HOST if is_loopback(request.local.address) else 0
    wanted = Address(
        dev,
        request.local.address,
        far.length or request.local.length,
        peer=far.address,
        broadcast=request.broadcast or 0,
        scope=scope,
        label=request.label,
        flags=request.flags,
        metric=request.metric,
    )
    wanted.created = session.host.clock.now
    book, lifetimes = session.netns.ipv4.addresses, session.netns.ipv4.lifetimes
    lifetimes.give(wanted, valid, preferred)
    known = _same(book.of(dev), wanted)
    if known is None:
        return book.add(wanted)
    if command == "add":
        raise NetError(EEXIST, "ipv4: Address already assigned")
    if known.metric != wanted.metric:
        raise NotModelled("changing the metric of an address", ("delete and add it",))
    lifetimes.give(known, valid, preferred)


def _same(held: list[Address], wanted: Address) -> Address | None:
    """Linux: net/ipv4/devinet.c find_matching_ifa()"""
    for known in held:
        same_network = known.prefixlen == wanted.prefixlen and known.holds(wanted.peer)
        if same_network and known.local == wanted.local:
            return known
    return None


def _flush(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/ipaddress.c ipaddr_flush()"""
    if not words:
        raise ToolExit(1, "Flush requires arguments.\n")
    if options.family == "link":
        raise ToolExit(1, "Cannot flush link addresses.\n")
    chosen = parse_filter(words, options.family, session)
    out, rounds = session.io.out, 0
    while options.max_flush_loops == 0 or rounds < options.max_flush_loops:
        doomed = _chosen(chosen, session)
        if not doomed:
            if options.stats:
                done = f"*** Flush is complete after {rounds} round{'s' if rounds > 1 else ''} ***\n"
                out.write(done if rounds else "Nothing to flush.\n")
            return 0
        rounds += 1
        _delete_all(doomed, options, session)
        if options.stats:
            out.write(f"\n*** Round {rounds}, deleting {len(doomed)} addresses ***\n")
        if chosen.flagmask & ~chosen.flags & FLAG_BITS["secondary"]:
            return _report_one_round(options, session, rounds)
    session.io.err.write(f"*** Flush remains incomplete after {options.max_flush_loops} rounds. ***\n")
    return 1


def _report_one_round(options: Options, session: Session, rounds: int) -> int:
    if options.stats:
        session.io.out.write(f"*** Flush is complete after {rounds} round ***\n")
    return 0


def _chosen(chosen: LinkFilter, session: Session) -> list[Address]:
    return [
        held
        for held in session.netns.ipv4.addresses
        if (chosen.dev is None or held.dev is chosen.dev) and chosen.takes(held)
    ]


def _delete_all(doomed: list[Address], options: Options, session: Session) -> None:
    book = session.netns.ipv4.addresses
    for held in doomed:
        if options.stats > 1:
            print_address(options.printer(session.io), options, session, held, with_dev=True)
        if held in book.of(held.dev):  # else a primary took it along
            book.remove(held)


_WILDCARD = """\
Warning: Executing wildcard deletion to stay compatible with old scripts.
         Explicitly specify the prefix length ({word}/32) to avoid this warning.
         This special behaviour is likely to disappear in further releases,
         fix your scripts!
"""
