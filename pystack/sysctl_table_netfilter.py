"""net.netfilter and net.mptcp in each namespace, of which nothing is modelled yet: stored and shown.

Of Linux 6.18; Linux 6.1 has not yet all of net.mptcp. The words stand in sysctl_table.py.
"""

from __future__ import annotations

from typing import Final

NETFILTER: Final = """
nf_conntrack_acct 0 flag
nf_conntrack_buckets 262144 fixed
nf_conntrack_checksum 1 flag
nf_conntrack_count 0 fixed
nf_conntrack_events 2 0..2
nf_conntrack_expect_max 4096 fixed
nf_conntrack_frag6_high_thresh 4194304 >=nf_conntrack_frag6_low_thresh
nf_conntrack_frag6_low_thresh 3145728 <=nf_conntrack_frag6_high_thresh
nf_conntrack_frag6_timeout 60 seconds
nf_conntrack_generic_timeout 600 seconds
nf_conntrack_gre_timeout 30 seconds
nf_conntrack_gre_timeout_stream 180 seconds
nf_conntrack_icmp_timeout 30 seconds
nf_conntrack_icmpv6_timeout 30 seconds
nf_conntrack_log_invalid 0 octet
nf_conntrack_max 262144 fixed
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

NF_LOG: Final = """
0 NONE logger
1 NONE logger
10 nf_log_ipv6 logger
2 nf_log_ipv4 logger
3 nf_log_arp logger
4 NONE logger
5 nf_log_netdev logger
6 NONE logger
7 nf_log_bridge logger
8 NONE logger
9 NONE logger
"""

MPTCP: Final = """
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
