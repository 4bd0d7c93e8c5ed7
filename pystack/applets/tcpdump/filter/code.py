"""What the primitives of an expression look at, for Ethernet and for cooked frames.

libpcap: gencode.c, whose functions these are named after where they do the same
"""

from __future__ import annotations

from ipaddress import IPv6Address
from typing import Final, NoReturn

from pystack.applets.tcpdump.filter import ports
from pystack.applets.tcpdump.filter.errors import FilterError
from pystack.applets.tcpdump.filter.lexer import LINK_WORDS
from pystack.applets.tcpdump.filter.qualifiers import ANY, Qualifiers
from pystack.applets.tcpdump.filter.test import Test, both, either, equals, masked, negated, same_octets
from pystack.applets.tcpdump.link import EN10MB, LinkType
from pystack.applets.tcpdump.names import Names
from pystack.wire.ethernet import BROADCAST, ETH_P_802_2, ETH_P_ARP, ETH_P_IP, ETH_P_IPV6, ETH_P_RARP
from pystack.wire.ipv4 import IP_OFFSET, IPPROTO_ICMP, IPPROTO_IGMP, IPPROTO_TCP, IPPROTO_UDP, netmask

ETHERMTU: Final = 1500
SAP_ISO: Final = 0xFE
SAP_IP: Final = 0x06
SAP_NETBEUI: Final = 0xF0
SAP_STP: Final = 0x42
IPPROTO_FRAGMENT: Final = 44
VLAN_TAGS: Final = (0x8100, 0x88A8, 0x9100)
WORD: Final = 0xFFFFFFFF

LINK_PROTOCOLS: Final = {
    "ip": ETH_P_IP,
    "arp": ETH_P_ARP,
    "rarp": ETH_P_RARP,
    "ip6": ETH_P_IPV6,
    "decnet": 0x6003,
    "lat": 0x6004,
    "sca": 0x6007,
    "moprc": 0x6002,
    "mopdl": 0x6001,
    "stp": SAP_STP,
    "netbeui": SAP_NETBEUI,
}
# Payload protocols by word, and in which of IPv4 and IPv6 they are looked for.
IP_PROTOCOLS: Final = {
    "sctp": (132, ANY),
    "tcp": (IPPROTO_TCP, ANY),
    "udp": (IPPROTO_UDP, ANY),
    "icmp": (IPPROTO_ICMP, "ip"),
    "igmp": (IPPROTO_IGMP, "ip"),
    "igrp": (9, "ip"),
    "pim": (103, ANY),
    "vrrp": (112, "ip"),
    "carp": (112, "ip"),
    "icmp6": (58, "ip6"),
    "ah": (51, ANY),
    "esp": (50, ANY),
}
ETHER_PROTOCOL_NAMES: Final = {
    **{name: number for name, number in LINK_PROTOCOLS.items() if name not in ("stp", "netbeui")},
    "loopback": 0x9000,
    "iso": SAP_ISO,
    "stp": SAP_STP,
    "netbeui": SAP_NETBEUI,
}


