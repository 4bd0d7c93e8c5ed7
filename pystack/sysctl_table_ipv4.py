"""net.ipv4 in each namespace: names, defaults, and what may be written. The words stand in sysctl_table.py.

Of Linux 6.18. Linux 6.1 has not yet: fib_multipath_hash_seed, tcp_backlog_ack_defer, tcp_ecn_option,
tcp_ecn_option_beacon, tcp_pingpong_thresh, tcp_plb_*, tcp_rto_max_ms, tcp_rto_min_us,
tcp_syn_linear_timeouts, tcp_tw_reuse_delay, udp_child_hash_entries, udp_hash_entries; and its
tcp_limit_output_bytes, tcp_rmem and tcp_challenge_ack_limit begin elsewhere.
"""

from __future__ import annotations

from typing import Final

IPV4: Final = """
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
icmp_ratelimit 1000 ms
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
ip_local_port_range 32768,60999 ports
ip_local_reserved_ports "" portlist
ip_no_pmtu_disc 0 octet
ip_nonlocal_bind 0 octet
ip_unprivileged_port_start 1024 unprivileged
ipfrag_high_thresh 4194304 >=ipfrag_low_thresh
ipfrag_low_thresh 3145728 <=ipfrag_high_thresh
ipfrag_max_dist 64 natural
ipfrag_time 30 time
nexthop_compat_mode 1 flag
ping_group_range 1,0 groups
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
tcp_congestion_control cubic one_of:tcp_available_congestion_control
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
tcp_fastopen_key 00000000-00000000-00000000-00000000 keys
tcp_fin_timeout 60 seconds
tcp_frto 2 octet
tcp_fwmark_accept 0 octet
tcp_invalid_ratelimit 500 ms
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
tcp_rmem 4096,131072,33554432 vector
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
tcp_wmem 4096,16384,4194304 vector
tcp_workaround_signed_windows 0 octet
udp_child_hash_entries 0 0..65536
udp_early_demux 1 octet
udp_hash_entries -16384 fixed
udp_l3mdev_accept 0 flag
udp_rmem_min 4096 1..2147483647
udp_wmem_min 4096 1..2147483647
xfrm4_gc_thresh 32768 int
"""

ROUTE: Final = """
flush "" trigger
min_adv_mss 256 int
min_pmtu 552 68..2147483647
mtu_expires 600 seconds
"""
