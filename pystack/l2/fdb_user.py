"""What `bridge fdb` does to the forwarding database of a bridge, or to a device's own address filter.

A request names a device and says `master` (the bridge whose port it is), `self` (the device), or both. States
are those of neighbours, as netlink has it: NUD_PERMANENT is `local`, NUD_NOARP `static`, NUD_REACHABLE
`dynamic`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from pystack.device import ARPHRD_ETHER
from pystack.errors import EEXIST, EINVAL, ENOENT, EOPNOTSUPP, EPERM, NetError
from pystack.events import Changed
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_port import BridgePort
from pystack.l2.devices import Link
from pystack.l2.fdb import FdbEntry
from pystack.l2.nud import NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, NUD_STALE
from pystack.wire.ethernet import ZERO, is_multicast, mac_text

# The marks of an entry by which `bridge fdb flush` chooses, by ip's words.
FLUSH_MARKS: Final[Mapping[str, str]] = {
    "permanent": "local",
    "static": "static",
    "added_by_user": "added_by_user",
    "extern_learn": "ext_learned",
    "sticky": "sticky",
}


@dataclass(frozen=True, slots=True)
class FdbRequest:
    """`bridge fdb add|append|replace|del`. Linux: struct ndmsg"""

    address: bytes
    state: int = NUD_PERMANENT
    master: bool = False
    itself: bool = False
    vid: int = 0
    create: bool = True
    exclusive: bool = True  # add; not replace
    use: bool = False
    sticky: bool = False
    ext_learned: bool = False


def fdb_add(dev: Link, request: FdbRequest) -> None:
    """Linux: net/core/rtnetlink.c rtnl_fdb_add()"""
    if dev.type != ARPHRD_ETHER:
        raise NetError(EINVAL, "FDB add only supported for Ethernet devices")
    _change(dev, request, in_bridge=_bridge_add, in_filter=_filter_add, news="new")


def fdb_del(dev: Link, request: FdbRequest) -> None:
    """Linux: net/core/rtnetlink.c rtnl_fdb_del()"""
    if dev.type != ARPHRD_ETHER:
        raise NetError(EINVAL, "FDB delete only supported for Ethernet devices")
    _change(dev, request, in_bridge=_bridge_del, in_filter=_filter_del, news="del")


def _change(
    dev: Link,
    request: FdbRequest,
    *,
    in_bridge: Callable[[Bridge, BridgePort | None, FdbRequest], None],
    in_filter: Callable[[Link, FdbRequest], None],
    news: str,
) -> None:
    """At the master, at the device itself, or at both; the first refusal ends it."""
    done = False
    if (request.master or not request.itself) and isinstance(dev.master, Bridge):
        in_bridge(dev.master, dev.master.port_of[dev], request)
        done = True
    if request.itself:
        if isinstance(dev, Bridge):
            in_bridge(dev, None, request)
        else:
            in_filter(dev, request)
        _announce(dev, request.address, news)
        done = True
    if not done:
        raise NetError(EOPNOTSUPP)


def fdb_flush(bridge: Bridge, only_port: Link | None = None, marks: Mapping[str, bool] | None = None) -> None:
    """Delete every entry that bears the asked marks, the bridge's own addresses among them.

    `only_port` may be the bridge itself: the entries that belong to no port.
    Linux: net/bridge/br_fdb.c br_fdb_flush()
    """
    for entry in bridge.fdb:
        dev = bridge if entry.port is None else entry.port.dev
        if only_port is not None and dev is not only_port:
            continue
        if all(getattr(entry, FLUSH_MARKS[mark]) == wanted for mark, wanted in (marks or {}).items()):
            bridge.fdb.remove(entry)


def fdb_state(bridge: Bridge, entry: FdbEntry) -> int:
    """What `bridge fdb show` says of an entry. Linux: net/bridge/br_fdb.c fdb_to_nud()"""
    if entry.local:
        return NUD_PERMANENT
    if entry.static:
        return NUD_NOARP
    return NUD_STALE if bridge.fdb.expired(entry) else NUD_REACHABLE


# --- the bridge's table ----------------------------------------------------------------------------------


def _bridge_add(bridge: Bridge, port: BridgePort | None, request: FdbRequest) -> None:
    """Linux: net/bridge/br_fdb.c br_fdb_add()"""
    log = bridge.net.printk
    dev = bridge if port is None else port.dev
    if not request.state & (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE):
        log(f"bridge: RTM_NEWNEIGH with invalid state {request.state:#x}")
        raise NetError(EINVAL)
    if request.address == ZERO:
        log("bridge: RTM_NEWNEIGH with invalid ether address")
        raise NetError(EINVAL)
    if request.vid:
        log(f"bridge: RTM_NEWNEIGH with unconfigured vlan {request.vid} on {dev.name}")
        raise NetError(EINVAL)
    if request.use:
        return _use(bridge, port, request)
    if request.ext_learned:
        return _learn_externally(bridge, port, request)
    _set_entry(bridge, port, request)


def _use(bridge: Bridge, port: BridgePort | None, request: FdbRequest) -> None:
    """As if a frame had come from there. Linux: net/bridge/br_fdb.c __br_fdb_add()"""
    if port is None:
        bridge.net.printk(f"bridge: RTM_NEWNEIGH {bridge.name} with NTF_USE is not supported")
        raise NetError(EINVAL)
    if not port.may_learn:
        return
    bridge.fdb.learn(port, request.address, request.vid)
    entry = bridge.fdb.get(request.address, request.vid)
    if entry is not None and not entry.local:
        bridge.fdb.mark_user(entry)


def _learn_externally(bridge: Bridge, port: BridgePort | None, request: FdbRequest) -> None:
    """Linux: net/bridge/br_fdb.c br_fdb_external_learn_add()"""
    if port is None and not request.state & NUD_PERMANENT:
        raise NetError(EINVAL, "bridge: FDB entry towards bridge must be permanent")
    fdb, now = bridge.fdb, bridge.net.clock.now
    entry = fdb.get(request.address, request.vid)
    if entry is None:
        entry = _new_entry(bridge, port, request)
        entry.ext_learned = True
        entry.local = port is None
        return fdb.changed(entry)
    fdb.mark_user(entry)
    modified = entry.port is not port or not entry.ext_learned
    if entry.ext_learned:
        entry.used = now
    entry.updated = now
    entry.port, entry.ext_learned = port, True
    entry.local = entry.local or port is None
    if modified:
        fdb.changed(entry)


def _set_entry(bridge: Bridge, port: BridgePort | None, request: FdbRequest) -> None:
    """Linux: net/bridge/br_fdb.c fdb_add_entry()"""
    fdb, state = bridge.fdb, request.state
    if port is not None and not state & (NUD_PERMANENT | NUD_NOARP) and not port.may_learn:
        raise NetError(EPERM)
    if port is None and not state & NUD_PERMANENT:
        bridge.net.printk(f"bridge: RTM_NEWNEIGH {bridge.name} without NUD_PERMANENT")
        raise NetError(EINVAL)
    if request.sticky and state & NUD_PERMANENT:
        raise NetError(EINVAL)
    entry = fdb.get(request.address, request.vid)
    modified = entry is None
    if entry is None:
        if not request.create:
            raise NetError(ENOENT)
        entry = _new_entry(bridge, port, request)
    elif request.exclusive:
        raise NetError(EEXIST)
    fdb.mark_user(entry)
    if entry.port is not port:
        entry.port = port
        modified = True
    if fdb_state(bridge, entry) != state:
        entry.local = bool(state & NUD_PERMANENT)
        entry.static = bool(state & (NUD_PERMANENT | NUD_NOARP))
        modified = True
    if entry.sticky != request.sticky:
        entry.sticky = request.sticky
        modified = True
    entry.used = bridge.net.clock.now
    if modified:
        entry.updated = entry.used
        fdb.watch()
        fdb.changed(entry)


def _new_entry(bridge: Bridge, port: BridgePort | None, request: FdbRequest) -> FdbEntry:
    entry = FdbEntry(request.address, request.vid, port, bridge.net.clock.now)
    bridge.net.origins.note(entry)
    entry.added_by_user = True
    bridge.fdb.insert(entry)
    return entry


def _bridge_del(bridge: Bridge, port: BridgePort | None, request: FdbRequest) -> None:
    """Linux: net/bridge/br_fdb.c br_fdb_delete()"""
    if request.vid:
        dev = bridge if port is None else port.dev
        bridge.net.printk(f"bridge: RTM_DELNEIGH with unconfigured vlan {request.vid} on {dev.name}")
        raise NetError(EINVAL)
    entry = bridge.fdb.get(request.address)
    if entry is None or entry.port is not port:
        raise NetError(ENOENT)
    bridge.fdb.remove(entry)


# --- a device's own filter -------------------------------------------------------------------------------


def _filter_add(dev: Link, request: FdbRequest) -> None:
    """Linux: net/core/rtnetlink.c ndo_dflt_fdb_add()"""
    if request.state and not request.state & NUD_PERMANENT:
        dev.net.printk(f"{dev.name}: default FDB implementation only supports local addresses")
        raise NetError(EINVAL)
    if request.vid:
        dev.net.printk(f"{dev.name}: vlans aren't supported yet for dev_uc|mc_add()")
        raise NetError(EINVAL)
    known = _filter_of(dev, request.address)
    if request.address in known:
        if request.exclusive:
            raise NetError(EEXIST)
        return
    known[request.address] = 1
    dev.devices.set_rx_mode(dev)


def _filter_del(dev: Link, request: FdbRequest) -> None:
    """Linux: net/core/rtnetlink.c ndo_dflt_fdb_del()"""
    if not request.state & NUD_PERMANENT:
        dev.net.printk(f"{dev.name}: default FDB implementation only supports local addresses")
        raise NetError(EINVAL)
    known = _filter_of(dev, request.address)
    if request.address not in known:
        raise NetError(ENOENT)
    known[request.address] -= 1
    if not known[request.address]:
        del known[request.address]
        dev.devices.set_rx_mode(dev)


def _filter_of(dev: Link, address: bytes) -> dict[bytes, int]:
    return dev.multicast_addresses if is_multicast(address) else dev.unicast_addresses


def _announce(dev: Link, address: bytes, action: str) -> None:
    """Linux: net/core/rtnetlink.c rtnl_fdb_notify()"""
    if dev.net.events.wanted:
        text = f"{mac_text(address)} dev {dev.name} self permanent"
        dev.net.events.emit(Changed(dev.net.drop.netns, "fdb", action, text))
