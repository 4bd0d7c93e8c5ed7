"""Every applet by its name, and how one is started.

An applet module is loaded when it is first asked for by name.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pystack.applets.io import Io
from pystack.applets.job import Job
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.errors import NotModelled
from pystack.host import Host
from pystack.netns import Netns

Applet = Callable[[Sequence[str], Session], Steps]

APPLETS: Final[dict[str, Applet]] = {}

# Named in the manual, not written yet: refused by name, so that nobody takes silence for success.
NOT_BUILT_YET: Final = frozenset(
    "iptables iptables-save iptables-restore iptables-nft iptables-nft-save iptables-nft-restore "
    "iptables-legacy iptables-legacy-save iptables-legacy-restore ip6tables ip6tables-save ip6tables-restore "
    "ip6tables-nft ip6tables-legacy ebtables ebtables-save ebtables-restore ebtables-nft ebtables-legacy "
    "arptables arptables-nft arptables-legacy nft conntrack ss nstat traceroute nc".split()
)

USAGE: Final = 2  # the exit code of what is refused by name


def start(argv: Sequence[str], host: Host, netns: Netns | None = None, io: Io | None = None) -> Job:
    """Begin a command; it has run to its first request when this returns."""
    session = Session(host, host.init if netns is None else netns, Io() if io is None else io, run)
    return Job(run(argv, session), session.io).start()


def run(argv: Sequence[str], session: Session) -> Steps:
    """The command as a generator; what is not modelled is said in one line, exit code 2."""
    name = argv[0].rpartition("/")[2] if argv else ""
    applet = APPLETS.get(name)
    try:
        if applet is None:
            raise _Unknown(refusal(name))
        return (yield from applet(argv[1:], session))
    except NotModelled as refused:
        session.io.err.line(f"pystack: {refused}")
    except _Unknown as refused:
        session.io.err.line(f"pystack: {refused}")
    return USAGE


def refusal(name: str) -> str:
    """Why there is no such applet."""
    if name in NOT_BUILT_YET:
        return f"{name}: not built yet"
    return f"{name or 'an empty command'} is not modelled (known: {', '.join(sorted(APPLETS))})"


class _Unknown(Exception):
    pass
