"""Devices: those that are made by commands are made, the others are ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pystack.device import IFF_MULTICAST, IFF_NOARP
from pystack.errors import NetError, NotModelled
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.seen import Row
from pystack.l2.bridge_options import PORT_FLAGS
from pystack.l2.bridge_port import BridgePort
from pystack.l2.devices import Link
from pystack.l2.kinds import PeerSpec, create
from pystack.l2.port import BarePort, PortDevice
from pystack.l2.vlan_device import VLAN_FLAG_LOOSE_BINDING, VLAN_FLAG_REORDER_HDR, VlanOptions
from pystack.wire.ethernet import ETH_P_8021AD, ETH_P_8021Q, parse_mac

_LOOPBACK: Final = "lo"
_ETHERNET: Final = "ether"
_BARE: Final = "none"  # packets without a link header
_BARE_KINDS: Final = ("", "tun", "wireguard")
# As `ip -j -d link` calls them and as `ip link add … type bridge` takes them.
_BRIDGE_OPTIONS: Final = (
    "forward_delay",
    "hello_time",
    "max_age",
    "ageing_time",
    "priority",
    "group_fwd_mask",
    "no_linklocal_learn",
    "mcast_snooping",
    "fdb_max_learned",
)
_NOT_MODELLED_BRIDGE: Final = {"stp_state": 0, "vlan_filtering": 0}  # what they have to be
_PORT_NUMBERS: Final = {"priority": "priority", "cost": "path_cost", "group_fwd_mask": "group_fwd_mask"}
_FLAGS: Final = {"PROMISC": "promisc on", "ALLMULTI": "allmulticast on"}
_VLAN_PROTOCOLS: Final = {"802.1Q": ETH_P_8021Q, "802.1ad": ETH_P_8021AD}
_VLAN_FLAGS: Final = {"REORDER_HDR": VLAN_FLAG_REORDER_HDR, "LOOSE_BINDING": VLAN_FLAG_LOOSE_BINDING}


def make_devices(building: Building, rows: list[Row]) -> None:
    """All of them, down and without a master."""
    by_name = {row["ifname"]: row for row in rows}
    for row in stacked(rows):
        if not building.knows(row["ifname"]):
            _make(building, row, by_name)


def stacked(rows: list[Row]) -> list[Row]:
    """VLANs behind the devices that they stand on, otherwise in the order of their numbers."""
    by_name = {row["ifname"]: row for row in rows}

    def height(row: Row) -> int:
        below = by_name.get(row.get("link", "")) if _kind(row) == "vlan" else None
        return 0 if below is None else 1 + height(below)

    return sorted(rows, key=lambda row: (height(row), int(row["ifindex"])))


def _kind(row: Row) -> str:
    return str(row.get("linkinfo", {}).get("info_kind", ""))


def _make(building: Building, row: Row, by_name: dict[str, Row]) -> None:
    name, kind = row["ifname"], _kind(row)
    devices = building.netns.devices
    address = _address(row)
    try:
        if kind == "bridge":
            _check_bridge(building, row)
            create(devices, kind, name, address=address, ifindex=row["ifindex"], options=_bridge_options(row))
        elif kind == "dummy":
            create(devices, kind, name, address=address, ifindex=row["ifindex"])
        elif kind == "veth" and (peer := by_name.get(row.get("link", ""))) is not None:
            spec = PeerSpec(name=peer["ifname"], address=_address(peer), ifindex=peer["ifindex"])
            create(devices, kind, name, address=address, ifindex=row["ifindex"], peer=spec)
        elif kind == "vlan" and building.knows(row.get("link", "")):
            _make_vlan(building, row)
        elif _is_port(row, kind):
            if "link" in row:
                what = f"device {name}: {row['link']} is not modelled, so it is a card here"
                building.left_out.append(what)
            _add_port(building, row, PortDevice(name, address or bytes(6)))
        elif row.get("link_type") == _BARE and kind in _BARE_KINDS:
            if kind not in ("", "tun"):
                what = f"device {name}: what type {kind} does is not modelled, it is a card here"
                building.left_out.append(what)
            _add_port(building, row, BarePort(name))
        else:
            building.left_out.append(f"device {name}: {_what_it_is(row, kind)} is not modelled")
            building.unknown_devices.add(name)
    except (NetError, NotModelled) as error:
        building.left_out.append(f"device {name}: {error}")
        building.unknown_devices.add(name)


def _add_port(building: Building, row: Row, port: PortDevice) -> None:
    building.netns.devices.register(port, row["ifindex"])
    building.ports[port.name] = port


def _is_port(row: Row, kind: str) -> bool:
    """Whether it is a card whose other end is somebody else's: a real one, a TAP, half of a veth pair, a VLAN
    of a card that is not here.
    """
    if row.get("link_type") != _ETHERNET:
        return False
    is_tap = kind == "tun" and row["linkinfo"].get("info_data", {}).get("type") == "tap"
    return kind in ("", "veth", "vlan") or is_tap


def _what_it_is(row: Row, kind: str) -> str:
    return (
        f"type {kind}" if kind and row.get("link_type") == _ETHERNET else f"link type {row.get('link_type')}"
    )


def _address(row: Row) -> bytes | None:
    return parse_mac(row.get("address", ""))


def _make_vlan(building: Building, row: Row) -> None:
    """With an address of its own only if it has another than its real device."""
    real, data = building.device(row["link"]), row["linkinfo"]["info_data"]
    flags = data.get("flags", [])
    for flag in flags:
        if flag not in _VLAN_FLAGS:
            building.left_out.append(f"device {row['ifname']}: vlan option {flag} is not modelled")
    options = VlanOptions(
        vid=data["id"],
        protocol=_VLAN_PROTOCOLS[data["protocol"]],
        flags=sum(bit for name, bit in _VLAN_FLAGS.items() if name in flags),
        mask=sum(_VLAN_FLAGS.values()),
        ingress=[(pair["from"], pair["to"]) for pair in data.get("ingress_qos", [])],
        egress=[(pair["from"], pair["to"]) for pair in reversed(data.get("egress_qos", []))],
    )
    address = _address(row)
    own = None if address == real.address else address
    create(
        building.netns.devices,
        "vlan",
        row["ifname"],
        address=own,
        ifindex=row["ifindex"],
        link=real,
        vlan=options,
    )


def _check_bridge(building: Building, row: Row) -> None:
    data = row["linkinfo"].get("info_data", {})
    if data.get("vlan_filtering"):
        building.filters_vlans.add(row["ifname"])
    for option, only in _NOT_MODELLED_BRIDGE.items():
        if data.get(option, only) != only:
            building.left_out.append(f"bridge {row['ifname']}: {option} {data[option]} is not modelled")


def _bridge_options(row: Row) -> dict[str, int]:
    data = row["linkinfo"].get("info_data", {})
    return {name: _number(data[name]) for name in _BRIDGE_OPTIONS if name in data}


def _number(value: Any) -> int:
    """ip prints masks as hexadecimal texts."""
    return int(value, 16) if isinstance(value, str) else int(value)


def set_up_device(building: Building, row: Row) -> None:
    """What it is like."""
    name = row["ifname"]
    changes = " ".join(_changes(row, building.device(name))).split()
    building.do(["ip", "link", "set", name, *changes], what=f"device {name}")
    if row.get("ifalias"):
        building.do(["ip", "link", "set", name, "alias", row["ifalias"]], what=f"alias of {name}")


def give_master(building: Building, row: Row) -> None:
    """Whose port it is, and what that port is like."""
    name, master = row["ifname"], row.get("master")
    if master is None:
        return
    if not building.knows(master):
        building.left_out.append(f"device {name}: its master {master} is not there")
    elif building.do(["ip", "link", "set", name, "master", master], what=f"master of {name}"):
        port = building.device(name).port
        assert isinstance(port, BridgePort), "it has just become one"
        options = list(_port_options(row, port))
        if options:
            building.do(
                ["ip", "link", "set", name, "type", "bridge_slave", *options], what=f"bridge port {name}"
            )


def _changes(row: Row, dev: Link) -> Iterator[str]:
    yield f"mtu {row['mtu']}"
    if row["ifname"] == _LOOPBACK:
        return
    if "txqlen" in row:
        yield f"txqueuelen {row['txqlen']}"
    if row.get("group", "default") != "default":
        yield f"group {row['group']}"
    yield from (words for flag, words in _FLAGS.items() if flag in row["flags"])
    if ("NOARP" in row["flags"]) != bool(dev.flags & IFF_NOARP):
        yield "arp on" if dev.flags & IFF_NOARP else "arp off"
    if ("MULTICAST" in row["flags"]) != bool(dev.flags & IFF_MULTICAST):
        yield "multicast off" if dev.flags & IFF_MULTICAST else "multicast on"


def _port_options(row: Row, port: BridgePort) -> Iterator[str]:
    """What is not as it comes."""
    data = row.get("linkinfo", {}).get("info_slave_data", {})
    for flag in PORT_FLAGS:
        if flag in data and data[flag] != getattr(port, flag):
            yield from (flag, "on" if data[flag] else "off")
    for name, attribute in _PORT_NUMBERS.items():
        if name in data and _number(data[name]) != getattr(port, attribute):
            yield from (name, str(_number(data[name])))
