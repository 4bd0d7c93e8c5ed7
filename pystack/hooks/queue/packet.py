"""A packet in the kernel's hands, waiting for a verdict; and whoever hands it over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

NF_DROP, NF_ACCEPT, NF_REPEAT = 0, 1, 4

# What a queue that leaves packets whole says of them. Linux: enum nfqnl_attr_type NFQA_SKB_INFO
CSUM_NOT_READY: Final = 1  # the sum of its transport is the pseudo header's so far
IS_GSO: Final = 2  # it will be cut into segments
CSUM_NOT_VERIFIED: Final = 4  # nobody has looked whether that sum is right


@dataclass(frozen=True, slots=True)
class Queued:
    """One packet. A device is its ifindex, 0 where there is none."""

    id: int
    protocol: int  # EtherType
    hook: int
    indev: int
    outdev: int
    physin: int
    physout: int
    mark: int
    payload: bytes  # from the network header on
    length: int  # as it is; more than the payload if that was cut
    station: bytes = b""  # the MAC that it came from
    info: int = CSUM_NOT_VERIFIED
    owner: tuple[int, int] | None = None  # user and group of the program that sends it, where that is told


class Queue(Protocol):
    """One NFQUEUE, whichever way it is reached: raw.py, library.py."""

    number: int
    lost: int  # packets that did not fit into our socket

    def fileno(self) -> int:
        """For poll."""

    def read(self, most: int) -> list[Queued]:
        """Packets that wait, so many at most; never waits for one."""

    def answer(
        self, packet: Queued, verdict: int, *, mark: int | None = None, payload: bytes | None = None
    ) -> None:
        """What becomes of a packet; its mark and its octets may be others then."""

    def accept_to(self, packet: Queued) -> None:
        """Accept all packets up to this one."""

    def accept_what_does_not_fit(self, wanted: bool) -> None:
        """Else it is dropped."""

    def let_go(self, number: int) -> None:
        """Accept what waits up to this number, read or not: for who stands in for the process that reads."""

    def close(self) -> None:
        """Take no more; what waits is dropped by the kernel, so answer it first."""
