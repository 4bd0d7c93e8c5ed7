"""`ip neigh`: who is behind which link address, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from pystack.applets.iproute import neigh_proxy
from pystack.applets.iproute.known_device import known_device
from pystack.applets.iproute.neigh_states import NO_STATE, SHOWN_STATES, state_of, wanted_states
from pystack.applets.iproute.numbers import (
    Prefix,
    address,
    format_ipv4,
    format_mac,
    hardware_address,
    prefix,
)
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import CYAN, MAGENTA, YELLOW, Printer
from pystack.applets.iproute.usage_of_objects import NEIGHBOUR_USAGE, explained
from pystack.applets.iproute.words import (
    USAGE_CODE,
    ToolExit,
    Words,
    duplicate,
    garbage,
    matches,
    no_device,
    refused,
    wrong,
)
from pystack.applets.session import Session
from pystack.device import IFF_LOOPBACK, IFF_POINTOPOINT
from pystack.errors import EEXIST, EINVAL, ENOBUFS, ENOENT, NetError, NotModelled
from pystack.l2.devices import Link
from pystack.l2.neighbour import Neighbour
from pystack.l2.nud import (
    NAMES,
    NUD_FAILED,
    NUD_NOARP,
    NUD_PERMANENT,
    NUD_VALID,
)

MAX_ROUNDS: Final = 10


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/ipneigh.c do_ipneigh()"""
    if not words:
        return _show(words, options, session)
    if words.begins("add"):
        words.take()
        return _modify("add", words, options, session)
    if words.begins("change") or words.is_now("chg"):
        words.take()
        return _modify("change", words, options, session)
    if words.begins("replace"):
        words.take()
        return _modify("replace", words, options, session)
    if words.begins("delete"):
        words.take()
        return _modify("delete", words, options, session)
    if words.begins("get"):
        words.take()
        return _get(words, options, session)
    if words.begins("show", "lst", "list"):
        words.take()
        return _show(words, options, session)
    if words.begins("flush"):
        words.take()
        return _flush(words, options, session)
    if words.begins("help"):
        raise explained(NEIGHBOUR_USAGE)
    raise ToolExit(USAGE_CODE, f'Command "{words.word}" is unknown, try "ip neigh help".\n')


@dataclass(slots=True)
class _Request:
    to: Prefix | None = None
    dev: str = ""
    lladdr: str | None = None
    state: int = NUD_PERMANENT
    proxy: bool = False


def _parse(words: Words, family: str) -> _Request:
    """Linux: iproute2 ip/ipneigh.c ipneigh_modify()"""
    request = _Request()
    while words:
        word = words.take()
        if matches(word, "lladdr"):
            value = words.take()
            if request.lladdr is not None:
                raise duplicate("lladdr", value)
            request.lladdr = value
        elif word == "nud":
            value = words.take()
            state = state_of(value)
            if state is None:
                raise wrong("nud state is bad", value)
            request.state = state
        elif word == "dev":
            request.dev = words.take()
        elif matches(word, "proxy"):
            request.proxy = True
            request.to = _destination(words.take(), request, family)
        elif word in ("router", "use", "managed") or _is_refused(word):
            raise NotModelled(f"ip neigh … {word}", ("lladdr", "nud", "dev"))
        else:
            value = words.take() if word == "to" or matches(word, "help") else word
            request.to = _destination(value, request, family)
    if not (request.dev or request.proxy) or request.to is None or request.to.is_any:
        raise ToolExit(USAGE_CODE, "Device and destination are required arguments.\n")
    return request


def _destination(value: str, request: _Request, family: str) -> Prefix:
    if request.to is not None:
        raise garbage("to", value)
    return address(value, family)


def _is_refused(word: str) -> bool:
    return any(matches(word, name) for name in ("extern_learn", "protocol"))


def _modify(command: str, words: Words, options: Options, session: Session) -> int:
    request = _parse(words, options.family)
    lladdr = None
    if request.lladdr is not None and request.lladdr != "null":
        lladdr = hardware_address(request.lladdr)
    dev = session.netns.devices.get(request.dev)
    if dev is None and request.dev:
        raise no_device(request.dev)
    assert request.to is not None
    try:
        if request.proxy:
            neigh_proxy.modify(command, request.to.address, dev, session)
        elif dev is None:
            raise no_device(request.dev)
        elif command == "delete":
            _delete(request.to.address, dev, session)
        else:
            _set(command, request.to.address, dev, lladdr, request.state, session)
    except NetError as error:
        raise refused(error) from None
    return 0


