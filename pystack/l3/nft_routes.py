"""What rules of nftables may ask of the routes of IPv4."""

from __future__ import annotations

from typing import Final

from pystack.device import NetDevice
from pystack.l3.fib_types import RTN_LOCAL, FibResult, Flow
from pystack.l3.ipv4 import Ipv4
from pystack.l3.netfilter_path import NetfilterPath
from pystack.l3.route import Rtable
from pystack.netfilter.hooks import FORWARD
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire.ipv4 import INADDR_ANY, INADDR_BROADCAST, is_multicast

_LOCAL_GROUPS: Final = 0xE0000000  # 224.0.0.0/24
_DSCP: Final = 0xFC
_LOOPBACK: Final = 1  # the ifindex of lo


class NftRoutes:
    """A netfilter.nft.needs.Routes."""

    __slots__ = ("_ipv4", "_path", "smallest_mtu")

    def __init__(self, ipv4: Ipv4, path: NetfilterPath) -> None:
        self._ipv4 = ipv4
        self._path = path
        self.smallest_mtu = path.smallest_mtu

    def kind_of(self, address: int, dev: NetDevice | None) -> int:
        """Linux: net/ipv4/netfilter/nft_fib_ipv4.c nft_fib4_eval_type()"""
        return self._path.address_type(address, dev, on_dev_only=dev is not None)

    def device_to(
        self, view: View, *, source: bool, by_mark: bool, through: NetDevice | None
    ) -> NetDevice | None:
        """Linux: net/ipv4/netfilter/nft_fib_ipv4.c nft_fib4_eval()"""
        if view.saddr == INADDR_ANY and _is_for_neighbours(view.daddr):
            return view.pkt.dev
        found = self._ipv4.fib.lookup(_flow(view, source, by_mark, through), ignore_linkstate=True)
        if not isinstance(found, FibResult) or found.type == RTN_LOCAL:
            return None
        if through is None:
            return found.nexthop.dev
        return through if any(hop.dev is through for hop in found.info.nexthops) else None

    def nexthop(self, pkt: Packet) -> bytes | None:
        """Linux: net/netfilter/nft_rt.c nft_rt_get_eval()"""
        route, header = pkt.route, pkt.ip
        if not isinstance(route, Rtable) or header is None:
            return None
        return route.nexthop(header.daddr).to_bytes(4, "big")


def _flow(view: View, source: bool, by_mark: bool, through: NetDevice | None) -> Flow:
    """What is asked. A group is no source, nor is what stands for nobody."""
    there, back = (view.saddr, view.daddr) if source else (view.daddr, view.saddr)
    if is_multicast(back) or back == INADDR_BROADCAST:
        back = INADDR_ANY
    iif = _LOOPBACK
    if source and view.hook == FORWARD and through is view.indev and view.outdev is not None:
        iif = view.outdev.ifindex
    tos = (view.pkt.data[view.start + 1]) & _DSCP
    return Flow(there, back, iif=iif, tos=tos, mark=view.pkt.mark if by_mark else 0)


def _is_for_neighbours(address: int) -> bool:
    return address == INADDR_BROADCAST or address & 0xFFFFFF00 == _LOCAL_GROUPS
