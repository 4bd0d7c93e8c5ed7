"""Elements of sets as text: read, with all that a range stands for, and printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.ipset.refused import Refused, number, syntax, worded
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.header import PROTOCOL_NAMES
from pystack.applets.iptables.icmp_types import ICMP_TYPES, ICMPV6_TYPES, IcmpNames
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.ipset import HASH_IP, HASH_IP_PORT, HASH_NET, Fault, Key, Settings, network_of

_ICMP: Final = 1
_ICMPV6: Final = 58
_TCP: Final = 6
_WITH_PORTS: Final = {6: "tcp", 17: "udp", 132: "sctp", 136: "udplite"}
_PROTOCOLS: Final = {name: value for value, name in PROTOCOL_NAMES.items()} | {"icmpv6": _ICMPV6, "gre": 47}
_NAMES: Final = PROTOCOL_NAMES | {47: "gre"}
_U16: Final = 0xFFFF


class Elements:
    """Those of one set."""

    def __init__(self, settings: Settings, names: Names) -> None:
        self._settings = settings
        self._names = names
        self._family = IPV6 if settings.is_ipv6 else IPV4

    # --- reading ------------------------------------------------------------------------------------------

    def parse(self, text: str, *, stores: bool) -> Iterator[Key]:
        """The keys that a text stands for, in their order; raises Refused. `stores`: they are to be kept."""
        address_text, comma, service = text.partition(",")
        if self._settings.kind == HASH_IP_PORT:
            if not comma:
                raise syntax(f"Second element is missing from {text}.")
            protocol, ports = self._service(service)
            low, high = self._range(address_text)
            return ((ip, protocol, port) for ip in range(low, high + 1) for port in ports)
        if comma:
            what = f"Elem separator in {text}, but settype {self._settings.kind} supports none."
            raise syntax(what)
        if self._settings.kind == HASH_NET:
            return iter(self._networks(text))
        return self._hosts(text, stores=stores)

    def _hosts(self, text: str, *, stores: bool) -> Iterator[Key]:
        """Of hash:ip: under a netmask many addresses are one."""
        low, high = self._range(text)
        bits, length = self._settings.bits, self._settings.prefix
        step = 1 << (bits - (bits if length is None else length))
        low = low // step * step
        if not low and stores:
            raise Refused(worded("add", Fault.NULL))
        return ((ip,) for ip in range(low, high + 1, step))

    def _networks(self, text: str) -> list[Key]:
        bits = self._settings.bits
        host, slash, length_text = text.partition("/")
        if slash:
            length = number(length_text, bits)
            if not length:
                raise Refused(worded("add", Fault.PREFIX))
            return [(network_of(self._address(host), length, bits), length)]
        low, high = self._range(text)
        return list(_covering(low, high, bits))

    def _range(self, text: str) -> tuple[int, int]:
        """`A`, `A-B`, `A/LENGTH`. Linux: ipset lib/parse.c ipset_parse_ip4_net6()"""
        family = self._family
        host, slash, length_text = text.partition("/")
        if family is IPV6 and (slash or "-" in text):
            raise syntax(f"plain IP address must be supplied: {text}")
        if slash and length_text:
            length = number(length_text, family.bits)
            low = network_of(self._address(host), length, family.bits)
            return low, low | (1 << (family.bits - length)) - 1
        first, dash, last = text.partition("-")
        if not dash or not last:
            address = self._address(text)
            return address, address
        low, high = sorted((self._address(first), self._address(last)))
        return low, high

    def _address(self, text: str) -> int:
        address = self._family.parse_address(text)
        known = self._family.addresses_of(self._names, text) if address is None else [address]
        if not known:
            name = "IPv6" if self._family is IPV6 else "IPv4"
            raise syntax(f"cannot parse {text}: resolving to {name} address failed")
        return known[0]

    def _service(self, text: str) -> tuple[int, range]:
        """`80`, `tcp:80-90`, `icmp:ping`, `47:0`. Linux: ipset lib/parse.c ipset_parse_proto_port()"""
        name, colon, rest = text.partition(":")
        if not colon:
            return _TCP, self._ports(text, "tcp")
        protocol = self._protocol(name)
        if protocol in (_ICMP, _ICMPV6):
            self._refuse_other_icmp(protocol)
            code = _icmp(rest, ICMPV6_TYPES if protocol == _ICMPV6 else ICMP_TYPES)
            return protocol, range(code, code + 1)
        if protocol in _WITH_PORTS:
            return protocol, self._ports(rest, _WITH_PORTS[protocol])
        if rest != "0":
            raise syntax(f"Protocol {name} can be used with pseudo port value 0 only.")
        return protocol, range(1)

    def _refuse_other_icmp(self, protocol: int) -> None:
        if (protocol == _ICMPV6) == (self._family is IPV6):
            return
        name, family = ("ICMPv6", "inet6") if protocol == _ICMPV6 else ("ICMP", "inet")
        raise syntax(f"Protocol {name} can be used with family {family} only")

    def _protocol(self, name: str) -> int:
        if name.isdigit() and 0 < int(name) < 256:
            return int(name)
        known = self._names.protocols.get(name) or _PROTOCOLS.get(name)
        if known is None:
            raise syntax(f"cannot parse '{name}' as a protocol")
        return known

    def _ports(self, text: str, protocol: str) -> range:
        low, dash, high = text.partition("-")
        first = self._port(low, protocol)
        return range(first, (self._port(high, protocol) if dash else first) + 1)

    def _port(self, text: str, protocol: str) -> int:
        known = self._names.ports.get((protocol, text))
        return number(text, _U16) if known is None else known

    # --- printing -----------------------------------------------------------------------------------------

    def text(self, key: Key) -> str:
        """`1.2.3.4`, `10.0.0.0/8`, `1.2.3.4,tcp:80`"""
        address = self._family.address_text(key[0])
        if self._settings.kind == HASH_IP:
            return address
        if self._settings.kind == HASH_NET:
            return address if key[1] == self._settings.bits else f"{address}/{key[1]}"
        return f"{address},{_service_text(key[1], key[2])}"


def _service_text(protocol: int, port: int) -> str:
    name = _NAMES.get(protocol, str(protocol))
    if protocol not in (_ICMP, _ICMPV6):
        return f"{name}:{port}"
    known = ICMPV6_TYPES if protocol == _ICMPV6 else ICMP_TYPES
    kind, code = port >> 8, port & 0xFF
    named = [entry[0] for entry in known if (entry[1], entry[2]) == (kind, code) and entry[1] != 0xFF]
    return f"{name}:{named[0] if named else f'{kind}/{code}'}"


def _icmp(text: str, known: IcmpNames) -> int:
    """A name, or type and code."""
    for name, kind, low, _ in known:
        if name == text:
            return kind << 8 | low
    kind_text, _, code_text = text.partition("/")
    return number(kind_text, 0xFF) << 8 | number(code_text or "0", 0xFF)


def _covering(low: int, high: int, bits: int) -> Iterator[Key]:
    """The fewest networks that have all addresses of a range. Linux: pfxlen.c ip_set_range_to_cidr()"""
    while low <= high:
        free = (low & -low).bit_length() - 1 if low else bits
        free = min(free, (high - low + 1).bit_length() - 1)
        yield low, bits - free
        low += 1 << free


def family_named(name: str) -> Family:
    """`inet`, `inet6`"""
    if name in ("inet", "inet6"):
        return IPV6 if name == "inet6" else IPV4
    raise syntax(f"unknown inet family {name}")
