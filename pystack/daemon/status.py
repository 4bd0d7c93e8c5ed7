"""How the daemon is: facts for programs, and the same facts for eyes."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any, Final, Protocol

from pystack.daemon.columns import in_columns
from pystack.daemon.hooks_report import hooks_lines
from pystack.daemon.services import dhcp_facts, dhcp_lines, wanted
from pystack.daemon.settings import Config, Port
from pystack.drivers.port import PortDriver
from pystack.drivers.pump import Pump
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.services.dhcp import DhcpServer

Facts = dict[str, Any]


class Described(Protocol):
    """What is asked of a stack."""

    config: Config
    host: Host
    devices: dict[str, PortDevice]
    dhcp: dict[str, DhcpServer]
    drivers: dict[str, PortDriver]
    pump: Pump


def process_age(pid: int | str = "self") -> float:
    """Seconds since a process began, to a tick of the kernel's."""
    with open(f"/proc/{pid}/stat") as file:
        started = int(file.read().rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started


def resident(pid: int | str) -> int:
    """Octets of memory that a process has; 0 if it is gone."""
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def stack_facts(stack: Described) -> Facts:
    """What there is to know of a stack."""
    host = stack.host
    deadline = host.next_deadline()
    return {
        "namespaces": [name for name in host.namespaces if name],
        "ports": [port_facts(stack, port) for port in stack.config.ports],
        "packets": packet_facts(host),
        "drops": [
            {"reason": reason.name, "count": count, "sentence": reason.sentence}
            for reason, count in sorted(host.outcomes.dropped.items(), key=lambda row: (-row[1], row[0].name))
        ],
        "backlog": {
            "waiting": len(host.backlog),
            "limit": host.backlog.limit,
            "processed": host.backlog.processed,
            "dropped": host.backlog.dropped,
            "squeezed": host.backlog.squeezed,
        },
        "timers": {
            "pending": len(host.timers),
            "next": None if deadline is None else round(max(0.0, deadline - host.clock.now), 3),
        },
        "dhcp": [dhcp_facts(name, server, host.clock.now) for name, server in stack.dhcp.items()],
        "services": wanted(stack.config.services),
        "faults": stack.pump.faults,
        "without_effect": [f"{where}{key}" for where, key in written_in_vain(host)],
    }


def written_in_vain(host: Host) -> Iterator[tuple[str, str]]:
    """Sysctls that somebody set and that nothing reads yet: the namespace, the name."""
    for name, netns in host.namespaces.items():
        for path in netns.sysctls.written_in_vain():
            yield (f"{name}: " if name else "", ".".join(path))


def packet_facts(host: Host) -> Facts:
    """The ledger: what came into being, and how it ended."""
    outcomes = host.outcomes
    names = "received generated cloned split transmitted delivered consumed stolen merged".split()
    facts: Facts = {name: getattr(outcomes, name) for name in names}
    facts["dropped"] = sum(outcomes.dropped.values())
    facts["queued"] = host.queued()
    return facts


def port_facts(stack: Described, port: Port) -> Facts:
    """One port: where it leads, whether somebody is there, what passed."""
    dev, driver = stack.devices[port.name], stack.drivers.get(port.name)
    return {
        "port": port.name,
        "driver": port.driver,
        "outside": outside(port),
        "ifname": getattr(port.settings, "ifname", "") or port.name,
        "netns": getattr(port.settings, "netns", ""),
        "device": dev.name,
        "namespace": next(
            (name for name, netns in stack.host.namespaces.items() if netns.link is dev.net), ""
        ),
        "up": dev.up,
        "carrier": dev.carrier,
        "failure": driver.failure if driver is not None else "not attached",
        "rx_packets": dev.stats.rx_packets,
        "rx_bytes": dev.stats.rx_bytes,
        "rx_dropped": dev.stats.rx_dropped,
        "tx_packets": dev.stats.tx_packets,
        "tx_bytes": dev.stats.tx_bytes,
        "tx_dropped": dev.stats.tx_dropped,
        "driver_stats": asdict(driver.stats) if driver is not None else {},
    }


def outside(port: Port) -> str:
    """What a port stands before, in a few words."""
    settings = port.settings
    place = getattr(settings, "ifname", "") or getattr(settings, "path", "")
    if not place and port.driver in ("tap", "packet", "uplink"):
        place = port.name
    netns = getattr(settings, "netns", "")
    return f"{place} in {netns}" if netns else place


def render(facts: Mapping[str, Any]) -> str:
    """For eyes: a few lines, then a table of the ports."""
    packets, backlog, timers = facts["packets"], facts["backlog"], facts["timers"]
    memory = facts["memory"]
    lines = [
        f"{facts['name']}: running for {duration(facts['uptime'])}, process {facts['pid']}"
        f" (user {facts['user']}), keeper {facts['keeper']}",
        f"config   {facts['config'] or 'the built-in lab'}",
        f"socket   {facts['socket']}, {facts['clients']} {'client' if facts['clients'] == 1 else 'clients'}",
        f"memory   {mebibytes(memory['daemon'])}, keeper {mebibytes(memory['keeper'])}",
        f"timers   {timers['pending']}"
        + ("" if timers["next"] is None else f", next in {duration(timers['next'])}"),
        "packets  "
        + ", ".join(f"{count} {name}" for name, count in packets.items() if count or name in SHOWN),
        f"backlog  {backlog['waiting']} of {backlog['limit']} waiting, {backlog['processed']} processed,"
        f" {backlog['dropped']} dropped",
    ]
    if facts["faults"]:
        lines.append(f"faults   {facts['faults']} (ours; the log has the frames)")
    lines += [f"drop     {row['count']} {row['reason']}: {row['sentence']}" for row in facts["drops"]]
    if facts["services"]:
        lines.append(f"services {', '.join(facts['services'])}")
    for server in facts["dhcp"]:
        lines += dhcp_lines(server)
    if facts["hooks"] is not None:
        lines += hooks_lines(facts["hooks"])
    return "\n".join([*lines, *port_table(facts["ports"])]) + "\n"


SHOWN: Final = ("received", "transmitted", "delivered", "dropped")
COLUMNS: Final = ("PORT", "DRIVER", "OUTSIDE", "STATE", "RX", "RX BYTES", "TX", "TX BYTES", "DROPPED")


def port_table(ports: list[Facts]) -> list[str]:
    """A line a port, in columns."""
    if not ports:
        return []
    return in_columns([COLUMNS, *(port_row(port) for port in ports)])


def port_row(port: Facts) -> tuple[str, ...]:
    """One line of the table."""
    name = port["port"] if port["port"] == port["device"] else f"{port['port']} ({port['device']})"
    if port["namespace"]:
        name += f" in {port['namespace']}"
    state = port["failure"] or ("down" if not port["up"] else "up" if port["carrier"] else "no carrier")
    numbers = (port[key] for key in ("rx_packets", "rx_bytes", "tx_packets", "tx_bytes"))
    dropped = port["rx_dropped"] + port["tx_dropped"]
    return (name, port["driver"], port["outside"] or "-", state, *map(str, numbers), str(dropped))


def duration(seconds: float) -> str:
    """`3 d 4 h`: the two largest units."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, hours, days = int(seconds // 60), int(seconds // 3600), int(seconds // 86400)
    if hours == 0:
        return f"{minutes} min {int(seconds % 60)} s"
    return f"{hours} h {minutes % 60} min" if days == 0 else f"{days} d {hours % 24} h"


def mebibytes(octets: int) -> str:
    """Memory for eyes."""
    return f"{octets / 2**20:.0f} MiB"
