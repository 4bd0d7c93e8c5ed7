"""Every applet by its name, and how one is started."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.applets import (
    arping,
    builtins,
    hooks,
    nc,
    netstat,
    nstat,
    ping,
    shell,
    ss,
    sysctl,
    tcpdump,
    traceroute,
)
from pystack.applets.arptables.applets import APPLETS as ARPTABLES
from pystack.applets.conntrack import command as conntrack
from pystack.applets.ebtables.applets import APPLETS as EBTABLES
from pystack.applets.io import Io
from pystack.applets.iproute import bridge, ip
from pystack.applets.ipset import command as ipset
from pystack.applets.iptables.applets import APPLETS as IPTABLES
from pystack.applets.job import Job
from pystack.applets.nft import applet as nft
from pystack.applets.session import Commands, Session
from pystack.host import Host
from pystack.netns import Netns

COMMANDS: Final = Commands(
    {
        "sh": shell.run,
        "ip": ip.run,
        "bridge": bridge.run,
        "ipset": ipset.run,
        "hooks": builtins.at_once(hooks.run),
        "sysctl": sysctl.run,
        "arping": arping.run,
        "conntrack": conntrack.run,
        "nc": nc.run,
        "netstat": netstat.run,
        "nft": nft.run,
        "nstat": nstat.run,
        "ping": ping.run,
        "ss": ss.run,
        "tcpdump": tcpdump.run,
        "traceroute": traceroute.run,
        **ARPTABLES,
        **EBTABLES,
        **IPTABLES,
        **builtins.BUILTINS,
    },
    frozenset((*ARPTABLES, *EBTABLES, *IPTABLES, "ipset", "nft")),
)


def start(argv: Sequence[str], host: Host, netns: Netns | None = None, io: Io | None = None) -> Job:
    """Begin a command; it has run to its first request when this returns."""
    session = _session(host, netns, io)
    return Job(session.call(argv), session.io).start()


def start_setup(
    text: str, filename: str, host: Host, netns: Netns | None = None, io: Io | None = None
) -> Job:
    """Begin a setup; its errors name `filename` and the line."""
    session = _session(host, netns, io)
    return Job(shell.run_text(text, filename, session), session.io).start()


def check_setup(text: str, filename: str) -> list[str]:
    """All that is wrong with a setup without running it, one line each."""
    return shell.faults(text, filename, COMMANDS.refusal)


def _session(host: Host, netns: Netns | None, io: Io | None) -> Session:
    return Session(host, host.init if netns is None else netns, Io() if io is None else io, COMMANDS)
