"""`ip neigh … proxy`: addresses that this host answers for, though others hold them."""

from __future__ import annotations

from pystack.applets.iproute.numbers import Prefix, format_ipv4
from pystack.applets.iproute.printer import CYAN, MAGENTA, Printer
from pystack.applets.session import Session
from pystack.errors import ENOENT, NetError
from pystack.l2.devices import Link


def modify(command: str, key: int, dev: Link | None, session: Session) -> None:
    """To add one that is there already is no error.

    Linux: net/core/neighbour.c neigh_add() and neigh_delete()
    """
    proxies = session.netns.ipv4.arp.proxy
    if command != "delete":
        proxies.add(dev, key)
    elif not proxies.remove(dev, key):
        raise NetError(ENOENT)


def show(printer: Printer, session: Session, dev: Link | None, to: Prefix | None) -> None:
    """Linux: net/core/neighbour.c pneigh_dump_table()"""
    for entry in session.netns.ipv4.arp.proxy:
        if (dev is not None and entry.dev is not dev) or not (to is None or to.is_any or to.holds(entry.key)):
            continue
        where = format_ipv4(entry.key)
        printer.open_object()
        printer.put("dst", where, f"{where} ", MAGENTA)
        if dev is None and entry.dev is not None:
            printer.text("dev ")
            printer.put("dev", entry.dev.name, f"{entry.dev.name} ", CYAN)
        printer.put("proxy", None, "proxy ")
        printer.text("\n")
        printer.close_object()


def flush(session: Session, dev: Link | None) -> int:
    """The tool's exit code."""
    proxies = session.netns.ipv4.arp.proxy
    for entry in proxies:
        if dev is None or entry.dev is dev:
            proxies.remove(entry.dev, entry.key)
    return 0
