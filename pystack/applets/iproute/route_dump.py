"""Routes as the netlink messages that `ip route save` writes and `ip route restore` reads.

Linux: include/uapi/linux/rtnetlink.h, net/ipv4/fib_semantics.c fib_dump_info()
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from struct import Struct, error
from typing import Final

from pystack.errors import NotModelled
from pystack.l2.devices import DeviceTable
from pystack.l3.fib_types import FibInfo, FibRoute, Nexthop
from pystack.l3.metrics import CONGESTION_CONTROLS, NAMES, congestion_control

MAGIC: Final = Struct("=I").pack(0x45311224)

_HEADER: Final = Struct("=IHHII")  # length, type, flags, sequence, port id
_ROUTE: Final = Struct("=BBBBBBBBI")  # family, dst_len, src_len, tos, table, protocol, scope, type, flags
_ATTRIBUTE: Final = Struct("=HH")
_HOP: Final = Struct("=HBBi")  # length, flags, weight - 1, ifindex
_U32: Final = Struct("=I")
_ADDRESS: Final = Struct("!I")

_RTM_NEWROUTE: Final = 24
_MULTI_FILTERED: Final = 0x22  # NLM_F_MULTI, NLM_F_DUMP_FILTERED
_AF_INET: Final = 2
_RT_TABLE_COMPAT: Final = 252  # stands in a message for numbers above 255
_DST, _OIF, _GATEWAY, _PRIORITY, _PREFSRC, _METRICS, _MULTIPATH, _TABLE = 1, 4, 5, 6, 7, 8, 9, 15
_NH_ID: Final = 30
_LONGEST: Final = 16384
_CONGCTL: Final = "congctl"


class NotADump(Exception):
    """These octets are no messages about routes; the text is what the real tool says."""

    def __init__(self, text: str = "rtnl-from_file: truncated message") -> None:
        super().__init__(text)


@dataclass(frozen=True, slots=True)
class Dumped:
    """One route of a dump; a gateway or a preferred source decides in which round it is restored."""

    route: FibRoute
    has_gateway: bool
    prefsrc: int


# --- writing ----------------------------------------------------------------------------------------------


def message(route: FibRoute, flags: int) -> bytes:
    """The kernel's message about a route; `flags` are those of its only next hop."""
    info = route.info
    table = route.table if route.table < 256 else _RT_TABLE_COMPAT
    fixed = _ROUTE.pack(
        _AF_INET, route.prefixlen, 0, route.tos, table, info.protocol, info.scope, info.told_type, flags
    )
    body = fixed + b"".join(_attributes(route))
    return _HEADER.pack(_HEADER.size + len(body), _RTM_NEWROUTE, _MULTI_FILTERED, 0, 0) + body


def _attributes(route: FibRoute) -> Iterator[bytes]:
    info = route.info
    yield _attribute(_TABLE, _U32.pack(route.table))
    if route.prefixlen:
        yield _attribute(_DST, _ADDRESS.pack(route.prefix))
    if info.priority:
        yield _attribute(_PRIORITY, _U32.pack(info.priority))
    if info.metrics:
        yield _attribute(_METRICS, b"".join(_metrics(info.metrics)))
    if info.prefsrc:
        yield _attribute(_PREFSRC, _ADDRESS.pack(info.prefsrc))
    if info.object is not None:
        yield _attribute(_NH_ID, _U32.pack(info.object.number))
    if len(info.nexthops) > 1:
        yield _attribute(_MULTIPATH, b"".join(map(_hop, info.nexthops)))
    for hop in info.nexthops if len(info.nexthops) == 1 else ():
        if hop.gateway:
            yield _attribute(_GATEWAY, _ADDRESS.pack(hop.gateway))
        if hop.dev is not None:
            yield _attribute(_OIF, _U32.pack(hop.dev.ifindex))


def _metrics(given: Mapping[str, int]) -> Iterator[bytes]:
    for number, name in enumerate(NAMES):
        if not name or name not in given:
            continue
        text = CONGESTION_CONTROLS[given[name]].encode() + b"\0" if name == _CONGCTL else b""
        yield _attribute(number, text or _U32.pack(given[name]))


