"""What may differ by nature, each with its reason: the only differences that a comparison forgives.

A mask is tried only where the plain bytes differ, and only on packets that the side made itself: what came in
must come out alike to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from pystack.compare.drawn import without_drawn, without_echoed
from pystack.wire.checksum import transport_sum, verifies
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.fields import differing, place_of
from pystack.wire.icmp import ERROR_TYPES, ICMP_ECHO, ICMP_ECHOREPLY, ICMP_TIMESTAMPREPLY
from pystack.wire.icmp import HEADER_LENGTH as ICMP_HEADER
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP

_TIMEVAL: Final = 16  # seconds and microseconds, as `ping` puts them


@dataclass(frozen=True, slots=True)
class FrameMask:
    """Two frames are alike if they are equal with these fields blanked."""

    name: str
    reason: str
    mask: Callable[[bytes], bytes]
    of_quote: bool = False  # blanks fields of the packet that an ICMP error quotes
    of_echo: bool = False  # blanks what the other end chose: not if that end was played by the scenario


@dataclass(frozen=True, slots=True)
class Ignored:
    """Frames that only one side may send."""

    name: str
    reason: str
    matches: Callable[[bytes], bool]


def blank(frame: bytes, *names: str) -> bytes:
    """The frame with these fields zeroed, where it has them."""
    masked = bytearray(frame)
    for name in names:
        place = place_of(frame, name)
        if place is not None:
            masked[place[0] : place[1]] = bytes(place[1] - place[0])
    return bytes(masked)


def _without_ip_id(frame: bytes) -> bytes:
    return blank(frame, "ip.id", "ip.chksum")


def _without_fragment_id(frame: bytes) -> bytes:
    return blank(frame, "frag6.id")


def _without_timestamps(frame: bytes) -> bytes:
    place = place_of(frame, "icmp.type")
    if place is None or frame[place[0]] != ICMP_TIMESTAMPREPLY:
        return frame
    masked = bytearray(blank(frame, "icmp.chksum"))
    start = place[0] + 12  # the originate time stays, receive and transmit are ours
    masked[start : start + 8] = bytes(len(masked[start : start + 8]))
    return bytes(masked)


def _without_ping(frame: bytes) -> bytes:
    """An echo that `ping` sent, or its answer: the id is a process's, the payload begins with the time."""
    place = place_of(frame, "icmp.type")
    if place is None or frame[place[0]] not in (ICMP_ECHO, ICMP_ECHOREPLY):
        return frame
    masked = bytearray(blank(frame, "icmp.id", "icmp.chksum"))
    start = place[0] + ICMP_HEADER
    masked[start : start + _TIMEVAL] = bytes(len(masked[start : start + _TIMEVAL]))
    return bytes(masked)


def quoted(frame: bytes) -> bytes | None:
    """The packet that an ICMP error is about, as a frame with a blank link header."""
    place = place_of(frame, "icmp.type")
    if place is None or frame[place[0]] not in ERROR_TYPES:
        return None
    return bytes(12) + ETH_P_IP.to_bytes(2, "big") + frame[place[0] + ICMP_HEADER :]


def _without_quoted_ping(frame: bytes) -> bytes:
    packet = quoted(frame)
    if packet is None:
        return frame
    own = blank(frame, "icmp.chksum")[: len(frame) - len(packet) + ETH_HLEN]
    return own + without_drawn(_without_ping(_without_ip_id(packet)))[ETH_HLEN:]


def _protocol(frame: bytes) -> int | None:
    place = place_of(frame, "ip.proto")
    return None if place is None else frame[place[0]]


def kind_of(frame: bytes) -> tuple[bytes, int | None]:
    """What a frame carries: its type, and the protocol of an IP packet."""
    return frame[12:14], _protocol(frame)


def _is_igmp(frame: bytes) -> bool:
    return _protocol(frame) == IPPROTO_IGMP


FRAMES: Final = (
    FrameMask(
        "ip-id",
        "the identification of a packet that the stack makes is drawn from a hashed counter",
        _without_ip_id,
    ),
    FrameMask(
        "fragment-id",
        "the identification of the IPv6 fragments that the stack makes is drawn",
        _without_fragment_id,
    ),
    FrameMask(
        "ping-id",
        "the id of a ping is its process's number, and its payload begins with the time of day",
        _without_ping,
    ),
    FrameMask(
        "quoted-ping",
        "an ICMP error quotes the packet that it is about: its identification, port, its ping's id and time",
        _without_quoted_ping,
        of_quote=True,
    ),
    FrameMask(
        "icmp-timestamp", "the time of day in a timestamp reply is the side's own", _without_timestamps
    ),
    FrameMask(
        "drawn",
        "ephemeral ports and the base of timestamps are drawn",
        without_drawn,
    ),
    FrameMask(
        "echoed",
        "what a stack drew comes back to it from its peer, which is a stack of the same side",
        without_echoed,
        of_echo=True,
    ),
)

IGNORED: Final = (
    Ignored(
        "igmp-at-link-up",
        "groups are reported after random delays, and a bridge of the kernel joins groups of its own",
        _is_igmp,
    ),
)


