"""What `ip link set … type bridge`, `… type bridge_slave` and `bridge link set` can change.

Options by ip's own words, values as ip sends them. They are applied in the kernel's order, not in the order
of the command line; what was applied before a refused one stays, as in Linux.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.errors import EBUSY, EINVAL, ENETDOWN, ERANGE, NetError, NotModelled
from pystack.l2 import bridge_stp, fdb_local
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_port import BR_STATE_BLOCKING, BR_STATE_DISABLED, PORT_BITS, BridgePort

USER_HZ: Final = 100  # the unit of times in netlink

# Linux: net/bridge/br_private_stp.h, in seconds
_HELLO_TIME: Final = (1, 10)
_MAX_AGE: Final = (6, 40)
_PATH_COST: Final = (1, 65535)
_MAX_PORT_PRIORITY: Final = 0xFFFF >> PORT_BITS

# Linux: net/bridge/br_private.h BR_GROUPFWD_RESTRICTED, BR_GROUPFWD_MACPAUSE
_GROUP_FWD_RESTRICTED: Final = 0b111
_GROUP_FWD_PAUSE: Final = 0b010

# Known to Linux; here only at the value that changes nothing.
_FIXED: Final[Mapping[str, int]] = {
    "stp_state": 0,
    "vlan_filtering": 0,
    "vlan_default_pvid": 1,
    "vlan_stats_enabled": 0,
    "vlan_stats_per_port": 0,
    "mcast_vlan_snooping": 0,
    "mcast_router": 1,
    "mcast_query_use_ifaddr": 0,
    "mcast_querier": 0,
    "mcast_hash_elasticity": 16,
    "mcast_hash_max": 4096,
    "mcast_last_member_count": 2,
    "mcast_startup_query_count": 2,
    "mcast_last_member_interval": 100,
    "mcast_membership_interval": 26000,
    "mcast_querier_interval": 25500,
    "mcast_query_interval": 12500,
    "mcast_query_response_interval": 1000,
    "mcast_startup_query_interval": 3125,
    "mcast_stats_enabled": 0,
    "mcast_igmp_version": 2,
    "mcast_mld_version": 1,
    "nf_call_iptables": 0,
    "nf_call_ip6tables": 0,
    "nf_call_arptables": 0,
}

_PORT_FIXED: Final[Mapping[str, int]] = {
    "guard": 0,
    "root_block": 0,
    "fastleave": 0,
    "mcast_fast_leave": 0,
    "mcast_to_unicast": 0,
    "mcast_router": 1,
    "proxy_arp": 0,
    "proxy_arp_wifi": 0,
    "neigh_suppress": 0,
    "vlan_tunnel": 0,
    "mab": 0,
}

_PORT_SWITCHES: Final = frozenset(_PORT_FIXED) - {"mcast_router"}  # are said as on and off

PORT_FLAGS: Final = (
    "hairpin",
    "learning",
    "flood",
    "mcast_flood",
    "bcast_flood",
    "isolated",
    "locked",
)


def check(options: Mapping[str, int]) -> None:
    """Refuse by name what has no model here."""
    _check("bridge option", options, _SETTERS, _FIXED)


def set_options(bridge: Bridge, options: Mapping[str, int]) -> None:
    """Linux: net/bridge/br_netlink.c br_changelink()"""
    check(options)
    for name, setter in _SETTERS.items():
        if name in options:
            setter(bridge, options[name])


def set_port_options(bridge: Bridge, port: BridgePort, options: Mapping[str, int]) -> None:
    """Linux: net/bridge/br_netlink.c br_setport()"""
    _check("bridge port option", options, _PORT_SETTERS, _PORT_FIXED)
    for name, setter in _PORT_SETTERS.items():
        if name in options:
            setter(bridge, port, options[name])


def _check(
    what: str, options: Mapping[str, int], known: Mapping[str, object], fixed: Mapping[str, int]
) -> None:
    for name, value in options.items():
        if name in known:
            continue
        if name not in fixed:
            raise NotModelled(f"{what} {name}", (*known, *fixed))
        if value != fixed[name]:
            raise NotModelled(f"{what} {_said(name, value)}", (_said(name, fixed[name]),))


def _said(name: str, value: int) -> str:
    return f"{name} {'on' if value else 'off'}" if name in _PORT_SWITCHES else f"{name} {value}"


# --- the bridge ------------------------------------------------------------------------------------------


def _forward_delay(bridge: Bridge, value: int) -> None:
    """Without STP any delay is taken. Linux: net/bridge/br_stp.c br_set_forward_delay()"""
    bridge.forward_delay = _seconds(bridge, value)


def _hello_time(bridge: Bridge, value: int) -> None:
    bridge.hello_time = _seconds_within(bridge, value, _HELLO_TIME)


def _max_age(bridge: Bridge, value: int) -> None:
    bridge.max_age = _seconds_within(bridge, value, _MAX_AGE)


def _seconds_within(bridge: Bridge, value: int, limits: tuple[int, int]) -> float:
    low, high = limits
    if not low <= value / USER_HZ <= high:
        raise NetError(ERANGE)
    return _seconds(bridge, value)


def _seconds(bridge: Bridge, value: int) -> float:
    """As Linux keeps it, in ticks of its clock. Linux: clock_t_to_jiffies()"""
    hz = bridge.net.clock.hz
    return value * hz // USER_HZ / hz


def _ageing_time(bridge: Bridge, value: int) -> None:
    bridge.fdb.set_ageing_time(_seconds(bridge, value))


def _priority(bridge: Bridge, value: int) -> None:
    bridge.priority = value & 0xFFFF


def _group_fwd_mask(bridge: Bridge, value: int) -> None:
    if value & _GROUP_FWD_RESTRICTED:
        raise NetError(EINVAL)
    bridge.group_fwd_mask = value


def _fdb_flush(bridge: Bridge, _: int) -> None:
    for entry in bridge.fdb:
        if not entry.static:
            bridge.fdb.remove(entry)


def _mcast_snooping(bridge: Bridge, value: int) -> None:
    bridge.mcast_snooping = bool(value)


def _no_linklocal_learn(bridge: Bridge, value: int) -> None:
    bridge.no_linklocal_learn = bool(value)


def _fdb_max_learned(bridge: Bridge, value: int) -> None:
    bridge.fdb.max_learned = value


_SETTERS: Final[Mapping[str, Callable[[Bridge, int], None]]] = {
    "forward_delay": _forward_delay,
    "hello_time": _hello_time,
    "max_age": _max_age,
    "ageing_time": _ageing_time,
    "priority": _priority,
    "group_fwd_mask": _group_fwd_mask,
    "fdb_flush": _fdb_flush,
    "mcast_snooping": _mcast_snooping,
    "no_linklocal_learn": _no_linklocal_learn,
    "fdb_max_learned": _fdb_max_learned,
}


# --- a port ----------------------------------------------------------------------------------------------


def _flag(name: str) -> Callable[[Bridge, BridgePort, int], None]:
    def setter(_: Bridge, port: BridgePort, value: int) -> None:
        setattr(port, name, bool(value))

    return setter


def _port_cost(bridge: Bridge, port: BridgePort, value: int) -> None:
    """Linux: net/bridge/br_stp_if.c br_stp_set_path_cost()"""
    low, high = _PATH_COST
    if not low <= value <= high:
        raise NetError(ERANGE)
    port.admin_cost = True
    port.path_cost = value
    bridge_stp.port_state_selection(bridge)


def _port_priority(_: Bridge, port: BridgePort, value: int) -> None:
    """Linux: net/bridge/br_stp_if.c br_stp_set_port_priority()"""
    if value > _MAX_PORT_PRIORITY:
        raise NetError(ERANGE)
    port.priority = value


def _port_state(bridge: Bridge, port: BridgePort, value: int) -> None:
    """Linux: net/bridge/br_netlink.c br_set_port_state()"""
    if value > BR_STATE_BLOCKING:
        raise NetError(EINVAL)
    if bridge.stp_enabled:
        raise NetError(EBUSY)
    if not port.dev.up or (not port.dev.running and value != BR_STATE_DISABLED):
        raise NetError(ENETDOWN)
    bridge_stp.set_state(bridge, port, value)
    bridge_stp.port_state_selection(bridge)


def _port_flush(bridge: Bridge, port: BridgePort, _: int) -> None:
    fdb_local.delete_by_port(bridge, port, everything=False)


def _port_group_fwd_mask(_: Bridge, port: BridgePort, value: int) -> None:
    if value & _GROUP_FWD_PAUSE:
        raise NetError(EINVAL)
    port.group_fwd_mask = value


_PORT_SETTERS: Final[Mapping[str, Callable[[Bridge, BridgePort, int], None]]] = {
    **{name: _flag(name) for name in PORT_FLAGS},
    "cost": _port_cost,
    "priority": _port_priority,
    "state": _port_state,
    "fdb_flush": _port_flush,
    "group_fwd_mask": _port_group_fwd_mask,
}
