"""`bridge fdb`: which station is behind which port, and what a device itself listens to.

How it is shown is in bridge_fdb_show.
"""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.bridge_fdb_show import Row, print_row, row_of, show
from pystack.applets.iproute.bridge_link import FAILED
from pystack.applets.iproute.numbers import ethernet_address, leading_integer
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.usage import BRIDGE_FDB_USAGE
from pystack.applets.iproute.words import (
    USAGE_CODE,
    ToolExit,
    Words,
    garbage,
    matches,
    no_device,
    refused,
)
from pystack.applets.session import Session
from pystack.device import ARPHRD_ETHER
from pystack.errors import EINVAL, ENOENT, EOPNOTSUPP, NetError, NotModelled
from pystack.l2 import fdb_user
from pystack.l2.bridge import Bridge
from pystack.l2.devices import Link
from pystack.l2.fdb_user import FdbRequest
from pystack.l2.nud import NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE

_KNOWN: Final = ("dev", "self", "master", "local", "static", "dynamic", "use", "extern_learn", "sticky")

_NOT_MODELLED: Final = ("dst", "nhid", "port", "vni", "src_vni", "via")


def run(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 bridge/fdb.c do_fdb()"""
    if not words:
        return show(words, options, session)
    for command in ("add", "append", "replace", "delete"):
        if words.begins(command):
            words.take()
            return _modify(command, words, session)
    if words.begins("get"):
        words.take()
        return _get(words, options, session)
    if words.begins("show", "lst", "list"):
        words.take()
        return show(words, options, session)
    if words.is_now("flush"):
        words.take()
        return _flush(words, session)
    if words.begins("help"):
        raise ToolExit(USAGE_CODE, BRIDGE_FDB_USAGE)
    raise ToolExit(USAGE_CODE, f'Command "{words.word}" is unknown, try "bridge fdb help".\n')


def _modify(command: str, words: Words, session: Session) -> int:
    """Linux: iproute2 bridge/fdb.c fdb_modify()"""
    dev_name = to = ""
    marks: set[str] = set()
    state, vid = NUD_NOARP, -1
    while words:
        word = words.take()
        mark = _mark(word)
        if word == "dev":
            dev_name = words.take()
        elif word in _NOT_MODELLED:
            raise NotModelled(f"bridge fdb … {word}", _KNOWN)
        elif mark == "router":
            raise NotModelled("bridge fdb … router", _KNOWN)
        elif mark == "vlan":
            if vid >= 0:
                raise garbage("vlan", word)
            vid = leading_integer(words.take())
        elif mark in ("local", "permanent"):
            state |= NUD_PERMANENT
        elif mark in ("temp", "static"):
            state |= NUD_REACHABLE
        elif mark == "dynamic":
            state = (state | NUD_REACHABLE) & ~NUD_NOARP
        elif mark:
            marks.add(mark)
        else:
            value = words.take() if word == "to" else word
            if matches(value, "help"):
                raise ToolExit(USAGE_CODE, BRIDGE_FDB_USAGE)
            if to:
                raise garbage("to", value)
            to = value
    if not dev_name or not to:
        raise ToolExit(FAILED, "Device and address are required arguments.\n")
    if not state & (NUD_PERMANENT | NUD_REACHABLE):
        state |= NUD_PERMANENT
    request = FdbRequest(
        _address(to),
        state,
        master="master" in marks,
        itself="self" in marks or "master" not in marks,
        vid=max(vid, 0),
        exclusive=command == "add",
        use="use" in marks,
        sticky="sticky" in marks,
        ext_learned="extern_learn" in marks,
    )
    return _send(command, request, dev_name, session)


def _mark(word: str) -> str:
    """The flag that a word means; most may be abbreviated."""
    if word == "self":
        return word
    names = ("master", "router", "local", "permanent", "temp", "static", "dynamic", "vlan", "use")
    for name in (*names, "extern_learn", "sticky"):
        if matches(word, name):
            return name
    return ""


def _address(word: str) -> bytes:
    found = ethernet_address(word)
    if found is None:
        raise ToolExit(FAILED, f"Invalid mac address {word}\n")
    return found


def _send(command: str, request: FdbRequest, dev_name: str, session: Session) -> int:
    dev = session.netns.devices.get(dev_name)
    if dev is None:
        raise no_device(dev_name, FAILED)
    try:
        if command == "delete":
            fdb_user.fdb_del(dev, request)
        else:
            fdb_user.fdb_add(dev, request)
    except NetError as error:
        raise refused(error, FAILED) from None
    return 0


def _get(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 bridge/fdb.c fdb_get(), net/core/rtnetlink.c rtnl_fdb_get()"""
    dev_name = bridge_name = to = ""
    itself = False
    while words:
        word = words.take()
        if word in ("brport", "dev"):
            dev_name = words.take()
        elif word == "br":
            bridge_name = words.take()
        elif word == "self":
            itself = True
        elif word == "vni" or matches(word, "vlan"):
            raise NotModelled(f"bridge fdb get {word}", ("to", "br", "brport", "dev", "self", "master"))
        elif not matches(word, "master") and not matches(word, "dynamic"):
            value = words.take() if word == "to" else word
            if matches(value, "help"):
                raise ToolExit(USAGE_CODE, BRIDGE_FDB_USAGE)
            if to:
                raise garbage("to", value)
            to = value
    if (not dev_name and not bridge_name) or not to:
        raise ToolExit(FAILED, "Device or master and address are required arguments.\n")
    address = _address(to)
    try:
        row = _look_up(address, dev_name, bridge_name, itself, session)
    except NetError as error:
        raise refused(error, -2) from None
    printer = options.printer(session.io)
    printer.begin()
    print_row(printer, options, session, row, with_dev=True)
    printer.end()
    return 0


def _look_up(address: bytes, dev_name: str, bridge_name: str, itself: bool, session: Session) -> Row:
    devices = session.netns.devices
    bridge: Link | None = None
    if dev_name:
        dev = devices.get(dev_name)
        if dev is None:
            raise no_device(dev_name, FAILED)
        if not itself and not isinstance(dev.master, Bridge):
            raise NetError(EINVAL, "Device is not a bridge port")
        bridge = dev if itself else dev.master  # type: ignore[assignment]
    if bridge_name:
        bridge = devices.get(bridge_name)
        if bridge is None:
            raise ToolExit(FAILED, f'Cannot find bridge device "{bridge_name}"\n')
    if not isinstance(bridge, Bridge):
        raise NetError(EOPNOTSUPP, "Fdb get operation not supported by device")
    entry = bridge.fdb.get(address)
    if entry is None:
        raise NetError(ENOENT, "Fdb entry not found")
    return row_of(bridge, entry)


# What each word of `bridge fdb flush` asks of an entry.
_FLUSH_WORDS: Final[dict[str, dict[str, bool]]] = {
    "permanent": {"permanent": True},
    "nopermanent": {"permanent": False},
    "static": {"static": True, "permanent": False},
    "nostatic": {"static": False},
    "dynamic": {"static": False, "permanent": False},
    "nodynamic": {"static": True},
    "added_by_user": {"added_by_user": True},
    "noadded_by_user": {"added_by_user": False},
    "extern_learn": {"extern_learn": True},
    "noextern_learn": {"extern_learn": False},
    "sticky": {"sticky": True},
    "nosticky": {"sticky": False},
}


def _flush(words: Words, session: Session) -> int:
    """Linux: iproute2 bridge/fdb.c fdb_flush()"""
    dev_name = port_name = ""
    marks: dict[str, bool] = {}
    master = itself = False
    while words:
        word = words.take()
        if word == "dev":
            dev_name = words.take()
        elif word in ("master", "self"):
            master, itself = master or word == "master", itself or word == "self"
        elif word in _FLUSH_WORDS:
            marks.update(_FLUSH_WORDS[word])
        elif word in ("vlan", "offloaded", "nooffloaded"):
            raise NotModelled(f"bridge fdb flush {word}", ("dev", "brport", "self", "master", *_FLUSH_WORDS))
        elif word == "brport":
            if port_name:
                raise garbage("brport", word)
            port_name = words.take()
    if not dev_name:
        raise ToolExit(FAILED, "Device is a required argument.\n")
    dev = session.netns.devices.get(dev_name)
    if dev is None:
        raise ToolExit(FAILED, f'Cannot find bridge device "{dev_name}"\n')
    port = session.netns.devices.get(port_name) if port_name else None
    if port_name and port is None:
        raise ToolExit(FAILED, f'Cannot find bridge port device "{port_name}"\n')
    try:
        _flush_device(dev, port, marks, master=master, itself=itself or not master)
    except NetError as error:
        raise refused(error, FAILED) from None
    return 0


def _flush_device(
    dev: Link, port: Link | None, marks: dict[str, bool], *, master: bool, itself: bool
) -> None:
    """Linux: net/core/rtnetlink.c rtnl_fdb_del(), net/bridge/br_fdb.c br_fdb_delete_bulk()"""
    if dev.type != ARPHRD_ETHER:
        raise NetError(EINVAL, "FDB delete only supported for Ethernet devices")
    done = False
    if master and isinstance(dev.master, Bridge):
        fdb_user.fdb_flush(dev.master, _port_of(dev.master, port) or dev, marks)
        done = True
    if itself:
        if not isinstance(dev, Bridge):
            raise NetError(EOPNOTSUPP)
        fdb_user.fdb_flush(dev, _port_of(dev, port), marks)
        done = True
    if not done:
        raise NetError(EOPNOTSUPP)


def _port_of(bridge: Bridge, port: Link | None) -> Link | None:
    """Linux: net/bridge/br_fdb.c __fdb_flush_validate_ifindex()"""
    if port is None or port is bridge:
        return port
    if not isinstance(port.master, Bridge):
        raise NetError(EINVAL, "bridge: Flush device is not a bridge or bridge port")
    if port.master is not bridge:
        raise NetError(EINVAL, "bridge: Device is not a port of the bridge")
    return port
