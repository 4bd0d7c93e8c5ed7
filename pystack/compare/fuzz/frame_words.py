"""What rules of ebtables are made of, and one rule drawn of it.

A fragment is written as in a manual: `[!]` may be left out, `<mac>` stands for one of the values below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pystack.compare.fuzz.dice import Dice

TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "filter": ("INPUT", "FORWARD", "OUTPUT"),
    "nat": ("PREROUTING", "OUTPUT", "POSTROUTING"),
}
CHAINS: Final = ("one", "two")  # that users make
ODD_VALUES: Final = 2  # in a hundred
OTHER_PROTOCOLS: Final = 4  # options that go with another protocol, in a hundred

_HEADER: Final = ("[!] -s <mac>", "[!] -d <mac>", "[!] -i <device>", "[!] -o <device>")
_OF_PROTOCOL: Final[Mapping[str, tuple[str, ...]]] = {
    "IPv4": (
        "--ip-src [!] <network>",
        "--ip-dst [!] <network>",
        "--ip-tos [!] <octet>",
        "--ip-proto [!] <protocol>",
        "--ip-proto <porters> --ip-sport [!] <ports>",
        "--ip-proto <porters> --ip-dport [!] <ports>",
        "--ip-proto icmp --ip-icmp-type [!] <icmp>",
        "--ip-proto igmp --ip-igmp-type [!] <igmp>",
    ),
    "IPv6": (
        "--ip6-src [!] <network6>",
        "--ip6-dst [!] <network6>",
        "--ip6-tclass [!] <octet>",
        "--ip6-proto [!] <protocol>",
        "--ip6-proto <porters> --ip6-sport [!] <ports>",
        "--ip6-proto <porters> --ip6-dport [!] <ports>",
        "--ip6-proto ipv6-icmp --ip6-icmp-type [!] <icmp6>",
    ),
    "ARP": (
        "--arp-op [!] <operation>",
        "--arp-htype [!] <hardware>",
        "--arp-ptype [!] <type>",
        "--arp-ip-src [!] <network>",
        "--arp-ip-dst [!] <network>",
        "--arp-mac-src [!] <mac>",
        "--arp-mac-dst [!] <mac>",
        "[!] --arp-gratuitous",
    ),
    "LENGTH": ("--802_3-sap [!] <sap>", "--802_3-type [!] <type>", "--802_3-sap 0xaa --802_3-type <type>"),
    "802_1Q": ("--vlan-id [!] <vlan>", "--vlan-prio [!] <prio>", "--vlan-id 0 --vlan-encap [!] <encap>"),
    "0x88b5": (),
    "": (
        "--mark [!] <mark>",
        "--pkttype-type [!] <class>",
        "--limit 1/day --limit-burst <burst>",
        "-d BGA --stp-type <stp>",
        "-d BGA --stp-flags [!] <flags>",
        "-d BGA --stp-root-prio [!] <range>",
        "-d BGA --stp-root-addr [!] <mac>",
        "-d BGA --stp-root-cost [!] <range>",
        "-d BGA --stp-sender-prio [!] <range>",
        "-d BGA --stp-port [!] <range>",
        "-d BGA --stp-hello-time [!] <range>",
    ),
}
_WATCHERS: Final = (
    "--log",
    "--log-prefix <text> --log-ip --log-arp --log-ip6",
    "--log-level <level> --log-ip",
    "--log-arp",
    "--log-ip6",
)
_TARGETS: Final[Mapping[str, Mapping[str, int]]] = {
    "filter": {"-j mark --mark-<how> <mark> [--mark-target <verdict>]": 3},
    "PREROUTING": {
        "-j dnat --to-dst <station> [--dnat-target <verdict>]": 4,
        "-j redirect [--redirect-target <verdict>]": 2,
        "-j arpreply --arpreply-mac <station> [--arpreply-target <verdict>]": 2,
        "-j mark --mark-<how> <mark> [--mark-target <verdict>]": 2,
    },
    "OUTPUT": {"-j dnat --to-dst <station> [--dnat-target <verdict>]": 4},
    "POSTROUTING": {"-j snat --to-src <station> [--snat-arp] [--snat-target <verdict>]": 4},
}
_PLAIN: Final[Mapping[str, int]] = {
    "": 6,
    "-j CONTINUE": 6,
    "-j ACCEPT": 3,
    "-j DROP": 1,
    "-j one": 2,
    "-j two": 1,
    "-j RETURN": 1,
}
_VALUES: Final[Mapping[str, tuple[str, ...]]] = {
    "mac": (
        *("02:00:00:00:aa:01", "2:0:0:0:aa:2", "02:00:00:00:00:00/ff:ff:00:00:00:00", "02:00:00:00:0b:00"),
        *("Unicast", "Multicast", "Broadcast", "BGA", "00:00:00:00:00:00", "00:00:00:00:00:01/0:0:0:0:0:1"),
    ),
    "station": (
        *("02:00:00:00:aa:01", "02:00:00:00:aa:02", "02:00:00:00:aa:03"),
        *("02:00:00:00:0b:00", "ff:ff:ff:ff:ff:ff"),
    ),
    "device": ("tap1", "tap2", "tap3", "tap+", "br0", "br+", "eth0"),
    "network": ("10.0.0.1", "10.0.0.0/24", "10.0.0.10", "10.0.0.0/255.0.0.255", "0.0.0.0/0", "224.0.0.0/4"),
    "network6": ("fe80::1", "fe80::/10", "2001:db8::/32", "::/0", "ff02::1", "2001:db8::2/ffff:ffff::ffff"),
    "octet": ("0", "0x10", "0xff", "0x04"),
    "protocol": ("tcp", "udp", "icmp", "17", "1", "ipv6-icmp", "253", "igmp"),
    "porters": ("tcp", "udp", "udp"),
    "ports": ("4096", "8192", "0:65535", "4096:", ":9000", "53", "8192:8192"),
    "icmp": ("8", "0", "echo-request", "3/1:3", "0:8", "echo-reply", "any", "8/0"),
    "igmp": ("0x16", "17", "membership-query", "0:255"),
    "icmp6": ("128", "echo-reply", "135/0", "128:129", "133:137/0:3"),
    "operation": ("Request", "Reply", "1", "3", "0", "8", "NAK"),
    "hardware": ("1", "Ethernet", "6", "0"),
    "type": ("0x0800", "0x86dd", "0x88b5", "2048", "0x0001"),
    "sap": ("0x42", "0xaa", "0xff", "6"),
    "vlan": ("0", "1", "5", "4094"),
    "prio": ("0", "3", "7"),
    "encap": ("0800", "ARP", "IPv4", "88b5", "IPv6"),
    "mark": ("0", "5", "0x5", "0x10/0xf0", "0xffffffff", "/2"),
    "class": ("host", "broadcast", "multicast", "otherhost"),
    "burst": ("1", "3", "5"),
    "stp": ("config", "tcn", "0", "128"),
    "flags": ("topology-change", "topology-change-ack", "0", "129"),
    "range": ("0", "1:5", "32768", ":40000", "100:", "0:65535"),
    "text": ("x", "'two words'", "in:", "'50% '"),
    "level": ("0", "debug", "notice", "7", "warning"),
    "how": ("set", "or", "and", "xor"),
    "verdict": ("ACCEPT", "CONTINUE", "CONTINUE", "CONTINUE", "DROP", "RETURN"),
}
_ODD: Final = ("", "nosuch", "-1", "1:2:3", "0x", "65536", "10.0.0.0/33", "256", "1/", "!", "*", "5:1")

_ODD_NETWORKS: Final = ("", "nosuch", "10.0.0.0/33", "fe80::/129", "1:2:3", "*", "/8")


def place(dice: Dice) -> tuple[str, str]:
    """A table and a chain of it."""
    table = dice.weighted({"filter": 3, "nat": 2})
    return table, dice.among((*TABLES[table], *TABLES[table], *CHAINS))


def rule(dice: Dice, table: str, chain: str) -> list[str]:
    """All that stands behind the name of the chain."""
    protocol = dice.weighted({"IPv4": 8, "ARP": 6, "IPv6": 5, "": 9, "LENGTH": 3, "802_1Q": 3, "0x88b5": 1})
    words = ["-p", protocol] if protocol else []
    if protocol and dice.chance(8):
        words.insert(0, "!")
    for fragment in _HEADER:
        if dice.chance(10) and (_goes_with(chain, fragment) or dice.chance(OTHER_PROTOCOLS)):
            words += filled(dice, fragment)
    for kind, percent in ((protocol, 60), ("", 12)):
        options = _OF_PROTOCOL[kind if not dice.chance(OTHER_PROTOCOLS) else dice.among(list(_OF_PROTOCOL))]
        if options and dice.chance(percent):
            for _ in range(dice.weighted({1: 4, 2: 1})):
                words += filled(dice, dice.among(options))
    if dice.chance(50):
        words += filled(dice, dice.among(_WATCHERS))
    targets = {**_PLAIN, **_TARGETS.get(table if table == "filter" else chain, {})}
    return words + filled(dice, dice.weighted(targets))


def _goes_with(chain: str, fragment: str) -> bool:
    barred = {"-i": ("OUTPUT", "POSTROUTING"), "-o": ("INPUT", "PREROUTING")}
    return not any(option in fragment and chain in chains for option, chains in barred.items())


def filled(dice: Dice, fragment: str) -> list[str]:
    """A fragment with values; what stands in brackets is there or not."""
    words: list[str] = []
    left_out = False
    for word in fragment.split():
        if word == "[!]":
            words += ["!"] if dice.chance(20) else []
            continue
        left_out = dice.chance(50) if word.startswith("[") else left_out
        if not left_out:
            words.append(_with_value(dice, word.strip("[]")))
        left_out = left_out and not word.endswith("]")
    return words


def _with_value(dice: Dice, word: str) -> str:
    before, opened, rest = word.partition("<")
    if not opened:
        return word
    kind, _, behind = rest.partition(">")
    odd = _ODD if not kind.startswith("network") else _ODD_NETWORKS
    return before + dice.among(odd if dice.chance(ODD_VALUES) else _VALUES[kind]).strip("'") + behind
