"""What a new stack takes over from the one that it replaces: what was learned and what was counted, by key.

A namespace, a bridge, a device or a counter is the same if it has the same name. What a user typed is not
taken over: it stands in a file, or it is lost, as `reload --dry-run` says.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from pystack.counters import Snmp
from pystack.daemon.inherit_rules import inherit_rules
from pystack.drop import LINK_GONE, Outcomes
from pystack.host import Host
from pystack.l2.bridge import Bridge
from pystack.l2.fdb import FdbEntry
from pystack.l2.nud import NUD_DELAY, NUD_PERMANENT, NUD_PROBE, NUD_REACHABLE, NUD_STALE
from pystack.netfilter.conntrack.handover import hand_over
from pystack.netns import Netns

GAUGES: Final = ("Forwarding", "DefaultTTL")  # say how things are, not how often they happened
LEARNED: Final = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE


def inherit(new: Host, old: Host) -> None:
    """Take over, and end the old host: what still waits in it is dropped and counted."""
    new.clock.set(old.clock.now)
    new.clock.wall = old.clock.wall
    for name, heir in new.namespaces.items():
        if name in old.namespaces:
            netns = old.namespaces[name]
            inherit_fdb(heir, netns)
            inherit_neighbours(heir, netns)
            inherit_connections(heir, netns)
    end(old)
    for name, heir in new.namespaces.items():
        if name in old.namespaces:
            inherit_counters(heir, old.namespaces[name])
            inherit_rules(heir, old.namespaces[name])
    add_outcomes(new.outcomes, old.outcomes)
    new.backlog.processed += old.backlog.processed
    new.backlog.dropped += old.backlog.dropped
    new.backlog.squeezed += old.backlog.squeezed


def inherit_fdb(new: Netns, old: Netns) -> None:
    """Which station is behind which port, as far as it was learned."""
    later = new.clock.now - old.clock.now
    for bridge in new.devices:
        before = old.devices.get(bridge.name)
        if not isinstance(bridge, Bridge) or not isinstance(before, Bridge):
            continue
        ports = {dev.name: port for dev, port in bridge.port_of.items()}
        for entry in before.fdb.entries.values():
            port = ports.get(entry.port.dev.name) if entry.port is not None else None
            if port is None or not entry.learned or before.fdb.expired(entry):
                continue
            if bridge.fdb.get(entry.address, entry.vid) is not None:
                continue
            heir = FdbEntry(entry.address, entry.vid, port, entry.updated + later)
            heir.used = entry.used + later
            bridge.fdb.insert(heir)


def inherit_neighbours(new: Netns, old: Netns) -> None:
    """Who has which address, as far as it was learned; what was being asked is asked again."""
    later = new.clock.now - old.clock.now
    for before in old.ipv4.neighbours:
        dev = new.devices.get(before.dev.name)
        if dev is None or not before.state & LEARNED or not dev.up:
            continue
        neigh = new.ipv4.neighbours.lookup(dev, before.key)
        if neigh is not None and neigh.state & NUD_PERMANENT:
            continue
        neigh = neigh or new.ipv4.neighbours.create(dev, before.key, new.ipv4.confs.neigh_of(dev))
        if neigh is None:  # the table is full
            return
        neigh.set(before.ha, NUD_REACHABLE if before.state == NUD_REACHABLE else NUD_STALE)
        neigh.confirmed = before.confirmed + later
        neigh.used, neigh.updated = before.used + later, before.updated + later


def inherit_connections(new: Netns, old: Netns) -> None:
    """Flows with all that is known of them, how they are translated and what they expect included."""
    heirs = {dev.ifindex: new.devices[dev.name].ifindex for dev in old.devices if dev.name in new.devices}
    hand_over(new.conntrack.context, old.conntrack.context, heirs)
    new.conntrack.look_after()


def inherit_counters(new: Netns, old: Netns) -> None:
    """Of devices, by name, and of the protocols."""
    before = {dev.name: dev for dev in (*old.devices, old.loopback)}
    for dev in new.devices:
        if dev.name in before and dev.kind == before[dev.name].kind:
            add(dev.stats, before[dev.name].stats)
    add_snmp(new.snmp, old.snmp)
    add(new.conntrack.context.stats, old.conntrack.context.stats)
    add(new.conntrack.context.expectations.stats, old.conntrack.context.expectations.stats)


def end(host: Host) -> None:
    """Nothing moves here any more: every packet that waits meets its outcome."""
    for pkt in list(host.backlog.queue):
        host.init.drop(pkt, LINK_GONE)
    host.backlog.queue.clear()
    for netns in host.namespaces.values():
        for neigh in netns.ipv4.neighbours:
            netns.ipv4.neighbours.remove(neigh)


def add_snmp(new: Snmp, old: Snmp) -> None:
    """Of one namespace."""
    for group in fields(Snmp):
        mine, its = getattr(new, group.name), getattr(old, group.name)
        if group.name == "IcmpMsg":
            mine.update(its)
        else:
            add(mine, its)


def add(new: object, old: object) -> None:
    """Counters of the same class."""
    for counter in fields(new):  # type: ignore[arg-type]
        if counter.name not in GAUGES:
            setattr(new, counter.name, getattr(new, counter.name) + getattr(old, counter.name))


def add_outcomes(new: Outcomes, old: Outcomes) -> None:
    """The ledger goes on: what the old one says of its packets, the new one says too."""
    for name in Outcomes.__slots__:
        if name != "dropped":
            setattr(new, name, getattr(new, name) + getattr(old, name))
    for reason, count in old.dropped.items():
        new.dropped[reason] = new.dropped.get(reason, 0) + count
