"""What the functions at a hook did to a packet."""

from __future__ import annotations

from typing import Final

from pystack.explain.stage import Told
from pystack.explain.watcher import NAME, Crossing
from pystack.netfilter import hooks as nf
from pystack.netfilter.hooks import HookPoint

_FUNCTION: Final = "net/netfilter/core.c nf_hook_slow()"
_FAMILIES: Final = {nf.NFPROTO_IPV4: "ip", nf.NFPROTO_BRIDGE: "bridge", nf.NFPROTO_ARP: "arp"}
_ARP: Final = ("INPUT", "OUTPUT", "FORWARD")
_BRIDGE: Final = (*nf.IP_HOOK_NAMES, "BROUTING")


def hook_name(crossing: Crossing) -> str:
    """As a user calls it: `ip FORWARD`."""
    names = _ARP if crossing.family == nf.NFPROTO_ARP else _BRIDGE
    return f"{_FAMILIES[crossing.family]} {names[crossing.hook]}"


def functions_of(crossing: Crossing) -> list[str]:
    """Whoever has something to say at this hook, in the order in which they are asked."""
    return [entry.name for entry in _point(crossing).entries if entry.name != NAME]


def passed(functions: list[str]) -> Told:
    """The packet left the hook on the other side."""
    if not functions:
        return Told("accepted: nothing is registered here", _FUNCTION)
    return Told(f"accepted by {', '.join(functions)}", _FUNCTION)


def _point(crossing: Crossing) -> HookPoint:
    hooks = crossing.netns.hooks
    of_family = {nf.NFPROTO_IPV4: hooks.ip, nf.NFPROTO_BRIDGE: hooks.bridge, nf.NFPROTO_ARP: hooks.arp}
    return of_family[crossing.family][crossing.hook]
