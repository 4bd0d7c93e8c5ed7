"""Hosts with firewalls of every kind, and what becomes of packets that come to them."""

import re
import time

from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.explain.words import packet_of
from pystack.hooks.shim.rules import saved_rules
from pystack.wire.ethernet import ETH_P_IP, header

OURS = bytes.fromhex("020000000001")
THEIRS = bytes.fromhex("02aa00000005")
NET = """
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
ip link set tap1 address 02:00:00:00:00:01
ip addr add 10.0.0.1/24 dev tap1
ip link set tap1 up
ip addr add 10.2.0.1/24 dev tap2
ip link set tap2 up
ip neigh add 10.0.0.5 lladdr 02:aa:00:00:00:05 dev tap1
ip neigh add 10.2.0.6 lladdr 02:aa:00:00:00:06 dev tap2
"""
MANGLE = "iptables -t mangle"
CHAIN = "add chain inet t c { type filter hook prerouting priority -149; policy accept; }"
HOSTS = {
    "nothing": "",
    "policies": "iptables -P INPUT DROP; iptables -A INPUT -p icmp -j ACCEPT; iptables -P FORWARD DROP",
    "drops-before": f"{MANGLE} -A PREROUTING -p udp -j DROP; {MANGLE} -A FORWARD -j ACCEPT",
    "drops-behind": "iptables -A INPUT -p udp -j DROP; iptables -A FORWARD -p udp -j DROP",
    "user-chains": f"{MANGLE} -N U; {MANGLE} -A PREROUTING -j U; {MANGLE} -A U -p udp -j DROP",
    "legacy": "iptables-legacy -t mangle -A PREROUTING -p udp -j DROP; iptables-legacy -P FORWARD DROP",
    "both": "iptables-legacy -A INPUT -p udp -j DROP; iptables-nft -A FORWARD -p icmp -j DROP",
    "tracked": "iptables -A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "nft": f"nft add table inet t; nft '{CHAIN}'; nft add rule inet t c udp dport 53 drop",
}
PACKETS = [
    "10.0.0.5 > 10.0.0.1: ICMP echo request, id 3, seq {n}, length 16",
    "10.0.0.5.4000 > 10.0.0.1.53: UDP, length 4",
    "10.0.0.5.4000 > 10.0.0.1.99: UDP, length 4",
    "10.0.0.5 > 10.2.0.6: ICMP echo request, id 4, seq {n}, length 16",
    "10.0.0.5.4000 > 10.2.0.6.53: UDP, length 4",
    "IP (tos 0x0, ttl 1, id 5, offset 0, flags [none], proto UDP (17), length 32) "
    "10.0.0.5.4001 > 10.2.0.6.99: UDP, length 4",
]

Fate = list[tuple[str, bytes]]


def fate(kernel: KernelNetns, expected: list[Fate] | None = None) -> list[Fate]:
    """What comes out of the host for each packet: by which port, and what tells one from another.

    What is expected is waited for, because somebody has to answer for it first.
    """
    told: list[Fate] = []
    for number, words in enumerate(PACKETS):
        kernel.send("tap1", header(OURS, THEIRS, ETH_P_IP) + packet_of(words.replace("{n}", "1")).payload)
        out = _emitted(kernel)
        patience = time.monotonic() + 2.0
        while expected is not None and len(out) < len(expected[number]) and time.monotonic() < patience:
            time.sleep(0.005)
            out += _emitted(kernel)
        told.append(out)
    time.sleep(0.3 if expected is not None else 0.0)  # for what should have been dropped
    return [*told, _emitted(kernel)]


def _emitted(kernel: KernelNetns) -> Fate:
    """Without the kernel's own IGMP."""
    frames = [(port, data) for port, data in kernel.drain() if data[12:14] == b"\x08\0"]
    return [(port, data[23:24] + data[26:38]) for port, data in frames if data[23] != 2]


def rulesets(kernel: KernelNetns) -> str:
    told = kernel.sh("nft list ruleset; iptables-legacy-save -t mangle; iptables-legacy-save -t filter").out
    return "\n".join(
        line for line in told.splitlines() if "packets" not in line and not line.startswith(("#", ":"))
    )


_COUNTER = re.compile(r"\[(\d+):\d+\] (-A .*)")


def counted(kernel: KernelNetns) -> dict[str, int]:
    """By each rule of the host's own, the packets that it has decided about."""
    told = "".join(kernel.sh(f"iptables-{kind}-save -c").out for kind in ("nft", "legacy"))
    rows = (found for line in told.splitlines() if (found := _COUNTER.fullmatch(line)))
    return {row[2]: int(row[1]) for row in rows if "pystack" not in row[2]}


def has_rules(kernel: KernelNetns) -> bool:
    return any("pystack-shim" in text for text in saved_rules(kernel.netns_path).values())
