"""`ip addr show` and `ip link show`: devices, and under each its addresses."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.link_filter import FLAG_BITS, LinkFilter, parse_filter
from pystack.applets.iproute.link_show import print_brief, print_link
from pystack.applets.iproute.names import SCOPES
from pystack.applets.iproute.numbers import format_ipv4
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import MAGENTA, Printer
from pystack.applets.iproute.stats import print_stats
from pystack.applets.iproute.usage_of_objects import LINK_USAGE
from pystack.applets.iproute.words import Words
from pystack.applets.session import Session
from pystack.l2.devices import Link
from pystack.l3.addresses import IFA_F_PERMANENT, INFINITY, Address

_SHOWN_FLAGS: Final = [name for name in FLAG_BITS if name != "temporary"]


def show_links(words: Words, options: Options, session: Session) -> int:
    """`ip link show`"""
    chosen = parse_filter(words, "link", session, LINK_USAGE)
    if chosen.dev is not None and chosen.group is None:
        chosen.kind, chosen.master, chosen.nomaster = "", None, False
    return _show(chosen, options, session, do_link=True)


def show_addresses(words: Words, options: Options, session: Session) -> int:
    """`ip addr show`"""
    return _show(parse_filter(words, options.family, session), options, session, do_link=False)


def _show(chosen: LinkFilter, options: Options, session: Session, *, do_link: bool) -> int:
    """Linux: iproute2 ip/ipaddress.c ipaddr_list_flush_or_save()"""
    printer = options.printer(session.io)
    printer.begin()
    for dev in _dumped(chosen, session):
        printer.open_object()
        _show_device(printer, chosen, options, session, dev, do_link=do_link)
        printer.close_object()
    printer.end()
    return 0


def _dumped(chosen: LinkFilter, session: Session) -> list[Link]:
    devices = list(session.netns.devices) if chosen.dev is None else [chosen.dev]
    devices = [dev for dev in devices if chosen.dumps(dev)]
    if chosen.family == "link":
        return devices
    return [dev for dev in devices if _is_interesting(chosen, session, dev)]


def _is_interesting(chosen: LinkFilter, session: Session, dev: Link) -> bool:
    """Linux: iproute2 ip/ipaddress.c ipaddr_filter()"""
    held = session.netns.ipv4.addresses.of(dev)
    if not held:
        return not chosen.family
    return any(chosen.takes(address) for address in held)


def _show_device(
    printer: Printer, chosen: LinkFilter, options: Options, session: Session, dev: Link, *, do_link: bool
) -> None:
    with_link = chosen.family == "link"
    shown = chosen.shows(dev)
    full = shown and not chosen.label and not options.brief and (with_link or not options.oneline)
    if full:
        print_link(printer, _seen_as(options, chosen), session, dev, do_link=do_link)
    elif shown and not chosen.label and options.brief:
        print_brief(printer, dev, with_link)
    if not with_link and (shown or options.oneline):
        _show_addresses(printer, chosen, options, session, dev)
    if full and not do_link and options.stats:
        print_stats(printer, options, dev.stats, dev.carrier_changes)
        printer.nl()


def _seen_as(options: Options, chosen: LinkFilter) -> Options:
    """`ip link` looks at devices as family link, whatever was asked."""
    options.family = chosen.family
    return options


def _show_addresses(
    printer: Printer, chosen: LinkFilter, options: Options, session: Session, dev: Link
) -> None:
    """Linux: iproute2 ip/ipaddress.c print_selected_addrinfo()"""
    printer.open_array("addr_info")
    for address in session.netns.ipv4.addresses.of(dev):
        if chosen.family not in ("", "inet") or (chosen.up and not dev.up):
            continue
        printer.open_object()
        if chosen.takes(address):
            print_address(printer, options, session, address, with_dev=options.oneline)
        printer.close_object()
    printer.close_array()
    if options.brief:
        printer.text("\n")


def print_address(
    printer: Printer, options: Options, session: Session, address: Address, *, with_dev: bool
) -> None:
    """Linux: iproute2 ip/ipaddress.c print_addrinfo()"""
    dev = address.dev
    if not options.brief:
        if with_dev:
            printer.field("index", dev.ifindex)
            printer.put("dev", dev.name, f"{dev.ifindex}: {dev.name}")
        printer.put("family", "inet", "    inet ")
    local = format_ipv4(address.local)
    printer.put("local", local, local, MAGENTA)
    if address.peer not in (0, address.local):
        peer = format_ipv4(address.peer)
        printer.text(" peer ")
        printer.put("address", peer, peer, MAGENTA)
    printer.put("prefixlen", address.prefixlen, f"/{address.prefixlen} ")
    if address.metric:
        printer.put("metric", address.metric, f"metric {address.metric} ")
    if options.brief:
        return
    if address.broadcast:
        broadcast = format_ipv4(address.broadcast)
        printer.text("brd ")
        printer.put("broadcast", broadcast, f"{broadcast} ", MAGENTA)
    scope = str(address.scope) if options.numeric else SCOPES.name(address.scope)
    printer.put("scope", scope, f"scope {scope} ")
    _print_flags(printer, address)
    printer.put("label", address.label, address.label)
    _print_lifetimes(printer, session, address)
    printer.text("\n")


def _print_flags(printer: Printer, address: Address) -> None:
    """Linux: iproute2 ip/ipaddress.c print_ifa_flags()"""
    for name in _SHOWN_FLAGS:
        present = bool(address.flags & FLAG_BITS[name])
        if name == "permanent":
            if not present:
                printer.put("dynamic", True, "dynamic ")
        elif present:
            printer.put(name, True, f"{name} ")


def _print_lifetimes(printer: Printer, session: Session, address: Address) -> None:
    """Linux: net/ipv4/devinet.c inet_fill_ifaddr()"""
    valid = preferred = INFINITY
    if not address.flags & IFA_F_PERMANENT:
        age = int(session.host.clock.now - address.stamp)
        valid, preferred = (max(lft - age, 0) for lft in (address.valid_lft, address.preferred_lft))
    printer.nl()
    printer.text("       valid_lft ")
    printer.put("valid_life_time", valid, _seconds(valid))
    printer.text(" preferred_lft ")
    printer.put("preferred_life_time", preferred, _seconds(preferred))


def _seconds(lifetime: int) -> str:
    return "forever" if lifetime == INFINITY else f"{lifetime}sec"
