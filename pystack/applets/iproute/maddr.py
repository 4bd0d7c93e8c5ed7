"""`ip maddr`: the groups that are heard, by their link addresses and by their own."""

from __future__ import annotations

from pystack.applets.iproute.numbers import format_ipv4, format_mac, hardware_address
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import CYAN, MAGENTA, YELLOW, Printer
from pystack.applets.iproute.usage_of_objects import MADDR_USAGE, explained
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, duplicate, garbage, matches
from pystack.applets.session import Session
from pystack.errors import ENODEV, NetError
from pystack.l2.devices import Link
from pystack.l3.groups import LinkGroup, Membership
from pystack.wire.ethernet import ETH_ALEN

Heard = LinkGroup | Membership


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/ipmaddr.c do_multiaddr()"""
    if not words:
        return _list(words, options, session)
    if words.begins("add"):
        words.take()
        return _modify(words, session, join=True)
    if words.begins("delete"):
        words.take()
        return _modify(words, session, join=False)
    if words.begins("list", "show", "lst"):
        words.take()
        return _list(words, options, session)
    if words.begins("help"):
        raise explained(MADDR_USAGE)
    raise ToolExit(USAGE_CODE, f'Command "{words.word}" is unknown, try "ip maddr help".\n')


def _modify(words: Words, session: Session, *, join: bool) -> int:
    """Linux: iproute2 ip/ipmaddr.c multiaddr_modify(), net/core/dev_ioctl.c dev_ifsioc()"""
    name, address = "", bytes(ETH_ALEN)
    while words:
        word = words.take()
        if word == "dev":
            if name:
                raise duplicate("dev", words.take())
            name = words.take()
            continue
        value = words.take() if matches(word, "address") else word
        if matches(value, "help"):
            raise explained(MADDR_USAGE)
        if address[0]:
            raise duplicate("address", value)
        address = _link_address(value)
    if not name:
        raise ToolExit(USAGE_CODE, 'Not enough information: "dev" is required.\n')
    dev = session.netns.devices.get(name)
    try:
        if dev is None:
            raise NetError(ENODEV)
        groups = session.netns.ipv4.groups
        groups.add_static(dev, address) if join else groups.delete_static(dev, address)
    except NetError as error:
        raise ToolExit(1, f"ioctl: {error.text}\n") from None
    return 0


def _link_address(word: str) -> bytes:
    address = hardware_address(word)
    if len(address) != ETH_ALEN:
        text = f"Error: Invalid address length {len(address)} - must be {ETH_ALEN} bytes\n"
        raise ToolExit(1, text)
    return address


def _list(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/ipmaddr.c multiaddr_list(), print_mlist()"""
    wanted = ""
    while words:
        word = words.take()
        value = words.take() if word == "dev" else word
        if word != "dev" and matches(word, "help"):
            raise explained(MADDR_USAGE)
        if wanted:
            raise garbage("dev", value)
        wanted = value
    printer = options.printer(session.io)
    printer.begin()
    for dev in session.netns.devices:
        heard = _heard_on(dev, options.family, session) if wanted in ("", dev.name) else []
        for section in [[one] for one in heard] if options.oneline else [heard]:
            if section:
                _print_section(printer, dev, section)
    printer.end()
    return 0


def _print_section(printer: Printer, dev: Link, heard: list[Heard]) -> None:
    printer.open_object()
    printer.put("ifindex", dev.ifindex, f"{dev.ifindex}:")
    printer.put("ifname", dev.name, f"\t{dev.name}", CYAN)
    printer.nl()
    printer.open_array("maddr")
    for one in heard:
        _print(printer, one)
    printer.close_array()
    printer.close_object()


def _heard_on(dev: Link, family: str, session: Session) -> list[Heard]:
    groups = session.netns.ipv4.groups
    found: list[Heard] = []
    if family in ("", "link"):
        found += groups.link_groups(dev)
    if family in ("", "inet"):
        found += groups.of(dev)
    return found


def _print(printer: Printer, one: Heard) -> None:
    """Linux: iproute2 ip/ipmaddr.c print_maddr()"""
    printer.text("\t")
    printer.open_object()
    if isinstance(one, LinkGroup):
        printer.text("link  ")
        printer.put("link", format_mac(one.address), format_mac(one.address), YELLOW)
    else:
        printer.put("family", "inet", "inet  ")
        printer.put("address", format_ipv4(one.group), format_ipv4(one.group), MAGENTA)
    if one.users != 1:
        printer.put("users", one.users, f" users {one.users}")
    if isinstance(one, LinkGroup) and one.static:
        printer.put("features", "static", " static")
    printer.text("\n")
    printer.close_object()
