"""The sysctls that a kernel shows and the stack does not read: their names, defaults and limits, as data.

A name that the stack binds itself is left to it; what stands here is stored and shown, and changes nothing.
Measured in a fresh namespace of Linux 6.18. Three kinds of values are not that kernel's own: what depends on
the memory or the cores of a machine is as on one with 24 GiB and two cores, the congestion control is that of
an unconfigured kernel, and the buffer limits can be written here, as on a host and not as in a namespace.

Each line is a name, its default, and what may be written: a range, or one of these words.

    flag      0 or 1                    natural  up to 2147483647
    octet     up to 255                 u32      up to 4294967295
    seconds   what fits into jiffies    u64      up to 18446744073709551615
    int       any number of 32 bits     list     numbers, joined by commas here
    text      a word, "" for none       fixed    nothing; words are joined by a plus here
"""

from __future__ import annotations

from typing import Final

from pystack.sysctl import INT_MAX, INT_MIN, Knob, Stored, Sysctls, Value

Path = tuple[str, ...]

_RANGES: Final = {
    "flag": (0, 1),
    "octet": (0, 255),
    "seconds": (-8589934, 8589934),
    "int": (INT_MIN, INT_MAX),
    "natural": (0, INT_MAX),
    "u32": (0, (1 << 32) - 1),
    "u64": (0, (1 << 64) - 1),
}


class Row:
    """One name below a folder of /proc/sys."""

    __slots__ = ("default", "high", "low", "name", "writable")

    def __init__(self, line: str) -> None:
        self.name, default, kind = line.split()
        low, dots, high = kind.partition("..")
        self.low, self.high = (int(low), int(high)) if dots else _RANGES.get(kind, (INT_MIN, INT_MAX))
        self.writable = kind != "fixed"
        self.default = _value(default, kind)

    def knob(self, value: Value) -> Knob:
        """A knob that keeps a value to itself."""
        return Knob(Stored(value), "value", self.low, self.high, effect=False, writable=self.writable)


def _value(text: str, kind: str) -> Value:
    if kind == "list":
        return tuple(int(number) for number in text.split(","))
    if text.lstrip("-").isdigit():
        return int(text)
    return "" if text == '""' else text.replace("+", " ")


def _rows(table: str) -> tuple[Row, ...]:
    return tuple(Row(line) for line in table.strip().splitlines())


def bind_missing(sysctls: Sysctls, folder: Path, rows: tuple[Row, ...], like: Path | None = None) -> None:
    """Bind what nobody has bound; with `like`, to the values that another folder holds."""
    for row in rows:
        if sysctls.get((*folder, row.name)) is not None:
            continue
        model = None if like is None else sysctls.get((*like, row.name))
        sysctls.bind((*folder, row.name), row.knob(row.default if model is None else model.value))


def bind_globals(sysctls: Sysctls) -> None:
    """All names that no device has."""
    for folder, rows in GLOBALS.items():
        bind_missing(sysctls, folder, rows)