def _delete(key: int, dev: Link, session: Session) -> None:
    """Linux: net/core/neighbour.c neigh_delete()"""
    neigh = session.netns.ipv4.neighbours.lookup(dev, key)
    if neigh is None:
        raise NetError(ENOENT)
    neigh.set(None, NUD_FAILED)
    session.netns.ipv4.neighbours.remove(neigh)


def _set(command: str, key: int, dev: Link, lladdr: bytes | None, state: int, session: Session) -> None:
    """Linux: net/core/neighbour.c neigh_add()"""
    ipv4 = session.netns.ipv4
    if lladdr is not None and len(lladdr) < len(dev.address):
        raise NetError(EINVAL, "Invalid link address")
    neigh = ipv4.neighbours.lookup(dev, key)
    if neigh is None and command == "change":
        raise NetError(ENOENT)
    if neigh is not None and command == "add":
        raise NetError(EEXIST)
    if neigh is None:
        if dev.flags & (IFF_LOOPBACK | IFF_POINTOPOINT):
            key = 0  # all the same there
        exempt = bool(state & NUD_PERMANENT)
        neigh = ipv4.neighbours.create(dev, key, ipv4.confs.neigh_of(dev), exempt=exempt)
        if neigh is None:
            raise NetError(ENOBUFS)
    if lladdr is None and state & NUD_VALID and not neigh.state & NUD_VALID:
        raise NetError(EINVAL, "No link layer address given")
    neigh.set(None if lladdr is None else lladdr[: len(dev.address)], state)
    session.host.origins.note(neigh)


@dataclass(slots=True)
class _Filter:
    state: int
    family: str
    dev: Link | None = None
    to: Prefix | None = None
    master: Link | None = None
    nomaster: bool = False
    unused: bool = False
    proxy: bool = False

    def takes(self, neigh: Neighbour) -> bool:
        """Linux: iproute2 ip/ipneigh.c print_neigh()"""
        if self.family not in ("", "inet"):
            return False
        if self.dev is not None and neigh.dev is not self.dev:
            return False
        if self.master is not None and neigh.dev.master is not self.master:
            return False
        if self.nomaster and neigh.dev.master is not None:
            return False
        if not self.state & (neigh.state or NO_STATE):
            return False
        return self.to is None or self.to.is_any or self.to.holds(neigh.key)


def _parse_filter(words: Words, family: str, session: Session, *, flush: bool) -> _Filter:
    """Linux: iproute2 ip/ipneigh.c do_show_or_flush()"""
    state = ~(NUD_PERMANENT | NUD_NOARP) if flush else 0xFF & ~NUD_NOARP
    found = _Filter(state, family)
    dev_name, given = "", False
    while words:
        word = words.take()
        if word == "dev":
            value = words.take()
            if dev_name:
                raise duplicate("dev", value)
            dev_name = value
        elif word == "master":
            found.master, found.nomaster = known_device(words.take(), session), False
        elif word == "nomaster":
            found.master, found.nomaster = None, True
        elif word == "nud":
            found.state = (found.state if given else 0) | wanted_states(words.take(), flush=flush)
            given = True
        elif word == "proxy":
            found.proxy = True
        elif word in ("vrf", "unused") or matches(word, "protocol"):
            raise NotModelled(f"ip neigh … {word}", ("dev", "master", "nomaster", "nud", "to"))
        else:
            _note_prefix(words.take() if word == "to" else word, found)
    if dev_name:
        found.dev = session.netns.devices.get(dev_name)
        if found.dev is None:
            raise no_device(dev_name)
    return found


def _note_prefix(value: str, found: _Filter) -> None:
    if matches(value, "help"):
        raise explained(NEIGHBOUR_USAGE)
    found.to = prefix(value, found.family)
    if not found.family and not found.to.is_any:
        found.family = "inet"


def _show(words: Words, options: Options, session: Session) -> int:
    chosen = _parse_filter(words, options.family, session, flush=False)
    printer = options.printer(session.io)
    printer.begin()
    if chosen.proxy:
        neigh_proxy.show(printer, session, chosen.dev, chosen.to)
    for neigh in () if chosen.proxy else session.netns.ipv4.neighbours:
        if chosen.takes(neigh):
            print_neigh(printer, options, session, neigh, with_dev=chosen.dev is None)
    printer.end()
    return 0


