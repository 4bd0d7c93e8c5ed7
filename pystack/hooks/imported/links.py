"""Devices: those that are made by commands are made, the others are ports."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pystack.errors import NetError, NotModelled
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.seen import Row
from pystack.l2.bridge_options import PORT_FLAGS
from pystack.l2.bridge_port import BridgePort
from pystack.l2.kinds import PeerSpec, create
from pystack.l2.port import PortDevice
from pystack.wire.ethernet import parse_mac

_LOOPBACK: Final = "lo"
_ETHERNET: Final = "ether"
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
_FLAGS: Final = {"PROMISC": "promisc on", "ALLMULTI": "allmulticast on", "NOARP": "arp off"}


def make_devices(building: Building, rows: list[Row]) -> None:
    """All of them, down and without a master."""
    by_name = {row["ifname"]: row for row in rows}
    for row in sorted(rows, key=lambda row: int(row["ifindex"])):
        if not building.knows(row["ifname"]):
            _make(building, row, by_name)


def _make(building: Building, row: Row, by_name: dict[str, Row]) -> None:
    name, kind = row["ifname"], row.get("linkinfo", {}).get("info_kind", "")
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
        elif _is_port(row, kind):
            port = PortDevice(name, address or bytes(6))
            devices.register(port, row["ifindex"])
            building.ports[name] = port
        else:
            building.left_out.append(f"device {name}: {_what_it_is(row, kind)} is not modelled")
            building.unknown_devices.add(name)
    except (NetError, NotModelled) as error:
        building.left_out.append(f"device {name}: {error}")
        building.unknown_devices.add(name)


def _is_port(row: Row, kind: str) -> bool:
    """Whether it is a card whose other end is somebody else's: a real one, a TAP, half of a veth pair."""
    if row.get("link_type") != _ETHERNET:
        return False
    is_tap = kind == "tun" and row["linkinfo"].get("info_data", {}).get("type") == "tap"
    return not kind or kind == "veth" or is_tap


def _what_it_is(row: Row, kind: str) -> str:
    return (
        f"type {kind}" if kind and row.get("link_type") == _ETHERNET else f"link type {row.get('link_type')}"
    )


def _address(row: Row) -> bytes | None:
    return parse_mac(row.get("address", ""))


def _check_bridge(building: Building, row: Row) -> None:
    data = row["linkinfo"].get("info_data", {})
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
    """Everything but its addresses: what it is like, whose port it is."""
    name = row["ifname"]
    changes = " ".join(_changes(row)).split()
    building.do(["ip", "link", "set", name, *changes], what=f"device {name}")
    if row.get("ifalias"):
        building.do(["ip", "link", "set", name, "alias", row["ifalias"]], what=f"alias of {name}")
    master = row.get("master")
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


def _changes(row: Row) -> Iterator[str]:
    yield f"mtu {row['mtu']}"
    if row["ifname"] == _LOOPBACK:
        return
    if "txqlen" in row:
        yield f"txqueuelen {row['txqlen']}"
    if row.get("group", "default") != "default":
        yield f"group {row['group']}"
    yield from (words for flag, words in _FLAGS.items() if flag in row["flags"])
    if "MULTICAST" not in row["flags"]:
        yield "multicast off"


def _port_options(row: Row, port: BridgePort) -> Iterator[str]:
    """What is not as it comes."""
    data = row.get("linkinfo", {}).get("info_slave_data", {})
    for flag in PORT_FLAGS:
        if flag in data and data[flag] != getattr(port, flag):
            yield from (flag, "on" if data[flag] else "off")
    for name, attribute in _PORT_NUMBERS.items():
        if name in data and _number(data[name]) != getattr(port, attribute):
            yield from (name, str(_number(data[name])))
