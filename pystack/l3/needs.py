"""What the IPv4 path asks of parts that are built after it; handed in by the composition root."""

from __future__ import annotations

from typing import Protocol

from pystack.l3.fib_types import Flow
from pystack.packet import Packet
from pystack.wire.ipv4 import Ipv4Header


class IcmpErrors(Protocol):
    """Somebody who can tell a sender what went wrong."""

    def send(self, pkt: Packet, type_: int, code: int, info: int = 0) -> None:
        """Answer `pkt` with an error, if one is allowed; `pkt` itself is not ended."""


class RawDelivery(Protocol):
    """The raw sockets."""

    def deliver(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Give each socket that wants it a copy; whether any did."""


class ErrorReceiver(Protocol):
    """The local sockets that an ICMP error may concern."""

    def icmp_error(
        self, type_: int, code: int, info: int, offender: int, inner: bytes, ifindex: int
    ) -> list[Flow]:
        """A host or router says that what we sent, quoted in `inner`, failed or should go elsewhere.

        Answers with how those whom it concerns ask for their way, so that the routes can learn from it.
        """
