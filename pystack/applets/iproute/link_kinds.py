"""What follows `type KIND`: the options of bridges, bridge ports and veth pairs."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.link_request import LinkParser, LinkRequest
from pystack.applets.iproute.numbers import unsigned
from pystack.applets.iproute.usage import BRIDGE_SLAVE_USAGE, BRIDGE_USAGE, VETH_USAGE
from pystack.applets.iproute.words import ToolExit, Words, duplicate, matches, parse_on_off, wrong
from pystack.applets.session import Session
from pystack.errors import NotModelled

# Each option with the width of its number, in iproute2's order; 0: no value follows.
_BRIDGE: Final = (
    ("forward_delay", 32),
    ("hello_time", 32),
    ("max_age", 32),
    ("ageing_time", 32),
    ("stp_state", 32),
    ("priority", 16),
    ("vlan_filtering", 8),
    ("vlan_protocol", -1),
    ("group_fwd_mask", 16),
    ("group_address", -1),
    ("no_linklocal_learn", 8),
    ("fdb_flush", 0),
    ("vlan_default_pvid", 16),
    ("vlan_stats_enabled", 8),
    ("vlan_stats_per_port", 8),
    ("mcast_router", 8),
    ("mcast_snooping", 8),
    ("mcast_vlan_snooping", 8),
    ("mcast_query_use_ifaddr", 8),
    ("mcast_querier", 8),
    ("mcast_hash_elasticity", 32),
    ("mcast_hash_max", 32),
    ("mcast_last_member_count", 32),
    ("mcast_startup_query_count", 32),
    ("mcast_last_member_interval", 64),
    ("mcast_membership_interval", 64),
    ("mcast_querier_interval", 64),
    ("mcast_query_interval", 64),
    ("mcast_query_response_interval", 64),
    ("mcast_startup_query_interval", 64),
    ("mcast_stats_enabled", 8),
    ("mcast_igmp_version", 8),
    ("mcast_mld_version", 8),
    ("nf_call_iptables", 8),
    ("nf_call_ip6tables", 8),
    ("nf_call_arptables", 8),
)
_SPELLED_OUT: Final = frozenset(("no_linklocal_learn", "mcast_vlan_snooping"))

ON_OFF: Final = -2
_BRIDGE_SLAVE: Final = (
    ("fdb_flush", 0),
    ("state", 8),
    ("priority", 16),
    ("cost", 32),
    ("hairpin", ON_OFF),
    ("guard", ON_OFF),
    ("root_block", ON_OFF),
    ("fastleave", ON_OFF),
    ("learning", ON_OFF),
    ("flood", ON_OFF),
    ("mcast_flood", ON_OFF),
    ("bcast_flood", ON_OFF),
    ("mcast_to_unicast", ON_OFF),
    ("proxy_arp", ON_OFF),
    ("proxy_arp_wifi", ON_OFF),
    ("mcast_router", 8),
    ("mcast_fast_leave", ON_OFF),
    ("neigh_suppress", ON_OFF),
    ("group_fwd_mask", 16),
    ("vlan_tunnel", ON_OFF),
    ("isolated", ON_OFF),
    ("locked", ON_OFF),
    ("backup_port", -1),
    ("nobackup_port", -1),
)
TAKE_ANYTHING: Final = frozenset(("dummy",))  # iproute2 knows no options of theirs, and looks at none
_SAYS_IS_INVALID: Final = frozenset(("state", "priority", "cost"))


def bridge_options(rest: list[str]) -> dict[str, int]:
    """Linux: iproute2 ip/iplink_bridge.c bridge_parse_opt()"""
    options: dict[str, int] = {}
    words = Words(rest)
    while words:
        word = words.take()
        name, bits = _find(word, _BRIDGE, _SPELLED_OUT)
        if name is None:
            if matches(word, "help"):
                raise ToolExit(1, BRIDGE_USAGE)
            raise ToolExit(1, f'bridge: unknown command "{word}"?\n' + BRIDGE_USAGE)
        if bits < 0:
            raise NotModelled(f"bridge option {name}", tuple(known for known, width in _BRIDGE if width >= 0))
        options[name] = 1 if bits == 0 else _number(words.take(), bits, f"invalid {name}")
    return options


def bridge_slave_options(rest: list[str]) -> dict[str, int]:
    """Linux: iproute2 ip/iplink_bridge_slave.c bridge_slave_parse_opt()"""
    options: dict[str, int] = {}
    words = Words(rest)
    while words:
        word = words.take()
        name, bits = _find(word, _BRIDGE_SLAVE, frozenset())
        if name is None:
            if matches(word, "help"):
                raise ToolExit(1, BRIDGE_SLAVE_USAGE)
            raise ToolExit(1, f'bridge_slave: unknown option "{word}"?\n' + BRIDGE_SLAVE_USAGE)
        if bits == -1:
            known = tuple(known for known, width in _BRIDGE_SLAVE if width != -1)
            raise NotModelled(f"bridge port option {name}", known)
        if bits == 0:
            options[name] = 1
        elif bits == ON_OFF:
            options[name] = int(parse_on_off(name, words.take()))
        else:
            said = f"{name} is invalid" if name in _SAYS_IS_INVALID else f"invalid {name}"
            options[name] = _number(words.take(), bits, said)
    return options


def _find(
    word: str, table: tuple[tuple[str, int], ...], spelled_out: frozenset[str]
) -> tuple[str | None, int]:
    for name, bits in table:
        if word == name or (word and name.startswith(word) and name not in spelled_out):
            return name, bits
    return None, 0


def _number(word: str, bits: int, said: str) -> int:
    value = unsigned(word, bits)
    if value is None:
        raise wrong(said, word)
    return value


def veth_peer(rest: list[str], session: Session) -> LinkRequest | None:
    """What follows `type veth`: `peer` and the peer's own options. Linux: iproute2 ip/link_veth.c"""
    if not rest:
        return None
    if rest[0] != "peer":
        session.io.out.write(VETH_USAGE)  # iproute2 says it there
        raise ToolExit(1)
    peer = LinkParser(Words(rest[1:]), session, creates=True).parse()
    if peer.kind is not None:
        raise duplicate("type", peer.kind)
    return peer
