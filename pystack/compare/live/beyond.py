"""What of a packet's way the copy does not model: it is played for what it teaches, and not compared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.compare.records import Hop
from pystack.hooks.imported.building import Building
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.vlan import TAGGED

NOT_ROUTED: Final = "IPv6 is bridged, not routed here"
_OPENING: Final = {  # sysctls that show IP's hooks what is inside such frames
    "bridge-nf-filter-vlan-tagged": TAGGED,
    "bridge-nf-filter-pppoe-tagged": (0x8864,),
}


class Beyond:
    """Of one copy."""

    def __init__(self, building: Building) -> None:
        self._devices = building.netns.devices
        self._filtering = building.filters_vlans
        set_in_vain = {path[-1] for path in building.netns.sysctls.written_in_vain()}
        self._opened = {kind: name for name in set_in_vain & _OPENING.keys() for kind in _OPENING[name]}

    def why(self, hops: Sequence[Hop]) -> str:
        """It goes beyond; empty if it does not."""
        if _is_routed_ipv6(hops):
            return NOT_ROUTED
        bridge = self._bridge_of(hops[0].indev)
        if not bridge:
            return ""
        if bridge in self._filtering:
            return f"bridge {bridge} filters VLANs, which is not modelled"
        opened = self._opened.get(int.from_bytes(hops[0].data[ETH_HLEN - 2 : ETH_HLEN], "big"))
        return "" if opened is None else f"{opened} is not modelled"

    def _bridge_of(self, device: str | None) -> str:
        dev = self._devices.get(device or "")
        return "" if dev is None or dev.master is None else dev.master.name


def _is_routed_ipv6(hops: Sequence[Hop]) -> bool:
    """It came by no port of a bridge, or does not leave by one."""
    return any(
        (hop.physin if hop.hook == "PREROUTING" else hop.physout) is None
        for hop in hops
        if hop.family == "ip6"
    )
