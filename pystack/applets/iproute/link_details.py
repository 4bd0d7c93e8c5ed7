"""What `ip -d link` adds: the kind of a device and its settings, and those of a bridge port."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.link_vlan import print_vlan
from pystack.applets.iproute.printer import Literal, Printer
from pystack.device import ARPHRD_LOOPBACK
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_port import PORT_BITS, STATE_NAMES, BridgePort
from pystack.l2.devices import Link
from pystack.l2.port import BarePort, PortDevice
from pystack.l2.vlan_device import VlanDevice

USER_HZ: Final = 100
IPV6_MIN_MTU: Final = 1280

# What Linux tells of the sizes of segments; nothing here depends on them.
GSO_MAX_SIZE: Final = 65536
GSO_MAX_SEGS: Final = 65535
TSO_MAX_SIZE: Final = 524280

_FORWARD_MASK_NAMES: Final = {0: "stp", 2: "lacp", 14: "lldp"}


def print_details(printer: Printer, dev: Link, *, do_link: bool) -> None:
    """Linux: iproute2 ip/ipaddress.c print_linkinfo()"""
    printer.put("promiscuity", dev.promiscuity, f" promiscuity {dev.promiscuity} ")
    printer.put("allmulti", dev.allmulti, f" allmulti {dev.allmulti} ")
    printer.put("min_mtu", dev.min_mtu, f"minmtu {dev.min_mtu} ")
    printer.put("max_mtu", dev.max_mtu, f"maxmtu {dev.max_mtu} ")
    if dev.kind or dev.master is not None:
        _print_linkinfo(printer, dev)
    if do_link and has_inet6(dev):
        printer.put("inet6_addr_gen_mode", "eui64", "addrgenmode eui64 ")
    printer.put("num_tx_queues", 1, "numtxqueues 1 ")
    printer.put("num_rx_queues", 1, "numrxqueues 1 ")
    printer.put("gso_max_size", GSO_MAX_SIZE, f"gso_max_size {GSO_MAX_SIZE} ")
    printer.put("gso_max_segs", GSO_MAX_SEGS, f"gso_max_segs {GSO_MAX_SEGS} ")
    tso_max_size = _tso_max_size(dev)
    printer.put("tso_max_size", tso_max_size, f"tso_max_size {tso_max_size} ")
    printer.put("tso_max_segs", GSO_MAX_SEGS, f"tso_max_segs {GSO_MAX_SEGS} ")
    printer.put("gro_max_size", GSO_MAX_SIZE, f"gro_max_size {GSO_MAX_SIZE} ")


def has_inet6(dev: Link) -> bool:
    """Whether Linux has IPv6 on it, as it tells in passing. Linux: net/ipv6/addrconf.c addrconf_notify()"""
    return dev.mtu >= IPV6_MIN_MTU or dev.type == ARPHRD_LOOPBACK


def _tso_max_size(dev: Link) -> int:
    """A bridge takes the lowest of its ports', and keeps to no limit once the last has gone.

    Linux: net/bridge/br_if.c br_set_gso_limits()
    """
    if isinstance(dev, Bridge) and dev.had_ports:
        return min((_tso_max_size(port.dev) for port in dev.ports), default=TSO_MAX_SIZE)
    if isinstance(dev, VlanDevice):
        return _tso_max_size(dev.real)
    return TSO_MAX_SIZE if dev.kind in ("", "veth") else GSO_MAX_SIZE


def _print_linkinfo(printer: Printer, dev: Link) -> None:
    """Linux: iproute2 ip/ipaddress.c print_linktype()"""
    printer.open_object("linkinfo")
    if dev.kind:
        printer.nl()
        printer.put("info_kind", dev.kind, f"    {dev.kind} ")
        if isinstance(dev, Bridge):
            printer.open_object("info_data")
            print_bridge(printer, dev)
            printer.close_object()
        elif isinstance(dev, PortDevice):
            printer.open_object("info_data")
            _print_tun(printer, dev)
            printer.close_object()
        elif isinstance(dev, VlanDevice):
            printer.open_object("info_data")
            print_vlan(printer, dev)
            printer.close_object()
    if isinstance(dev.master, Bridge):
        printer.nl()
        printer.put("info_slave_kind", "bridge", "    bridge_slave ")
        printer.open_object("info_slave_data")
        print_bridge_slave(printer, dev.master, dev.master.port_of[dev])
        printer.close_object()
    printer.close_object()


def _print_tun(printer: Printer, dev: PortDevice) -> None:
    """Linux: iproute2 ip/iplink_tun.c tun_print_opt()"""
    kind = "tun" if isinstance(dev, BarePort) else "tap"
    printer.put("type", kind, f"type {kind} ")
    _on_off(printer, "pi", False)
    _on_off(printer, "vnet_hdr", bool(dev.features))
    printer.field("multi_queue", False)
    _on_off(printer, "persist", False)


def _on_off(printer: Printer, key: str, value: bool, shown: str = "") -> None:
    printer.put(key, value, f"{shown or key} {'on' if value else 'off'} ")


def _number(printer: Printer, key: str, value: int, shown: str = "") -> None:
    printer.put(key, value, f"{shown or key} {value} ")


def _hex(printer: Printer, key: str, value: int, shown: str = "") -> None:
    text = f"{value:#x}" if value else "0"  # as C's %#x has it
    printer.put(key, text, f"{shown or key} {text} ")


def _timer(printer: Printer, key: str, seconds: float) -> None:
    """Linux: iproute2 ip/iplink_bridge.c _bridge_print_timer()"""
    ticks = _centiseconds(seconds)
    whole, part = divmod(ticks, USER_HZ)
    printer.put(key, Literal(f"{whole}.{part:02d}"), f"{key} {whole:4d}.{part:02d} ")


def _centiseconds(seconds: float) -> int:
    """Linux: jiffies_to_clock_t()"""
    return int(seconds * USER_HZ + 1e-6)


def bridge_id(priority: int, address: bytes) -> str:
    """Linux: iproute2 ip/iplink_bridge.c br_dump_bridge_id()"""
    return f"{priority:04x}." + ":".join(f"{octet:x}" for octet in address)


def print_bridge(printer: Printer, bridge: Bridge) -> None:
    """As a kernel without CONFIG_BRIDGE_VLAN_FILTERING says it.

    Linux: iproute2 ip/iplink_bridge.c bridge_print_opt(), net/bridge/br_netlink.c br_fill_info()
    """
    _number(printer, "forward_delay", _centiseconds(bridge.forward_delay))
    _number(printer, "hello_time", _centiseconds(bridge.hello_time))
    _number(printer, "max_age", _centiseconds(bridge.max_age))
    _number(printer, "ageing_time", _centiseconds(bridge.fdb.ageing_time))
    _number(printer, "stp_state", int(bridge.stp_enabled))
    _number(printer, "priority", bridge.priority)
    _number(printer, "vlan_filtering", 0)
    identity = bridge_id(bridge.priority, bridge.id_address)
    printer.put("bridge_id", identity, f"bridge_id {identity} ")
    printer.put("root_id", identity, f"designated_root {identity} ")
    _number(printer, "root_port", 0)
    _number(printer, "root_path_cost", 0)
    _number(printer, "topology_change", 0)
    _number(printer, "topology_change_detected", 0)
    for name in ("hello_timer", "tcn_timer", "topology_change_timer"):
        _timer(printer, name, 0.0)
    _timer(printer, "gc_timer", 0.0)
    _hex(printer, "group_fwd_mask", bridge.group_fwd_mask)
    group = "01:80:c2:00:00:00"
    printer.put("group_addr", group, f"group_address {group} ")
    _number(printer, "mcast_snooping", int(bridge.mcast_snooping))
    _number(printer, "no_linklocal_learn", int(bridge.no_linklocal_learn))
    _print_multicast(printer)


# What a bridge of Linux says of its multicast side while nobody changed it: snooping is not modelled.
_MULTICAST: Final = (
    ("mcast_vlan_snooping", "", 0),
    ("mcast_router", "", 1),
    ("mcast_query_use_ifaddr", "", 0),
    ("mcast_querier", "", 0),
    ("mcast_hash_elasticity", "", 16),
    ("mcast_hash_max", "", 4096),
    ("mcast_last_member_cnt", "mcast_last_member_count", 2),
    ("mcast_startup_query_cnt", "mcast_startup_query_count", 2),
    ("mcast_last_member_intvl", "mcast_last_member_interval", 100),
    ("mcast_membership_intvl", "mcast_membership_interval", 26000),
    ("mcast_querier_intvl", "mcast_querier_interval", 25500),
    ("mcast_query_intvl", "mcast_query_interval", 12500),
    ("mcast_query_response_intvl", "mcast_query_response_interval", 1000),
    ("mcast_startup_query_intvl", "mcast_startup_query_interval", 3124),
    ("mcast_stats_enabled", "", 0),
    ("mcast_igmp_version", "", 2),
    ("mcast_mld_version", "", 1),
    ("nf_call_iptables", "", 0),
    ("nf_call_ip6tables", "", 0),
    ("nf_call_arptables", "", 0),
)


def _print_multicast(printer: Printer) -> None:
    for key, shown, value in _MULTICAST:
        _number(printer, key, value, shown)


def _mask_words(mask: int) -> str:
    """Linux: iproute2 ip/iplink_bridge_slave.c _bitmask2str()"""
    bits = [bit for bit in range(16) if mask & 1 << bit]
    return ",".join(_FORWARD_MASK_NAMES.get(bit, f"0x{1 << bit:x}") for bit in bits) or "0x0"


def print_bridge_slave(printer: Printer, bridge: Bridge, port: BridgePort) -> None:
    """Linux: iproute2 ip/iplink_bridge_slave.c bridge_slave_print_opt()"""
    printer.put("state", STATE_NAMES[port.state], f"state {STATE_NAMES[port.state]} ")
    _number(printer, "priority", port.priority)
    _number(printer, "cost", port.path_cost)
    _on_off(printer, "hairpin", port.hairpin)
    _on_off(printer, "guard", False)
    _on_off(printer, "root_block", False)
    _on_off(printer, "fastleave", False)
    _on_off(printer, "learning", port.learning)
    _on_off(printer, "flood", port.flood)
    _hex(printer, "id", port.port_id, "port_id")
    _hex(printer, "no", port.number, "port_no")
    designated = port.priority << PORT_BITS | port.number
    _number(printer, "designated_port", designated)
    _number(printer, "designated_cost", 0)
    identity = bridge_id(bridge.priority, bridge.id_address)
    printer.put("bridge_id", identity, f"designated_bridge {identity} ")
    printer.put("root_id", identity, f"designated_root {identity} ")
    for name in ("hold_timer", "message_age_timer", "forward_delay_timer"):
        _timer(printer, name, 0.0)
    _number(printer, "topology_change_ack", 0)
    _number(printer, "config_pending", 0)
    _on_off(printer, "proxy_arp", False)
    _on_off(printer, "proxy_arp_wifi", False)
    _number(printer, "multicast_router", 1, "mcast_router")
    printer.text("mcast_fast_leave off ")
    _on_off(printer, "mcast_flood", port.mcast_flood)
    _on_off(printer, "bcast_flood", port.bcast_flood)
    _on_off(printer, "mcast_to_unicast", False)
    _on_off(printer, "neigh_suppress", False)
    _hex(printer, "group_fwd_mask", port.group_fwd_mask)
    words = _mask_words(port.group_fwd_mask)
    printer.put("group_fwd_mask_str", words, f"group_fwd_mask_str {words} ")
    _on_off(printer, "vlan_tunnel", False)
    _on_off(printer, "isolated", port.isolated)
    _on_off(printer, "locked", port.locked)
