"""The hooks that a packet crosses, and what the functions there did to it."""

from __future__ import annotations

from typing import Final

from pystack.device import NetDevice
from pystack.explain.path_kind import Crossed
from pystack.explain.watcher import NAME, Crossing
from pystack.l3 import br_netfilter
from pystack.netfilter import hooks as nf
from pystack.netfilter.hooks import HookPoint

IP_FAMILIES: Final = (nf.NFPROTO_IPV4, nf.NFPROTO_IPV6)
_FAMILIES: Final = {
    nf.NFPROTO_IPV4: "ip",
    nf.NFPROTO_IPV6: "ip6",
    nf.NFPROTO_BRIDGE: "bridge",
    nf.NFPROTO_ARP: "arp",
    nf.NFPROTO_NETDEV: "netdev",
}
_NAMES: Final = {
    nf.NFPROTO_IPV4: nf.IP_HOOK_NAMES,
    nf.NFPROTO_IPV6: nf.IP_HOOK_NAMES,
    nf.NFPROTO_BRIDGE: (*nf.IP_HOOK_NAMES, "BROUTING"),
    nf.NFPROTO_ARP: ("INPUT", "OUTPUT", "FORWARD"),
    nf.NFPROTO_NETDEV: ("INGRESS", "EGRESS"),
}
_OF_THE_STACK: Final = (NAME, br_netfilter.NAME)  # who hangs there without a user's having said so


def hook_name(crossing: Crossing) -> str:
    """As a user calls it: `ip FORWARD`."""
    return f"{_FAMILIES[crossing.family]} {_NAMES[crossing.family][crossing.hook]}"


def bridges_hook(crossing: Crossing) -> str:
    """The bridge's hook of the same name: `bridge FORWARD`."""
    return f"{_FAMILIES[nf.NFPROTO_BRIDGE]} {_NAMES[crossing.family][crossing.hook]}"


def functions_of(crossing: Crossing) -> list[str]:
    """Whoever of the user's has something to say at this hook, in the order in which they are asked."""
    return [entry.name for entry in _point(crossing).entries if entry.name not in _OF_THE_STACK]


def crossed(crossing: Crossing) -> Crossed:
    """The same in names, for the kind of path."""
    daddr = None if crossing.pkt.ip is None else crossing.pkt.ip.daddr
    names = _FAMILIES[crossing.family], _NAMES[crossing.family][crossing.hook]
    indev, outdev = crossing.indev, crossing.outdev
    if crossing.family == nf.NFPROTO_NETDEV:
        ingress = crossing.hook == nf.NETDEV_INGRESS
        indev, outdev = (crossing.pkt.dev, None) if ingress else (None, crossing.pkt.dev)
    return Crossed(*names, _name(indev), _name(outdev), daddr)


def log_fields(crossing: Crossing) -> str:
    """What a LOG rule at this hook would begin its line with."""
    fields = [f"IN={_name(crossing.indev) or ''}", f"OUT={_name(crossing.outdev) or ''}"]
    pkt = crossing.pkt
    if crossing.family in IP_FAMILIES:
        fields += [
            f"{key}={dev.name}" for key, dev in (("PHYSIN", pkt.physin), ("PHYSOUT", pkt.physout)) if dev
        ]
    return " ".join(fields)


def _name(dev: NetDevice | None) -> str | None:
    return None if dev is None else dev.name


def _point(crossing: Crossing) -> HookPoint:
    hooks = crossing.netns.hooks
    of_family = {
        nf.NFPROTO_IPV4: hooks.ip,
        nf.NFPROTO_IPV6: hooks.ip6,
        nf.NFPROTO_BRIDGE: hooks.bridge,
        nf.NFPROTO_ARP: hooks.arp,
    }
    return of_family[crossing.family][crossing.hook]
