"""The other end of a connection, played by hand: its numbers count from the first one of the stack."""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz import packets
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Send
from pystack.wire import icmp, tcp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, Ipv4Header, parse_address

_MASK: Final = 0xFFFFFFFF
_PORT: Final = "tap1"
_OUR_MAC: Final = b"\x02\0\0\0\0\x01"
_PEER_MAC: Final = b"\x02\0\0\0\0\x77"
_LETTERS: Final = {"F": tcp.FIN, "S": tcp.SYN, "R": tcp.RST, "P": tcp.PSH, "A": tcp.ACK, "U": tcp.URG}
_ODD_FLAGS: Final = ("A", "PA", "", "FA", "R", "RA", "S", "SA", "FS", "UPA", "F", "SR", "P")
_AROUND: Final = (-1, 1, 0, 2, -1000, 1000, 65_000, 70_000, -70_000, 3_000_000, 10, -10)
_SIZES: Final = (1, 5, 100, 536, 1000, 1400, 1460)
_WINDOWS: Final = (65535, 65535, 8192, 1000, 100, 1, 0)
_ERRORS: Final = ((3, 0), (3, 1), (3, 3), (3, 4), (3, 13), (11, 0), (12, 0), (4, 0), (3, 2))


class Peer:
    """10.1.0.7"""

    def __init__(self, dice: Dice, us: str) -> None:
        self._dice = dice
        self.us = us
        self.them = "10.1.0.7"
        self.ours = self.theirs = 0  # ports
        self._first = dice.among((1000, 0, _MASK - 50, dice.seed()))
        self._next = self._first
        self.heard = 1  # of the stack's stream, if all of it has arrived
        self._acked = 1
        self._window = 65535
        self._stamp: int | None = None  # the next timestamp, where the peer uses them
        self._tells_of_gaps = False  # SACK
        self._said: list[Send] = []
        self._ident = 0

    def syn(self, flags: str = "S") -> Send:
        """The beginning, with the options of somebody."""
        dice, options = self._dice, b""
        if dice.chance(85):
            options += bytes((2, 4)) + dice.among((1460, 1460, 536, 100, 9000, 0)).to_bytes(2, "big")
        if dice.chance(50):
            options += bytes((1, 3, 3, dice.among((0, 2, 7, 14, 15))))
        if dice.chance(50):
            options += bytes((1, 1, 4, 2))
            self._tells_of_gaps = True
        if dice.chance(50):
            self._stamp = self._stamp or 500
            options += bytes((1, 1, 8, 10)) + self._stamp.to_bytes(4, "big") + bytes(4)
        self._next = max(self._next, self._first + 1)
        return self._sent(flags, self._first, 1 if "A" in flags else 0, options=options)

    def say(self, flags: str, ack: int | None = None) -> Send:
        """What comes next."""
        if self._dice.chance(20):
            self._window = self._dice.among(_WINDOWS)
        seq, self._next = self._next, self._next + ("F" in flags)
        return self._sent(flags, seq, self._acknowledged() if ack is None else ack)

    def data(self) -> Send:
        """The next octets, at times later ones first."""
        dice = self._dice
        size = dice.among(_SIZES)
        seq = self._next + (dice.among((size, 100, -size // 2)) if dice.chance(20) else 0)
        if seq == self._next:
            self._next += size
        flags = dice.among(("PA", "PA", "A", "FPA" if dice.chance(20) else "PA"))
        return self._sent(flags, seq, self._acknowledged(), bytes(size))

    def odd(self) -> Send:
        """Any flags, numbers near the right ones."""
        dice = self._dice
        payload = bytes(dice.among((0, 0, 1, 100)))
        seq, ack = self._next + dice.among(_AROUND), self.heard + dice.among(_AROUND)
        if seq == self._next and payload:  # header prediction may take it, or not: a matter of memory
            ack = max(self.heard, self._acked)
        options = b"" if dice.chance(80) else dice.octets(4)
        return self._sent(dice.among(_ODD_FLAGS), seq, ack, payload, options)

    def again(self) -> Send:
        """What was said before."""
        return self._dice.among(self._said) if self._said else self.say("A")

    def error(self) -> Send:
        """A router's complaint about something that the stack has sent.

        Where gaps are told of, none that makes the stack send again: then Linux would weigh losses by time.
        """
        dice = self._dice
        kind, code = dice.among(_ERRORS)
        seq = dice.among((0, 1, max(self.heard - 1, 0), self.heard + 5000))
        header = tcp.TcpHeader(self.ours, self.theirs, seq=seq, ack=0, flags=tcp.ACK)
        ends = self._address(self.us), self._address(self.them)
        quote = packets.built(Ipv4Header(*ends, IPPROTO_TCP, id=9), tcp.build(header, b"", *ends))
        mtu = 1500 if self._tells_of_gaps else dice.among((1000, 1400, 576, 300, 0, 1500))
        message = icmp.build(kind, code, 0, mtu if code == 4 else 0, quote[: dice.among((40, 40, 28))])
        return self._framed(IPPROTO_ICMP, message)

    # -- underneath ----------------------------------------------------------------------------------------

    def _acknowledged(self) -> int:
        """Mostly all, never less than before: header prediction would make of that what its memory allows."""
        left_out = self._dice.among((0, 0, 0, 0, 1, 50, 1000)) if self.heard > 1000 else 0
        self._acked = max(self._acked, self.heard - left_out)
        return self._acked

    def _sent(self, flags: str, seq: int, ack: int, payload: bytes = b"", options: bytes = b"") -> Send:
        if self._stamp is not None and "S" not in flags and self._dice.chance(95):
            self._stamp += self._dice.among((0, 1, 1, 10, -3 if self._dice.chance(10) else 1))
            options = bytes((1, 1, 8, 10)) + self._stamp.to_bytes(4, "big") + bytes(4) + options
        header = tcp.TcpHeader(
            self.theirs,
            self.ours,
            seq=seq & _MASK,
            ack=ack & _MASK if "A" in flags else 0,
            flags=sum(_LETTERS[letter] for letter in flags),
            window=self._window,
            options=options[:40],
            urgent=3 if "U" in flags else 0,
        )
        segment = tcp.build(header, payload, self._address(self.them), self._address(self.us))
        send = self._framed(IPPROTO_TCP, segment)
        self._said.append(send)
        return send

    def _framed(self, protocol: int, payload: bytes) -> Send:
        self._ident += 1
        ends = self._address(self.them), self._address(self.us)
        packet = packets.built(Ipv4Header(*ends, protocol, id=self._ident), payload)
        frame = packets.framed(_OUR_MAC, _PEER_MAC, packet)
        return Send(_PORT, (frame,), frame.hex(), relative=True)

    @staticmethod
    def _address(text: str) -> int:
        return parse_address(text) or 0