def print_neigh(
    printer: Printer, options: Options, session: Session, neigh: Neighbour, *, with_dev: bool, users: int = 0
) -> None:
    """Linux: iproute2 ip/ipneigh.c print_neigh(), print_neigh_brief()"""
    width, name_width = (39, 16) if options.brief else (0, 0)
    where = format_ipv4(neigh.key)
    printer.open_object()
    printer.put("dst", where, f"{where:<{width}s} ", MAGENTA)
    if with_dev:
        printer.text("" if options.brief else "dev ")
        printer.put("dev", neigh.dev.name, f"{neigh.dev.name:<{name_width}s} ", CYAN)
    if neigh.state & NUD_VALID:
        lladdr = format_mac(neigh.ha)
        printer.text("" if options.brief else "lladdr ")
        printer.put("lladdr", lladdr, lladdr if options.brief else f"{lladdr} ", YELLOW)
    if not options.brief:
        if options.stats:
            if users:
                printer.put("refcnt", users, f" ref {users}")
            _print_ages(printer, session, neigh)
        if neigh.state:
            shown = [NAMES[bit] for bit in SHOWN_STATES if neigh.state & bit]
            printer.words("state", shown, joined="".join(f"{word} " for word in shown))
    printer.text("\n")
    printer.close_object()


def _print_ages(printer: Printer, session: Session, neigh: Neighbour) -> None:
    """Seconds since it was last used, confirmed and updated."""
    now = session.host.clock.now
    used, confirmed, updated = (
        max(int(now - stamp), 0) for stamp in (neigh.used, neigh.confirmed, neigh.updated)
    )
    printer.put("used", used, f" used {used}")
    printer.put("confirmed", confirmed, f"/{confirmed}")
    printer.put("updated", updated, f"/{updated}")
    printer.put("probes", neigh.probes, f"probes {neigh.probes} ")


def _flush(words: Words, options: Options, session: Session) -> int:
    if not words:
        raise ToolExit(1, "Flush requires arguments.\n")
    chosen = _parse_filter(words, options.family, session, flush=True)
    if chosen.proxy:
        if options.stats:
            raise NotModelled("ip -s neigh flush proxy", ("ip neigh flush proxy",))
        return neigh_proxy.flush(session, chosen.dev)
    out, table = session.io.out, session.netns.ipv4.neighbours
    for done in range(MAX_ROUNDS):
        doomed = [neigh for neigh in table if chosen.takes(neigh)]
        if not doomed:
            if options.stats:
                told = f"*** Flush is complete after {done} round{'s' if done > 1 else ''} ***\n"
                out.write(told if done else "Nothing to flush.\n")
            return 0
        for neigh in doomed:
            if options.stats > 1:
                print_neigh(options.printer(session.io), options, session, neigh, with_dev=chosen.dev is None)
            neigh.set(None, NUD_FAILED)
            table.remove(neigh)
        if options.stats:
            out.write(f"\n*** Round {done + 1}, deleting {len(doomed)} entries ***\n")
        chosen.state &= ~NUD_FAILED
    out.write(f"*** Flush not complete bailing out after {MAX_ROUNDS} rounds\n")
    return 1


def _get(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/ipneigh.c ipneigh_get()"""
    to: Prefix | None = None
    dev_name = ""
    while words:
        word = words.take()
        if word == "dev":
            dev_name = words.take()
        elif matches(word, "proxy"):
            raise NotModelled("ip neigh get proxy", ("to", "dev"))
        else:
            value = words.take() if word == "to" else word
            if matches(value, "help"):
                raise explained(NEIGHBOUR_USAGE)
            if to is not None:
                raise garbage("to", value)
            to = address(value, options.family)
    if not dev_name or to is None or to.is_any:
        raise ToolExit(1, "Device and address are required arguments.\n")
    dev = session.netns.devices.get(dev_name)
    if dev is None:
        raise no_device(dev_name)
    neigh = session.netns.ipv4.neighbours.lookup(dev, to.address)
    if neigh is None:
        raise refused(NetError(ENOENT, "Neighbour entry not found"))
    plain = replace(options, json=False)  # iproute2 forgets to begin a list
    print_neigh(plain.printer(session.io), plain, session, neigh, with_dev=True, users=1)
    return 0
