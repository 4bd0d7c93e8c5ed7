"""One packet's way through one host, as the lines of a log show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pystack.compare.log.datagram import Datagram
from pystack.compare.log.message import BRIDGE, LinkHeader, Message
from pystack.compare.log.place import Hook, Place
from pystack.explain.path_kind import LOOPBACK

_ROUTED: Final = ("FORWARD", "POSTROUTING")


class Line(NamedTuple):
    """A line that tells of a packet."""

    number: int  # in the file
    order: int  # among the lines that tell of packets
    host: str
    is_bare: bool
    message: Message
    place: Place
    moment: float | None = None  # in seconds

    @property
    def hook(self) -> Hook:
        """Where it was printed."""
        return self.place.hook

    @property
    def text(self) -> str:
        """As the kernel printed it, from the prefix on."""
        return self.message.text


@dataclass(slots=True, eq=False)
class Passage:
    """Lines that belong together, in the order of the log."""

    number: int
    host: str
    lines: list[Line] = field(default_factory=list)
    left_out: list[int] = field(default_factory=list)  # behind how many lines a note says `...`
    quoted_again: int = 0  # lines that a note repeats

    @property
    def first(self) -> Line:
        """The first in the log."""
        return self.lines[0]

    @property
    def last(self) -> Line:
        """The last in the log."""
        return self.lines[-1]

    @property
    def datagrams(self) -> Iterator[Datagram]:
        """What its lines say of the packet, line by line."""
        return (line.message.datagram for line in self.lines if line.message.datagram is not None)

    @property
    def datagram(self) -> Datagram | None:
        """The packet as it was first told of."""
        return next(self.datagrams, None)

    @property
    def entered_by(self) -> str:
        """The device of IN=, as IP sees it; empty of what was made here."""
        return next((line.message.indev for line in self.lines if _is_ip_in(line)), "")

    @property
    def is_made_here(self) -> bool:
        """Whether a local process sent it, or the stack itself; what comes from lo was made here too."""
        return not self.port_in and self.entered_by in ("", LOOPBACK)

    @property
    def left_by(self) -> str:
        """The device of OUT=, as IP sees it, where it was last seen."""
        outs = [
            line.message.outdev
            for line in self.lines
            if line.message.family != BRIDGE and line.message.outdev
        ]
        return outs[-1] if outs else ""

    @property
    def port_in(self) -> str:
        """The port of a bridge by which it came."""
        return next((line.message.port_in for line in self.lines if line.message.port_in), "")

    @property
    def ports_out(self) -> tuple[str, ...]:
        """The ports of a bridge by which it went."""
        ports = (line.message.port_out for line in self.lines)
        return tuple(dict.fromkeys(port for port in ports if port))

    @property
    def link_in(self) -> LinkHeader | None:
        """The link header with which it came."""
        return next(
            (line.message.link for line in self.lines if line.message.indev and line.message.link), None
        )

    @property
    def link_out(self) -> LinkHeader | None:
        """The link header that it was given here."""
        return next((line.message.link for line in self.lines if _gets_link(line)), None)

    def has(self, *hooks: Hook) -> bool:
        """Whether it was seen at one of these."""
        return any(line.hook in hooks for line in self.lines)

    def named(self, hook: Hook) -> Hook:
        """As users name it: IP's hooks of an IPv6 packet are other ones, in the same order."""
        told = self.datagram
        is_ipv6 = hook.family == "ip" and told is not None and told.is_ipv6
        return Hook("ip6", hook.name) if is_ipv6 else hook

    def settle(self) -> None:
        """A line that was taken for one of INPUT, as most are, is of PREROUTING if the packet went on."""
        for at, line in enumerate(self.lines):
            goes_on = any(other.hook.name in _ROUTED for other in self.lines[at + 1 :])
            if line.place.is_guess and line.hook.name == "INPUT" and goes_on:
                hook = Hook(line.hook.family, "PREROUTING")
                self.lines[at] = line._replace(place=line.place._replace(hook=hook, is_guess=False))


def _is_ip_in(line: Line) -> bool:
    return line.message.family != BRIDGE and bool(line.message.indev)


def _gets_link(line: Line) -> bool:
    return line.hook in (Hook(BRIDGE, "OUTPUT"), Hook(BRIDGE, "POSTROUTING"))
