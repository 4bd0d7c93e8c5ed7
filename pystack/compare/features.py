"""What a scenario may say that it needs: not every kernel has it, or not every machine."""

from __future__ import annotations

from typing import Final

FEATURES: Final = {
    "arptables": "arptables on nftables",
    "arptables-legacy": "arptables' tables of old",
    "br_netfilter": "IP's hooks for bridged frames",
    "conntrack": "connection tracking",
    "dummy": "dummy devices",
    "ebtables": "ebtables in either form",
    "ebtables-broute": "ebtables' broute table",
    "ebtables-legacy": "ebtables' tables of old",
    "ipset": "sets of addresses, and the program ipset",
    "iptables-legacy": "iptables' tables of old",
    "iptables-nft": "iptables on nftables",
    "nft": "nftables",
    "nft-bridge-reject": "nftables' reject in bridges",
    "nft-bridges": "nftables' names of bridges",
    "nft-netdev-reject": "nftables' reject at cards",
    "nft-queue": "nftables' queue",
    "traceroute": "the program traceroute",
    "vlan": "802.1Q devices",
    "vrf": "VRF devices",
}
