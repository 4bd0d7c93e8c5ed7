"""Targets of the nat table: SNAT, DNAT, MASQUERADE, REDIRECT, NETMAP. Linux: libxt_NAT.c, libipt_NETMAP.c"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import ClassVar, Final

from pystack.applets.iptables.extension import Site, TargetExtension
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.network import Network
from pystack.applets.iptables.option import U16, Option, Values, Where, host, number, prefix_length
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.nat.ranges import NatRange
from pystack.netfilter.rule import Target
from pystack.netfilter.targets.nat import Dnat, Masquerade, Netmap, Redirect, Snat
from pystack.wire.ipv4 import netmask, parse_address

_PORTS_ALLOWED: Final = frozenset({"tcp", "udp", "sctp", "dccp", "33", "icmp"})
_NUMBER: Final = re.compile(r"[ \t]*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")
_FLAGS: Final = ("random", "random-fully", "persistent")
_ONES: Final = 0xFFFFFFFF


# --- ports and addresses ------------------------------------------------------------------------------------


def _ports(text: str, where: Where) -> NatRange:
    """`80`, `80-90`, `80-90/1000`. Linux: parse_ports()"""
    if where.protocol not in _PORTS_ALLOWED:
        raise Refused("Need TCP, UDP, SCTP or DCCP with port specification")
    leading = _leading_number(text)
    if leading is None:
        port = _service(text, where)
        return NatRange(ports=(port, port))
    low, rest = leading
    if not rest:
        return NatRange(ports=(low, low))
    if rest[0] != "-":
        raise Refused(f"Garbage after port value: `{rest}'")
    up = _leading_number(rest[1:])
    if up is None:
        raise Refused(f"Port `{rest[1:]}' not valid")
    high, tail = up
    if high < low:
        raise Refused(f"Port range `{rest[1:]}' funky")
    if not tail:
        return NatRange(ports=(low, high))
    if tail[0] != "/":
        raise Refused(f"Garbage after port range: `{tail}'")
    base = _leading_number(tail[1:])
    if base is None or not base[0]:
        return NatRange(ports=(low, high), base_port=_service(tail[1:], where))
    return NatRange(ports=(low, high), base_port=base[0])


def _leading_number(text: str) -> tuple[int, str] | None:
    """A port, and what follows it. Linux: xtables_strtoui()"""
    found = _NUMBER.match(text)
    if found is None:
        return None
    digits = found[1].lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    value = int(digits, base)
    return (value, text[found.end() :]) if value <= U16 else None


def _service(text: str, where: Where) -> int:
    """Whatever protocol it is a name in. Linux: xtables_service_to_port()"""
    for (_, name), port in where.names.ports.items():
        if name == text:
            return port
    raise Refused(f"Port `{text}' not valid")


def _to(text: str, where: Where) -> NatRange:
    """`[ADDRESS[-ADDRESS]][:PORTS]`; what has two colons could only be an IPv6 address, and stands in
    brackets
    if ports follow. Linux: parse_to()
    """
    _, opening, inside = text.partition("[")
    if opening:
        word, closing, tail = inside.partition("]")
        if not closing or where.family is IPV4:
            raise Refused("Invalid address format")
        _, colon, port_text = tail.partition(":")
    else:
        word, colon, port_text = text.partition(":")
        if ":" in port_text:
            word, colon = text, ""
    ports = _ports(port_text, where) if colon else NatRange()
    if colon and not word:
        return ports
    low, dash, high = word.partition("-")
    first = _address(low, where.family)
    return replace(ports, addresses=(first, _address(high, where.family) if dash else first))


def _address(text: str, family: Family) -> int:
    found = family.parse_address(text)
    if found is None:
        raise Refused(f'Bad IP address "{text}"')
    return found


def _show(wanted: NatRange, family: Family) -> str:
    """Linux: sprint_range()"""
    text = ""
    if wanted.addresses is not None:
        low, high = wanted.addresses
        text = family.address_text(low) + (f"-{family.address_text(high)}" if low != high else "")
        text = f"[{text}]" if wanted.ports is not None and family is IPV6 else text
    return text + (f":{_show_ports(wanted)}" if wanted.ports is not None else "")


def _show_ports(wanted: NatRange) -> str:
    if wanted.ports is None:
        return ""
    low, high = wanted.ports
    text = str(low) + (f"-{high}" if low != high else "")
    return text if wanted.base_port is None else f"{text}/{wanted.base_port}"


# --- the targets --------------------------------------------------------------------------------------------


class NatExtension(TargetExtension):
    """What the four have in common that name a range; its flags are saved in one order."""

    families: ClassVar[tuple[Family, ...]] = (IPV4,)
    tables = ("nat",)
    main: ClassVar[str]  # the option that says where to
    label: ClassVar[str]  # what -L prints in front of it

    def save(self, values: Values) -> str:
        """Linux: __NAT_print()"""
        words = [f"--{self.main} {self._shown(values)}"] if self.main in values else []
        return " ".join([*words, *(f"--{flag}" for flag in _FLAGS if flag in values)])

    def listing(self, values: Values, names: Names | None) -> str:
        """`to:1.1.1.1 random`"""
        words = [f"{self.label}{self._shown(values)}"] if self.main in values else []
        return " ".join([*words, *(flag for flag in _FLAGS if flag in values)])

    def _shown(self, values: Values) -> str:
        wanted: NatRange = values[self.main].value
        return _show_ports(wanted) if self.main == "to-ports" else _show(wanted, self.families[0])

    def wanted(self, values: Values) -> NatRange:
        """Ports are drawn alike, however random they are to be."""
        given: NatRange = values[self.main].value if self.main in values else NatRange()
        random = "random" in values or "random-fully" in values
        return replace(given, random=random, persistent="persistent" in values)


def _flags(*names: str) -> tuple[Option, ...]:
    return tuple(Option(name) for name in names)


def _to_without_base(text: str, where: Where) -> NatRange:
    """Of a shift nothing but that there is one gets into the rule."""
    wanted = _to(text, where)
    return wanted if wanted.base_port is None else replace(wanted, base_port=0)


def _ports_without_base(text: str, where: Where) -> NatRange:
    wanted = _ports(text, where)
    return wanted if wanted.base_port is None else replace(wanted, base_port=0)


class SnatExtension(NatExtension):
    """`-j SNAT`"""

    name = "SNAT"
    hooks = ("POSTROUTING", "INPUT")
    main = "to-source"
    label = "to:"
    options = (Option("to-source", _to_without_base, required=True), *_flags(*_FLAGS))

    def compile(self, values: Values, site: Site) -> Target:
        """From where it shall seem to come."""
        return Snat(site.tables.nat, self.wanted(values))


class SnatExtension6(SnatExtension):
    """The same of IPv6."""

    families = (IPV6,)


class DnatExtension(NatExtension):
    """`-j DNAT`"""

    name = "DNAT"
    hooks = ("PREROUTING", "OUTPUT")
    main = "to-destination"
    label = "to:"
    options = (Option("to-destination", _to, required=True), *_flags("random", "persistent"))

    def compile(self, values: Values, site: Site) -> Target:
        """Where it shall go."""
        return Dnat(site.tables.nat, self.wanted(values))


class DnatExtension6(DnatExtension):
    """The same of IPv6."""

    families = (IPV6,)


class MasqueradeExtension(NatExtension):
    """`-j MASQUERADE`"""

    families = (IPV4, IPV6)
    name = "MASQUERADE"
    hooks = ("POSTROUTING",)
    main = "to-ports"
    label = "masq ports: "
    options = (Option("to-ports", _ports_without_base), *_flags("random", "random-fully"))

    def compile(self, values: Values, site: Site) -> Target:
        """From the device by which it leaves."""
        return Masquerade(site.tables.nat, self.wanted(values), site.path)


class RedirectExtension(NatExtension):
    """`-j REDIRECT`"""

    families = (IPV4, IPV6)
    name = "REDIRECT"
    hooks = ("PREROUTING", "OUTPUT")
    main = "to-ports"
    label = "redir ports "
    options = (Option("to-ports", _ports), *_flags("random"))

    def check(self, values: Values) -> None:
        """Linux: DNAT_fcheck()"""
        if self.wanted(values).base_port is not None:
            raise Refused("Shifted portmap ranges not supported with this kernel")

    def compile(self, values: Values, site: Site) -> Target:
        """To this host."""
        return Redirect(site.tables.nat, self.wanted(values), site.path)


# --- NETMAP -------------------------------------------------------------------------------------------------


def _network(text: str, where: Where) -> Network:
    """What is no mask means a single host. Linux: xtopt_parse_hostmask(), NETMAP_parse()"""
    word, slash, mask_text = text.partition("/")
    address = parse_address(word)
    if address is None:
        known = where.names.addresses.get(word.lower())
        if not known:
            raise BadOption("getaddrinfo: Temporary failure in name resolution")
        address = known[0]
    mask = _mask(mask_text) if slash else _ONES
    return Network(address & mask, mask, IPV4)


def _mask(text: str) -> int:
    length, dotted = number(text, 32), parse_address(text)
    if length is None and dotted is not None and (~dotted & _ONES) & (~dotted & _ONES) + 1 == 0:
        return dotted
    return _ONES if length is None else netmask(length)


def _network6(text: str, where: Where) -> Network:
    """Linux: xtopt_parse_hostmask(), libip6t_NETMAP.c"""
    host_text, slash, mask_text = text.partition("/")
    address, mask = host(host_text, where), IPV6.all_ones
    if slash and (IPV6.parse_address(mask_text) is None or not mask_text):
        mask = IPV6.netmask(prefix_length(mask_text, where))
    elif slash:
        written_out = IPV6.parse_address(mask_text)
        is_prefix = written_out is not None and IPV6.prefix_length(written_out) is not None
        mask = written_out if written_out is not None and is_prefix else IPV6.all_ones
    return Network(address & mask, mask, IPV6)


class NetmapExtension(TargetExtension):
    """`-j NETMAP`"""

    families: ClassVar[tuple[Family, ...]] = (IPV4,)
    name = "NETMAP"
    tables = ("nat",)
    hooks = ("PREROUTING", "POSTROUTING", "OUTPUT", "INPUT")
    options = (Option("to", _network, str, required=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`to:1.2.3.0/24`"""
        return f"to:{values['to'].value}"

    def compile(self, values: Values, site: Site) -> Target:
        """To the same place in another network."""
        to: Network = values["to"].value
        return Netmap(site.tables.nat, to.address, to.mask)


class NetmapExtension6(NetmapExtension):
    """The same of IPv6."""

    families = (IPV6,)
    options = (Option("to", _network6, str, required=True),)


EXTENSIONS: Final = (
    SnatExtension(),
    SnatExtension6(),
    DnatExtension(),
    DnatExtension6(),
    MasqueradeExtension(),
    RedirectExtension(),
    NetmapExtension(),
    NetmapExtension6(),
)
