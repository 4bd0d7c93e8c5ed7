"""The state of a running host as a setup: the commands that would make it, in an order in which they work.

What a user decided is printed, and nothing that was learned or drawn: no dynamic neighbour, no address of a
card that nobody chose, no value that is the default. So two texts of two hosts differ where their users did.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pystack.applets.iproute.link_vlan import vlan_words
from pystack.applets.iproute.nsid import netns_of
from pystack.applets.running_routes import route_lines
from pystack.applets.running_rules import rule_lines
from pystack.applets.running_sysctls import common_sysctls, device_sysctls, sysctl_line
from pystack.applets.running_tables import firewall_lines
from pystack.applets.running_words import inside, quoted
from pystack.device import (
    DEFAULT_TX_QUEUE_LEN,
    IFF_ALLMULTI,
    IFF_MULTICAST,
    IFF_NOARP,
    IFF_PROMISC,
    NetDevice,
)
from pystack.host import Host
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_options import PORT_FLAGS, USER_HZ
from pystack.l2.bridge_port import BridgePort
from pystack.l2.devices import Link
from pystack.l2.kinds import MODELLED
from pystack.l2.nud import NUD_PERMANENT
from pystack.l2.veth import Veth
from pystack.l2.vlan_device import VlanDevice, vlans_of
from pystack.l3.addresses import IFA_F_NOPREFIXROUTE, INFINITY, RT_SCOPE_HOST, RT_SCOPE_LINK, Address
from pystack.netns import Netns
from pystack.wire.ethernet import mac_text
from pystack.wire.ipv4 import INADDR_LOOPBACK, address_text

_SCOPES: Final = {RT_SCOPE_HOST: "host", RT_SCOPE_LINK: "link", 200: "site"}
_SPEAK_TO_NOBODY: Final = ("dummy",)  # these kinds come without multicast and without ARP
LOOPBACK_MTU: Final = 65536
ETHERNET_MTU: Final = 1500


def setup_lines(host: Host, ports: Mapping[str, Link]) -> list[str]:
    """The commands; `ports` are the devices that are there from the beginning, by their first names."""
    lines = [f"# ports: {' '.join(ports)} (the daemon's configuration says what they are)"] if ports else []
    lines += [f"ip netns add {name}" for name in host.namespaces if name]
    pristine = Host(profile=host.profile).init
    moved: list[str] = []
    for name, netns in host.namespaces.items():
        lines += [sysctl_line(name, knob) for knob in common_sysctls(netns, pristine)]
    made: set[NetDevice] = set()
    for name, port in ports.items():
        moved += _port_lines(name, port)
    lines += moved
    for netns in host.namespaces.values():
        for dev in netns.devices:
            lines += _creation(netns, dev, host, made)
    for name, netns in host.namespaces.items():
        devices = sorted(netns.devices, key=_is_on_top)
        lines += [_in_netns(name, line) for dev in devices for line in _device_lines(netns, dev)]
        lines += [sysctl_line(name, knob) for knob in device_sysctls(netns, pristine)]
        tables = (*route_lines(netns), *rule_lines(netns.ipv4.fib), *_table_lines(netns))
        lines += [_in_netns(name, line) for line in tables]
        lines += [f"{inside(name)}{line}" for line in firewall_lines(netns)]
    return lines


def _is_on_top(dev: Link) -> int:
    """VLANs behind what they stand on, which gives them an MTU and brings them up."""
    return dev.level if isinstance(dev, VlanDevice) else 0


def _in_netns(netns: str, line: str) -> str:
    tool, _, rest = line.partition(" ")
    return f"{tool} -n {netns} {rest}" if netns else line


# --- devices ---------------------------------------------------------------------------------------------


def _port_lines(name: str, port: Link) -> Iterator[str]:
    if port.name != name:
        yield f"ip link set {name} name {port.name}"
    if port.net.drop.netns:
        yield f"ip link set {port.name} netns {port.net.drop.netns}"


def _creation(netns: Netns, dev: Link, host: Host, made: set[NetDevice]) -> Iterator[str]:
    if dev in made or dev.kind not in MODELLED:
        return
    if isinstance(dev, VlanDevice):
        return (yield from _vlan_creation(netns, dev, host, made))
    if isinstance(dev, Veth) and dev.peer is not None and dev.peer.net is dev.net:
        dev = max(dev, dev.peer, key=lambda end: end.ifindex)  # of a pair the peer is registered first
    made.add(dev)
    line = f"ip link add {dev.name}{_chosen_address(dev)} type {dev.kind}"
    if isinstance(dev, Bridge):
        line += "".join(f" {name} {value}" for name, value in _bridge_options(dev))
    if isinstance(dev, Veth) and dev.peer is not None:
        made.add(dev.peer)
        line += f" peer name {dev.peer.name}{_chosen_address(dev.peer)}"
        if (home := dev.peer.net.drop.netns) != netns.name:
            line += f" netns {home}"
    yield _in_netns(netns.name, line)


def _vlan_creation(netns: Netns, dev: VlanDevice, host: Host, made: set[NetDevice]) -> Iterator[str]:
    """Behind its real device, and asked for where that one lives."""
    made.add(dev)
    home = netns_of(host, dev.real)
    if home is not None:
        yield from _creation(home, dev.real, host, made)
    line = f"ip link add link {dev.real.name} name {dev.name}{_chosen_address(dev)}"
    if home is not None and home is not netns:
        line += f" netns {netns.name}"
    yield _in_netns((home or netns).name, f"{line} type vlan {vlan_words(dev)}")


def _chosen_address(dev: Link) -> str:
    return f" address {mac_text(dev.address)}" if dev.address_assigned else ""


def _bridge_options(bridge: Bridge) -> Iterator[tuple[str, int]]:
    pristine = Bridge("", bytes(6))
    for name in ("forward_delay", "hello_time", "max_age"):
        if getattr(bridge, name) != getattr(pristine, name):
            yield name, round(getattr(bridge, name) * USER_HZ)
    if bridge.fdb.ageing_time != 300.0:
        yield "ageing_time", round(bridge.fdb.ageing_time * USER_HZ)
    for name in ("priority", "group_fwd_mask", "no_linklocal_learn", "mcast_snooping"):
        if getattr(bridge, name) != getattr(pristine, name):
            yield name, int(getattr(bridge, name))
    if bridge.fdb.max_learned:
        yield "fdb_max_learned", bridge.fdb.max_learned


def _device_lines(netns: Netns, dev: Link) -> Iterator[str]:
    """Everything about a device that exists: its master last but one, its addresses, and up at the end.

    Loopback gets an address of its own when it goes up, which may have to be there before the others.
    """
    addresses = netns.ipv4.addresses.of(dev)
    brings_own_first = bool(addresses) and _comes_with_loopback(addresses[0])
    changes = list(_link_changes(dev))
    if changes:
        yield f"ip link set {dev.name} {' '.join(changes)}"
    if dev.master is not None:
        yield f"ip link set {dev.name} master {dev.master.name}"
        if isinstance(dev.port, BridgePort) and (options := list(_port_options(dev.port))):
            yield f"ip link set {dev.name} type bridge_slave {' '.join(options)}"
    if brings_own_first:
        yield f"ip link set {dev.name} up"
    for address in addresses:
        if not _comes_with_loopback(address):
            yield f"ip address add {_address_words(address)} dev {dev.name}"
    if dev.up and not brings_own_first:
        yield f"ip link set {dev.name} up"
    if not dev.up and isinstance(dev, VlanDevice) and dev.real.up:
        yield f"ip link set {dev.name} down"  # it came up with its real device
    if dev.name == "lo" and dev.up and all(address.local != INADDR_LOOPBACK for address in addresses):
        yield "ip address del 127.0.0.1/8 dev lo"


def _link_changes(dev: Link) -> Iterator[str]:
    if dev.name == "lo":
        yield from [f"mtu {dev.mtu}"] if dev.mtu != LOOPBACK_MTU else []
        return
    if dev.address_assigned and dev.kind == "tun":
        yield f"address {mac_text(dev.address)}"
    if isinstance(dev, Bridge):
        if dev.mtu_set_by_user:
            yield f"mtu {dev.mtu}"
    elif dev.mtu != ETHERNET_MTU:
        yield f"mtu {dev.mtu}"
    if dev.tx_queue_len != DEFAULT_TX_QUEUE_LEN:
        yield f"txqueuelen {dev.tx_queue_len}"
    if dev.group:
        yield f"group {dev.group}"
    if dev.gflags & IFF_PROMISC:
        yield "promisc on"
    if dev.gflags & IFF_ALLMULTI:
        yield "allmulticast on"
    if bool(dev.flags & IFF_MULTICAST) != (dev.kind not in _SPEAK_TO_NOBODY):
        yield "multicast on" if dev.flags & IFF_MULTICAST else "multicast off"
    if bool(dev.flags & IFF_NOARP) != (dev.kind in _SPEAK_TO_NOBODY):
        yield "arp off" if dev.flags & IFF_NOARP else "arp on"
    if dev.alias:
        yield f"alias {quoted(dev.alias)}"


def _port_options(port: BridgePort) -> Iterator[str]:
    pristine = BridgePort(port.dev, port.number)
    for flag in PORT_FLAGS:
        if getattr(port, flag) != getattr(pristine, flag):
            yield f"{flag} {'on' if getattr(port, flag) else 'off'}"
    if port.admin_cost:
        yield f"cost {port.path_cost}"
    for name in ("priority", "group_fwd_mask"):
        if getattr(port, name) != getattr(pristine, name):
            yield f"{name} {getattr(port, name)}"


# --- addresses, neighbours, forwarding tables ------------------------------------------------------------


def _comes_with_loopback(address: Address) -> bool:
    dev = address.dev
    return dev.name == "lo" and dev.up and address.local == INADDR_LOOPBACK and address.prefixlen == 8


def _address_words(address: Address) -> str:
    words = [f"{address_text(address.local)}/{address.prefixlen}"]
    if address.peer != address.local:
        words = [address_text(address.local), f"peer {address_text(address.peer)}/{address.prefixlen}"]
    if address.broadcast:
        words.append(f"broadcast {address_text(address.broadcast)}")
    if address.scope in _SCOPES:
        words.append(f"scope {_SCOPES[address.scope]}")
    elif address.scope:
        words.append(f"scope {address.scope}")
    if address.label != address.dev.name:
        words.append(f"label {address.label}")
    if address.metric:
        words.append(f"metric {address.metric}")
    if address.valid_lft != INFINITY:
        words.append(f"valid_lft {address.valid_lft}")
    if address.preferred_lft != INFINITY:
        words.append(f"preferred_lft {address.preferred_lft}")
    if address.flags & IFA_F_NOPREFIXROUTE:
        words.append("noprefixroute")
    return " ".join(words)


def _table_lines(netns: Netns) -> Iterator[str]:
    """What a user put into tables that learn: permanent neighbours, and entries of forwarding tables."""
    for neigh in netns.ipv4.neighbours:
        if neigh.state & NUD_PERMANENT:
            where = f"lladdr {mac_text(neigh.ha)} dev {neigh.dev.name}"
            yield f"ip neighbour add {address_text(neigh.key)} {where} nud permanent"
    for proxy in netns.ipv4.arp.proxy:
        where = "" if proxy.dev is None else f" dev {proxy.dev.name}"
        yield f"ip neighbour add proxy {address_text(proxy.key)}{where}"
    for dev in netns.devices:
        for address in (*_unicast_filter(dev), *dev.multicast_addresses):
            yield f"bridge fdb add {mac_text(address)} dev {dev.name} self"
        if isinstance(dev, Bridge):
            yield from _fdb_lines(dev)


def _unicast_filter(dev: Link) -> Iterator[bytes]:
    """What a user wants it to hear, and not only its VLANs."""
    for address, users in dev.unicast_addresses.items():
        if users > sum(address in vlan.borrowed() for vlan in vlans_of(dev)):
            yield address


def _fdb_lines(bridge: Bridge) -> Iterator[str]:
    for entry in bridge.fdb.entries.values():
        if not entry.added_by_user:
            continue
        where = f"{bridge.name} self" if entry.port is None else f"{entry.port.dev.name} master"
        kind = "permanent" if entry.local else "static" if entry.static else "dynamic"
        marks = " sticky" if entry.sticky else ""
        marks += " extern_learn" if entry.ext_learned else ""
        yield f"bridge fdb add {mac_text(entry.address)} dev {where} {kind}{marks}"
