"""DHCP messages (RFC 2131, options of RFC 2132): a BOOTP frame of fixed fields with options behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed

SERVER_PORT: Final = 67
CLIENT_PORT: Final = 68

# op, hardware type, its address length, hops, transaction, seconds, flags, the client's address, the one it
# is
# given, the next server's, the relay's, the client's hardware address, the server's name, a file
HEADER: Final = Struct("!BBBBIHHIIII16s64s128s")
MAGIC: Final = bytes.fromhex("63825363")
BOOTREQUEST: Final = 1
BOOTREPLY: Final = 2
FLAG_BROADCAST: Final = 0x8000
LEAST: Final = 300  # octets of a BOOTP message; some clients take no shorter one

DISCOVER: Final = 1
OFFER: Final = 2
REQUEST: Final = 3
DECLINE: Final = 4
ACK: Final = 5
NAK: Final = 6
RELEASE: Final = 7
INFORM: Final = 8

PAD: Final = 0
SUBNET_MASK: Final = 1
ROUTER: Final = 3
DNS: Final = 6
HOST_NAME: Final = 12
DOMAIN_NAME: Final = 15
BROADCAST_ADDRESS: Final = 28
REQUESTED_ADDRESS: Final = 50
LEASE_TIME: Final = 51
OVERLOAD: Final = 52
MESSAGE_TYPE: Final = 53
SERVER_ID: Final = 54
PARAMETERS: Final = 55
MESSAGE: Final = 56
CLIENT_ID: Final = 61
END: Final = 255

_FILE: Final = 1  # bits of OVERLOAD: the fields that hold options, too
_SERVER_NAME: Final = 2


@dataclass(frozen=True, slots=True)
class DhcpMessage:
    """What the fields say; `options` holds each option's octets by its number."""

    op: int
    xid: int
    chaddr: bytes  # as long as the header says
    htype: int = 1
    flags: int = 0
    ciaddr: int = 0
    yiaddr: int = 0
    giaddr: int = 0
    options: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def type(self) -> int:
        """DISCOVER … INFORM; 0: it does not say, as in plain BOOTP."""
        return self.number(MESSAGE_TYPE, 1) or 0

    def address(self, option: int) -> int | None:
        """An option that is one address; None if it is missing or something else."""
        return self.number(option, 4)

    def number(self, option: int, octets: int) -> int | None:
        """An option that is a number of so many octets."""
        value = self.options.get(option)
        return int.from_bytes(value, "big") if value is not None and len(value) == octets else None


def parse(message: Buffer) -> DhcpMessage | Malformed:
    """A message as it came."""
    start = HEADER.size + len(MAGIC)
    if len(message) < start:
        return Malformed.TRUNCATED
    if bytes(message[HEADER.size : start]) != MAGIC:
        return Malformed.MAGIC
    op, htype, hlen, _, xid, _, flags, ciaddr, yiaddr, _, giaddr, chaddr, name, file = HEADER.unpack_from(
        message
    )
    if hlen > len(chaddr):
        return Malformed.HARDWARE
    options: dict[int, bytearray] = {}
    if not _read_options(bytes(message[start:]), options):
        return Malformed.TRUNCATED
    overload = options.get(OVERLOAD, b"\0")[:1]
    for bit, area in ((_FILE, file), (_SERVER_NAME, name)):
        if overload and overload[0] & bit and not _read_options(area, options):
            return Malformed.TRUNCATED
    known = {number: bytes(value) for number, value in options.items()}
    return DhcpMessage(op, xid, chaddr[:hlen], htype, flags, ciaddr, yiaddr, giaddr, known)


def _read_options(area: bytes, into: dict[int, bytearray]) -> bool:
    """Add what an area holds; an option that comes again goes on where it ended (RFC 3396). False: it is cut
    off.
    """
    at = 0
    while at < len(area) and area[at] != END:
        if area[at] == PAD:
            at += 1
            continue
        if at + 2 > len(area) or at + 2 + area[at + 1] > len(area):
            return False
        into.setdefault(area[at], bytearray()).extend(area[at + 2 : at + 2 + area[at + 1]])
        at += 2 + area[at + 1]
    return True


def build(message: DhcpMessage) -> bytes:
    """The octets of a message, filled up to what every client takes."""
    fixed = HEADER.pack(
        message.op,
        message.htype,
        len(message.chaddr),
        0,
        message.xid,
        0,
        message.flags,
        message.ciaddr,
        message.yiaddr,
        0,
        message.giaddr,
        message.chaddr,
        b"",
        b"",
    )
    options = b"".join(_option(number, value) for number, value in message.options.items())
    return (fixed + MAGIC + options + bytes([END])).ljust(LEAST, b"\0")


def _option(number: int, value: bytes) -> bytes:
    return b"".join(bytes([number, len(part)]) + part for part in _parts(value))


def _parts(value: bytes) -> Iterator[bytes]:
    """An option has room for 255 octets; what is longer comes in several."""
    for at in range(0, len(value) or 1, 255):
        yield value[at : at + 255]
