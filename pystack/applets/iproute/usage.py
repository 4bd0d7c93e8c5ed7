"""What iproute2 says of its command line when it does not understand it."""

from __future__ import annotations

from typing import Final

IP_USAGE: Final = """\
Usage: ip [ OPTIONS ] OBJECT { COMMAND | help }
       ip [ -force ] -batch filename
where  OBJECT := { address | addrlabel | amt | fou | help | ila | ioam | l2tp |
                   link | macsec | maddress | monitor | mptcp | mroute | mrule |
                   neighbor | neighbour | netconf | netns | nexthop | ntable |
                   ntbl | route | rule | sr | tap | tcpmetrics |
                   token | tunnel | tuntap | vrf | xfrm }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] | -r[esolve] |
                    -h[uman-readable] | -iec | -j[son] | -p[retty] |
                    -f[amily] { inet | inet6 | mpls | bridge | link } |
                    -4 | -6 | -M | -B | -0 |
                    -l[oops] { maximum-addr-flush-attempts } | -br[ief] |
                    -o[neline] | -t[imestamp] | -ts[hort] | -b[atch] [filename] |
                    -rc[vbuf] [size] | -n[etns] name | -N[umeric] | -a[ll] |
                    -c[olor]}
"""

VETH_USAGE: Final = """\
Usage: ip link <options> type veth [peer <options>]
To get <options> type 'ip link add help'
"""

_BRIDGE_OPTIONS: Final = """
    forward_delay FORWARD_DELAY
    hello_time HELLO_TIME
    max_age MAX_AGE
    ageing_time AGEING_TIME
    stp_state STP_STATE
    priority PRIORITY
    group_fwd_mask MASK
    group_address ADDRESS
    no_linklocal_learn NO_LINKLOCAL_LEARN
    vlan_filtering VLAN_FILTERING
    vlan_protocol VLAN_PROTOCOL
    vlan_default_pvid VLAN_DEFAULT_PVID
    vlan_stats_enabled VLAN_STATS_ENABLED
    vlan_stats_per_port VLAN_STATS_PER_PORT
    mcast_snooping MULTICAST_SNOOPING
    mcast_vlan_snooping MULTICAST_VLAN_SNOOPING
    mcast_router MULTICAST_ROUTER
    mcast_query_use_ifaddr MCAST_QUERY_USE_IFADDR
    mcast_querier MULTICAST_QUERIER
    mcast_hash_elasticity HASH_ELASTICITY
    mcast_hash_max HASH_MAX
    mcast_last_member_count LAST_MEMBER_COUNT
    mcast_startup_query_count STARTUP_QUERY_COUNT
    mcast_last_member_interval LAST_MEMBER_INTERVAL
    mcast_membership_interval MEMBERSHIP_INTERVAL
    mcast_querier_interval QUERIER_INTERVAL
    mcast_query_interval QUERY_INTERVAL
    mcast_query_response_interval QUERY_RESPONSE_INTERVAL
    mcast_startup_query_interval STARTUP_QUERY_INTERVAL
    mcast_stats_enabled MCAST_STATS_ENABLED
    mcast_igmp_version IGMP_VERSION
    mcast_mld_version MLD_VERSION
    nf_call_iptables NF_CALL_IPTABLES
    nf_call_ip6tables NF_CALL_IP6TABLES
    nf_call_arptables NF_CALL_ARPTABLES
""".split()

_BRIDGE_SLAVE_OPTIONS: Final = (
    ("state", "STATE"),
    ("priority", "PRIO"),
    ("cost", "COST"),
    *((name, "{on | off}") for name in ("guard", "hairpin", "fastleave", "root_block", "learning", "flood")),
    *((name, "{on | off}") for name in ("proxy_arp", "proxy_arp_wifi")),
    ("mcast_router", "MULTICAST_ROUTER"),
    *((name, "{on | off}") for name in ("mcast_fast_leave", "mcast_flood", "bcast_flood")),
    ("mcast_to_unicast", "{on | off}"),
    ("group_fwd_mask", "MASK"),
    *((name, "{on | off}") for name in ("neigh_suppress", "vlan_tunnel", "isolated", "locked")),
)

_BRIDGE_PAIRS: Final = tuple(zip(_BRIDGE_OPTIONS[::2], _BRIDGE_OPTIONS[1::2], strict=True))

