"""What a rule says of the IP header and the devices: read, printed, compiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from pystack.applets.iptables.family import IPV6, Family
from pystack.applets.iptables.network import Network
from pystack.applets.iptables.option import number
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches.header import (
    Destination,
    Fragment,
    InInterface,
    OutInterface,
    Protocol,
    Source,
    UpperProtocol,
)
from pystack.netfilter.rule import Match

_IFNAMSIZ: Final = 16

# Linux: libxtables/xtables.c xtables_chain_protos, and what everybody's /etc/protocols calls them
PROTOCOL_NAMES: Final = {
    6: "tcp",
    132: "sctp",
    17: "udp",
    136: "udplite",
    1: "icmp",
    58: "ipv6-icmp",
    50: "esp",
    51: "ah",
    135: "mh",
}
_PROTOCOLS: Final = {name: value for value, name in PROTOCOL_NAMES.items()} | {
    "icmpv6": 58,
    "ipv6-mh": 135,
    "all": 0,
}


@dataclass(frozen=True, slots=True)
class Header:
    """Of one rule."""

    source: Network
    destination: Network
    source_inverted: bool = False
    destination_inverted: bool = False
    indev: str = ""
    indev_inverted: bool = False
    outdev: str = ""
    outdev_inverted: bool = False
    protocol: int = 0
    protocol_name: str = ""  # as it is printed
    protocol_inverted: bool = False
    fragment: bool = False
    fragment_inverted: bool = False

    def save(self, *, nft: bool) -> Iterator[str]:
        """Linux: save_rule_details(); of `! -i +` legacy tables keep nothing."""
        for option, network, inverted in (
            ("-s", self.source, self.source_inverted),
            ("-d", self.destination, self.destination_inverted),
        ):
            if network.mask or inverted:
                yield from ("!", option, str(network)) if inverted else (option, str(network))
        for option, name, inverted in (
            ("-i", self.indev, self.indev_inverted),
            ("-o", self.outdev, self.outdev_inverted),
            ("-p", self.protocol_name, self.protocol_inverted),
        ):
            if name and (name != "+" or (inverted and nft)):
                yield from ("!", option, name) if inverted else (option, name)
        if self.fragment:
            yield from ("!", "-f") if self.fragment_inverted else ("-f",)

    @property
    def family(self) -> Family:
        """Whose addresses it speaks of."""
        return self.source.family

    @property
    def is_impossible(self) -> bool:
        """Whether it wants addresses that are not among all addresses; nft's tables do not take that."""
        ends = ((self.source, self.source_inverted), (self.destination, self.destination_inverted))
        return any(inverted and not network.mask for network, inverted in ends)

    def tests(self, *, nft: bool) -> Iterator[Match]:
        """What a packet must be like; nothing for what matches all."""
        if self.protocol and self.family is IPV6:
            yield UpperProtocol(self.protocol, self.protocol_inverted, drops_unknown=not nft)
        elif self.protocol:
            yield Protocol(self.protocol, self.protocol_inverted)
        if self.destination.mask or self.destination_inverted:
            yield Destination(self.destination.address, self.destination.mask, self.destination_inverted)
        if self.source.mask or self.source_inverted:
            yield Source(self.source.address, self.source.mask, self.source_inverted)
        if self.indev and (self.indev != "+" or self.indev_inverted):
            yield InInterface(self.indev, self.indev_inverted)
        if self.outdev and (self.outdev != "+" or self.outdev_inverted):
            yield OutInterface(self.outdev, self.outdev_inverted)
        if self.fragment:
            yield Fragment(self.fragment_inverted)


# --- reading ------------------------------------------------------------------------------------------------


def interface(text: str) -> tuple[str, str]:
    """A name, and what is warned of. Linux: xtables_parse_interface()"""
    if not text:
        raise Refused("Empty interface is likely to be undesired")
    if len(text) + 1 > _IFNAMSIZ:
        raise Refused(f"interface name `{text}' must be shorter than IFNAMSIZ ({_IFNAMSIZ - 1})")
    if "/" in text or " " in text:
        why = "('/' and ' ' are not allowed by the kernel)"
        return text, f"Warning: weird character in interface `{text}' {why}."
    return text, ""


def protocol(text: str, names: Names) -> tuple[int, str]:
    """A protocol, and what it is called. Linux: xtables_parse_protocol(), proto_to_name()"""
    return exact_protocol(text.lower(), names)


def exact_protocol(text: str, names: Names) -> tuple[int, str]:
    """The same, but written as it is known."""
    value = number(text, 255)
    if value is None:
        value = _PROTOCOLS.get(text)
    if value is None:
        value = names.protocols.get(text)
    if value is None:
        raise Refused(f'unknown protocol "{text}" specified')
    return value, protocol_name(value, names) if value else ""


def protocol_name(value: int, names: Names) -> str:
    """What is printed for it; the number if it has no name."""
    known = PROTOCOL_NAMES.get(value)
    if known is not None:
        return known
    return next((name for name, found in names.protocols.items() if found == value), str(value))


def with_ends(header: Header, source: Network, destination: Network) -> Header:
    """The same between two networks."""
    return replace(header, source=source, destination=destination)
