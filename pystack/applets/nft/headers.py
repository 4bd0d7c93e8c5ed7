"""Options and extension headers that are searched for: TCP's, IPv4's, IPv6's, and SCTP's chunks.

Linux: nftables src/tcpopt.c, src/ipopt.c, src/exthdr.c, src/sctp_chunk.c
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.protocols import Field
from pystack.applets.nft.types import INTEGER, DataType


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """An option, a chunk or an extension header; offsets count from its own begin."""

    name: str
    number: int
    fields: Mapping[str, Field]


def _header(name: str, number: int, *fields: tuple[str, int, int] | tuple[str, int, int, DataType]) -> Header:
    made = (Field(one[0], one[3] if len(one) > 3 else INTEGER, one[1], one[2]) for one in fields)
    return Header(name, number, {one.name: one for one in made})


def _by_name(headers: Iterable[Header]) -> Mapping[str, Header]:
    return {header.name: header for header in headers}


# --- TCP options --------------------------------------------------------------------------------------------

_KIND: Final = (("kind", 0, 8), ("length", 8, 8))


def _sack(name: str, block: int) -> Header:
    """The blocks of one option have names of their own; `sack` is the first one too."""
    return _header(name, 5, *_KIND, ("left", 16 + 64 * block, 32), ("right", 48 + 64 * block, 32))


TCP_OPTIONS: Final = _by_name(
    (
        _header("eol", 0, ("kind", 0, 8)),
        _header("nop", 1, ("kind", 0, 8)),
        _header("maxseg", 2, *_KIND, ("size", 16, 16)),
        _header("window", 3, *_KIND, ("count", 16, 8)),
        _header("sack-perm", 4, *_KIND),
        _sack("sack", 0),
        *(_sack(f"sack{block}", block) for block in range(4)),
        _header("timestamp", 8, *_KIND, ("tsval", 16, 32), ("tsecr", 48, 32)),
        _header("md5sig", 19, *_KIND),
        _header("mptcp", 30, *_KIND, ("subtype", 16, 4)),
        _header("fastopen", 34, *_KIND),
    )
)


def tcp_option(name: str) -> Header:
    """One that has no name is known by its number, and by no fields."""
    return TCP_OPTIONS.get(name) or Header(name, int(name), {})


# --- IPv4 options -------------------------------------------------------------------------------------------

_SOURCE_ROUTE: Final = (("type", 0, 8), ("length", 8, 8), ("ptr", 16, 8), ("addr", 24, 32))

IP_OPTIONS: Final = _by_name(
    (
        _header("lsrr", 131, *_SOURCE_ROUTE),
        _header("rr", 7, *_SOURCE_ROUTE),
        _header("ssrr", 137, *_SOURCE_ROUTE),
        _header("ra", 148, ("type", 0, 8), ("length", 8, 8), ("value", 16, 16)),
    )
)

# --- IPv6 extension headers ---------------------------------------------------------------------------------

_NEXT: Final = (("nexthdr", 0, 8, types.INET_PROTO), ("hdrlength", 8, 8))

EXTENSION_HEADERS: Final = _by_name(
    (
        _header("hbh", 0, *_NEXT),
        _header("rt", 43, *_NEXT, ("type", 16, 8), ("seg-left", 24, 8)),
        _header(
            "rt0",
            43,
            ("reserved", 32, 8),
            *((f"addr[{number}]", 64 + 128 * (number - 1), 128, types.IPV6_ADDR) for number in (1, 2)),
        ),
        _header("rt2", 43),
        _header(
            "srh",
            43,
            ("last-entry", 32, 8),
            ("flags", 40, 8),
            ("tag", 48, 16),
            *((f"sid[{number}]", 64 + 128 * (number - 1), 128, types.IPV6_ADDR) for number in (1, 2)),
        ),
        _header(
            "frag",
            44,
            ("nexthdr", 0, 8, types.INET_PROTO),
            ("reserved", 8, 8),
            ("frag-off", 16, 13),
            ("reserved2", 29, 2),
            ("more-fragments", 31, 1),
            ("id", 32, 32),
        ),
        _header("dst", 60, *_NEXT),
        _header("mh", 135, *_NEXT, ("type", 16, 8, types.MH_TYPE), ("reserved", 24, 8), ("checksum", 32, 16)),
    )
)

# --- SCTP chunks --------------------------------------------------------------------------------------------

_CHUNK: Final = (("type", 0, 8), ("flags", 8, 8), ("length", 16, 16))
_INIT: Final = (
    ("init-tag", 32, 32),
    ("a-rwnd", 64, 32),
    ("num-outbound-streams", 96, 16),
    ("num-inbound-streams", 112, 16),
    ("initial-tsn", 128, 32),
)

SCTP_CHUNKS: Final = _by_name(
    (
        _header(
            *("data", 0, *_CHUNK, ("tsn", 32, 32)), ("stream", 64, 16), ("ssn", 80, 16), ("ppid", 96, 32)
        ),
        _header("init", 1, *_CHUNK, *_INIT),
        _header("init-ack", 2, *_CHUNK, *_INIT),
        _header(
            "sack",
            3,
            *_CHUNK,
            ("cum-tsn-ack", 32, 32),
            ("a-rwnd", 64, 32),
            ("num-gap-ack-blocks", 96, 16),
            ("num-dup-tsns", 112, 16),
        ),
        _header("heartbeat", 4, *_CHUNK),
        _header("heartbeat-ack", 5, *_CHUNK),
        _header("abort", 6, *_CHUNK),
        _header("shutdown", 7, *_CHUNK, ("cum-tsn-ack", 32, 32)),
        _header("shutdown-ack", 8, *_CHUNK),
        _header("error", 9, *_CHUNK),
        _header("cookie-echo", 10, *_CHUNK),
        _header("cookie-ack", 11, *_CHUNK),
        _header("ecne", 12, *_CHUNK, ("lowest-tsn", 32, 32)),
        _header("cwr", 13, *_CHUNK, ("lowest-tsn", 32, 32)),
        _header("shutdown-complete", 14, *_CHUNK),
        _header("asconf-ack", 128, *_CHUNK, ("seqno", 32, 32)),
        _header("forward-tsn", 192, *_CHUNK, ("new-cum-tsn", 32, 32)),
        _header("asconf", 193, *_CHUNK, ("seqno", 32, 32)),
    )
)
