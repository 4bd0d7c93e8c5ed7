"""The kernel's connections as netlink tells them.

Reading: include/uapi/linux/netfilter/nfnetlink_conntrack.h
"""

from __future__ import annotations

from typing import Final

from pystack.hooks.nfnetlink import (
    NFGENMSG,
    NFGENMSG_SIZE,
    NLM_F_ACK,
    NLM_F_DUMP,
    NfnetlinkSocket,
    attribute,
    attributes,
)
from pystack.netfilter.conntrack.snapshot import Pair, Snapshot
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.wire.ipv4 import IPPROTO_ICMP
from pystack.wire.ipv6 import IPPROTO_ICMPV6
from pystack.wire.malformed import Malformed

CT_GET: Final = 1 << 8 | 1  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_GET
CT_DELETE: Final = 1 << 8 | 2

_NESTED: Final = 0x8000

CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS, CTA_PROTOINFO, CTA_HELP = range(1, 6)
CTA_TIMEOUT, CTA_MARK, CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY, CTA_USE, CTA_ID = range(7, 13)
CTA_ZONE: Final = 18

CTA_TUPLE_IP, CTA_TUPLE_PROTO, CTA_TUPLE_ZONE = range(1, 4)
CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST = range(1, 5)
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE = 4, 5, 6
CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE = 7, 8, 9

CTA_PROTOINFO_TCP, CTA_PROTOINFO_SCTP = 1, 3
CTA_PROTOINFO_STATE: Final = 1
CTA_TCP_WSCALE_ORIGINAL, CTA_TCP_WSCALE_REPLY, CTA_TCP_FLAGS_ORIGINAL, CTA_TCP_FLAGS_REPLY = 2, 3, 4, 5

CTA_HELP_NAME: Final = 1

CTA_COUNTERS_PACKETS, CTA_COUNTERS_BYTES = 1, 2

# By family: how long an address is, and how those of a tuple are called; by protocol: its id, type and code.
_ADDRESSES: Final = {
    NFPROTO_IPV4: (4, CTA_IP_V4_SRC, CTA_IP_V4_DST),
    NFPROTO_IPV6: (16, CTA_IP_V6_SRC, CTA_IP_V6_DST),
}
_ICMPS: Final = {
    IPPROTO_ICMP: (CTA_PROTO_ICMP_ID, CTA_PROTO_ICMP_TYPE, CTA_PROTO_ICMP_CODE),
    IPPROTO_ICMPV6: (CTA_PROTO_ICMPV6_ID, CTA_PROTO_ICMPV6_TYPE, CTA_PROTO_ICMPV6_CODE),
}

Fields = dict[int, bytes]


class ConnReader:
    """Asks a kernel for connections."""

    def __init__(self, netlink: NfnetlinkSocket) -> None:
        self._netlink = netlink

    def all(self) -> list[Snapshot]:
        """The whole table."""
        answers = self._netlink.request(CT_GET, flags=NLM_F_DUMP)
        return [conn for answer in answers if (conn := parse(answer)) is not None]

    def get(self, flow: Tuple) -> Snapshot | None:
        """The connection that has this tuple in one of its directions."""
        payload = attribute(CTA_TUPLE_ORIG | _NESTED, _tuple(flow))
        try:
            answers = self._netlink.request(CT_GET, flow.family, payload=payload, flags=NLM_F_ACK)
        except FileNotFoundError:
            return None
        return parse(answers[0]) if answers else None


