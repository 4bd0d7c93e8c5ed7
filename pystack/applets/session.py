"""Where a command runs: on which host, in which namespace, with which streams, among which other commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pystack.applets.io import Io
from pystack.applets.nearest import nearest
from pystack.applets.requests import Steps
from pystack.errors import NotModelled
from pystack.host import Host
from pystack.netns import Netns

USAGE: Final = 2  # the exit code of what is refused by name


class Session:
    """What an applet is given besides its arguments; made by registry.start()."""

    __slots__ = ("commands", "host", "io", "netns")

    def __init__(self, host: Host, netns: Netns, io: Io, commands: Commands) -> None:
        self.host = host
        self.netns = netns
        self.io = io
        self.commands = commands

    def call(self, argv: Sequence[str]) -> Steps:
        """Another applet in the same place: what `sh` and `ip netns exec` do."""
        return self.commands.run(argv, self)

    def within(self, netns: Netns) -> Session:
        """The same in another namespace."""
        return Session(self.host, netns, self.io, self.commands)

    def with_io(self, io: Io) -> Session:
        """The same with other streams."""
        return Session(self.host, self.netns, io, self.commands)


Applet = Callable[[Sequence[str], Session], Steps]


class Commands:
    """Applets by name."""

    def __init__(
        self,
        applets: Mapping[str, Applet],
        inert: frozenset[str] = frozenset(),
    ) -> None:
        self._applets = applets
        self._inert = inert  # what they print holds texts of others, and never steers a terminal itself

    @property
    def names(self) -> list[str]:
        """Of those that can be run."""
        return sorted(self._applets)

    def refusal(self, name: str) -> str | None:
        """Why there is no such command; None if there is one."""
        name = plain_name(name)
        if name in self._applets:
            return None
        hint = f"; did you mean {meant}?" if (meant := nearest(name, self.names)) else ""
        known = ", ".join(each for each in self.names if not self._is_variant(each))
        return f"{name or 'an empty command'} is not modelled (known: {known}){hint}"

    def _is_variant(self, name: str) -> bool:
        """`iptables-legacy-save`, where `iptables` says as much."""
        stem, dash, _ = name.partition("-")
        return bool(dash) and stem in self._applets

    def run(self, argv: Sequence[str], session: Session) -> Steps:
        """The command as a generator; what is not modelled is said in one line, exit code 2."""
        name = plain_name(argv[0]) if argv else ""
        refused = self.refusal(name)
        if session.io.tty and name in self._inert:
            session = session.with_io(session.io.inert())
        if refused is None:
            try:
                return (yield from self._applets[name](argv[1:], session))
            except NotModelled as error:
                refused = str(error)
            finally:
                session.netns.end_of_command(name)
        session.io.err.line(f"pystack: {refused}")
        return USAGE


def plain_name(name: str) -> str:
    """`/usr/sbin/ip` is `ip`."""
    return name.rpartition("/")[2]
