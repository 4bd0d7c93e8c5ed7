"""What FTP says of addresses and ports: PORT, EPRT, and the answers to PASV and EPSV.

Linux: net/netfilter/nf_conntrack_ftp.c
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from pystack.wire.ipv4 import address_text
from pystack.wire.ipv6 import full_text, parse_address

_U16: Final = 0xFFFF
_U32: Final = 0xFFFFFFFF
_PRINTABLE: Final = range(33, 127)
_BEHIND: Final = 96  # bits of an IPv6 address behind the first 32


class Kind(Enum):
    """Linux: enum nf_ct_ftp_type"""

    PORT = "PORT"
    PASV = "PASV"
    EPRT = "EPRT"
    EPSV = "EPSV"

    def text(self, address: int, port: int, *, is_ipv6: bool) -> bytes:
        """An address and a port as they stand there; of IPv6's some can hold only the beginning.

        Linux: net/netfilter/nf_nat_ftp.c nf_nat_ftp_fmt_cmd()
        """
        if self is Kind.EPRT:
            protocol, text = (2, full_text(address)) if is_ipv6 else (1, address_text(address))
            return f"|{protocol}|{text}|{port}|".encode()
        if self is Kind.EPSV:
            return f"|||{port}|".encode()
        dotted = address_text(address >> _BEHIND if is_ipv6 else address)
        return f"{dotted.replace('.', ',')},{port >> 8},{port & 255}".encode()


class Numbers(NamedTuple):
    """What was read, and where; an address of None is not told."""

    at: int
    length: int
    address: int | None
    port: int

    def means(self, own: int, kind: Kind, *, is_ipv6: bool) -> bool:
        """Whether the address is the one of who says it. In a connection of IPv6 what has only room for four
        octets is compared with the first four.
        """
        if is_ipv6 and kind in (Kind.PORT, Kind.PASV):
            own >>= _BEHIND
        return self.address in (None, own)


@dataclass(frozen=True, slots=True)
class Pattern:
    """Linux: struct ftp_search"""

    word: bytes
    skip: bytes  # the numbers come behind the first of these
    kind: Kind
    read: Callable[[bytes], Numbers | None]


class Partial(NamedTuple):
    """A word whose numbers are cut off, or make no sense."""

    word: str


def search(data: bytes, patterns: tuple[Pattern, ...]) -> tuple[Kind, Numbers] | Partial | None:
    """What a line says; None if it says none of these. Linux: find_pattern()"""
    for pattern in patterns:
        word = pattern.word
        if data[: len(word)].upper() != word[: len(data)]:
            continue
        if len(data) <= len(word):
            return Partial(word.decode())
        start = len(word)
        if pattern.skip:
            start = data.find(pattern.skip, start) + 1
            if not start or start == len(data):
                return Partial(word.decode())
        numbers = pattern.read(data[start:])
        if numbers is None:
            return Partial(word.decode())
        return pattern.kind, numbers._replace(at=start + numbers.at)
    return None


def _numbers(data: bytes, count: int, separator: bytes, end: bytes) -> tuple[int, list[int]] | None:
    """So many numbers and how long they are; what follows is `end`, or anything if that is empty.

    Linux: try_number()
    """
    found, which = [0] * count, 0
    for at, octet in enumerate(data):
        if which == count:
            return None
        char = bytes((octet,))
        if char.isdigit():
            found[which] = found[which] * 10 + octet - ord("0") & _U32
        elif char == separator:
            which += 1
        else:
            return (at, found) if which == count - 1 and end in (b"", char) else None
    return None


def _dotted(numbers: list[int]) -> int:
    """What is too large runs over into the octets before."""
    first, second, third, fourth = numbers
    return (first << 24 | second << 16 | third << 8 | fourth) & _U32


def _with_commas(data: bytes, end: bytes) -> Numbers | None:
    """`192,168,1,1,5,6`. Linux: try_rfc959()"""
    found = _numbers(data, 6, b",", end)
    if found is None:
        return None
    length, numbers = found
    return Numbers(0, length, _dotted(numbers[:4]), (numbers[4] << 8 | numbers[5]) & _U16)


def _of_port(data: bytes) -> Numbers | None:
    return _with_commas(data, b"\r")


def _of_pasv(data: bytes) -> Numbers | None:
    """The numbers may stand in parentheses, or not (RFC 1123 4.1.2.6). Linux: try_rfc1123()"""
    start = next((at for at, octet in enumerate(data) if bytes((octet,)).isdigit()), None)
    found = None if start is None else _with_commas(data[start:], b"")
    return None if found is None or start is None else found._replace(at=start)


def _last_port(data: bytes, start: int, delimiter: int) -> tuple[int, int] | None:
    """A port up to a delimiter, and where that ends. Linux: get_port()"""
    port = 0
    for at in range(start, len(data)):
        if data[at] == delimiter:
            return (at + 1, port) if port else None
        if not bytes((data[at],)).isdigit():
            return None
        port = port * 10 + data[at] - ord("0") & _U16
    return None


def _delimiter(data: bytes) -> int | None:
    if len(data) <= 3 or bytes((data[0],)).isdigit() or data[0] not in _PRINTABLE or data[2] != data[0]:
        return None
    return data[0]


def _of_eprt(data: bytes) -> Numbers | None:
    """`|1|132.235.1.2|6275|`. Linux: try_eprt()"""
    delimiter = _delimiter(data)
    if delimiter is None or data[1:2] != b"1":
        return None
    address = _numbers(data[3:], 4, b".", bytes((delimiter,)))
    if address is None:
        return None
    length, numbers = address
    port = _last_port(data, 3 + length + 1, delimiter)
    return None if port is None else Numbers(0, port[0], _dotted(numbers), port[1])


def _of_eprt6(data: bytes) -> Numbers | None:
    """`|2|2001:db8::1|6275|`. Linux: try_eprt(), get_ipv6_addr()"""
    delimiter = _delimiter(data)
    if delimiter is None or data[1:2] != b"2":
        return None
    text, found, _ = data[3:].partition(bytes((delimiter,)))
    address = parse_address(text.decode(errors="replace")) if found else None
    port = _last_port(data, 3 + len(text) + 1, delimiter)
    return None if address is None or port is None else Numbers(0, port[0], address, port[1])


def _of_epsv(data: bytes) -> Numbers | None:
    """`|||6446|`. Linux: try_epsv_response()"""
    delimiter = _delimiter(data)
    if delimiter is None or data[1] != delimiter:
        return None
    port = _last_port(data, 3, delimiter)
    return None if port is None else Numbers(0, port[0], None, port[1])


def _patterns(of_eprt: Callable[[bytes], Numbers | None]) -> tuple[tuple[Pattern, ...], ...]:
    """What the one who connected says, and what the other one answers."""
    return (
        (Pattern(b"PORT", b" ", Kind.PORT, _of_port), Pattern(b"EPRT", b" ", Kind.EPRT, of_eprt)),
        (Pattern(b"227 ", b"", Kind.PASV, _of_pasv), Pattern(b"229 ", b"(", Kind.EPSV, _of_epsv)),
    )


PATTERNS: Final = _patterns(_of_eprt)
PATTERNS6: Final = _patterns(_of_eprt6)
