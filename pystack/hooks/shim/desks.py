"""What the process that answers for queues does with packets: it lets them pass and shows them, or it asks.

Whatever happens to whoever is shown packets, or is asked, each waits for its verdict a while and no longer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Final, Protocol

from pystack.hooks.queue.packet import NF_ACCEPT, NF_DROP, Queue, Queued
from pystack.hooks.shim.heart import Heart, Of
from pystack.hooks.shim.letters import Mail
from pystack.hooks.shim.window import Window

STRICT_FOR: Final = 10.0  # seconds of his sleep
_REPLIES: Final = 256  # that are read before the queues have their turn


class Desk(Protocol):
    """Decides when a packet gets its verdict, and which."""

    def take(self, place: int, packets: Sequence[Queued]) -> None:
        """They were just read from the queue at this place."""

    def fileno(self) -> int:
        """Readable when `look` has something to do; -1: never."""

    def look(self) -> None:
        """Give the verdicts that are due."""


class Passing:
    """Everything passes. Who listens is shown it afterwards, as far as he keeps up."""

    def __init__(self, queues: Sequence[Queue], heart: Heart, mail: Mail | None) -> None:
        self._queues = queues
        self._heart = heart
        self._mail = mail

    def take(self, place: int, packets: Sequence[Queued]) -> None:
        """The verdict first."""
        self._queues[place].accept_to(packets[-1])
        if self._mail is None:
            return
        for at, packet in enumerate(packets):
            if not self._mail.show(place, packet):
                self._heart.count(place, Of.UNCOMPARED, len(packets) - at)
                return

    def fileno(self) -> int:
        """Nobody is asked."""
        return -1

    def look(self) -> None:
        """Nothing is due: everything has its verdict."""


class Asking:
    """Somebody else decides, from his first word on. What he has not decided after a while passes. If he has
    said nothing meanwhile, he sleeps: until he says something again nobody waits for him. Of more than he can
    answer in time he is asked about some; else he would be late for all.

    While he translates addresses (heart.is_strict) nothing passes without him: untranslated, an answer would
    reach the host itself, which knows no such connection and ends it for both. Connections outlive a while of
    that; but whoever sleeps on shall not cut the host off, so then everything passes.
    """

    def __init__(self, queues: Sequence[Queue], heart: Heart, mail: Mail, patience: float) -> None:
        self._queues = queues
        self._heart = heart
        self._mail = mail
        self._patience = patience
        self._waiting: dict[tuple[int, int], tuple[float, Queued]] = {}  # until when, the eldest first
        self._window = Window(patience)
        self._heard = 0.0  # when he last said something
        self._is_there = False
        self._asleep = 0.0  # since when he is not there
        self._is_alone = False  # nobody will be asked any more
        self._is_strict = False  # what does not fit into a queue is dropped, too

    def take(self, place: int, packets: Sequence[Queued]) -> None:
        """Ask."""
        gone = self._heart.counted(place, Of.GONE)
        until = time.monotonic() + self._patience
        for packet in packets:
            if packet.id <= gone:
                continue
            has_room = self._is_there and len(self._waiting) < self._window.size
            if has_room and self._mail.show(place, packet):
                self._waiting[place, packet.id] = until, packet
            else:
                self._let_go(place, packet)

    def fileno(self) -> int:
        """Where the answers come."""
        return -1 if self._is_alone else self._mail.fileno()

    def look(self) -> None:
        """Answers that have come, then those that have not."""
        now = time.monotonic()
        self._hear(now)
        self._follow_strictness(now)
        while self._waiting:
            key, (until, packet) = next(iter(self._waiting.items()))
            if self._is_there and until > now:
                return
            self._window.shrink(now)
            if self._is_there and self._heard <= until - self._patience:
                self._is_there, self._asleep = False, now
            del self._waiting[key]
            self._let_go(key[0], packet)

    def _hear(self, now: float) -> None:
        if self._is_alone:
            return
        try:
            replies = self._mail.replies(_REPLIES)
        except EOFError:
            self._is_alone, self._is_there = True, False
            return
        if replies:
            self._heard, self._is_there = now, True
        for place, number, answer in replies:
            waited = self._waiting.pop((place, number), None)
            if waited is not None:  # else it was let go: he is too late
                until, packet = waited
                self._window.answered(now - until + self._patience, now)
                self._queues[place].answer(packet, answer.verdict, mark=answer.mark, payload=answer.payload)

    def _follow_strictness(self, now: float) -> None:
        is_awaited = self._is_there or now - self._asleep < STRICT_FOR
        is_strict = self._heart.is_strict and not self._is_alone and is_awaited
        if is_strict != self._is_strict:
            self._is_strict = is_strict
            for queue in self._queues:
                queue.accept_what_does_not_fit(not is_strict)

    def _let_go(self, place: int, packet: Queued) -> None:
        if packet.id > self._heart.counted(place, Of.GONE):
            self._heart.count(place, Of.LATE)
        self._queues[place].answer(packet, NF_DROP if self._is_strict else NF_ACCEPT)
