"""A host of ours, made to be like a namespace of the kernel's."""

from __future__ import annotations

from collections.abc import Iterator

from pystack.hooks.imported.building import Building
from pystack.hooks.imported.connections import add_connections
from pystack.hooks.imported.firewall import add_firewalls
from pystack.hooks.imported.learned import add_fdb, add_neighbours
from pystack.hooks.imported.links import give_master, make_devices, set_up_device, stacked
from pystack.hooks.imported.routing import add_nexthops, add_routes, add_rules, give_addresses
from pystack.hooks.imported.seen import Row, Seen
from pystack.hooks.imported.sysctls import set_sysctls
from pystack.host import Host
from pystack.netns import Netns


def build(seen: Seen, host: Host, netns: Netns | None = None) -> Building:
    """All at once; without a namespace, in the host's first."""
    building = Building(host, host.init if netns is None else netns)
    for _ in steps(building, seen):
        pass
    return building


def steps(building: Building, seen: Seen) -> Iterator[None]:
    """In an order in which each step finds what it needs, and a little at a time: whoever has others to serve
    does so in between.
    """
    building.left_out += [
        f"{tool}: not installed, so nothing is known of what it shows" for tool in seen.missing
    ]
    set_sysctls(building, seen.sysctls, of_devices=False)
    yield
    yield from _devices(building, seen)
    add_nexthops(building, seen.nexthops)
    yield from add_routes(building, seen.routes)
    add_rules(building, seen.rules)
    add_neighbours(building, seen.neighbours, seen.proxies)
    add_fdb(building, seen.fdb)
    yield
    add_firewalls(building, seen)
    yield
    yield from add_connections(building, seen.connections)
    _name_what_is_not_modelled(building, seen)


def _devices(building: Building, seen: Seen) -> Iterator[None]:
    make_devices(building, seen.links)
    known = [row for row in stacked(seen.links) if building.knows(row["ifname"])]
    addresses = {row["ifname"]: row for row in seen.addresses}
    for row in known:
        set_up_device(building, row)
    yield
    for row in known:  # bridges are as they will be before they have ports
        give_master(building, row)
    for row in known:
        _give_addresses_and_wake(building, row, addresses.get(row["ifname"], row))
        yield
    set_sysctls(building, seen.sysctls, of_devices=True)
    for row in known:
        _match_carrier(building, row)


def _give_addresses_and_wake(building: Building, row: Row, addresses: Row) -> None:
    is_loopback = row["ifname"] == "lo"
    if is_loopback and "UP" in row["flags"]:
        building.do(["ip", "link", "set", "lo", "up"])
    give_addresses(building, addresses)
    if not is_loopback and "UP" in row["flags"]:
        building.do(["ip", "link", "set", row["ifname"], "up"], what=f"device {row['ifname']}")
    elif not is_loopback and building.device(row["ifname"]).up:  # a VLAN that came up with its real device
        building.do(["ip", "link", "set", row["ifname"], "down"], what=f"device {row['ifname']}")


def _match_carrier(building: Building, row: Row) -> None:
    """A cable that is not plugged in: routes of the device are dead, and a bridge's port learns nothing."""
    dev = building.ports.get(row["ifname"])
    if dev is not None and "UP" in row["flags"] and "NO-CARRIER" in row["flags"]:
        building.netns.devices.set_carrier(dev, False)


def _name_what_is_not_modelled(building: Building, seen: Seen) -> None:
    routed = [
        told["local"]
        for row in seen.other_addresses
        for told in row.get("addr_info", [])
        if told.get("scope") == "global"
    ]
    if routed:
        building.left_out.append(f"IPv6 addresses ({', '.join(routed)}): IPv6 is bridged, not routed")
    for path in building.netns.sysctls.written_in_vain():
        if path[1] == "bridge":
            building.left_out.append(f"sysctl {'.'.join(path)}: it is stored, and has no effect here")