def _hop(hop: Nexthop) -> bytes:
    gateway = _attribute(_GATEWAY, _ADDRESS.pack(hop.gateway)) if hop.gateway else b""
    index = hop.dev.ifindex if hop.dev is not None else 0
    return _HOP.pack(_HOP.size + len(gateway), hop.flags & 0xFF, hop.weight - 1, index) + gateway


def _attribute(kind: int, data: bytes) -> bytes:
    return _ATTRIBUTE.pack(_ATTRIBUTE.size + len(data), kind) + data + bytes(-len(data) % 4)


# --- reading ----------------------------------------------------------------------------------------------


def routes_of(dump: bytes, devices: DeviceTable) -> Iterator[Dumped]:
    """The routes behind the magic number. Raises NotADump where the octets stop making sense."""
    at = 0
    while at < len(dump):
        try:
            length, kind, _, _, _ = _HEADER.unpack_from(dump, at)
            if not _HEADER.size <= length <= _LONGEST:
                place = len(MAGIC) + at + _HEADER.size
                raise NotADump(f"!!!malformed message: len={length} @{place}")
            if not _HEADER.size + _ROUTE.size <= length <= len(dump) - at or kind != _RTM_NEWROUTE:
                raise NotADump
            yield _route(dump[at + _HEADER.size : at + length], devices)
        except (error, IndexError) as fault:
            raise NotADump from fault
        at += (length + 3) & ~3


def _route(body: bytes, devices: DeviceTable) -> Dumped:
    family, length, _, tos, table, protocol, scope, kind, flags = _ROUTE.unpack_from(body)
    if family != _AF_INET or length > 32:
        raise NotADump
    found = dict(_cut(body[_ROUTE.size :]))
    if _NH_ID in found:
        raise NotModelled("a dump of routes with nexthop objects", ("ip route save",))
    gateway, prefsrc = _address(found.get(_GATEWAY)), _address(found.get(_PREFSRC))
    info = FibInfo(
        kind,
        _nexthops(found, gateway, flags, devices),
        scope=scope,
        protocol=protocol,
        prefsrc=prefsrc,
        priority=_number(found.get(_PRIORITY)),
        metrics=dict(_read_metrics(found.get(_METRICS, b""))),
        flags=flags,
    )
    number = _number(found.get(_TABLE)) or table
    return Dumped(FibRoute(number, _address(found.get(_DST)), length, info, tos), bool(gateway), prefsrc)


def _nexthops(
    found: Mapping[int, bytes], gateway: int, flags: int, devices: DeviceTable
) -> tuple[Nexthop, ...]:
    if _MULTIPATH in found:
        return tuple(_read_hops(found[_MULTIPATH], devices))
    dev = devices.by_index(_number(found.get(_OIF)))
    return (Nexthop(dev, gateway, flags=flags),) if dev is not None or gateway else ()


def _read_hops(data: bytes, devices: DeviceTable) -> Iterator[Nexthop]:
    while data:
        length, flags, weight, index = _HOP.unpack_from(data)
        if not _HOP.size <= length <= len(data):
            raise NotADump
        gateway = _address(dict(_cut(data[_HOP.size : length])).get(_GATEWAY))
        yield Nexthop(devices.by_index(index), gateway, flags=flags, weight=weight + 1)
        data = data[(length + 3) & ~3 :]


def _read_metrics(data: bytes) -> Iterator[tuple[str, int]]:
    for kind, value in _cut(data):
        name = NAMES[kind]
        is_text = name == _CONGCTL
        yield (
            name,
            congestion_control(value.rstrip(b"\0").decode("ascii", "replace")) if is_text else _number(value),
        )


def _cut(data: bytes) -> Iterator[tuple[int, bytes]]:
    """A run of attributes, each padded to four octets."""
    while data:
        length, kind = _ATTRIBUTE.unpack_from(data)
        if not _ATTRIBUTE.size <= length <= len(data):
            raise NotADump
        yield kind, data[_ATTRIBUTE.size : length]
        data = data[(length + 3) & ~3 :]


def _number(data: bytes | None) -> int:
    return 0 if data is None else int(_U32.unpack(data)[0])


def _address(data: bytes | None) -> int:
    return 0 if data is None else int(_ADDRESS.unpack(data)[0])
