"""What is noted about a packet besides its octets: `meta mark`, `iifname`.

Linux: net/netfilter/nft_meta.c
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct
from typing import Final

from pystack.clock import Clock
from pystack.device import NetDevice
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6, OUTPUT
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.view import carried
from pystack.netfilter.view import NO_PROTOCOL, View
from pystack.packet import PACKET_BROADCAST, PACKET_LOOPBACK, PACKET_MULTICAST
from pystack.rng import Rng
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6
from pystack.wire.ipv4 import is_multicast

IFNAMSIZ: Final = 16
_U32: Final = Struct("!I")
_SECONDS_PER_DAY: Final = 86400
_THURSDAY: Final = 4  # the weekday of the first day of 1970

Read = Callable[[View], bytes | None]


class Meta(Expression):
    """One of the keys below."""

    __slots__ = ("_read", "is_plain", "key")

    def __init__(self, key: str, read: Read, *, is_plain: bool = True) -> None:
        self.key = key
        self._read = read
        self.is_plain = is_plain

    def __call__(self, view: View) -> bytes | None:
        """Linux: nft_meta_get_eval()"""
        return self._read(view)


def name_octets(name: str) -> bytes:
    """The name of a device as it is compared."""
    return name.encode().ljust(IFNAMSIZ, b"\0")


def _u32(number: int) -> bytes:
    return _U32.pack(number & 0xFFFFFFFF)


def _of_device(get: Callable[[View], NetDevice | None], read: Callable[[NetDevice], bytes | None]) -> Read:
    def of_one(view: View) -> bytes | None:
        dev = get(view)
        return None if dev is None else read(dev)

    return of_one


def _index(dev: NetDevice | None) -> bytes:
    return _u32(0 if dev is None else dev.ifindex)


def _kind(dev: NetDevice) -> bytes | None:
    """As `ip link` calls it; None of those that no user made. Linux: nft_meta_get_eval_kind()"""
    return name_octets(dev.kind) if dev.kind else None


def _protocol(view: View) -> bytes:
    return carried(view).to_bytes(2, "big")


def _l4proto(view: View) -> bytes | None:
    return None if view.protocol == NO_PROTOCOL else bytes((view.protocol,))


def _packet_type(view: View) -> bytes | None:
    """What came over lo is judged by its address. Linux: nft_meta_get_eval_pkttype_lo()"""
    found = view.pkt.pkt_type
    if found != PACKET_LOOPBACK:
        return bytes((found,))
    kind = {NFPROTO_IPV4: ETH_P_IP, NFPROTO_IPV6: ETH_P_IPV6}.get(view.family, carried(view))
    if kind == ETH_P_IPV6:
        return bytes((PACKET_MULTICAST,))
    if kind != ETH_P_IP or view.daddr < 0:
        return None
    return bytes((PACKET_MULTICAST if is_multicast(view.daddr) else PACKET_BROADCAST,))


def _owner(view: View) -> bytes | None:
    sock = view.pkt.sock
    return _u32(sock.uid) if sock is not None and sock.has_owner else None


def _group_of_owner(view: View) -> bytes | None:
    sock = view.pkt.sock
    return _u32(sock.gid) if sock is not None and sock.has_owner else None


def _class_of_group(view: View) -> bytes | None:
    """Nobody puts programs into control groups here. Linux: nft_meta_get_eval_cgroup()"""
    is_own = view.hook == OUTPUT and view.family in (NFPROTO_IPV4, NFPROTO_IPV6)  # the kernel's sockets', too
    return _u32(0) if is_own or view.pkt.sock is not None else None


def _type_here(view: View) -> bytes | None:
    """Of the device that has the packet now, not of that by which it came in; what this host sends has none
    yet. Linux: nft_meta_get_eval_ifname(), NFT_META_IFTYPE
    """
    if view.hook == OUTPUT and view.family in (NFPROTO_IPV4, NFPROTO_IPV6):
        return None
    return view.pkt.dev.type.to_bytes(2, "big")


def _in(view: View) -> NetDevice | None:
    return view.indev


def _out(view: View) -> NetDevice | None:
    return view.outdev


def _bridge_of(dev: NetDevice | None) -> bytes:
    """The name of a port's bridge, which is empty where there is none.

    Linux: net/bridge/netfilter/nft_meta_bridge.c nft_meta_bridge_get_eval()
    """
    bridge = None if dev is None else dev.master
    return name_octets("" if bridge is None else bridge.name)


# By key. Those that a route would answer there is a module for (routes.py).
READERS: Final[Mapping[str, Read]] = {
    "length": lambda view: _u32(view.length),
    "protocol": _protocol,
    "nfproto": lambda view: bytes((view.family,)),
    "l4proto": _l4proto,
    "priority": lambda view: _u32(view.pkt.priority),
    "mark": lambda view: _u32(view.pkt.mark),
    "iif": lambda view: _index(view.indev),
    "oif": lambda view: _index(view.outdev),
    "iifname": lambda view: name_octets(view.inname),
    "oifname": lambda view: name_octets(view.outname),
    "iiftype": _type_here,
    "oiftype": _of_device(_out, lambda dev: dev.type.to_bytes(2, "big")),
    "iifgroup": _of_device(_in, lambda dev: _u32(dev.group)),
    "oifgroup": _of_device(_out, lambda dev: _u32(dev.group)),
    "iifkind": _of_device(_in, _kind),
    "oifkind": _of_device(_out, _kind),
    "skuid": _owner,
    "skgid": _group_of_owner,
    "cgroup": _class_of_group,
    "pkttype": _packet_type,
    "cpu": lambda view: _u32(0),  # all our work is done on the first
    "sdif": lambda view: _u32(0),  # devices are of no VRF
    "sdifname": lambda view: name_octets(""),
    "ipsec": lambda view: bytes(1),  # nothing came encrypted
    "ibrname": lambda view: _bridge_of(view.indev),
    "obrname": lambda view: _bridge_of(view.outdev),
}


def of_clock(key: str, clock: Clock) -> Meta:
    """`meta time`, `day`, `hour`. Linux: nft_meta_get_eval_time()"""

    def day(_: View) -> bytes:
        return bytes(((_THURSDAY + int(clock.wall) // _SECONDS_PER_DAY) % 7,))

    readers: Mapping[str, Read] = {
        "time": lambda _: round(clock.wall * 1_000_000_000).to_bytes(8, "big"),
        "day": day,
        "hour": lambda _: _u32(int(clock.wall) % _SECONDS_PER_DAY),
    }
    return Meta(key, readers[key])


def of_chance(rng: Rng) -> Meta:
    """`meta random`"""
    return Meta("random", lambda _: _u32(rng.u32()), is_plain=False)
