"""The services of a configuration: started when its setups have run, handed on by reload, told by status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pystack.daemon.config import ConfigError
from pystack.daemon.names import printable
from pystack.daemon.settings import Config, ServiceSettings
from pystack.host import Host
from pystack.services import http
from pystack.services.dhcp import DhcpServer
from pystack.services.http import HttpConversation, Page
from pystack.services.leases import Lease, LeaseState
from pystack.services.small import SERVICES, start
from pystack.services.stream_server import StreamServer
from pystack.wire.ethernet import mac_text
from pystack.wire.ipv4 import address_text

SHOWN: Final = 20  # leases of a server, for eyes


def start_small(config: Config, host: Host) -> None:
    """The small services that are wanted, in the first namespace."""
    for name, service in SERVICES.items():
        if getattr(config.services, name):
            start(host.init, service)


def start_http(config: Config, host: Host, pages: Mapping[str, Page]) -> None:
    """The status page, if it is wanted, in the first namespace."""
    if config.services.http:
        StreamServer(host.init, http.PORT, lambda: HttpConversation(pages, host.clock))


def wanted(services: ServiceSettings) -> list[str]:
    """The names of those that are to be started."""
    return [name for name in (*SERVICES, "http") if getattr(services, name)]


def start_dhcp(config: Config, host: Host) -> dict[str, DhcpServer]:
    """A server for each [dhcp.DEVICE], in the first namespace. Raises ConfigError."""
    servers, complaints = {}, []
    for section in config.dhcp:
        name = section.config.device
        where = printable(f"{section.place}: dhcp.{name}")
        dev = host.init.devices.get(name)
        if dev is None:
            complaints.append(f"{where}: no such device once the setup has run")
            continue
        servers[name] = server = DhcpServer(section.config, host.init, dev)
        if server.own is None:
            complaints.append(f"{where}: the device has no address whose network holds the range")
            continue
        strangers = [a for a in section.config.reserved.values() if not server.own.holds(a)]
        complaints += [f"{where}.static: {address_text(a)} is not in the device's network" for a in strangers]
    if complaints:
        raise ConfigError(complaints)
    return servers


def inherit_leases(new: Mapping[str, DhcpServer], old: Mapping[str, DhcpServer]) -> None:
    """A server is the same if it serves the device of the same name."""
    for name, server in new.items():
        if name in old:
            server.inherit(old[name])


def dhcp_facts(name: str, server: DhcpServer, now: float) -> dict[str, Any]:
    """What there is to know of a server."""
    own, config = server.own, server.config
    return {
        "device": name,
        "server": None if own is None else address_text(own.local),
        "range": [address_text(config.first), address_text(config.last)],
        "heeded": server.heeded,
        "refused": {why.value: count for why, count in server.refused.items()},
        "leases": [lease_facts(lease, now) for lease in server.leases if lease.expires > now],
    }


def lease_facts(lease: Lease, now: float) -> dict[str, Any]:
    """An address that somebody has, or that rests."""
    return {
        "address": address_text(lease.address),
        "mac": mac_text(lease.chaddr),
        "host_name": lease.host_name,
        "state": lease.state.value,
        "seconds_left": round(lease.expires - now),
    }


def dhcp_lines(facts: Mapping[str, Any]) -> list[str]:
    """For eyes: a line a server, one for each of its leases."""
    leases = facts["leases"]
    bound = sum(lease["state"] == LeaseState.BOUND.value for lease in leases)
    first, last = facts["range"]
    refused = "".join(f", {count} refused ({why})" for why, count in facts["refused"].items())
    lines = [
        f"dhcp     {facts['device']}: {first} to {last}, {bound} leased, {facts['heeded']} heeded{refused}"
    ]
    for lease in leases[:SHOWN]:
        words = f"{lease['address']} {lease['mac']} {lease['state']}, {lease['seconds_left']} s left"
        lines.append(f"lease    {words} {printable(lease['host_name'])}".rstrip())
    if len(leases) > SHOWN:
        lines.append(f"lease    … and {len(leases) - SHOWN} more: status --json tells all")
    return lines
