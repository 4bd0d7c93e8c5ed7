"""Where a command runs: on which host, in which namespace, with which streams."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from pystack.applets.io import Io
from pystack.applets.requests import Steps
from pystack.host import Host
from pystack.netns import Netns


class Session:
    """What an applet is given besides its arguments; made by registry.start()."""

    __slots__ = ("_call", "host", "io", "netns")

    def __init__(
        self, host: Host, netns: Netns, io: Io, call: Callable[[Sequence[str], Session], Steps]
    ) -> None:
        self.host = host
        self.netns = netns
        self.io = io
        self._call = call

    def call(self, argv: Sequence[str]) -> Steps:
        """Another applet in the same place: what `sh` and `ip netns exec` do."""
        return self._call(argv, self)

    def within(self, netns: Netns) -> Session:
        """The same in another namespace."""
        return Session(self.host, netns, self.io, self._call)

    def with_io(self, io: Io) -> Session:
        """The same with other streams."""
        return Session(self.host, self.netns, io, self._call)