def parse(body: bytes) -> Snapshot | None:
    """The connection in a message's body; None if it is not whole."""
    found = _fields(body, NFGENMSG_SIZE)
    if not {CTA_TUPLE_ORIG, CTA_TUPLE_REPLY, CTA_STATUS} <= found.keys() or len(body) < NFGENMSG_SIZE:
        return None
    family = NFGENMSG.unpack_from(body)[0]
    info = _fields(found.get(CTA_PROTOINFO, b""))
    tcp, sctp = _fields(info.get(CTA_PROTOINFO_TCP, b"")), _fields(info.get(CTA_PROTOINFO_SCTP, b""))
    state = (tcp or sctp).get(CTA_PROTOINFO_STATE)
    counters = [_counters(found.get(kind)) for kind in (CTA_COUNTERS_ORIG, CTA_COUNTERS_REPLY)]
    return Snapshot(
        _read_tuple(family, found[CTA_TUPLE_ORIG]),
        _read_tuple(family, found[CTA_TUPLE_REPLY]),
        status=_number(found[CTA_STATUS]),
        timeout=_number(found.get(CTA_TIMEOUT, b"")),
        mark=_number(found.get(CTA_MARK, b"")),
        id=_number(found.get(CTA_ID, b"")),
        state=None if state is None else _number(state),
        scales=(
            _number(tcp.get(CTA_TCP_WSCALE_ORIGINAL, b"")),
            _number(tcp.get(CTA_TCP_WSCALE_REPLY, b"")),
        ),
        flags=(
            _number(tcp.get(CTA_TCP_FLAGS_ORIGINAL, b"")[:1]),
            _number(tcp.get(CTA_TCP_FLAGS_REPLY, b"")[:1]),
        ),
        zone=_number(found.get(CTA_ZONE, b"")),
        helper=_fields(found.get(CTA_HELP, b""))
        .get(CTA_HELP_NAME, b"")
        .rstrip(b"\0")
        .decode(errors="replace"),
        counters=None if counters[0] is None or counters[1] is None else (counters[0], counters[1]),
    )


def _fields(data: bytes, offset: int = 0) -> Fields:
    found = attributes(data, offset)
    return {} if isinstance(found, Malformed) else found


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def _counters(nested: bytes | None) -> Pair | None:
    if nested is None:
        return None
    found = _fields(nested)
    return _number(found.get(CTA_COUNTERS_PACKETS, b"")), _number(found.get(CTA_COUNTERS_BYTES, b""))


def _read_tuple(family: int, nested: bytes) -> Tuple:
    found = _fields(nested)
    address, proto = _fields(found.get(CTA_TUPLE_IP, b"")), _fields(found.get(CTA_TUPLE_PROTO, b""))
    protocol = _number(proto.get(CTA_PROTO_NUM, b""))
    sport, dport = proto.get(CTA_PROTO_SRC_PORT, b""), proto.get(CTA_PROTO_DST_PORT, b"")
    if protocol in _ICMPS:
        sport, kind, code = (proto.get(attribute, b"") for attribute in _ICMPS[protocol])
        dport = kind + code
    _, source, destination = _ADDRESSES.get(family, _ADDRESSES[NFPROTO_IPV4])
    return Tuple(
        family,
        protocol,
        _number(address.get(source, b"")),
        _number(address.get(destination, b"")),
        _number(sport),
        _number(dport),
        _number(found.get(CTA_TUPLE_ZONE, b"")),
    )


def _tuple(flow: Tuple) -> bytes:
    length, source, destination = _ADDRESSES[flow.family]
    addresses = attribute(source, flow.saddr.to_bytes(length, "big"))
    addresses += attribute(destination, flow.daddr.to_bytes(length, "big"))
    proto = attribute(CTA_PROTO_NUM, bytes((flow.protocol,)))
    if flow.protocol in _ICMPS:
        number, kind, code = _ICMPS[flow.protocol]
        proto += attribute(number, flow.sport.to_bytes(2, "big"))
        proto += attribute(kind, bytes((flow.dport >> 8,)))
        proto += attribute(code, bytes((flow.dport & 255,)))
    else:
        proto += attribute(CTA_PROTO_SRC_PORT, flow.sport.to_bytes(2, "big"))
        proto += attribute(CTA_PROTO_DST_PORT, flow.dport.to_bytes(2, "big"))
    return attribute(CTA_TUPLE_IP | _NESTED, addresses) + attribute(CTA_TUPLE_PROTO | _NESTED, proto)
