"""The socket that nobody opened: whom `explain --out` lets a packet be sent by."""

from __future__ import annotations

from pystack.device import Socket


class Sender(Socket):
    """What of a socket decides about the way of its packets."""

    __slots__ = ("ifindex", "mark", "saddr", "uid")

    def __init__(self, saddr: int = 0, *, ifindex: int = 0, mark: int = 0, uid: int = 0) -> None:
        self.saddr = saddr  # 0: it is bound to no address
        self.ifindex = ifindex  # SO_BINDTODEVICE
        self.mark = mark  # SO_MARK
        self.uid = uid  # whose it is
