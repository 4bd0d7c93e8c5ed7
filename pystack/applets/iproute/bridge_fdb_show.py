"""`bridge fdb show`, and how an entry is printed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pystack.applets.iproute.bridge_link import FAILED
from pystack.applets.iproute.link_details import has_inet6
from pystack.applets.iproute.numbers import format_mac, leading_integer, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import CYAN, YELLOW, Printer
from pystack.applets.iproute.usage import BRIDGE_FDB_USAGE
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, duplicate, matches, no_device, wrong
from pystack.applets.session import Session
from pystack.device import ARPHRD_ETHER
from pystack.l2 import fdb_user
from pystack.l2.bridge import Bridge
from pystack.l2.devices import Link
from pystack.l2.fdb import FdbEntry
from pystack.l2.nud import NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, NUD_STALE

_ALL_NODES_INET6: Final = bytes.fromhex("333300000001")
_ALL_SNOOPERS: Final = (bytes.fromhex("01005e00006a"), bytes.fromhex("33330000006a"))


@dataclass(frozen=True, slots=True)
class Row:
    """One line: an entry of a bridge, or an address that a device itself takes in (entry is None)."""

    address: bytes
    dev: Link
    state: int
    bridge: Bridge | None = None
    entry: FdbEntry | None = None


@dataclass(slots=True)
class _Filter:
    dev: Link | None = None
    bridge: Link | None = None
    vlan: int = 0
    state: int = 0
    dynamic: bool = False

    def takes(self, row: Row) -> bool:
        """Linux: iproute2 bridge/fdb.c print_fdb()"""
        if self.state and not row.state & self.state:
            return False
        return not self.vlan and not (self.dynamic and row.state & NUD_PERMANENT)


def show(words: Words, options: Options, session: Session) -> int:
    found = _parse_filter(words, session)
    printer = options.printer(session.io)
    printer.begin()
    for row in _rows(found, session):
        if found.takes(row):
            print_row(printer, options, session, row, with_dev=found.dev is None)
    printer.end()
    return 0


def _parse_filter(words: Words, session: Session) -> _Filter:
    found = _Filter()
    dev = bridge = ""
    while words:
        word = words.take()
        if word in ("brport", "dev"):
            dev = words.take()
        elif word == "br":
            bridge = words.take()
        elif word == "vlan":
            value = words.take()
            if found.vlan:
                raise duplicate("vlan", value)
            found.vlan = leading_integer(value)
        elif word == "state":
            found.state |= _state(words.take())
        elif word == "dynamic":
            found.dynamic = True
        elif matches(word, "help"):
            raise ToolExit(USAGE_CODE, BRIDGE_FDB_USAGE)
    if bridge:
        found.bridge = session.netns.devices.get(bridge)
        if found.bridge is None:
            raise ToolExit(FAILED, f'Cannot find bridge device "{bridge}"\n')
    if dev:
        found.dev = session.netns.devices.get(dev)
        if found.dev is None:
            raise no_device(dev, FAILED)
    return found


def _state(word: str) -> int:
    """Linux: iproute2 bridge/fdb.c state_a2n()"""
    names = (
        (("permanent",), NUD_PERMANENT),
        (("static", "temp"), NUD_NOARP),
        (("stale",), NUD_STALE),
        (("reachable", "dynamic"), NUD_REACHABLE),
    )
    for known, state in names:
        if any(matches(word, name) for name in known):
            return state
    number = 0xFFFF if word == "all" else unsigned(word)
    if number is None:
        raise wrong("invalid state", word)
    return number


def _rows(found: _Filter, session: Session) -> Iterator[Row]:
    """In the order of the kernel's dump. Linux: net/core/rtnetlink.c rtnl_fdb_dump()"""
    for dev in session.netns.devices:
        if found.dev is not None and dev is not found.dev:
            continue
        is_it = dev is found.bridge and isinstance(dev, Bridge)
        if found.bridge is not None and dev.master is not found.bridge and not is_it:
            continue
        if isinstance(dev.master, Bridge):
            yield from _entries_behind(dev.master, dev)
        yield from _own_addresses(dev, session)
        if isinstance(dev, Bridge):
            yield from _entries_behind(dev, None)


def _entries_behind(bridge: Bridge, dev: Link | None) -> Iterator[Row]:
    for entry in bridge.fdb:
        if (None if entry.port is None else entry.port.dev) is dev:
            yield row_of(bridge, entry)


def row_of(bridge: Bridge, entry: FdbEntry) -> Row:
    where = bridge if entry.port is None else entry.port.dev
    return Row(entry.address, where, fdb_user.fdb_state(bridge, entry), bridge, entry)


def _own_addresses(dev: Link, session: Session) -> Iterator[Row]:
    """Linux: net/core/rtnetlink.c ndo_dflt_fdb_dump()"""
    groups = [group.address for group in session.netns.ipv4.groups.link_groups(dev)]
    for address in (*dev.unicast_addresses, *_joined_groups(dev), *groups):
        yield Row(address, dev, NUD_PERMANENT)


def _joined_groups(dev: Link) -> Iterator[bytes]:
    """The groups that only Linux joins on a device; nothing here filters by them.

    Linux: net/ipv6/addrconf.c ipv6_add_dev(), net/bridge/br_multicast.c br_multicast_join_snoopers()
    """
    if dev.type != ARPHRD_ETHER:
        return
    if has_inet6(dev):
        yield _ALL_NODES_INET6
    if dev.up and isinstance(dev, Bridge) and dev.mcast_snooping:
        yield from _ALL_SNOOPERS if has_inet6(dev) else _ALL_SNOOPERS[:1]


def print_row(printer: Printer, options: Options, session: Session, row: Row, *, with_dev: bool) -> None:
    """Linux: iproute2 bridge/fdb.c print_fdb()"""
    printer.open_object()
    address = format_mac(row.address)
    printer.put("mac", address, f"{address} ", YELLOW)
    if with_dev:
        printer.text("dev ")
        printer.put("ifname", row.dev.name, f"{row.dev.name} ", CYAN)
    entry = row.entry
    if options.stats and entry is not None:
        now = session.host.clock.now
        used, updated = int(now - entry.used), int(now - entry.updated)
        printer.field("used", used)
        printer.field("updated", updated)
        printer.text(f"used {used}/{updated} ")
    flags = _flags(entry)
    printer.words("flags", flags, joined="".join(f"{flag} " for flag in flags))
    if row.bridge is not None:
        printer.put("master", row.bridge.name, f"master {row.bridge.name} ")
    state = _state_name(row.state)
    printer.put("state", state, f"{state}\n")
    printer.close_object()


def _flags(entry: FdbEntry | None) -> list[str]:
    if entry is None:
        return ["self"]
    flags = ["extern_learn"] if entry.ext_learned else []
    return [*flags, "sticky"] if entry.sticky else flags


def _state_name(state: int) -> str:
    for bit, name in ((NUD_PERMANENT, "permanent"), (NUD_NOARP, "static"), (NUD_STALE, "stale")):
        if state & bit:
            return name
    return ""
