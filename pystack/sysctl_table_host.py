"""What only the first namespace shows, or only there can be written: sysctls of the whole host.

Of Linux 6.18. Sizes that it computes from its memory are as on a machine with 24 GiB.
"""

from __future__ import annotations

from typing import Final

CORE: Final = """
bpf_jit_enable 1 flag
bpf_jit_harden 0 0..2
bpf_jit_kallsyms 1 flag
bpf_jit_limit 528482304 u64
busy_poll 0 natural
busy_read 0 natural
default_qdisc pfifo_fast text
dev_weight 64 1..2147483647
dev_weight_rx_bias 1 1..2147483647
dev_weight_tx_bias 1 1..2147483647
devconf_inherit_init_net 0 0..3
fb_tunnels_only_for_init_net 0 0..2
flow_limit_cpu_bitmap 0 mask
flow_limit_table_len 4096 natural
gro_normal_batch 8 1..2147483647
high_order_alloc_disable 0 flag
max_skb_frags 17 1..17
mem_pcpu_rsv 256 0..2147483647
message_burst 10 int
message_cost 5 seconds
netdev_budget 300 int
netdev_budget_usecs 8000 natural
netdev_max_backlog 1000 int
netdev_tstamp_prequeue 1 int
netdev_unregister_timeout_secs 10 1..3600
rmem_default 212992 2304..2147483647
rmem_max 4194304 2304..2147483647
rps_sock_flow_entries 0 natural
skb_defer_max 64 natural
warnings 0 int
wmem_default 212992 4608..2147483647
wmem_max 4194304 4608..2147483647
"""

IPV4: Final = """
fib_sync_mem 524288 65536..67108864
inet_peer_maxttl 600 seconds
inet_peer_minttl 120 seconds
inet_peer_threshold 65664 int
ipfrag_secret_interval 0 seconds
tcp_allowed_congestion_control reno+cubic some_of:tcp_available_congestion_control
tcp_ehash_entries 262144 fixed
tcp_low_latency 0 int
tcp_max_orphans 131072 int
tcp_mem 287901,383868,575802 vector
udp_hash_entries 16384 fixed
udp_mem 575802,767736,1151604 vector
"""

ROUTE: Final = """
error_burst 1250 int
error_cost 250 int
gc_elasticity 8 int
gc_interval 60 seconds
gc_min_interval 0 seconds
gc_min_interval_ms 500 ms
gc_thresh -1 int
gc_timeout 300 seconds
max_size 2147483647 int
redirect_load 5 int
redirect_number 9 int
redirect_silence 5120 int
"""

NEIGH_DEFAULT: Final = """
gc_interval 30 time
gc_thresh1 128 natural
gc_thresh2 512 natural
gc_thresh3 1024 natural
"""

NETFILTER: Final = """
nf_conntrack_buckets 262144 natural
nf_conntrack_expect_max 4096 1..2147483647
nf_conntrack_max 262144 natural
nf_log_all_netns 0 flag
"""

# One value under two names.
CONNTRACK_MAX: Final = ("net", "nf_conntrack_max"), ("net", "netfilter", "nf_conntrack_max")

# What other namespaces see of the above, and cannot write.
SEEN_BY_ALL: Final = (
    ("net", "core", "rmem_default"),
    ("net", "core", "rmem_max"),
    ("net", "core", "wmem_default"),
    ("net", "core", "wmem_max"),
    ("net", "ipv4", "tcp_allowed_congestion_control"),
    ("net", "netfilter", "nf_conntrack_buckets"),
    ("net", "netfilter", "nf_conntrack_expect_max"),
    ("net", "netfilter", "nf_conntrack_max"),
)