class Code:
    """Makes tests; `vlan` moves what it makes from then on, as the words stand in the text."""

    def __init__(self, link: LinkType, names: Names, *, live: bool) -> None:
        self.link = link
        self.names = names
        self.live = live
        self.type_at = link.type_at
        self.payload_at = link.payload_at

    # -- links ---------------------------------------------------------------------------------------------

    def link_type(self, protocol: int) -> Test:
        """gen_linktype()"""
        if protocol > ETHERMTU:
            return equals(self.type_at, 2, protocol)
        if self.link is EN10MB:
            at = self.type_at
            is_802_2: Test = lambda subject: subject.load(at, 2) <= ETHERMTU  # noqa: E731
        else:
            is_802_2 = equals(self.type_at, 2, ETH_P_802_2)
        if protocol in (SAP_ISO, SAP_IP, SAP_NETBEUI):
            return both(is_802_2, equals(self.payload_at, 2, protocol << 8 | protocol))
        return both(is_802_2, equals(self.payload_at, 1, protocol))

    def ether_host(self, address: bytes, direction: str) -> Test:
        """gen_ecode(), gen_ehostop()"""
        if self.link is not EN10MB:
            raise FilterError(
                "ethernet addresses supported only on ethernet/FDDI/token ring/802.11/ATM LANE/Fibre Channel"
            )
        return directed(direction, same_octets(6, address), same_octets(0, address))

    def broadcast(self, protocol: str) -> Test:
        """gen_broadcast()"""
        if protocol in LINK_WORDS or protocol == ANY:
            if self.link is not EN10MB:
                raise FilterError("not a broadcast link")
            return same_octets(0, BROADCAST)
        if protocol != "ip":
            raise FilterError("only link-layer/IP broadcast filters supported")
        # tcpdump does not tell the network's mask, so only these two are broadcasts.
        at = self.payload_at + 16
        return both(self.link_type(ETH_P_IP), either(equals(at, 4, 0), equals(at, 4, WORD)))

    def multicast(self, protocol: str) -> Test:
        """gen_multicast()"""
        if protocol == "ip":
            at = self.payload_at + 16
            return both(self.link_type(ETH_P_IP), lambda subject: subject.load(at, 1) >= 224)
        if protocol == "ip6":
            return both(self.link_type(ETH_P_IPV6), equals(self.payload_at + 24, 1, 255))
        if (protocol in LINK_WORDS or protocol == ANY) and self.link is EN10MB:
            return masked(0, 1, 1, 1)
        raise FilterError(
            "link-layer multicast filters supported only on "
            "ethernet/FDDI/token ring/ARCNET/802.11/ATM LANE/Fibre Channel"
        )

    def vlan(self, tag: int | None) -> Test:
        """gen_vlan(); what follows in the text looks behind the tag."""
        if self.link is not EN10MB:
            raise FilterError(f"no VLAN support for {self.link.description}")
        test = either(*(self.link_type(kind) for kind in VLAN_TAGS))
        if tag is not None:
            if tag > 0x0FFF:
                raise FilterError(f"VLAN tag {tag} greater than maximum 4095")
            test = both(test, masked(self.payload_at, 2, tag, 0x0FFF))
        self.type_at += 4
        self.payload_at += 4
        return test

    def bound(self, *, outgoing: bool) -> Test:
        """gen_inbound()"""
        self._refuse_in_file("inbound/outbound")
        return lambda subject: subject.outgoing is outgoing

    def interface(self, ifindex: int) -> Test:
        """gen_ifindex()"""
        self._refuse_in_file("ifindex")
        return lambda subject: subject.ifindex == ifindex

    def _refuse_in_file(self, what: str) -> None:
        if not self.live and self.link is EN10MB:
            raise FilterError(f"{what} not supported on {self.link.description} when reading savefiles")

    # -- protocols -----------------------------------------------------------------------------------------

    def protocol(self, word: str) -> Test:
        """A protocol's name that stands alone. gen_proto_abbrev()"""
        if word in LINK_WORDS:
            raise FilterError("link layer applied in wrong context")
        if word in LINK_PROTOCOLS:
            return self.link_type(LINK_PROTOCOLS[word])
        number, family = IP_PROTOCOLS[word]
        return self.carried(number, family)

    def carried(self, number: int, family: str) -> Test:
        """`proto N` behind a word. gen_proto()"""
        if family == ANY:
            return either(self.carried(number, "ip"), self.carried(number, "ip6"))
        if family in LINK_WORDS:
            return self.link_type(number)
        at = self.payload_at
        if family == "ip":
            return both(self.link_type(ETH_P_IP), equals(at + 9, 1, number))
        if family == "ip6":
            behind_fragment = both(equals(at + 6, 1, IPPROTO_FRAGMENT), equals(at + 40, 1, number))
            return both(self.link_type(ETH_P_IPV6), either(equals(at + 6, 1, number), behind_fragment))
        if family in ("arp", "rarp"):
            raise FilterError(f"{family} does not encapsulate another protocol")
        raise FilterError(f"'{family} proto' is bogus")

    def protocol_number(self, name: str, family: str) -> int:
        """lookup_proto()"""
        if family in LINK_WORDS:
            number = ETHER_PROTOCOL_NAMES.get(name)
            if number is None:
                raise FilterError(f"unknown ether proto '{name}'")
            return number
        number = self.names.protocols.get(name)
        if number is None and name in IP_PROTOCOLS:
            number = IP_PROTOCOLS[name][0]
        if number is None:
            raise FilterError(f"unknown ip proto '{name}'")
        return number

    def first_fragment(self) -> Test:
        """gen_ipfrag()"""
        return negated(_any_bit(self.payload_at + 6, 2, IP_OFFSET))

    def _packets(self) -> ports.Packets:
        return ports.Packets(
            self.payload_at,
            self.link_type(ETH_P_IP),
            self.link_type(ETH_P_IPV6),
            self.first_fragment(),
            self.names,
        )

    # -- addresses -----------------------------------------------------------------------------------------

    def ip_host(self, address: int, mask: int, q: Qualifiers) -> Test:
        """gen_host()"""
        if q.protocol == ANY:
            words = ("ip", "arp", "rarp")
            return either(*(self._ip_host(address, mask, word, q) for word in words))
        return self._ip_host(address, mask, q.protocol, q)

    def _ip_host(self, address: int, mask: int, word: str, q: Qualifiers) -> Test:
        if word not in ("ip", "arp", "rarp"):
            refuse_modifier(word, "net" if q.address == "net" else "host")
        source, destination = (12, 16) if word == "ip" else (14, 24)
        at = self.payload_at
        test = directed(
            q.direction,
            masked(at + source, 4, address & mask, mask),
            masked(at + destination, 4, address & mask, mask),
        )
        return both(self.link_type(LINK_PROTOCOLS[word]), test)

    def ip6_host(self, address: IPv6Address, prefixlen: int, q: Qualifiers) -> Test:
        """gen_mcode6(), gen_host6()"""
        if prefixlen > 128:
            raise FilterError("mask length must be <= 128")
        mask = (1 << 128) - (1 << (128 - prefixlen))
        if int(address) & ~mask:
            raise FilterError(f'non-network bits set in "{address}/{prefixlen}"')
        if q.address not in (ANY, "host", "net"):
            raise FilterError("invalid qualifier against IPv6 address")
        if q.address != "net" and prefixlen != 128:
            raise FilterError("Mask syntax for networks only")
        what = "net" if q.address == "net" else "host"
        if q.protocol not in (ANY, "ip6"):
            if q.protocol in LINK_WORDS:
                raise FilterError(f"link-layer modifier applied to ip6 {what}")
            raise FilterError(f"'{q.protocol}' modifier applied to ip6 {what}")
        at = self.payload_at
        source, destination = _masked_16(at + 8, address, mask), _masked_16(at + 24, address, mask)
        return both(self.link_type(ETH_P_IPV6), directed(q.direction, source, destination))

    def network(self, text: str, prefixlen: int, q: Qualifiers) -> Test:
        """`10.0.0.0/8`. gen_mcode()"""
        address, _ = dotted(text)
        if prefixlen > 32:
            raise FilterError("mask length must be <= 32")
        mask = netmask(prefixlen)
        if address & ~mask:
            raise FilterError(f'non-network bits set in "{text}/{prefixlen}"')
        return self._masked_network(address, mask, q)

    def masked_network(self, text: str, mask_text: str, q: Qualifiers) -> Test:
        """`10.0.0.0 mask 255.0.0.0`. gen_mcode()"""
        address, mask = dotted(text)[0], dotted(mask_text)[0]
        if address & ~mask:
            raise FilterError(f'non-network bits set in "{text} mask {mask_text}"')
        return self._masked_network(address, mask, q)

    def _masked_network(self, address: int, mask: int, q: Qualifiers) -> Test:
        if q.address != "net":
            raise FilterError("Mask syntax for networks only")
        return self.ip_host(address, mask, q)

    # -- what a qualifier is followed by -------------------------------------------------------------------

    def number(self, value: int, q: Qualifiers) -> Test:
        """A plain number. gen_ncode()"""
        if q.address in ports.KINDS:
            return ports.number(self._packets(), value, q)
        if q.address == "proto":
            return self._proto(value, q)
        if q.address not in (ANY, "host", "net"):
            raise FilterError("syntax error in filter expression")
        if q.protocol in LINK_WORDS:
            raise FilterError("illegal link layer address")
        mask = WORD
        if q.address == "net":
            value, mask = _promoted(value)
        return self.ip_host(value, mask, q)

    def dotted(self, text: str, q: Qualifiers) -> Test:
        """Two to four numbers with dots. gen_ncode()"""
        if q.address in (*ports.KINDS, "proto"):
            raise FilterError(f"'{q.address}' modifier applied to ip host")
        address, mask = dotted(text)
        if q.address not in (ANY, "host", "net"):
            raise FilterError("syntax error in filter expression")
        if q.protocol in LINK_WORDS:
            raise FilterError("illegal link layer address")
        return self.ip_host(address, mask, q)

    def mac(self, text: str, q: Qualifiers) -> Test:
        """An Ethernet address. gen_ecode()"""
        if q.address not in (ANY, "host") or q.protocol not in LINK_WORDS:
            raise FilterError("ethernet address used in non-ether expression")
        digits = "".join(part.rjust(2, "0") for part in text.replace("-", ":").replace(".", ":").split(":"))
        return self.ether_host(bytes.fromhex(digits), q.direction)

    def name(self, name: str, q: Qualifiers) -> Test:
        """A host's, port's or protocol's name. gen_scode()"""
        if q.address == "net":
            raise FilterError(f"unknown network '{name}'")
        if q.address in ports.KINDS:
            return ports.name(self._packets(), name, q)
        if q.address == "proto":
            return self._proto(self.protocol_number(name, q.protocol), q)
        if q.address not in (ANY, "host"):
            raise FilterError("syntax error in filter expression")
        if q.protocol in LINK_WORDS:
            raise FilterError(f"unknown ether host '{name}'")
        addresses = self.names.addresses.get(name.lower())
        if not addresses:
            raise FilterError(f"unknown host '{name}'")
        return either(*(self.ip_host(address, WORD, q) for address in addresses))

    def _proto(self, value: int, q: Qualifiers) -> Test:
        if q.direction != ANY:
            raise FilterError("direction applied to 'proto'")
        return self.carried(value, q.protocol)