def alike(left: bytes, right: bytes, injected: Injected) -> list[str] | None:
    """The names of the masks under which two frames are equal: none needed, some, or None if they differ."""
    if left == right:
        return []
    masked_left, masked_right, used = _masked(left, right, injected)
    if masked_left == masked_right and (_sums_hold(left) == _sums_hold(right) or _same_tcp_sum(left, right)):
        return used
    return None


def _same_tcp_sum(left: bytes, right: bytes) -> bool:
    """A sum that is left to a device covers the ends alone; beside numbers by chance it may seem to hold."""
    place = place_of(left, "tcp.chksum")
    if place is None:
        return False
    start, end = place
    return left[start:end] == right[start:end] and _sums_hold(left)[:2] == _sums_hold(right)[:2]


def unforgiven(left: bytes, right: bytes, injected: Injected) -> list[str]:
    """The names of the fields in which two frames differ that no mask covers."""
    masked_left, masked_right, _ = _masked(left, right, injected)
    if masked_left != masked_right:
        return differing(masked_left, masked_right)
    holds = zip(("ip.chksum", "icmp.chksum", "tcp.chksum"), _sums_hold(left), _sums_hold(right), strict=True)
    return [name for name, theirs, ours in holds if theirs != ours]


def _masked(left: bytes, right: bytes, injected: Injected) -> tuple[bytes, bytes, list[str]]:
    """Both frames with as many masks on as it takes to make them equal, and the masks that did something.

    Only what the stacks made is masked, not what they merely passed on; the same of a packet that is quoted.
    """
    used: list[str] = []
    if not (injected.made_by_stack(left) and injected.made_by_stack(right)):
        return left, right, used
    quote_made = injected.quotes_stack(left) and injected.quotes_stack(right)
    for mask in FRAMES:
        if left == right:
            break
        if (mask.of_quote and not quote_made) or (mask.of_echo and injected.answers(left)):
            continue
        masked_left, masked_right = mask.mask(left), mask.mask(right)
        if _gap(masked_left, masked_right) != _gap(left, right):
            used.append(mask.name)
        left, right = masked_left, masked_right
    return left, right, used


def _sums_hold(frame: bytes) -> tuple[bool, bool, bool]:
    """Whether the checksums of IP, ICMP and TCP are right; a mask must not blank one that is wrong."""
    ip = place_of(frame, "ip.version+ihl")
    if ip is None:
        return True, True, True
    start = ip[0]
    length = int.from_bytes(frame[start + 2 : start + 4], "big")
    header = frame[start : start + (frame[start] & 15) * 4]
    whole = verifies(header)
    if frame[start + 6] & 0x3F or frame[start + 7]:  # a fragment has no sum of its own
        return whole, True, True
    icmp, tcp = place_of(frame, "icmp.type"), place_of(frame, "tcp.sport")
    if tcp is None:
        return whole, icmp is None or verifies(frame[icmp[0] : start + length]), True
    saddr, daddr = (int.from_bytes(frame[start + at : start + at + 4], "big") for at in (12, 16))
    segment = frame[tcp[0] : start + length]
    return whole, True, transport_sum(saddr, daddr, IPPROTO_TCP, segment) == 0xFFFF


def _gap(left: bytes, right: bytes) -> int:
    """The bits in which two frames differ."""
    return int.from_bytes(left, "big") ^ int.from_bytes(right, "big")


def ignored(frame: bytes) -> str | None:
    """The name of the equivalence that lets one side send this alone."""
    for rule in IGNORED:
        if rule.matches(frame):
            return rule.name
    return None


class Injected:
    """What went in: tells packets that a side made from those it passed on."""

    def __init__(self, frames: Iterable[bytes]) -> None:
        frames = list(frames)
        self._seen = {_identity(frame) for frame in frames}
        self._pairs = {_addresses(frame) for frame in frames}

    def made_by_stack(self, frame: bytes) -> bool:
        """Whether no injected frame has these addresses, protocol and identification."""
        return _identity(frame) not in self._seen

    def answers(self, frame: bytes) -> bool:
        """Whether some injected frame went the other way."""
        pair = _addresses(frame)
        return pair[4:] + pair[:4] in self._pairs

    def quotes_stack(self, frame: bytes) -> bool:
        """Whether the frame is an ICMP error about a packet that was not injected."""
        packet = quoted(frame)
        return packet is not None and self.made_by_stack(packet)


def _addresses(frame: bytes) -> bytes:
    """Of an IP packet: source and destination."""
    place = place_of(frame, "ip.src")
    return b"" if place is None else frame[place[0] : place[0] + 8]


def _identity(frame: bytes) -> bytes:
    """What forwarding keeps of a packet: for IP its addresses, protocol and id; else the whole payload.

    Not the link header, which some hops do not show.
    """
    place = place_of(frame, "ip.src")
    if place is None:
        return frame[ETH_HLEN:]
    at = place[0] - 12
    quote = frame[at + 4 : at + 6] + frame[at + 9 : at + 10] + frame[at + 12 : at + 20]
    return quote + (frame[at + 20 : at + 21] if frame[at + 9] == IPPROTO_ICMP else b"")
