"""What is said about a packet in the kernel's hands, and who says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from pystack.hooks.queue.packet import NF_ACCEPT, Queued


@dataclass(frozen=True, slots=True)
class Answer:
    """To one packet. None: as it came."""

    verdict: int = NF_ACCEPT  # NF_*
    mark: int | None = None
    payload: bytes | None = None  # from the network header on, with complete checksums


ACCEPT: Final = Answer()


class Judge(Protocol):
    """Asked in the order in which packets arrived."""

    @property
    def notes(self) -> list[str]:
        """What a user should know of how it judges, a sentence each."""

    @property
    def is_indispensable(self) -> bool:
        """Whether packets that it has not seen may not go on, as long as it may come back."""

    def judge(self, point: str, packets: Sequence[Queued]) -> list[Answer]:
        """As many answers, in the same order, about packets that wait at a point (mangle/forward)."""
