"""What `ip link` and `ip addr` say about a device."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.link_details import print_details
from pystack.applets.iproute.names import GROUPS
from pystack.applets.iproute.nsid import linked_device, netns_of, nsid
from pystack.applets.iproute.numbers import format_mac
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import CYAN, GREEN, PLAIN, RED, YELLOW, Printer
from pystack.applets.iproute.stats import print_stats
from pystack.applets.session import Session
from pystack.device import (
    ARPHRD_LOOPBACK,
    ARPHRD_NONE,
    IFF_ALLMULTI,
    IFF_BROADCAST,
    IFF_LOOPBACK,
    IFF_LOWER_UP,
    IFF_MASTER,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_POINTOPOINT,
    IFF_PROMISC,
    IFF_RUNNING,
    IFF_SLAVE,
    IFF_UP,
)
from pystack.l2.devices import Link

_FLAG_NAMES: Final = (
    (IFF_LOOPBACK, "LOOPBACK"),
    (IFF_BROADCAST, "BROADCAST"),
    (IFF_POINTOPOINT, "POINTOPOINT"),
    (IFF_MULTICAST, "MULTICAST"),
    (IFF_NOARP, "NOARP"),
    (IFF_ALLMULTI, "ALLMULTI"),
    (IFF_PROMISC, "PROMISC"),
    (IFF_MASTER, "MASTER"),
    (IFF_SLAVE, "SLAVE"),
    (IFF_UP, "UP"),
    (IFF_LOWER_UP, "LOWER_UP"),
)

_STATE_COLORS: Final = {"UP": GREEN, "DOWN": RED}
_LINK_TYPES: Final = {ARPHRD_LOOPBACK: "loopback", ARPHRD_NONE: "none"}


def device_flags(dev: Link) -> int:
    """Linux: net/core/dev.c dev_get_flags()"""
    flags = dev.flags & ~(IFF_RUNNING | IFF_LOWER_UP | IFF_PROMISC | IFF_ALLMULTI) | dev.gflags
    if dev.up and dev.carrier:
        flags |= IFF_RUNNING | IFF_LOWER_UP
    return flags


def flag_words(dev: Link, link_is_down: bool) -> list[str]:
    """Linux: iproute2 ip/ipaddress.c print_link_flags()"""
    flags = device_flags(dev)
    words = ["NO-CARRIER"] if flags & IFF_UP and not flags & IFF_RUNNING else []
    words += [name for bit, name in _FLAG_NAMES if flags & bit]
    return [*words, "M-DOWN"] if link_is_down else words


def print_flags(printer: Printer, dev: Link, link_is_down: bool) -> None:
    """`<BROADCAST,MULTICAST,UP,LOWER_UP>`"""
    words = flag_words(dev, link_is_down)
    printer.words("flags", words, joined=f"<{','.join(words)}", closed="> ")


def print_name(printer: Printer, dev: Link, shown: str) -> bool:
    """`v0@v1`; whether the device behind the @ is down here.

    Linux: iproute2 lib/utils.c print_name_and_link()
    """
    peer = linked_device(dev)
    name, link_is_down = dev.name, False
    if peer is not None and peer.net is dev.net:
        printer.field("link", peer.name)
        name, link_is_down = f"{name}@{peer.name}", not peer.up
    elif peer is not None:
        printer.field("link_index", peer.ifindex)
        name = f"{name}@if{peer.ifindex}"
    printer.put("ifname", dev.name, shown.format(name), CYAN)
    return link_is_down


def print_name_without_netns(printer: Printer, dev: Link) -> bool:
    """As `bridge` does it, which takes the other end's number for one of this namespace."""
    peer = linked_device(dev)
    if peer is None:
        printer.put("ifname", dev.name, f"{dev.name}: ", CYAN)
        return False
    here = dev.devices.by_index(peer.ifindex)
    shown = f"if{peer.ifindex}" if here is None else here.name
    printer.field("link", shown)
    printer.put("ifname", dev.name, f"{dev.name}@{shown}: ", CYAN)
    return here is not None and not here.up


def print_brief(printer: Printer, dev: Link, with_link: bool) -> None:
    """Linux: iproute2 ip/ipaddress.c print_linkinfo_brief()"""
    link_is_down = print_name(printer, dev, "{:<16s} ")
    state = dev.operstate
    printer.put("operstate", state, f"{state:<14s} ", _STATE_COLORS.get(state, PLAIN))
    if not with_link:
        return
    if dev.type != ARPHRD_NONE:
        address = format_mac(dev.address)
        printer.put("address", address, f"{address} ", YELLOW)
    print_flags(printer, dev, link_is_down)
    printer.text("\n")


def print_link(printer: Printer, options: Options, session: Session, dev: Link, *, do_link: bool) -> None:
    """Linux: iproute2 ip/ipaddress.c print_linkinfo()"""
    printer.put("ifindex", dev.ifindex, f"{dev.ifindex}: ")
    link_is_down = print_name(printer, dev, "{}: ")
    print_flags(printer, dev, link_is_down)
    printer.put("mtu", dev.mtu, f"mtu {dev.mtu} ")
    printer.put("qdisc", dev.qdisc, f"qdisc {dev.qdisc} ")
    if dev.master is not None:
        printer.put("master", dev.master.name, f"master {dev.master.name} ")
    _print_state(printer, dev)
    if do_link:
        printer.put("linkmode", "DEFAULT", "mode DEFAULT ")
    group = str(dev.group) if options.numeric else GROUPS.name(dev.group)
    printer.put("group", group, f"group {group} ")
    if dev.tx_queue_len:
        shown = (dev.tx_queue_len ^ 1 << 31) - (1 << 31)  # as a signed number
        printer.put("txqlen", shown, f"qlen {shown}")
    if options.family in ("", "link") or options.details:
        _print_addresses(printer, options, dev)
    _print_link_netns(printer, session, dev)
    if options.details:
        print_details(printer, dev, do_link=do_link)
    if (do_link or options.details) and dev.alias:
        printer.text(f"{printer.separator}    ")
        printer.put("ifalias", dev.alias, f"alias {dev.alias}")
    if do_link and options.stats:
        printer.nl()
        print_stats(printer, options, dev.stats, dev.carrier_changes)
    printer.text("\n")


def _print_state(printer: Printer, dev: Link) -> None:
    state = dev.operstate
    printer.text("state ")
    printer.put("operstate", state, f"{state} ", _STATE_COLORS.get(state, PLAIN))


def _print_addresses(printer: Printer, options: Options, dev: Link) -> None:
    printer.nl()
    kind = f"[{dev.type}]" if options.numeric else _LINK_TYPES.get(dev.type, "ether")
    printer.put("link_type", kind, f"    link/{kind} ")
    if dev.type == ARPHRD_NONE:
        return
    address, broadcast = format_mac(dev.address), format_mac(dev.broadcast)
    printer.put("address", address, address, YELLOW)
    printer.text(" brd ")
    printer.put("broadcast", broadcast, broadcast, YELLOW)


def _print_link_netns(printer: Printer, session: Session, dev: Link) -> None:
    peer = linked_device(dev)
    if peer is None or peer.net is dev.net:
        return
    here, other = netns_of(session.host, dev), netns_of(session.host, peer)
    if here is None or other is None:
        return
    number = nsid(session.host, here, other)
    printer.field("link_netnsid", number)
    printer.text(f" link-netns {other.name}" if other.name else f" link-netnsid {number}")
