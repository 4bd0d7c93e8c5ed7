"""Which way a packet took, in the numbers of the picture in the README: one rule for all who name it.

Told from the hooks that it crossed; what those cannot show (whose address it was, that a card leads into
another namespace) comes from the wiring.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pystack.host import Host
from pystack.l2.bridge import Bridge
from pystack.l2.veth import Veth
from pystack.netns import Netns

LOOPBACK: Final = "lo"
NOBODY_SAW: Final = "?"  # in place of the way out, of a packet that was lost before it was clear
KINDS: Final = (
    *("1-2", "1-4", "1-6", "1-7", "1-2-8", "1-?"),
    *("3-4", "3-6", "3-2-8", "3-?"),
    *("4-6", "4-2-8", "4-lo-4", "4-?"),
    "x-ns",
)  # all that there are

_STACK_HOOKS: Final = ("OUTPUT", "POSTROUTING", "EGRESS")  # where what the stack itself makes is seen first


class Crossed(NamedTuple):
    """A hook that a packet met, by names."""

    family: str  # netdev, bridge, ip, arp
    hook: str
    indev: str | None
    outdev: str | None
    daddr: int | None = None  # its IPv4 destination there


@dataclass(frozen=True, slots=True)
class Wiring:
    """What a setup made of a namespace's devices."""

    ports: frozenset[str] = frozenset()
    bridges: frozenset[str] = frozenset()
    leads_into: Mapping[str, str] = field(default_factory=dict)  # veth -> the namespace of its other end
    addresses: Mapping[int, str] = field(default_factory=dict)  # IPv4 address -> the device that has it
    enslaved: frozenset[str] = frozenset()  # ports of bridges


def wiring_of(host: Host, netns: Netns, ports: Sequence[str] = ()) -> Wiring:
    """The devices of one namespace; `ports` lead out of the host."""
    home = {dev: other.name for other in host.namespaces.values() for dev in other.devices}
    pairs = [(dev.name, home[dev.peer]) for dev in netns.devices if isinstance(dev, Veth) and dev.peer]
    return Wiring(
        ports=frozenset(ports),
        bridges=frozenset(dev.name for dev in netns.devices if isinstance(dev, Bridge)),
        leads_into={name: other for name, other in pairs if other != netns.name},
        addresses={address.local: address.dev.name for address in netns.ipv4.addresses},
        enslaved=frozenset(dev.name for dev in netns.devices if isinstance(dev.master, Bridge)),
    )


def kind_of(hooks: Sequence[Crossed], wiring: Wiring) -> str:
    """`1-7`, `1-2-8`, `4-lo-4` …: where it came from, and where it went or was meant to go."""
    if not hooks:
        return NOBODY_SAW
    entry, seen = way_in(hooks, wiring), {(crossed.family, crossed.hook) for crossed in hooks}
    if ("bridge", "FORWARD") in seen:
        return "1-7"
    if ("ip", "INPUT") in seen or ("arp", "INPUT") in seen:
        return _inwards(entry, hooks, wiring)
    out = next(
        (hook.outdev for hook in reversed(hooks) if hook.outdev and not _is_inside(hook, wiring)), None
    )
    if ("bridge", "OUTPUT") in seen or out in wiring.bridges:
        return f"{entry}-2-8"
    if out == LOOPBACK:
        return "4-lo-4"
    if out is None:
        is_bridges = ("bridge", "INPUT") in seen and ("ip", "PREROUTING") not in seen
        return "1-2" if is_bridges else f"{entry}-{NOBODY_SAW}"
    return "x-ns" if out in wiring.leads_into else f"{entry}-6"


def _is_inside(hook: Crossed, wiring: Wiring) -> bool:
    """Whether it is the bridge's own; a frame with another destination asks it for the station's address."""
    return hook.family == "bridge" or (hook.family == "netdev" and hook.outdev in wiring.bridges)


def way_in(hooks: Sequence[Crossed], wiring: Wiring) -> str:
    """1 by a port of a bridge, 3 by another device, 4 from a local process or the stack itself."""
    if hooks[0].hook in _STACK_HOOKS or hooks[0].indev == LOOPBACK:
        return "4"
    if hooks[0].indev in wiring.enslaved and all(crossed.family == "netdev" for crossed in hooks):
        return "1"  # refused by its port, before any hook of the bridge's
    bridged = (crossed.family == "bridge" and crossed.hook != "BROUTING" for crossed in hooks[:3])
    return "1" if any(bridged) else "3"  # what broute takes from the bridge comes by the device itself


def _inwards(entry: str, hooks: Sequence[Crossed], wiring: Wiring) -> str:
    at = next(hook for hook in reversed(hooks) if hook.hook == "INPUT" and hook.family in ("ip", "arp"))
    if entry == "4":
        return "4-lo-4" if at.indev == LOOPBACK else "4-6"
    if entry == "3":
        return "3-4"
    owner = None if at.daddr is None else wiring.addresses.get(at.daddr)
    return "1-2" if owner in (None, at.indev) else "1-4"
