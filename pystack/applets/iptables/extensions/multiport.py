"""`-m multiport`."""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.ports import service_name
from pystack.applets.iptables.option import (
    Option,
    Values,
    Where,
    port_of,
    show_range,
)
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches.ports import (
    Multiport,
    Range,
)
from pystack.netfilter.rule import Match

_WITH_PORTS: Final = {6: "tcp", 17: "udp", 136: "udplite", 132: "sctp", 33: "dccp"}
_MOST_PORTS: Final = 15
_SAVED_AS: Final = {"source-ports": "sports", "destination-ports": "dports", "ports": "ports"}


class _PortList(NamedTuple):
    """Ports and ranges of a protocol."""

    protocol: str
    ranges: tuple[tuple[int, int], ...]


def _port_list(text: str, where: Where) -> _PortList:
    """Linux: libxt_multiport.c parse_multi_ports_v1()"""
    protocol = _protocol_with_ports(where)
    found: list[tuple[int, int]] = []
    taken = 0
    for part in text.split(","):
        low_text, colon, high_text = part.partition(":")
        taken += 2 if colon else 1
        if taken > _MOST_PORTS:
            raise Refused("too many ports specified")
        low = high = port_of(protocol, low_text, where)
        if colon:
            high = port_of(protocol, high_text, where)
            if low >= high:
                raise Refused("invalid portrange specified")
        found.append((low, high))
    return _PortList(protocol, tuple(found))


def _protocol_with_ports(where: Where) -> str:
    """Only protocols that begin with ports have some. Linux: libxt_multiport.c check_proto()"""
    protocol = _WITH_PORTS.get(where.protocol_number)
    if protocol is None and not where.protocol_number and not where.protocol_inverted:
        raise Refused("multiport needs `-p tcp', `-p udp', `-p udplite', `-p sctp' or `-p dccp'")
    if protocol is None or where.protocol_inverted:
        raise Refused("multiport only works with TCP, UDP, UDPLITE, SCTP and DCCP")
    return protocol


def _show_list(value: _PortList) -> str:
    return ",".join(show_range(one) for one in value.ranges)


class MultiportExtension(MatchExtension):
    """Linux: libxt_multiport.c"""

    name = "multiport"
    options = tuple(
        Option(
            name,
            _port_list,
            _show_list,
            invert=True,
            excludes=tuple(other for other in _SAVED_AS if other != name),
            aliases=(saved,),
        )
        for name, saved in _SAVED_AS.items()
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("multiport expection an option")

    def save(self, values: Values) -> str:
        """By the short names."""
        ((name, given),) = values.items()
        return f"{'! ' if given.inverted else ''}--{_SAVED_AS[name]} {_show_list(given.value)}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`multiport dports 80,443`"""
        ((name, given),) = values.items()
        by_protocol = {} if names is None else {"tcp": names.tcp, "udp": names.udp}
        services = by_protocol.get(given.value.protocol)
        shown = ",".join(
            ":".join(service_name(end, services) for end in ((low, high) if low != high else (low,)))
            for low, high in given.value.ranges
        )
        return f"multiport {_SAVED_AS[name]} {' !' if given.inverted else ''}{shown}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test for all of them."""
        ((name, given),) = values.items()
        ranges = tuple(Range(low, high) for low, high in given.value.ranges)
        of_source, of_destination = name != "destination-ports", name != "source-ports"
        return (Multiport(ranges, of_source, of_destination, given.inverted),)


EXTENSIONS: Final = (MultiportExtension(),)