BRIDGE_USAGE: Final = (
    "Usage: ... bridge [ fdb_flush ]\n"
    + "".join(f"\t\t  [ {name} {value} ]\n" for name, value in _BRIDGE_PAIRS)
    + "\nWhere: VLAN_PROTOCOL := { 802.1Q | 802.1ad }\n"
)

BRIDGE_SLAVE_USAGE: Final = (
    "Usage: ... bridge_slave [ fdb_flush ]\n"
    + "".join(f"\t\t\t[ {name} {value} ]\n" for name, value in _BRIDGE_SLAVE_OPTIONS)
    + "\t\t\t[ backup_port DEVICE ] [ nobackup_port ]\n"
)

_VLAN_OPTIONS: Final = (
    ("protocol", "VLANPROTO"),
    *((name, "{ on | off }") for name in ("reorder_hdr", "gvrp", "mvrp", "loose_binding", "bridge_binding")),
    ("ingress-qos-map", "QOS-MAP"),
    ("egress-qos-map", "QOS-MAP"),
)

VLAN_USAGE: Final = (
    "Usage: ... vlan id VLANID\n"
    + "".join(f"\t\t[ {name} {value} ]\n" for name, value in _VLAN_OPTIONS)
    + "\nVLANID := 0-4095\nVLANPROTO: [ 802.1Q | 802.1ad ]\n"
    + "QOS-MAP := [ QOS-MAP ] QOS-MAPPING\nQOS-MAPPING := FROM:TO\n"
)

# `ip link help TYPE`
KIND_USAGES: Final = {
    "bridge": BRIDGE_USAGE,
    "bridge_slave": BRIDGE_SLAVE_USAGE,
    "dummy": "Usage: ... dummy\n",
    "veth": VETH_USAGE,
    "vlan": VLAN_USAGE,
}

BRIDGE_COMMAND_USAGE: Final = """\
Usage: bridge [ OPTIONS ] OBJECT { COMMAND | help }
       bridge [ -force ] -batch filename
where  OBJECT := { link | fdb | mdb | vlan | monitor }
       OPTIONS := { -V[ersion] | -s[tatistics] | -d[etails] |
                    -o[neline] | -t[imestamp] | -n[etns] name |
                    -c[ompressvlans] -color -p[retty] -j[son] }
"""

BRIDGE_LINK_USAGE: Final = """\
Usage: bridge link set dev DEV [ cost COST ] [ priority PRIO ] [ state STATE ]
                               [ guard {on | off} ]
                               [ hairpin {on | off} ]
                               [ fastleave {on | off} ]
                               [ root_block {on | off} ]
                               [ learning {on | off} ]
                               [ learning_sync {on | off} ]
                               [ flood {on | off} ]
                               [ mcast_router MULTICAST_ROUTER ]
                               [ mcast_flood {on | off} ]
                               [ bcast_flood {on | off} ]
                               [ mcast_to_unicast {on | off} ]
                               [ neigh_suppress {on | off} ]
                               [ vlan_tunnel {on | off} ]
                               [ isolated {on | off} ]
                               [ locked {on | off} ]
                               [ hwmode {vepa | veb} ]
                               [ backup_port DEVICE ] [ nobackup_port ]
                               [ self ] [ master ]
       bridge link show [dev DEV]
"""

BRIDGE_FDB_USAGE: Final = (
    "Usage: bridge fdb { add | append | del | replace } ADDR dev DEV\n"
    "              [ self ] [ master ] [ use ] [ router ] [ extern_learn ]\n"
    "              [ sticky ] [ local | static | dynamic ] [ vlan VID ]\n"
    "              { [ dst IPADDR ] [ port PORT] [ vni VNI ] | [ nhid NHID ] }\n"
    "\t       [ via DEV ] [ src_vni VNI ]\n"
    "       bridge fdb [ show [ br BRDEV ] [ brport DEV ] [ vlan VID ]\n"
    "              [ state STATE ] [ dynamic ] ]\n"
    "       bridge fdb get [ to ] LLADDR [ br BRDEV ] { brport | dev } DEV\n"
    "              [ vlan VID ] [ vni VNI ] [ self ] [ master ] [ dynamic ]\n"
    "       bridge fdb flush dev DEV [ brport DEV ] [ vlan VID ]\n"
    "              [ self ] [ master ] [ [no]permanent | [no]static | [no]dynamic ]\n"
    "              [ [no]added_by_user ] [ [no]extern_learn ] [ [no]sticky ]\n"
    "              [ [no]offloaded ]\n"
)
