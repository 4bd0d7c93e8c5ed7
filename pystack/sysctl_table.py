"""The sysctls that Linux shows below net, as data: names, defaults, what may be written.

Measured in a fresh namespace of Linux 6.18. What the stack reads it binds itself; the rest is stored and
shown, and changes nothing. Of what is bound, the table still says how a text is read.

Values that depend on a machine's memory, cores or configuration are fixed: MACHINE_DEPENDENT lists them.

Each line of a table is a name, its default, and what may be written: a range, or one of these words.

    flag      0 or 1                         octet    up to 255
    int       any number of 32 bits          natural  up to 2147483647
    u32, u64  up to 32 or 64 bits            switch   any number, kept as 0 or 1
    seconds   what fits into ticks           time     the same, not negative
    ms        milliseconds, in whole ticks   ticks    hundredths of a second, in whole ticks
    vector    numbers, joined by commas here fixed    nothing; words are joined by a plus here
    text      a line; "" stands for none     trigger  anything, nothing can be read
    <=NAME, >=NAME                           a number held against another one of the folder
    one_of:NAME, some_of:NAME                words that another one of the folder lists

and, with a kind of their own: ports unprivileged groups portlist keys logger mask no_ipv6.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack import sysctl_table_host as of_host
from pystack.sysctl import INT_MAX, Kind, Path, Spec, Sysctls, Value
from pystack.sysctl_kinds import (
    FastopenKeys,
    GroupRange,
    Hundredths,
    Int,
    Ipv6Off,
    Logger,
    Mask,
    Milliseconds,
    NotAbove,
    NotBelow,
    OneOf,
    PortList,
    PortRange,
    Seconds,
    Some,
    Switch,
    Text,
    Trigger,
    UnprivilegedStart,
    Vector,
)
from pystack.sysctl_table_ipv4 import IPV4, ROUTE
from pystack.sysctl_table_netfilter import MPTCP, NETFILTER, NF_LOG

PROCESSORS: Final = 2  # of the machine that the fixed values are of

_KINDS: Final[Mapping[str, Kind]] = {
    "flag": Int(0, 1),
    "octet": Int(0, 255),
    "int": Int(),
    "natural": Int(0, INT_MAX),
    "u32": Int(0, (1 << 32) - 1),
    "u64": Int(0, (1 << 64) - 1),
    "switch": Switch(),
    "seconds": Seconds(),
    "time": Seconds(0),
    "ms": Milliseconds(),
    "ticks": Hundredths(),
    "vector": Vector(1),
    "ports": PortRange(),
    "unprivileged": UnprivilegedStart(),
    "groups": GroupRange(),
    "portlist": PortList(),
    "keys": FastopenKeys(),
    "mask": Mask(PROCESSORS),
    "text": Text(),
    "trigger": Trigger(),
    "fixed": Text(),
    "no_ipv6": Ipv6Off(),
}

Specs = Mapping[str, Spec]


def _specs(table: str) -> dict[str, Spec]:
    return dict(_spec(line) for line in table.strip().splitlines())


def _spec(line: str) -> tuple[str, Spec]:
    name, default, word = line.split()
    kind = Logger(default) if word == "logger" else _kind(word)
    value = _value(default, word)
    return name, Spec(value, kind, word != "fixed", word != "trigger", effect=word == "no_ipv6")


def _kind(word: str) -> Kind:
    low, dots, high = word.partition("..")
    if dots:
        return Int(int(low), int(high))
    if word.startswith("<="):
        return NotAbove(word[2:])
    if word.startswith(">="):
        return NotBelow(word[2:])
    head, _, name = word.partition(":")
    if head == "one_of":
        return OneOf(name)
    return Some(name) if head == "some_of" else _KINDS[word]


def _value(text: str, word: str) -> Value:
    if "," in text:
        return tuple(int(number) for number in text.split(","))
    if word != "mask" and text.removeprefix("-").isdigit():
        return int(text)
    return "" if text == '""' else text.replace("+", " ")


# --- every namespace --------------------------------------------------------------------------------------

BRIDGE: Final = _specs("""
bridge-nf-call-arptables 1 switch
bridge-nf-call-ip6tables 1 switch
bridge-nf-call-iptables 1 switch
bridge-nf-filter-pppoe-tagged 0 switch
bridge-nf-filter-vlan-tagged 0 switch
bridge-nf-pass-vlan-input-dev 0 switch
""")

CORE: Final = _specs("""
optmem_max 131072 natural
rmem_default 212992 fixed
rmem_max 4194304 fixed
rps_default_mask 0 mask
somaxconn 4096 natural
tstamp_allow_data 1 flag
txrehash 1 flag
wmem_default 212992 fixed
wmem_max 4194304 fixed
xfrm_acq_expires 30 int
xfrm_aevent_etime 10 u32
xfrm_aevent_rseqth 2 u32
xfrm_larval_drop 1 int
""")

FOLDERS: Final[Mapping[Path, Specs]] = {
    ("net", "bridge"): BRIDGE,
    ("net", "core"): CORE,
    ("net", "ipv4"): _specs(IPV4),
    ("net", "ipv4", "route"): _specs(ROUTE),
    ("net", "mptcp"): _specs(MPTCP),
    ("net", "netfilter"): _specs(NETFILTER),
    ("net", "netfilter", "nf_log"): _specs(NF_LOG),
    ("net", "unix"): _specs("max_dgram_qlen 10 int"),
}

# --- every device -----------------------------------------------------------------------------------------

CONF: Final = _specs("""
accept_local 0 int
accept_redirects 1 int
accept_source_route 1 int
arp_accept 0 int
arp_announce 0 int
arp_evict_nocarrier 1 int
arp_filter 0 int
arp_ignore 0 int
arp_notify 0 int
bc_forwarding 0 int
bootp_relay 0 int
disable_policy 0 int
disable_xfrm 0 int
drop_gratuitous_arp 0 int
drop_unicast_in_l2_multicast 0 int
force_igmp_version 0 int
forwarding 0 int
igmpv2_unsolicited_report_interval 10000 int
igmpv3_unsolicited_report_interval 1000 int
ignore_routes_with_linkdown 0 int
log_martians 0 int
mc_forwarding 0 fixed
medium_id 0 int
promote_secondaries 0 int
proxy_arp 0 int
proxy_arp_pvlan 0 int
route_localnet 0 int
rp_filter 0 int
secure_redirects 1 int
send_redirects 1 int
shared_media 1 int
src_valid_mark 0 int
tag 0 int
""")

CONF_ALL: Final = CONF | _specs("accept_source_route 0 int")
CONF_LOOPBACK: Final = CONF | _specs("disable_policy 1 int\ndisable_xfrm 1 int")

# Linux differs: it takes times below zero too.
NEIGH: Final = _specs("""
anycast_delay 100 ticks
app_solicit 0 natural
base_reachable_time 30 time
base_reachable_time_ms 30000 ms
delay_first_probe_time 5 time
gc_stale_time 60 time
interval_probe_time_ms 5000 ms
locktime 100 ticks
mcast_resolicit 0 natural
mcast_solicit 3 natural
proxy_delay 80 ticks
proxy_qlen 64 natural
retrans_time 100 ticks
retrans_time_ms 1000 ms
ucast_solicit 3 natural
unres_qlen 101 0..1027504
unres_qlen_bytes 212992 natural
""") | {"interval_probe_time_ms": Spec(5000, Milliseconds(1))}

# IPv6 is not modelled: it can be seen to be off, and that is all.
IPV6_CONF: Final = _specs("disable_ipv6 1 no_ipv6")

# --- the first namespace ----------------------------------------------------------------------------------

_HOST: Final[Mapping[Path, Specs]] = {
    ("net", "core"): _specs(of_host.CORE),
    ("net", "ipv4"): _specs(of_host.IPV4),
    ("net", "ipv4", "route"): _specs(of_host.ROUTE),
    ("net", "netfilter"): _specs(of_host.NETFILTER),
}

HOST_FOLDERS: Final[Mapping[Path, Specs]] = {
    path: {**specs, **_HOST.get(path, {})} for path, specs in FOLDERS.items()
}
HOST_ALIASES: Final = _specs("nf_conntrack_max 262144 natural")
NEIGH_DEFAULT: Final = NEIGH | _specs(of_host.NEIGH_DEFAULT)

# --- what else Linux has ----------------------------------------------------------------------------------

MODELLED: Final = tuple(".".join(path) for path in FOLDERS if len(path) == 2)

# Folders, or one name, that are there on a Linux machine and not here.
_LINUX_ONLY: Final = frozenset(
    [(name,) for name in "abi crypto debug dev fs kernel sunrpc user vm".split()]
    + [("net", name) for name in "appletalk ax25 can dccp ieee802154 ipv6 iucv llc mpls phonet".split()]
    + [("net", name) for name in "rds sctp smc vsock x25".split()]
    + [("net", "ipv4", "vs"), ("net", "core", "netdev_rss_key"), ("net", "netfilter", "nf_flowtable")]
)


def is_linux_only(path: Path) -> bool:
    """Whether Linux would know that name, which is not modelled."""
    return any(path[:length] in _LINUX_ONLY for length in range(1, len(path) + 1))


MACHINE_DEPENDENT: Final = frozenset(
    [
        ("net", "core", "rmem_default"),
        ("net", "core", "rmem_max"),
        ("net", "core", "rps_default_mask"),
        ("net", "core", "wmem_default"),
        ("net", "core", "wmem_max"),
        ("net", "ipv4", "tcp_allowed_congestion_control"),
        ("net", "ipv4", "tcp_available_congestion_control"),
        ("net", "ipv4", "tcp_congestion_control"),
        ("net", "ipv4", "tcp_ehash_entries"),
        ("net", "ipv4", "tcp_max_syn_backlog"),
        ("net", "ipv4", "tcp_max_tw_buckets"),
        ("net", "ipv4", "tcp_rmem"),
        ("net", "ipv4", "tcp_wmem"),
        ("net", "ipv4", "udp_hash_entries"),
        ("net", "netfilter", "nf_conntrack_buckets"),
        ("net", "netfilter", "nf_conntrack_expect_max"),
        ("net", "netfilter", "nf_conntrack_max"),
        ("net", "netfilter", "nf_hooks_lwtunnel"),
    ]
)


def lay_out(sysctls: Sysctls, *, of_the_host: bool) -> None:
    """All names of a namespace that no device has; the first one shows the host's too."""
    for path, specs in (HOST_FOLDERS if of_the_host else FOLDERS).items():
        sysctls.lay_out(path, specs)
    sysctls.lay_out(("net", "ipv4", "conf", "all"), CONF_ALL)
    sysctls.lay_out(("net", "ipv4", "conf", "default"), CONF)
    for name in ("all", "default"):
        sysctls.lay_out(("net", "ipv6", "conf", name), IPV6_CONF)
    if of_the_host:
        sysctls.lay_out(("net",), HOST_ALIASES)
        sysctls.lay_out(("net", "ipv4", "neigh", "default"), NEIGH_DEFAULT)