GLOBALS: Final[dict[Path, tuple[Row, ...]]] = {
    ("net", "bridge"): _rows(
        """
bridge-nf-call-arptables 1 flag
bridge-nf-call-ip6tables 1 flag
bridge-nf-call-iptables 1 flag
bridge-nf-filter-pppoe-tagged 0 flag
bridge-nf-filter-vlan-tagged 0 flag
bridge-nf-pass-vlan-input-dev 0 flag
"""
    ),
    ("net", "core"): _rows(
        """
optmem_max 131072 natural
rmem_default 212992 natural
rmem_max 4194304 natural
rps_default_mask 0 natural
somaxconn 4096 natural
tstamp_allow_data 1 flag
txrehash 1 flag
wmem_default 212992 natural
wmem_max 4194304 natural
xfrm_acq_expires 30 int
xfrm_aevent_etime 10 u32
xfrm_aevent_rseqth 2 u32
xfrm_larval_drop 1 int
"""
    ),
    ("net", "ipv4"): _rows(
        """
fib_multipath_hash_fields 7 1..4095
fib_multipath_hash_policy 0 0..3
fib_multipath_hash_seed 0 u32
fib_multipath_use_neigh 0 flag
fib_notify_on_flag_change 0 0..2
fwmark_reflect 0 octet
icmp_echo_enable_probe 0 flag
icmp_echo_ignore_all 0 flag
icmp_echo_ignore_broadcasts 1 flag
icmp_errors_use_inbound_ifaddr 0 flag
icmp_ignore_bogus_error_responses 1 flag
icmp_msgs_burst 50 natural
icmp_msgs_per_sec 1000 natural
icmp_ratelimit 1000 natural
icmp_ratemask 6168 int
igmp_link_local_mcast_reports 1 octet
igmp_max_memberships 20 int
igmp_max_msf 10 int
igmp_qrv 2 1..2147483647
ip_autobind_reuse 0 flag
ip_default_ttl 64 1..255
ip_dynaddr 0 octet
ip_early_demux 1 octet
ip_forward 0 int
ip_forward_update_priority 1 flag
ip_forward_use_pmtu 0 octet
ip_local_port_range 32768,60999 list
ip_local_reserved_ports "" text
ip_no_pmtu_disc 0 octet
ip_nonlocal_bind 0 octet
ip_unprivileged_port_start 1024 0..32768
ipfrag_high_thresh 4194304 3145728..18446744073709551615
ipfrag_low_thresh 3145728 0..4194304
ipfrag_max_dist 64 natural
ipfrag_time 30 seconds
nexthop_compat_mode 1 flag
ping_group_range 1,0 list
raw_l3mdev_accept 1 flag
tcp_abort_on_overflow 0 octet
tcp_adv_win_scale 1 -31..31
tcp_allowed_congestion_control reno+cubic fixed
tcp_app_win 31 0..31
tcp_autocorking 1 flag
tcp_available_congestion_control reno+cubic fixed
tcp_backlog_ack_defer 1 flag
tcp_base_mss 1024 int
tcp_challenge_ack_limit 2147483647 int
tcp_child_ehash_entries 0 0..16777216
tcp_comp_sack_delay_ns 1000000 u64
tcp_comp_sack_nr 44 octet
tcp_comp_sack_slack_ns 100000 u64
tcp_congestion_control cubic text
tcp_dsack 1 octet
tcp_early_demux 1 octet
tcp_early_retrans 3 0..4
tcp_ecn 2 0..2
tcp_ecn_fallback 1 flag
tcp_ecn_option 2 0..2
tcp_ecn_option_beacon 3 0..3
tcp_ehash_entries -262144 fixed
tcp_fack 0 octet
tcp_fastopen 1 int
tcp_fastopen_blackhole_timeout_sec 0 natural
tcp_fastopen_key 00000000-00000000-00000000-00000000 text
tcp_fin_timeout 60 seconds
tcp_frto 2 octet
tcp_fwmark_accept 0 octet
tcp_invalid_ratelimit 500 natural
tcp_keepalive_intvl 75 seconds
tcp_keepalive_probes 9 octet
tcp_keepalive_time 7200 seconds
tcp_l3mdev_accept 0 flag
tcp_limit_output_bytes 4194304 int
tcp_max_reordering 300 1..2147483647
tcp_max_syn_backlog 2048 int
tcp_max_tw_buckets 131072 int
tcp_migrate_req 0 flag
tcp_min_rtt_wlen 300 0..86400
tcp_min_snd_mss 48 48..65535
tcp_min_tso_segs 2 1..255
tcp_moderate_rcvbuf 1 octet
tcp_mtu_probe_floor 48 48..65535
tcp_mtu_probing 0 octet
tcp_no_metrics_save 0 octet
tcp_no_ssthresh_metrics_save 1 flag
tcp_notsent_lowat 4294967295 u32
tcp_orphan_retries 0 octet
tcp_pacing_ca_ratio 120 0..1000
tcp_pacing_ss_ratio 200 0..1000
tcp_pingpong_thresh 1 1..255
tcp_plb_cong_thresh 128 0..256
tcp_plb_enabled 0 flag
tcp_plb_idle_rehash_rounds 3 0..31
tcp_plb_rehash_rounds 12 0..31
tcp_plb_suspend_rto_sec 60 octet
tcp_probe_interval 600 0..17179869
tcp_probe_threshold 8 int
tcp_recovery 1 octet
tcp_reflect_tos 0 flag
tcp_reordering 3 1..300
tcp_retrans_collapse 1 octet
tcp_retries1 3 octet
tcp_retries2 15 octet
tcp_rfc1337 0 octet
tcp_rmem 4096,131072,33554432 list
tcp_rto_max_ms 120000 1000..120000
tcp_rto_min_us 200000 1..2147483647
tcp_sack 1 octet
tcp_shrink_window 0 flag
tcp_slow_start_after_idle 1 octet
tcp_stdurg 0 octet
tcp_syn_linear_timeouts 4 0..127
tcp_syn_retries 6 1..127
tcp_synack_retries 5 octet
tcp_syncookies 1 octet
tcp_thin_linear_timeouts 0 octet
tcp_timestamps 1 octet
tcp_tso_rtt_log 9 octet
tcp_tso_win_divisor 3 octet
tcp_tw_reuse 2 0..2
tcp_tw_reuse_delay 1000 1..60000
tcp_window_scaling 1 octet
tcp_wmem 4096,16384,4194304 list
tcp_workaround_signed_windows 0 octet
udp_child_hash_entries 0 0..65536
udp_early_demux 1 octet
udp_hash_entries -16384 fixed
udp_l3mdev_accept 0 flag
udp_rmem_min 4096 1..2147483647
udp_wmem_min 4096 1..2147483647
xfrm4_gc_thresh 32768 int
"""
    ),
    ("net", "ipv4", "route"): _rows(
        """
min_adv_mss 256 int
min_pmtu 552 68..2147483647
mtu_expires 600 seconds
"""
    ),
    ("net", "mptcp"): _rows(
        """
add_addr_timeout 120 seconds
allow_join_initial_addr_port 1 flag
available_path_managers kernel+userspace fixed
available_schedulers default fixed
blackhole_timeout 3600 natural
checksum_enabled 0 flag
close_timeout 60 seconds
enabled 1 flag
path_manager kernel text
pm_type 0 flag
scheduler default text
stale_loss_cnt 4 u32
syn_retrans_before_tcp_fallback 2 octet
"""
    ),
    ("net", "netfilter"): _rows(
        """
nf_conntrack_acct 0 flag
nf_conntrack_buckets 262144 fixed
nf_conntrack_checksum 1 flag
nf_conntrack_count 0 fixed
nf_conntrack_events 2 0..2
nf_conntrack_expect_max 4096 natural
nf_conntrack_frag6_high_thresh 4194304 3145728..18446744073709551615
nf_conntrack_frag6_low_thresh 3145728 0..4194304
nf_conntrack_frag6_timeout 60 seconds
nf_conntrack_generic_timeout 600 seconds
nf_conntrack_gre_timeout 30 seconds
nf_conntrack_gre_timeout_stream 180 seconds
nf_conntrack_icmp_timeout 30 seconds
nf_conntrack_icmpv6_timeout 30 seconds
nf_conntrack_log_invalid 0 octet
nf_conntrack_max 262144 natural
nf_conntrack_sctp_timeout_closed 10 seconds
nf_conntrack_sctp_timeout_cookie_echoed 3 seconds
nf_conntrack_sctp_timeout_cookie_wait 3 seconds
nf_conntrack_sctp_timeout_established 210 seconds
nf_conntrack_sctp_timeout_heartbeat_sent 30 seconds
nf_conntrack_sctp_timeout_shutdown_ack_sent 3 seconds
nf_conntrack_sctp_timeout_shutdown_recd 3 seconds
nf_conntrack_sctp_timeout_shutdown_sent 3 seconds
nf_conntrack_tcp_be_liberal 0 flag
nf_conntrack_tcp_ignore_invalid_rst 0 flag
nf_conntrack_tcp_loose 1 flag
nf_conntrack_tcp_max_retrans 3 octet
nf_conntrack_tcp_timeout_close 10 seconds
nf_conntrack_tcp_timeout_close_wait 60 seconds
nf_conntrack_tcp_timeout_established 432000 seconds
nf_conntrack_tcp_timeout_fin_wait 120 seconds
nf_conntrack_tcp_timeout_last_ack 30 seconds
nf_conntrack_tcp_timeout_max_retrans 300 seconds
nf_conntrack_tcp_timeout_syn_recv 60 seconds
nf_conntrack_tcp_timeout_syn_sent 120 seconds
nf_conntrack_tcp_timeout_time_wait 120 seconds
nf_conntrack_tcp_timeout_unacknowledged 300 seconds
nf_conntrack_timestamp 0 flag
nf_conntrack_udp_timeout 30 seconds
nf_conntrack_udp_timeout_stream 120 seconds
nf_hooks_lwtunnel 0 flag
"""
    ),
    ("net", "netfilter", "nf_log"): _rows(
        """
0 NONE text
1 NONE text
10 nf_log_ipv6 text
2 nf_log_ipv4 text
3 nf_log_arp text
4 NONE text
5 nf_log_netdev text
6 NONE text
7 nf_log_bridge text
8 NONE text
9 NONE text
"""
    ),
    ("net", "unix"): _rows(
        """
max_dgram_qlen 10 int
"""
    ),
}

CONF: Final = _rows(
    """
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
"""
)

NEIGH: Final = _rows(
    """
anycast_delay 100 seconds
app_solicit 0 natural
base_reachable_time 30 seconds
base_reachable_time_ms 30000 natural
delay_first_probe_time 5 seconds
gc_stale_time 60 seconds
interval_probe_time_ms 5000 1..2147483647
locktime 100 seconds
mcast_resolicit 0 natural
mcast_solicit 3 natural
proxy_delay 80 seconds
proxy_qlen 64 natural
retrans_time 100 natural
retrans_time_ms 1000 natural
ucast_solicit 3 natural
unres_qlen 101 0..1027504
unres_qlen_bytes 212992 natural
"""
)

# IPv6 is not modelled: it can be seen to be off, and that is all.
IPV6_CONF: Final = _rows("disable_ipv6 1 1..1")
