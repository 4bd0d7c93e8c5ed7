"""`-s` and `-d`: hosts and networks, read and printed."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.applets.iptables.family import IPV4, Family
from pystack.applets.iptables.option import U8, number
from pystack.applets.iptables.refused import Refused
from pystack.applets.iputils import parse_aton
from pystack.applets.tcpdump.names import Names


@dataclass(frozen=True, slots=True)
class Network:
    """`10.0.0.0/8`"""

    address: int
    mask: int
    family: Family

    def __str__(self) -> str:
        length = self.family.prefix_length(self.mask)
        tail = self.family.address_text(self.mask) if length is None else str(length)
        return f"{self.family.address_text(self.address)}/{tail}"

    @property
    def is_anywhere(self) -> bool:
        """Whether `-L` calls it so. Linux: ipv4_addr_to_string(), ipv6_addr_to_string()"""
        return not self.address and (not self.mask or self.family.bits != IPV4.bits)

    def listed(self, names: Names | None) -> str:
        """As `-L` prints it; `names` is None with -n."""
        if names is not None and self.is_anywhere:
            return "anywhere"
        if not self.mask:
            return str(self)
        address, slash, length = str(self).removesuffix(f"/{self.family.bits}").partition("/")
        if names is not None:
            address = self.family.host_name(names, self.address)
        return f"{address}{slash}{length}"


def anywhere(family: Family) -> Network:
    """What a rule is about that says nothing."""
    return Network(0, 0, family)


def networks(text: str, names: Names, family: Family) -> list[Network]:
    """Hosts and networks, separated by commas.

    Linux: xtables_ipparse_multiple(), xtables_ip6parse_multiple()
    """
    found: list[Network] = []
    for part in text.split(","):
        words = part.strip(" \t")
        host, slash, mask_text = words.rpartition("/") if "/" in words else (words, "", "")
        mask = _mask(mask_text, family) if slash else family.all_ones
        found += [Network(address & mask, mask, family) for address in _addresses(host, mask, names, family)]
    return found


def _mask(text: str, family: Family) -> int:
    """Linux: parse_ipmask(), parse_ip6mask()"""
    written_out = family.parse_address(text)
    if written_out is not None:
        return written_out
    length = number(text, family.bits)
    if length is None:
        raise Refused(f"invalid mask `{text}' specified")
    return family.netmask(length)


def _addresses(host: str, mask: int, names: Names, family: Family) -> list[int]:
    """Linux: ipparse_hostnetwork(), ip6parse_hostnetwork()"""
    if not mask:
        return [0]
    address = numeric(host, family)
    if address is not None:
        return [address]
    network = names.networks.get(host.lower()) if family.bits == IPV4.bits else None
    found = [network] if network is not None else family.addresses_of(names, host)
    if not found and family.bits == IPV4.bits and (address := parse_aton(host)) is not None:
        return [address]
    if not found:
        raise Refused(f"host/network `{host}' not found")
    return found


def numeric(host: str, family: Family) -> int | None:
    """An address in numbers; one of IPv4 may be short, zeros are put behind it.

    Linux: xtables_numeric_to_ipaddr(), xtables_numeric_to_ip6addr()
    """
    if family.bits != IPV4.bits:
        return family.parse_address(host)
    parts = host.split(".")
    octets = [octet for part in parts if (octet := number(part, U8)) is not None]
    if len(parts) > 4 or len(octets) < len(parts):
        return None
    return int.from_bytes(bytes(octets + [0] * (4 - len(octets))), "big")
