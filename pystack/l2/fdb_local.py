"""The entries of a bridge's own addresses: its ports' and its own. Frames for them go up the stack."""

from __future__ import annotations

from pystack.l2.bridge_port import BridgePort
from pystack.l2.bridge_state import BridgeState
from pystack.l2.fdb import FdbEntry
from pystack.wire.ethernet import is_valid_unicast, mac_text


def add_local(bridge: BridgeState, port: BridgePort | None, address: bytes, vid: int = 0) -> None:
    """Several ports may have the same address: the first one keeps the entry. Linux: fdb_add_local()"""
    if not is_valid_unicast(address):
        return
    fdb = bridge.fdb
    entry = fdb.get(address, vid)
    if entry is not None:
        if entry.local:
            return
        name = bridge.name if port is None else port.dev.name
        bridge.net.printk(
            f"{bridge.name}: adding interface {name} with same address as a received packet "
            f"(addr:{mac_text(address)}, vlan:{vid})"
        )
        fdb.remove(entry)
    entry = FdbEntry(address, vid, port, bridge.net.clock.now)
    entry.local = entry.static = True
    fdb.insert(entry)
    fdb.changed(entry)


def delete_local(bridge: BridgeState, port: BridgePort | None, entry: FdbEntry) -> None:
    """Delete the entry, unless another port or the bridge has the same address. Linux: fdb_delete_local()"""
    for other in bridge.ports:
        if other is not port and other.dev.address == entry.address:
            entry.port = other
            entry.added_by_user = False
            return
    if port is not None and bridge.address == entry.address:
        entry.port = None
        entry.added_by_user = False
        return
    bridge.fdb.remove(entry)


def change_port_address(bridge: BridgeState, port: BridgePort, address: bytes) -> None:
    """Linux: br_fdb_changeaddr()"""
    for entry in bridge.fdb:
        if entry.port is port and entry.local and not entry.added_by_user:
            delete_local(bridge, port, entry)
            break
    add_local(bridge, port, address)


def change_bridge_address(bridge: BridgeState, address: bytes) -> None:
    """The entry of the old address goes if it belonged to no port. Linux: br_fdb_change_mac_address()"""
    entry = bridge.fdb.get(bridge.address)
    if entry is not None and entry.local and entry.port is None and not entry.added_by_user:
        delete_local(bridge, None, entry)
    add_local(bridge, None, address)


def delete_by_port(bridge: BridgeState, port: BridgePort | None, *, everything: bool) -> None:
    """Forget what lies behind a port; without `everything` only what was learned.

    Linux: br_fdb_delete_by_port()
    """
    for entry in bridge.fdb:
        if entry.port is not port or not (everything or entry.ages):
            continue
        if entry.local:
            delete_local(bridge, port, entry)
        else:
            bridge.fdb.remove(entry)