def directed(direction: str, source: Test, destination: Test) -> Test:
    """`src`, `dst`, `src and dst`; without a word either."""
    if direction == "src":
        return source
    if direction == "dst":
        return destination
    if direction == "both":
        return both(source, destination)
    return either(source, destination)


def refuse_modifier(word: str, what: str) -> NoReturn:
    """Why a protocol's word cannot stand before `host` or `net`."""
    if word in LINK_WORDS:
        raise FilterError(f"link-layer modifier applied to {what}")
    if word == "ip6":
        raise FilterError("'ip6' modifier applied to ip host")
    if word in ("decnet", "lat", "sca", "moprc", "mopdl"):
        raise FilterError(f"{word.upper()} host filtering not implemented")
    raise FilterError(f"'{word}' modifier applied to {what}")


def dotted(text: str) -> tuple[int, int]:
    """An address and the mask of as many octets as were given. libpcap: nametoaddr.c __pcap_atoin()"""
    octets = [int(word, 0) if word[:2] in ("0x", "0X") else int(word) for word in text.split(".")]
    if max(octets) > 255:
        raise FilterError(f"invalid IPv4 address '{text}'")
    missing = 4 - len(octets)
    return int.from_bytes(bytes(octets) + bytes(missing), "big"), WORD << 8 * missing & WORD


def _promoted(value: int) -> tuple[int, int]:
    """`net 10` is 10.0.0.0/8."""
    mask = WORD
    while value and not value & 0xFF000000:
        value, mask = value << 8, mask << 8 & WORD
    return value, mask


def _any_bit(at: int, size: int, mask: int) -> Test:
    return lambda subject: subject.load(at, size) & mask != 0


def _masked_16(at: int, address: IPv6Address, mask: int) -> Test:
    wanted = int(address)
    return lambda subject: int.from_bytes(subject.octets(at, 16), "big") & mask == wanted
