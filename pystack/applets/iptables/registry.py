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
    ipset,
    ipv6_headers,
    limit,
    log,
    mangle,
    meta,
    multiport,
    nat,
    owner,
    ports,
    recent,
    reject,
    sctp,
    spis,
    tcp_mss,
    time,
    tracking,
)
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.refused import Refused
from pystack.errors import NotModelled

_EXTENSIONS: Final[tuple[Extension, ...]] = (
    *ports.EXTENSIONS,
    *multiport.EXTENSIONS,
    *spis.EXTENSIONS,
    *icmp.EXTENSIONS,
    *ipset.EXTENSIONS,
    *ipv6_headers.EXTENSIONS,
    *meta.EXTENSIONS,
    *fields.EXTENSIONS,
    *limit.EXTENSIONS,
    *addrtype.EXTENSIONS,
    *log.EXTENSIONS,
    *reject.EXTENSIONS,
    *mangle.EXTENSIONS,
    *conntrack.EXTENSIONS,
    *connections.EXTENSIONS,
    *tracking.EXTENSIONS,
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
_BY_FAMILY: Final = {
    family: {one.name: one for one in _EXTENSIONS if family in one.families} for family in (IPV4, IPV6)
}
_MATCHES: Final = {
    family: {name: one for name, one in known.items() if isinstance(one, MatchExtension)}
    for family, known in _BY_FAMILY.items()
}
_TARGETS: Final = {
    family: {name: one for name, one in known.items() if isinstance(one, TargetExtension)}
    for family, known in _BY_FAMILY.items()
}

# What Debian's iptables 1.8.9 has besides; to name these is no mistake of the user's.
_MATCHES_OF_BOTH: Final = "cgroup cluster connlabel dccp ecn ipcomp ipvs nfacct policy rateest socket"
_MATCHES_OF_OTHERS: Final = {
    IPV4: frozenset(f"{_MATCHES_OF_BOTH} osf".split()),
    IPV6: frozenset(f"{_MATCHES_OF_BOTH} addrtype dst eui64 frag hbh ipv6header mh osf rt srh".split()),
}
_TARGETS_OF_BOTH: Final = "AUDIT CONNSECMARK HMARK IDLETIMER LED RATEEST SECMARK SYNPROXY TCPOPTSTRIP TPROXY"
_TARGETS_OF_OTHERS: Final = {
    IPV4: frozenset(f"{_TARGETS_OF_BOTH} CLUSTERIP ECN ULOG".split()),
    IPV6: frozenset(f"{_TARGETS_OF_BOTH} DNPT SNPT".split()),
}
_LONGEST_NAME: Final = 28

# Other names of a match. Linux: libxtables/xtables.c xtables_find_match()
_ICMP6_NAMES: Final = ("icmpv6", "ipv6-icmp")


def find_match(name: str, family: Family) -> MatchExtension:
    """The match of `-m NAME`."""
    if len(name) > _LONGEST_NAME:
        raise Refused(f'Invalid match name "{name}" ({_LONGEST_NAME} chars max)')
    found = implied_match(name, family)
    if found is None:
        called = "icmp6" if name in _ICMP6_NAMES else name
        raise Refused(f"Couldn't load match `{called}':No such file or directory\n")
    return found


def implied_match(name: str, family: Family) -> MatchExtension | None:
    """The match of `-p NAME`; None if the protocol has none."""
    name = "icmp6" if name in _ICMP6_NAMES else name
    if name in _MATCHES_OF_OTHERS[family]:
        raise NotModelled(f"{family.program} -m {name}", tuple(sorted(_MATCHES[family])))
    return _MATCHES[family].get(name)


def find_target(name: str, family: Family) -> TargetExtension | None:
    """A target by its name; None if it can only be a chain."""
    if name in _TARGETS_OF_OTHERS[family]:
        known = ("ACCEPT", "DROP", "RETURN", *sorted(_TARGETS[family]))
        raise NotModelled(f"{family.program} -j {name}", known)
    return _TARGETS[family].get(name)
