"""What a bridge does with a frame, and why: who was learned, what the forwarding database said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pystack.device import IFF_PROMISC, NetDevice
from pystack.explain.stage import Reason, Told
from pystack.l2.bridge_port import BR_STATE_FORWARDING, STATE_NAMES, BridgePort
from pystack.l2.bridge_state import BridgeState
from pystack.l2.fdb import FdbEntry
from pystack.packet import Packet
from pystack.wire.ethernet import BROADCAST, mac_text

ConfigOf = Callable[[object], str]

_INPUT: Final = "net/bridge/br_input.c br_handle_frame_finish()"
_OUTPUT: Final = "net/bridge/br_device.c br_dev_xmit()"


def bridge_of(dev: NetDevice | None) -> BridgeState | None:
    """The bridge that a device is a port of."""
    master = None if dev is None else dev.master
    return master if isinstance(master, BridgeState) else None


def enters(bridge: BridgeState, port: BridgePort, pkt: Packet, config_of: ConfigOf) -> Told:
    """What will become of a frame that came in by a port; asked before it is learned from."""
    destination, source = _addresses(pkt)
    reasons = [_learning(bridge, port, source)]
    if destination[0] & 1:
        kind = "a broadcast" if destination == BROADCAST else f"the group {mac_text(destination)}"
        reasons += _flood(bridge, port, destination)
        return Told(f"flooded, and up to {bridge.name}: {kind}", _INPUT, tuple(reasons))
    entry = bridge.fdb.entries.get((destination, 0))
    reasons.append(_entry(entry, destination, config_of))
    config = "" if entry is None else config_of(entry)
    if entry is None:
        reasons += _flood(bridge, port, destination)
        return Told("flooded: nobody knows the destination", _INPUT, tuple(reasons))
    if entry.local:
        return Told(f"up to {bridge.name}", _INPUT, tuple(reasons), config)
    return Told(_towards(entry, port, reasons), _INPUT, tuple(reasons), config)


def leaves(bridge: BridgeState, pkt: Packet, config_of: ConfigOf) -> Told:
    """What a bridge does with what this host sends by it."""
    destination, _ = _addresses(pkt)
    if destination[0] & 1:
        return Told("flooded", _OUTPUT, tuple(_flood(bridge, None, destination)))
    entry = bridge.fdb.entries.get((destination, 0))
    reasons = [_entry(entry, destination, config_of)]
    if entry is None:
        reasons += _flood(bridge, None, destination)
        return Told("flooded: nobody knows the destination", _OUTPUT, tuple(reasons))
    return Told(_towards(entry, None, reasons), _OUTPUT, tuple(reasons), config_of(entry))


def _addresses(pkt: Packet) -> tuple[bytes, bytes]:
    at = pkt.mac_header
    return bytes(pkt.data[at : at + 6]), bytes(pkt.data[at + 6 : at + 12])


def _learning(bridge: BridgeState, port: BridgePort, source: bytes) -> Reason:
    """Linux: net/bridge/br_fdb.c br_fdb_update()"""
    who, here = mac_text(source), port.dev.name
    known = bridge.fdb.entries.get((source, 0))
    if not port.learning:
        return Reason(f"learning is off on {here}: {who} is not learned")
    if known is None:
        return Reason(f"{who} is new: learned on {here}")
    if known.local:
        return Reason(f"{who} is an address of {bridge.name} itself: not learned, the kernel warns")
    if known.port is port:
        return Reason(f"{who} is known on {here}: its age starts anew")
    if known.sticky:
        return Reason(f"{who} is sticky on {_where(known)}: it does not move")
    return Reason(f"{who} moves from {_where(known)} to {here}")


def _entry(entry: FdbEntry | None, destination: bytes, config_of: ConfigOf) -> Reason:
    if entry is None:
        return Reason(f"the FDB has no entry for {mac_text(destination)}")
    if entry.local:
        owner = "the bridge's own address" if entry.port is None else f"the address of port {_where(entry)}"
        return Reason(f"{mac_text(destination)} is {owner}", config_of(entry))
    kind = "static" if entry.static else "added by a user" if entry.added_by_user else "learned"
    return Reason(f"the FDB has {mac_text(destination)} on {_where(entry)} ({kind})", config_of(entry))


def _where(entry: FdbEntry) -> str:
    return "the bridge" if entry.port is None else entry.port.dev.name


def _towards(entry: FdbEntry, source: BridgePort | None, reasons: list[Reason]) -> str:
    """To the one port that an entry names, if that takes it."""
    if entry.port is None:
        return "dropped: the entry leads to no port"
    refusal = _refusal(entry.port, source)
    if refusal is None:
        return f"to {entry.port.dev.name}"
    reasons.append(Reason(f"{entry.port.dev.name} does not get it: {refusal}"))
    return "dropped"


def _flood(bridge: BridgeState, source: BridgePort | None, destination: bytes) -> Iterator[Reason]:
    """Every port, newest first, with why it does not get the frame."""
    takers = []
    for port in bridge.ports:
        refusal = _flood_refusal(port, source, destination) or _refusal(port, source)
        if refusal is None:
            takers.append(port.dev.name)
        elif port is not source:
            yield Reason(f"{port.dev.name} does not get it: {refusal}")
    if takers:
        yield Reason(f"to {', '.join(takers)}: newest port first")
    else:
        yield Reason("no port takes it")
    if source is not None and bridge.flags & IFF_PROMISC:
        yield Reason(f"{bridge.name} is promiscuous: it hears everything")


def _flood_refusal(port: BridgePort, source: BridgePort | None, destination: bytes) -> str | None:
    """Linux: net/bridge/br_forward.c br_flood()"""
    if not destination[0] & 1:
        return None if port.flood else "flood is off"
    if source is None:
        return None
    if destination == BROADCAST:
        return None if port.bcast_flood else "bcast_flood is off"
    return None if port.mcast_flood else "mcast_flood is off"


def _refusal(port: BridgePort, source: BridgePort | None) -> str | None:
    """Linux: net/bridge/br_forward.c should_deliver()"""
    if port is source and not port.hairpin:
        return "it came from there, and hairpin is off"
    if port.state != BR_STATE_FORWARDING:
        return f"its state is {STATE_NAMES[port.state]}"
    if port.isolated and source is not None and source.isolated:
        return f"it is isolated, and so is {source.dev.name}"
    return None
