"""The names that iproute2 gives to numbers: /etc/iproute2 of Debian 12, and nothing that a machine added."""

from __future__ import annotations

from typing import Final

from pystack.applets.iproute.numbers import unsigned


class NameTable:
    """Numbers by name and back."""

    def __init__(self, names: dict[int, str], high: int = 255) -> None:
        self._names = names
        self._numbers = {name: number for number, name in names.items()}
        self._high = high

    def name(self, number: int) -> str:
        """The name of a number, the number itself if it has none."""
        return self._names.get(number, str(number))

    def number(self, word: str) -> int | None:
        """The number that a word means."""
        if word in self._numbers:
            return self._numbers[word]
        value = unsigned(word)
        return value if value is not None and value <= self._high else None


SCOPES: Final = NameTable({0: "global", 255: "nowhere", 254: "host", 253: "link", 200: "site"})
TABLES: Final = NameTable({0: "unspec", 253: "default", 254: "main", 255: "local"}, 0xFFFFFFFF)
GROUPS: Final = NameTable({0: "default"}, 0xFFFFFFFF)
PROTOCOLS: Final = NameTable(
    {
        0: "unspec",
        1: "redirect",
        2: "kernel",
        3: "boot",
        4: "static",
        8: "gated",
        9: "ra",
        10: "mrt",
        11: "zebra",
        12: "bird",
        13: "dnrouted",
        14: "xorp",
        15: "ntk",
        16: "dhcp",
        18: "keepalived",
        42: "babel",
        99: "openr",
        186: "bgp",
        187: "isis",
        188: "ospf",
        189: "rip",
        192: "eigrp",
    }
)
ROUTE_TYPES: Final = NameTable(
    {
        0: "none",
        1: "unicast",
        2: "local",
        3: "broadcast",
        4: "anycast",
        5: "multicast",
        6: "blackhole",
        7: "unreachable",
        8: "prohibit",
        9: "throw",
        10: "nat",
        11: "xresolve",
    }
)
# In the order in which an abbreviation is tried; `local`, `nat` and `throw` must be spelled out.
_ABBREVIATED_TYPES: Final = (
    "broadcast",
    "anycast",
    "multicast",
    "prohibit",
    "unreachable",
    "blackhole",
    "xresolve",
    "unicast",
)


def route_type(word: str) -> int | None:
    """A route type, which may be abbreviated. Linux: iproute2 ip/rtm_map.c rtnl_rtntype_a2n()"""
    if word == "brd":
        return 3
    for name in _ABBREVIATED_TYPES:
        if word and name.startswith(word):
            return ROUTE_TYPES.number(name)
    return ROUTE_TYPES.number(word) if word != "none" else None


# Linux: /etc/iproute2/rt_dsfield
_DSFIELDS: Final = {
    0x00: "default",
    **{0x28 + 0x20 * klass + 8 * drop: f"AF{klass + 1}{drop + 1}" for klass in range(4) for drop in range(3)},
    **{0x20 * klass: f"CS{klass}" for klass in range(1, 8)},
    0xB8: "EF",
}


def dsfield(word: str) -> int | None:
    """A TOS octet by name or in hexadecimal. Linux: iproute2 lib/rt_names.c rtnl_dsfield_a2n()"""
    for number, name in _DSFIELDS.items():
        if name == word:
            return number
    try:
        value = int(word, 16)
    except ValueError:
        return None
    return value if 0 <= value <= 255 else None


def dsfield_name(number: int) -> str:
    """Linux: iproute2 lib/rt_names.c rtnl_dsfield_n2a()"""
    return _DSFIELDS.get(number, f"0x{number:02x}")


# Linux: /etc/protocols of Debian 12
IP_PROTOCOLS: Final = NameTable(
    {
        0: "ip",
        1: "icmp",
        2: "igmp",
        3: "ggp",
        4: "ipencap",
        5: "st",
        6: "tcp",
        8: "egp",
        9: "igp",
        12: "pup",
        17: "udp",
        20: "hmp",
        22: "xns-idp",
        27: "rdp",
        29: "iso-tp4",
        33: "dccp",
        36: "xtp",
        37: "ddp",
        38: "idpr-cmtp",
        41: "ipv6",
        43: "ipv6-route",
        44: "ipv6-frag",
        45: "idrp",
        46: "rsvp",
        47: "gre",
        50: "esp",
        51: "ah",
        57: "skip",
        58: "ipv6-icmp",
        59: "ipv6-nonxt",
        60: "ipv6-opts",
        73: "rspf",
        81: "vmtp",
        88: "eigrp",
        89: "ospf",
        93: "ax.25",
        94: "ipip",
        97: "etherip",
        98: "encap",
        103: "pim",
        108: "ipcomp",
        112: "vrrp",
        115: "l2tp",
        124: "isis",
        132: "sctp",
        133: "fc",
        135: "mobility-header",
        136: "udplite",
        137: "mpls-in-ip",
        138: "manet",
        139: "hip",
        140: "shim6",
        141: "wesp",
        142: "rohc",
        143: "ethernet",
    }
)


def ip_protocol(word: str) -> int | None:
    """A protocol by its decimal number or its name. Linux: iproute2 lib/inet_proto.c inet_proto_a2n()"""
    if word.isdecimal():
        return int(word) if int(word) <= 255 else None
    return IP_PROTOCOLS.number(word.lower() if word.isupper() else word)


def ip_protocol_name(number: int) -> str:
    """Linux: iproute2 lib/inet_proto.c inet_proto_n2a()"""
    name = IP_PROTOCOLS.name(number)
    return f"ipproto-{number}" if name == str(number) else name
