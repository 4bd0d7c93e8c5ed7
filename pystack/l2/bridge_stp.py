"""Port states, and the address by which a bridge is known.

Spanning tree itself is a later chapter: without it a port that comes up goes through blocking straight to
forwarding, as Linux does with `stp_state 0`.
"""

from __future__ import annotations

from pystack.l2.bridge_port import (
    BR_STATE_BLOCKING,
    BR_STATE_DISABLED,
    BR_STATE_FORWARDING,
    STATE_NAMES,
    BridgePort,
    port_cost,
)
from pystack.l2.bridge_state import BridgeState
from pystack.l2.fdb_local import change_bridge_address, delete_by_port
from pystack.wire.ethernet import ZERO


def set_state(bridge: BridgeState, port: BridgePort, state: int) -> None:
    """Linux: net/bridge/br_stp.c br_set_state()"""
    port.state = state
    name = STATE_NAMES[state]
    bridge.net.printk(f"{bridge.name}: port {port.number}({port.dev.name}) entered {name} state")


def init_port(bridge: BridgeState, port: BridgePort) -> None:
    """Linux: net/bridge/br_stp_if.c br_init_port()"""
    set_state(bridge, port, BR_STATE_BLOCKING)


def enable_port(bridge: BridgeState, port: BridgePort) -> None:
    """Linux: net/bridge/br_stp_if.c br_stp_enable_port()"""
    init_port(bridge, port)
    port_state_selection(bridge)


def disable_port(bridge: BridgeState, port: BridgePort) -> None:
    """What was learned there is forgotten. Linux: net/bridge/br_stp_if.c br_stp_disable_port()"""
    set_state(bridge, port, BR_STATE_DISABLED)
    delete_by_port(bridge, port, everything=False)
    port_state_selection(bridge)


def port_state_selection(bridge: BridgeState) -> None:
    """Let blocked ports forward; the bridge has a carrier while one does.

    Linux: net/bridge/br_stp.c br_port_state_selection()
    """
    for port in bridge.ports:
        if port.state == BR_STATE_BLOCKING:
            set_state(bridge, port, BR_STATE_FORWARDING)
    live = any(port.state == BR_STATE_FORWARDING for port in bridge.ports)
    bridge.devices.set_carrier(bridge, live)


def carrier_check(bridge: BridgeState, port: BridgePort) -> None:
    """A port's carrier changed. Linux: net/bridge/br_if.c br_port_carrier_check()"""
    if not port.admin_cost and port.dev.running:
        port.path_cost = port_cost(port.dev)
    if not bridge.up:
        return
    if port.dev.running:
        if port.state == BR_STATE_DISABLED:
            enable_port(bridge, port)
    elif port.state != BR_STATE_DISABLED:
        disable_port(bridge, port)


def change_bridge_id(bridge: BridgeState, address: bytes) -> None:
    """Linux: net/bridge/br_stp_if.c br_stp_change_bridge_id()"""
    change_bridge_address(bridge, address)
    bridge.id_address = address
    bridge.address = address
    port_state_selection(bridge)


def recalculate_bridge_id(bridge: BridgeState) -> bool:
    """Take the lowest address of all ports, unless a user chose one; whether it changed.

    Linux: net/bridge/br_stp_if.c br_stp_recalculate_bridge_id()
    """
    if bridge.address_assigned:
        return False
    address = min((port.dev.address for port in bridge.ports), default=ZERO)
    if address == bridge.id_address:
        return False
    change_bridge_id(bridge, address)
    return True
