"""IPv4 options (RFC 791 section 3.1, RFC 2113): checked, filled in on the way, turned round for an answer.

What a host writes into them it is asked for through `Station`, so that this file needs no clock and no
routes. Linux: net/ipv4/ip_options.c
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

IPOPT_END: Final = 0
IPOPT_NOOP: Final = 1
IPOPT_RR: Final = 7
IPOPT_TIMESTAMP: Final = 68
IPOPT_LSRR: Final = 131
IPOPT_CIPSO: Final = 134
IPOPT_SSRR: Final = 137
IPOPT_RA: Final = 148

IPOPT_COPIED: Final = 0x80  # such an option is in every fragment

TS_ONLY: Final = 0
TS_AND_ADDRESS: Final = 1
TS_PRESPECIFIED: Final = 3

_FIRST_SLOT: Final = 4  # the least that the pointer of an option with addresses may say
_FIRST_STAMP: Final = 5
_MOST_OVERFLOWS: Final = 15
_POINTER, _FLAGS = 2, 3  # offsets within an option


class Station(Protocol):
    """The host that reads or writes the options."""

    def address(self) -> int:
        """The address of ours that the packet was sent to."""

    def midtime(self) -> int:
        """Milliseconds since midnight UTC."""

    def is_foreign(self, address: int) -> bool:
        """Whether an address belongs to nobody here."""


class IpOptions:
    """Options whose places are known. Linux: include/net/inet_sock.h struct ip_options"""

    __slots__ = (
        "cipso",
        "first_hop",
        "is_changed",
        "is_strict",
        "nexthop",
        "raw",
        "router_alert",
        "rr",
        "rr_needaddr",
        "srr",
        "ts",
        "ts_needaddr",
        "ts_needtime",
    )

    def __init__(self, raw: bytes) -> None:
        self.raw = bytearray(raw)
        self.rr: int | None = None  # where in `raw` the option begins; so are the next three
        self.ts: int | None = None
        self.srr: int | None = None
        self.cipso: int | None = None
        self.router_alert = False
        self.rr_needaddr = False  # the slot before the pointer waits for the address it leaves by
        self.ts_needaddr = False
        self.ts_needtime = False
        self.is_changed = False  # something was written since the header's checksum was right
        self.is_strict = False
        self.first_hop = 0  # of a source route that begins here
        self.nexthop = 0  # of a source route that goes on here

    def towards(self, destination: int) -> int:
        """Whom a packet with these options is sent to first."""
        return destination if self.srr is None else self.first_hop

    def put(self, option: int, offset: int, value: int) -> None:
        """Write an address or a time."""
        self.raw[option + offset : option + offset + 4] = value.to_bytes(4, "big")

    def get(self, option: int, offset: int) -> int:
        """Read an address or a time."""
        return int.from_bytes(self.raw[option + offset : option + offset + 4], "big")

    def pointer(self, option: int) -> int:
        """Where the next slot is: 1 means the first octet of the option."""
        return self.raw[option + _POINTER]

    def length(self, option: int) -> int:
        """Octets of an option, its type and length included."""
        return self.raw[option + 1]


class Fault(NamedTuple):
    """Options that make no sense."""

    pointer: int  # to the first octet that is wrong, from the first option on
    options: IpOptions  # what was read before it


def received(raw: bytes, station: Station) -> IpOptions | Fault:
    """Check the options of a packet that came in, and write what this host has to write.

    Linux: net/ipv4/ip_options.c __ip_options_compile() with a packet
    """
    return _Reader(raw, station, begins_here=False).read()


def to_send(raw: bytes, station: Station) -> IpOptions | Fault:
    """Check the options that a program wants its packets to carry (IP_OPTIONS); `sent` fills them in.

    Linux: net/ipv4/ip_options.c __ip_options_compile() without a packet
    """
    return _Reader(raw + bytes(-len(raw) % 4), station, begins_here=True).read()


class _Reader:
    """One walk over the options; each method says which octet of an option is wrong, None if none is."""

    def __init__(self, raw: bytes, station: Station, *, begins_here: bool) -> None:
        self._options = IpOptions(raw)
        self._station = station
        self._begins_here = begins_here

    def read(self) -> IpOptions | Fault:
        at, data = 0, self._options.raw
        while at < len(data):
            kind = data[at]
            if kind == IPOPT_END:
                data[at:] = bytes(len(data) - at)
                break
            if kind == IPOPT_NOOP:
                at += 1
                continue
            room = len(data) - at
            length = data[at + 1] if room >= 2 else 0
            if not 2 <= length <= room:
                return Fault(at, self._options)
            wrong = self._read(kind, at, length)
            if wrong is not None:
                return Fault(at + wrong, self._options)
            at += length
        return self._options

    def _read(self, kind: int, at: int, length: int) -> int | None:
        if kind in (IPOPT_LSRR, IPOPT_SSRR):
            return self._source_route(at, length)
        if kind == IPOPT_RR:
            return self._record_route(at, length)
        if kind == IPOPT_TIMESTAMP:
            return self._timestamp(at, length)
        options = self._options
        if kind == IPOPT_RA:
            if length < 4:
                return 1
            options.router_alert |= not (options.raw[at + 2] or options.raw[at + 3])
        elif kind == IPOPT_CIPSO:
            if options.cipso is not None:
                return 0
            options.cipso = at
            return 1 if length < 8 else 2  # nobody here knows any domain of interpretation
        return None

    def _source_route(self, at: int, length: int) -> int | None:
        options = self._options
        if length < 3:
            return 1
        if options.pointer(at) < _FIRST_SLOT:
            return _POINTER
        if options.srr is not None:
            return 0
        if self._begins_here:
            if options.pointer(at) != _FIRST_SLOT or length < 7 or (length - 3) & 3:
                return 1
            options.first_hop = options.get(at, 3)  # it goes into the header, the others move up
            options.raw[at + 3 : at + length - 4] = options.raw[at + 7 : at + length]
        options.is_strict = options.raw[at] == IPOPT_SSRR
        options.srr = at
        return None

    def _record_route(self, at: int, length: int) -> int | None:
        options = self._options
        if options.rr is not None:
            return 0
        if length < 3:
            return 1
        pointer = options.pointer(at)
        if pointer < _FIRST_SLOT or length - 3 < pointer <= length:
            return _POINTER
        if pointer <= length:
            self._write_address(at, pointer - 1)
            options.raw[at + _POINTER] += 4
            options.rr_needaddr = True
        options.rr = at
        return None

    def _timestamp(self, at: int, length: int) -> int | None:
        options = self._options
        if options.ts is not None:
            return 0
        if length < 4:
            return 1
        pointer = options.pointer(at)
        if pointer < _FIRST_STAMP:
            return _POINTER
        wrong = self._stamp(at, length, pointer) if pointer <= length else self._overflow(at)
        if wrong is None:
            options.ts = at
        return wrong

    def _overflow(self, at: int) -> int | None:
        flags = self._options.raw[at + _FLAGS]
        if flags & 15 == TS_PRESPECIFIED:
            return None
        if flags >> 4 == _MOST_OVERFLOWS:
            return _FLAGS
        if not self._begins_here:
            self._options.raw[at + _FLAGS] += 16
        return None

    def _stamp(self, at: int, length: int, pointer: int) -> int | None:
        options, kind = self._options, self._options.raw[at + _FLAGS] & 15
        if pointer + 3 > length:
            return _POINTER
        if kind == TS_ONLY:
            self._write_time(at, pointer - 1)
            options.raw[at + _POINTER] += 4
            return None
        if kind not in (TS_AND_ADDRESS, TS_PRESPECIFIED):
            return None
        if pointer + 7 > length:
            return _POINTER
        if kind == TS_AND_ADDRESS:
            self._write_address(at, pointer - 1)
            options.ts_needaddr = True
        elif self._station.is_foreign(options.get(at, pointer - 1)):
            return None
        self._write_time(at, pointer + 3)
        options.raw[at + _POINTER] += 8
        return None

    def _write_address(self, at: int, offset: int) -> None:
        if not self._begins_here:
            self._options.put(at, offset, self._station.address())

    def _write_time(self, at: int, offset: int) -> None:
        self._options.ts_needtime = True
        if not self._begins_here:
            self._options.put(at, offset, self._station.midtime())


def echoed(options: IpOptions, sender: int, station: Station) -> IpOptions | None:
    """What an answer carries: routes are recorded on, source routes turned round; None if that cannot be.

    Linux: net/ipv4/ip_options.c __ip_options_echo()
    """
    answer = IpOptions(b"")
    if options.rr is not None:
        at = _copy(options, options.rr, answer)
        length, pointer = answer.length(at), answer.pointer(at)
        if options.rr_needaddr and pointer <= length:
            if pointer + 3 > length:
                return None
            answer.raw[at + _POINTER] += 4
            answer.rr_needaddr = True
        answer.rr = at
    if options.ts is not None:
        answer.ts = _copy(options, options.ts, answer)
        if not _echo_timestamp(options, answer, answer.ts, station):
            return None
    if options.srr is not None:
        _echo_source_route(options, options.srr, answer, sender)
    if options.cipso is not None:
        answer.cipso = _copy(options, options.cipso, answer)
    answer.raw += bytes(-len(answer.raw) % 4)
    return answer


def _copy(options: IpOptions, at: int, answer: IpOptions) -> int:
    place = len(answer.raw)
    answer.raw += options.raw[at : at + options.length(at)]
    return place


def _echo_timestamp(options: IpOptions, answer: IpOptions, at: int, station: Station) -> bool:
    length, pointer = answer.length(at), answer.pointer(at)
    if pointer > length:
        return True
    if options.ts_needaddr:
        if pointer + 3 > length:
            return False
        answer.ts_needaddr = True
        pointer += 4
    if options.ts_needtime:
        if pointer + 3 > length:
            return False
        if answer.raw[at + _FLAGS] & 15 != TS_PRESPECIFIED:
            answer.ts_needtime = True
            pointer += 4
        elif pointer + 7 <= length and not station.is_foreign(answer.get(at, pointer - 1)):
            answer.ts_needtime = True
            pointer += 8
    answer.raw[at + _POINTER] = pointer
    return True


def _echo_source_route(options: IpOptions, at: int, answer: IpOptions, sender: int) -> None:
    """The hops that were passed, the last one first."""
    end = min(options.pointer(at), options.length(at) + 1)
    hops = [options.get(at, place - 1) for place in range(end - 4, 3, -4)]
    if not hops:
        return
    slots = len(hops) - (hops[-1] == sender)  # RFC 1812 has a sender that lists itself mended
    if not slots:
        return
    answer.first_hop = hops[0]
    answer.is_strict = options.is_strict
    answer.srr = len(answer.raw)
    answer.raw += bytes((options.raw[at], 4 * slots + 3, _FIRST_SLOT))
    # The last slot is the final destination's; `sent` writes it.
    answer.raw += b"".join(hop.to_bytes(4, "big") for hop in hops[1:slots]) + bytes(4)


def sent(options: IpOptions, destination: int, source: int, station: Station) -> bytes:
    """The octets of options that leave with a packet of our own.

    Linux: net/ipv4/ip_options.c ip_options_build()
    """
    if options.srr is not None:
        options.put(options.srr, options.length(options.srr) - 4, destination)
    if options.rr is not None and options.rr_needaddr:
        options.put(options.rr, options.pointer(options.rr) - 5, source)
    if options.ts is not None:
        if options.ts_needaddr:
            options.put(options.ts, options.pointer(options.ts) - 9, source)
        if options.ts_needtime:
            options.put(options.ts, options.pointer(options.ts) - 5, station.midtime())
    return bytes(options.raw)


def forwarded(options: IpOptions, source: int) -> bytes:
    """The octets of options that pass through here; `source` is the address it leaves by.

    Linux: net/ipv4/ip_options.c ip_forward_options()
    """
    if options.rr is not None and options.rr_needaddr:
        options.put(options.rr, options.pointer(options.rr) - 5, source)
    if options.srr is not None and options.nexthop:
        at = options.srr
        for place in range(options.pointer(at), options.length(at) - 2, 4):
            if options.get(at, place - 1) == options.nexthop:
                options.put(at, place - 1, source)
                options.raw[at + _POINTER] = place + 4
                break
        if options.ts is not None and options.ts_needaddr:
            options.put(options.ts, options.pointer(options.ts) - 9, source)
    return bytes(options.raw)


def later_fragments(raw: bytes) -> bytes:
    """Options that are not to be copied are blanked, their room stays.

    Linux: net/ipv4/ip_options.c ip_options_fragment()
    """
    blanked = bytearray(raw)
    at = 0
    while at < len(blanked) and blanked[at] != IPOPT_END:
        if blanked[at] == IPOPT_NOOP:
            at += 1
            continue
        length = blanked[at + 1] if at + 1 < len(blanked) else 0
        if not 2 <= length <= len(blanked) - at:
            break
        if not blanked[at] & IPOPT_COPIED:
            blanked[at : at + length] = bytes([IPOPT_NOOP]) * length
        at += length
    return bytes(blanked)
