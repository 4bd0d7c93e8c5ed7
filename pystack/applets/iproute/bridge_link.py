"""`bridge link`: the ports of bridges and their flags."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.link_show import print_flags, print_name_without_netns
from pystack.applets.iproute.numbers import leading_integer
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import Printer
from pystack.applets.iproute.usage import BRIDGE_LINK_USAGE
from pystack.applets.iproute.words import (
    USAGE_CODE,
    ToolExit,
    Words,
    duplicate,
    no_device,
    parse_on_off,
    refused,
)
from pystack.applets.session import Session
from pystack.errors import EOPNOTSUPP, NetError, NotModelled
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_options import set_port_options
from pystack.l2.bridge_port import STATE_NAMES, BridgePort
from pystack.l2.devices import Link

FAILED: Final = -1  # where ip ends with 2; unlike an exit(-1) it does not end a batch
BAD_ON_OFF: Final = -22

_ON_OFF: Final = frozenset(
    "guard hairpin fastleave root_block learning learning_sync flood mcast_flood bcast_flood "
    "mcast_to_unicast neigh_suppress vlan_tunnel isolated locked".split()
)
_NUMBERS: Final = frozenset(("mcast_router", "cost", "priority"))


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 bridge/link.c do_link()"""
    if not words:
        return _show(words, options, session)
    if words.begins("set", "change"):
        words.take()
        return _set(words, session)
    if words.begins("show", "lst", "list"):
        words.take()
        return _show(words, options, session)
    if words.begins("help"):
        raise ToolExit(USAGE_CODE, BRIDGE_LINK_USAGE)
    raise ToolExit(USAGE_CODE, f'Command "{words.word}" is unknown, try "bridge link help".\n')


def _set(words: Words, session: Session) -> int:
    """Linux: iproute2 bridge/link.c brlink_modify()"""
    name, options, at = "", dict[str, int](), set[str]()
    while words:
        word = words.take()
        if word == "dev":
            name = words.take()
        elif word in _ON_OFF:
            options[word] = int(parse_on_off(word, words.take(), BAD_ON_OFF))
        elif word in _NUMBERS:
            options[word] = leading_integer(words.take())
        elif word == "state":
            options[word] = _state(words.take())
        elif word in ("self", "master"):
            at.add(word)
        elif word in ("hwmode", "backup_port", "nobackup_port"):
            raise NotModelled(f"bridge link set … {word}", (*sorted(_ON_OFF), *sorted(_NUMBERS), "state"))
        else:
            raise ToolExit(USAGE_CODE, BRIDGE_LINK_USAGE)
    if not name:
        raise ToolExit(FAILED, "Device is a required argument.\n")
    dev = session.netns.devices.get(name)
    if dev is None:
        raise ToolExit(FAILED, f'Cannot find bridge device "{name}"\n')
    if not options.get("cost", 1):
        del options["cost"]
    try:
        _change(dev, options, at)
    except NetError as error:
        raise refused(error, FAILED) from None
    return 0


def _change(dev: Link, options: dict[str, int], at: set[str]) -> None:
    """At the bridge, unless it is to be done at the device itself, where a bridge takes it and does nothing.

    Linux: net/core/rtnetlink.c rtnl_bridge_setlink()
    """
    if not at or "master" in at:
        if not isinstance(dev.port, BridgePort) or not isinstance(dev.master, Bridge):
            raise NetError(EOPNOTSUPP)
        set_port_options(dev.master, dev.port, options)
        dev.devices.announce(dev)
    if "self" in at and not isinstance(dev, Bridge):
        raise NetError(EOPNOTSUPP)


def _state(word: str) -> int:
    if word.lstrip("+-").isdigit():
        return int(word)
    if word in STATE_NAMES:
        return STATE_NAMES.index(word)
    raise ToolExit(FAILED, "Error: invalid STP port state\n")


def _show(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 bridge/link.c brlink_show()"""
    name = ""
    while words:
        if words.take() != "dev":
            continue
        word = words.take()
        if name:
            raise duplicate("dev", word)
        name = word
    if name and name not in session.netns.devices:
        raise no_device(name, FAILED)
    printer = options.printer(session.io)
    printer.begin()
    for dev in session.netns.devices:
        if isinstance(dev.master, Bridge) and name in ("", dev.name):
            _print_port(printer, options, dev, dev.master)
    printer.end()
    return 0


def _print_port(printer: Printer, options: Options, dev: Link, bridge: Bridge) -> None:
    """Linux: iproute2 bridge/link.c print_linkinfo()"""
    port = bridge.port_of[dev]
    printer.open_object()
    printer.put("ifindex", dev.ifindex, f"{dev.ifindex}: ")
    link_is_down = print_name_without_netns(printer, dev)
    print_flags(printer, dev, link_is_down)
    printer.put("mtu", dev.mtu, f"mtu {dev.mtu} ")
    printer.put("master", bridge.name, f"master {bridge.name} ")
    state = STATE_NAMES[port.state]
    printer.put("state", state, f"state {state} ")
    printer.put("priority", port.priority, f"priority {port.priority} ")
    printer.put("cost", port.path_cost, f"cost {port.path_cost} ")
    if options.details:
        _print_details(printer, port)
    printer.text("\n")
    printer.close_object()


def _print_details(printer: Printer, port: BridgePort) -> None:
    """Linux: iproute2 bridge/link.c print_protinfo()"""
    printer.text(f"{printer.separator}    ")
    for name, value in (
        ("hairpin", port.hairpin),
        ("guard", False),
        ("root_block", False),
        ("fastleave", False),
        ("learning", port.learning),
        ("flood", port.flood),
        ("mcast_flood", port.mcast_flood),
        ("bcast_flood", port.bcast_flood),
    ):
        _print_on_off(printer, name, value)
    printer.put("mcast_router", 1, "mcast_router 1 ")
    for name, value in (
        ("mcast_to_unicast", False),
        ("neigh_suppress", False),
        ("vlan_tunnel", False),
        ("isolated", port.isolated),
        ("locked", port.locked),
    ):
        _print_on_off(printer, name, value)


def _print_on_off(printer: Printer, name: str, value: bool) -> None:
    printer.put(name, value, f"{name} {'on' if value else 'off'} ")
