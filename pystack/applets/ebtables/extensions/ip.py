"""`--ip-…` and `--ip6-…`: what IP packets in frames must be like. Linux: libebt_ip.c, libebt_ip6.c"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pystack.applets.ebtables.extension import MatchExtension, Site, something_needed
from pystack.applets.ebtables.extensions.icmp_ranges import parse_ranges, show_ranges
from pystack.applets.ebtables.frame_words import strtol
from pystack.applets.ebtables.header import Header
from pystack.applets.iptables import header as ip_header
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.icmp_types import ICMP_TYPES, ICMPV6_TYPES, IGMP_TYPES
from pystack.applets.iptables.network import Network, networks
from pystack.applets.iptables.option import U16, Option, Values, Where, number, show_range
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.matches.frame import Field
from pystack.netfilter.matches.frame_ip import FrameIcmp, FramePort, Ipv6Protocol
from pystack.netfilter.rule import Match
from pystack.wire.ethernet import ETH_P_IP, ETH_P_IPV6
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP

_IPPROTO_IGMP: Final = 2
_IPPROTO_ICMPV6: Final = 58
_WITH_PORTS: Final = frozenset({6, 17, 136, 132, 33})  # TCP, UDP, UDP-Lite, SCTP, DCCP
_WITH_PORTS_IN_LEGACY: Final = _WITH_PORTS - {136}
_MUST_BE: Final = "the IP protocol must be"
_IPV6_HEADER: Final = 40

Protocol = tuple[int, str]  # and how it is printed


def ipv4_network(text: str, where: Where) -> Network:
    """The first of what a name may stand for."""
    return networks(text, where.names, IPV4)[0]


def _ipv6_network(text: str, where: Where) -> Network:
    return networks(text, where.names, IPV6)[0]


def show_network(value: Network) -> str:
    """A single host without its mask. Linux: xtables_ipmask_to_numeric(), xtables_ip6mask_to_numeric()"""
    return str(value).removesuffix(f"/{value.family.bits}")


def _protocol(text: str, where: Where) -> Protocol:
    value, _ = ip_header.exact_protocol(text, where.names)
    known = {number: name for name, number in reversed(where.names.protocols.items())}
    return value, known.get(value) or ip_header.protocol_name(value, where.names)


def _show_protocol(value: Protocol) -> str:
    return value[1]


def _tos(text: str, where: Where) -> int:
    value = number(text, 255)
    if value is None:
        raise Refused("Problem with specified IP tos")
    return value


def _traffic_class(text: str, where: Where) -> int:
    value, rest = strtol(text, 0)  # what follows the number the tool does not look at
    if rest == text or not 0 <= value <= 255:
        raise Refused(f"Problem with specified IPv6 traffic class '{text}'")
    return value


def _show_tos(value: int) -> str:
    return f"0x{value:02X}"


def _ports(text: str, where: Where) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    if not colon:
        value = _port(low, where)
        return value, value
    first, last = (_port(low, where) if low else 0), (_port(high, where) if high else U16)
    if first > last:
        raise Refused("invalid portrange (min > max)")
    return first, last


def _port(text: str, where: Where) -> int:
    """Linux: xtables_parse_port() for any protocol"""
    value = number(text, U16)
    if value is None:
        value = next((found for (_, name), found in where.names.ports.items() if name == text), None)
    if value is None:
        raise Refused(f"invalid port/service `{text}' specified")
    return value


class _IpMatch(MatchExtension):
    """What both have in common."""

    prefix: str
    ethertype: int
    called: str
    carried: str
    of_protocol: tuple[tuple[str, int, str, str], ...]  # which option asks for which protocol

    def check(self, values: Values, header: Header) -> None:
        """At least one option."""
        something_needed(values)

    def refusal(self, values: Values, site: Site) -> str:
        """Linux: ebt_ip.c ebt_ip_mt_check(), ebt_ip6.c ebt_ip6_mt_check()"""
        if not site.header.carries(self.ethertype):
            return f"For {self.called} filtering the protocol must be specified as {self.carried}"
        protocol = values.get(f"{self.prefix}-proto")
        known = 0 if protocol is None or protocol.inverted else protocol.value[0]
        with_ports = _WITH_PORTS if site.nft else _WITH_PORTS_IN_LEGACY
        asks_for_ports = f"{self.prefix}-sport" in values or f"{self.prefix}-dport" in values
        if asks_for_ports and known not in with_ports:
            return f"For port filtering {_MUST_BE} either 6 (tcp), 17 (udp), 33 (dccp) or 132 (sctp)"
        for option, needed, what, name in self.of_protocol:
            if option in values and known != needed:
                return f"For {what} filtering {_MUST_BE} {needed} ({name})"
        return ""

    def _transport(self, values: Values, *, ipv6: bool) -> Iterator[Match]:
        for name, of_destination in (("dport", True), ("sport", False)):
            if (given := values.get(f"{self.prefix}-{name}")) is not None:
                yield FramePort(given.value, given.inverted, of_destination, ipv6)
        for name, *_ in self.of_protocol:
            if (given := values.get(name)) is not None:
                types, codes = given.value
                yield FrameIcmp(types, codes, given.inverted, ipv6)


_IGMP: Final = parse_ranges(IGMP_TYPES, "IGMP", codes=False)


class Ip(_IpMatch):
    """`--ip-…`"""

    name = "ip"
    prefix = "ip"
    ethertype = ETH_P_IP
    called = "IP"
    carried = "IPv4"
    of_protocol = (
        ("ip-icmp-type", IPPROTO_ICMP, "ICMP", "icmp"),
        ("ip-igmp-type", _IPPROTO_IGMP, "IGMP", "igmp"),
    )
    options: ClassVar[tuple[Option, ...]] = (
        Option("ip-src", ipv4_network, show_network, many=True, aliases=("ip-source",)),
        Option("ip-dst", ipv4_network, show_network, many=True, aliases=("ip-destination",)),
        Option("ip-tos", _tos, _show_tos, many=True),
        Option("ip-proto", _protocol, _show_protocol, many=True, aliases=("ip-protocol",)),
        Option("ip-sport", _ports, show_range, many=True, aliases=("ip-source-port",)),
        Option("ip-dport", _ports, show_range, many=True, aliases=("ip-destination-port",)),
        Option("ip-icmp-type", parse_ranges(ICMP_TYPES, "ICMP"), show_ranges(ICMP_TYPES), many=True),
        Option("ip-igmp-type", _IGMP, show_ranges(IGMP_TYPES, codes=False), many=True),
    )

    def text(self, values: Values) -> str:
        """Behind a type of IGMP that has no name the tool forgets the blank."""
        text = super().text(values)
        nameless = "ip-igmp-type" in values and text.split()[-1][0].isdigit()
        return text[:-1] if nameless else text

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """By what stands in the header, then behind it."""
        return (*_ipv4_fields(values), *self._transport(values, ipv6=False))


def _ipv4_fields(values: Values) -> Iterator[Match]:
    for name, offset in (("ip-src", 12), ("ip-dst", 16)):
        if (given := values.get(name)) is not None:
            network = given.value
            yield Field(
                offset, 4, network.address, network.address, given.inverted, network.mask, HEADER_LENGTH
            )
    if (given := values.get("ip-tos")) is not None:
        yield Field(1, 1, given.value, given.value, given.inverted, need=HEADER_LENGTH)
    if (given := values.get("ip-proto")) is not None:
        yield Field(9, 1, given.value[0], given.value[0], given.inverted, need=HEADER_LENGTH)


class Ip6(_IpMatch):
    """`--ip6-…`"""

    name = "ip6"
    prefix = "ip6"
    ethertype = ETH_P_IPV6
    called = carried = "IPv6"
    of_protocol = (("ip6-icmp-type", _IPPROTO_ICMPV6, "ipv6-icmp", "ipv6-icmp"),)
    options: ClassVar[tuple[Option, ...]] = (
        Option("ip6-src", _ipv6_network, show_network, many=True, aliases=("ip6-source",)),
        Option("ip6-dst", _ipv6_network, show_network, many=True, aliases=("ip6-destination",)),
        Option("ip6-tclass", _traffic_class, _show_tos, many=True),
        Option("ip6-proto", _protocol, _show_protocol, many=True, aliases=("ip6-protocol",)),
        Option("ip6-sport", _ports, show_range, many=True, aliases=("ip6-source-port",)),
        Option("ip6-dport", _ports, show_range, many=True, aliases=("ip6-destination-port",)),
        Option("ip6-icmp-type", parse_ranges(ICMPV6_TYPES, "ICMPv6"), show_ranges(ICMPV6_TYPES), many=True),
    )

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """By what stands in the header, then behind it."""
        return (*_ipv6_fields(values), *self._transport(values, ipv6=True))


def _ipv6_fields(values: Values) -> Iterator[Match]:
    if (given := values.get("ip6-tclass")) is not None:
        shifted = given.value << 4
        yield Field(0, 2, shifted, shifted, given.inverted, 0x0FF0, _IPV6_HEADER)
    for name, offset in (("ip6-src", 8), ("ip6-dst", 24)):
        if (given := values.get(name)) is not None:
            network: Network = given.value
            address = network.address
            yield Field(offset, 16, address, address, given.inverted, network.mask, _IPV6_HEADER)
    if (given := values.get("ip6-proto")) is not None:
        yield Ipv6Protocol(given.value[0], given.inverted)


EXTENSIONS: Final = (Ip(), Ip6())
