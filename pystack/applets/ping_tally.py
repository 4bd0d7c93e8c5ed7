"""What `ping` counts: probes, answers, errors, round trips; and the lines that sum them up."""

from __future__ import annotations

import math
import struct
from typing import Final

from pystack.applets.ping_options import MAX_DUP_CHK
from pystack.applets.ping_text import thousandths

INT_MAX: Final = (1 << 31) - 1
HALF: Final = 0x7FFF  # sequence numbers wrap at 16 bits: the half behind us is the past


class Tally:
    """Linux: ping/ping.h struct ping_rts, its counters; times in microseconds"""

    def __init__(self) -> None:
        self.transmitted = 0
        self.received = 0
        self.repeats = 0
        self.errors = 0
        self.rtt = 0  # eight times the moving average
        self.tmin = 0
        self.tmax = 0
        self._timed = 0
        self._sum = 0
        self._sum_of_squares = 0
        self._acked = 0
        self._pipe = -1
        self._seen: set[int] = set()

    # -- sequence numbers ----------------------------------------------------------------------------------

    def in_flight(self) -> int:
        """Probes that nothing was heard of yet. Linux: ping/ping.h in_flight()"""
        behind = (self.transmitted - self._acked) & 0xFFFF
        return behind if behind <= HALF else self.transmitted - self.received - self.errors

    def about_to_send(self) -> None:
        """The next number is new again. Linux: ping/ping.h rcvd_clear()"""
        self._seen.discard((self.transmitted + 1) % MAX_DUP_CHK)

    def sent(self) -> None:
        """Linux: ping/ping.h advance_ntransmitted()"""
        self.transmitted += 1
        if (self.transmitted & 0xFFFF) - self._acked > HALF:
            self._acked = (self.transmitted + 1) & 0xFFFF

    def acknowledge(self, sequence: int) -> None:
        """Linux: ping/ping.h acknowledge()"""
        behind = (self.transmitted - sequence) & 0xFFFF
        if behind > HALF:
            return
        self._pipe = max(self._pipe, behind + 1)
        ahead = (sequence - self._acked) & 0xFFFF
        if 0 < ahead <= HALF or (self.transmitted & 0xFFFF) - self._acked > HALF:
            self._acked = sequence

    def is_answered(self, sequence: int) -> bool:
        """Whether an answer with this number was counted."""
        return sequence % MAX_DUP_CHK in self._seen

    # -- answers -------------------------------------------------------------------------------------------

    def answered(self, sequence: int) -> bool:
        """Count an answer; whether it is one too many."""
        if self.is_answered(sequence):
            self.repeats += 1
            return True
        self._seen.add(sequence % MAX_DUP_CHK)
        self.received += 1
        return False

    def took(self, trip: int) -> None:
        """Note a round trip."""
        self.tmin = trip if not self._timed else min(self.tmin, trip)
        self.tmax = max(self.tmax, trip)
        self._timed += 1
        self._sum += trip
        self._sum_of_squares += trip * trip
        self.rtt += trip - self.rtt // 8 if self.rtt else trip * 8

    # -- words ---------------------------------------------------------------------------------------------

    def counts(self, elapsed: int) -> str:
        """`3 packets transmitted, …`; `elapsed` in milliseconds. Linux: ping/ping_common.c finish()"""
        words = [f"{self.transmitted} packets transmitted, {self.received} received"]
        for number, what in (
            (self.repeats, "duplicates"),
            (self.errors, "errors"),
        ):
            if number:
                words.append(f"+{number} {what}")
        if self.transmitted:
            lost = (self.transmitted - self.received) * 100.0 / self.transmitted
            words.append(f"{_single(lost):g}% packet loss")
            words.append(f"time {elapsed}ms")
        return ", ".join(words)

    def round_trips(self, *, timing: bool, spacing: int | None) -> str:
        """`rtt min/avg/max/mdev = …`; `spacing` is the time between probes where that is worth saying."""
        words = []
        if self.received and timing:
            total = self.received + self.repeats
            average = self._sum // total
            figures = (self.tmin, average, self.tmax, self._deviation(total, average))
            words.append(f"rtt min/avg/max/mdev = {'/'.join(map(thousandths, figures))} ms")
        if self._pipe > 1:
            words.append(f"pipe {self._pipe}")
        if spacing is not None:
            words.append(f"ipg/ewma {thousandths(spacing)}/{thousandths(self.rtt // 8)} ms")
        return ", ".join(words)

    def _deviation(self, total: int, average: int) -> int:
        if self._sum < INT_MAX:
            variance = (self._sum_of_squares - self._sum * self._sum / total) / total
        else:
            variance = self._sum_of_squares / total - average * average
        return math.isqrt(max(int(variance), 0))

    def snapshot(self, *, timing: bool) -> str:
        """What SIGQUIT prints. Linux: ping/ping_common.c status()"""
        loss = (self.transmitted - self.received) * 100 // self.transmitted if self.transmitted else 0
        text = f"{self.received}/{self.transmitted} packets, {loss}% loss"
        if self.received and timing:
            average = self._sum // (self.received + self.repeats)
            figures = (self.tmin, average, self.rtt // 8, self.tmax)
            text += f", min/avg/ewma/max = {'/'.join(map(thousandths, figures))} ms"
        return text


def _single(value: float) -> float:
    """As a C float holds it."""
    rounded: float = struct.unpack("f", struct.pack("f", value))[0]
    return rounded
