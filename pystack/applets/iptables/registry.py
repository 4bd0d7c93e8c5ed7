"""Which matches and targets there are."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import Extension, MatchExtension, TargetExtension
from pystack.applets.iptables.extensions import (
    addrtype,
    bpf,
    connections,
    conntrack,
    content,
    fields,
    hand_over,
    hashlimit,
    icmp,
    limit,
    log,
    mangle,
    meta,
    nat,
    owner,
    ports,
    recent,
    reject,
    sctp,
    tcp_mss,
    time,
)
from pystack.applets.iptables.refused import Refused
from pystack.errors import NotModelled

_EXTENSIONS: Final[tuple[Extension, ...]] = (
    *ports.EXTENSIONS,
    *icmp.EXTENSIONS,
    *meta.EXTENSIONS,
    *fields.EXTENSIONS,
    *limit.EXTENSIONS,
    *addrtype.EXTENSIONS,
    *log.EXTENSIONS,
    *reject.EXTENSIONS,
    *mangle.EXTENSIONS,
    *conntrack.EXTENSIONS,
    *connections.EXTENSIONS,
    *owner.EXTENSIONS,
    *bpf.EXTENSIONS,
    *hashlimit.EXTENSIONS,
    *sctp.EXTENSIONS,
    *content.EXTENSIONS,
    *time.EXTENSIONS,
    *recent.EXTENSIONS,
    *tcp_mss.EXTENSIONS,
    *hand_over.EXTENSIONS,
    *nat.EXTENSIONS,
)
_MATCHES: Final = {one.name: one for one in _EXTENSIONS if isinstance(one, MatchExtension)}
_TARGETS: Final = {one.name: one for one in _EXTENSIONS if isinstance(one, TargetExtension)}

# What Debian's iptables 1.8.9 has besides; to name these is no mistake of the user's.
_MATCHES_OF_OTHERS: Final = frozenset(
    "cgroup cluster connlabel dccp ecn helper ipcomp ipvs nfacct osf policy rateest set socket".split()
)
_TARGETS_OF_OTHERS: Final = frozenset(
    "AUDIT CLUSTERIP CONNSECMARK ECN HMARK IDLETIMER LED "
    "RATEEST SECMARK SET SYNPROXY TCPOPTSTRIP TPROXY "
    "ULOG".split()
)


def find_match(name: str) -> MatchExtension:
    """The match of `-m NAME`."""
    found = implied_match(name)
    if found is None:
        raise Refused(f"Couldn't load match `{name}':No such file or directory\n")
    return found


def implied_match(name: str) -> MatchExtension | None:
    """The match of `-p NAME`; None if the protocol has none."""
    if name in _MATCHES_OF_OTHERS:
        raise NotModelled(f"iptables -m {name}", tuple(sorted(_MATCHES)))
    return _MATCHES.get(name)


def find_target(name: str) -> TargetExtension | None:
    """A target by its name; None if it can only be a chain."""
    if name in _TARGETS_OF_OTHERS:
        raise NotModelled(f"iptables -j {name}", ("ACCEPT", "DROP", "RETURN", *sorted(_TARGETS)))
    return _TARGETS.get(name)
