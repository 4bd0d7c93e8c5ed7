"""[dhcp.DEVICE]: its texts as the addresses that a server works with, and what is wrong with them."""

from __future__ import annotations

from typing import Final

from pystack.daemon.settings import DhcpSettings
from pystack.services.dhcp import DhcpConfig
from pystack.wire.ethernet import is_valid_unicast, parse_mac
from pystack.wire.ipv4 import is_loopback, is_multicast, is_zeronet, parse_address

MOST_ADDRESSES: Final = 65_536  # of a range; each that was given once costs memory
MOST_DNS: Final = 8
LONGEST_DOMAIN: Final = 100
LEASE_TIMES: Final = range(60, 30 * 86_400 + 1)

Complaint = tuple[tuple[str, ...], str]  # the keys that lead to it, and a sentence


def read_dhcp(device: str, settings: DhcpSettings) -> tuple[DhcpConfig, list[Complaint]]:
    """The server that a section describes; worth something only if there is no complaint."""
    section = _Section(settings)
    first, last = section.range()
    router = settings.router
    config = DhcpConfig(
        device,
        first,
        last,
        router=None if router is None else section.address(router, "router") if router else 0,
        dns=tuple(section.address(text, "dns") for text in settings.dns),
        domain=settings.domain,
        lease_time=settings.lease_time,
        reserved=section.reserved(),
    )
    section.check_limits()
    return config, section.complaints


class _Section:
    def __init__(self, settings: DhcpSettings) -> None:
        self.settings = settings
        self.complaints: list[Complaint] = []

    def complain(self, *path: str, text: str) -> None:
        self.complaints.append((path, text))

    def address(self, text: str, *path: str) -> int:
        address = parse_address(text)
        if address is None or is_multicast(address) or is_loopback(address) or is_zeronet(address):
            self.complain(*path, text=f"{text!r} is no address of a station")
            return 0
        return address

    def range(self) -> tuple[int, int]:
        if len(self.settings.range) != 2:
            self.complain("range", text="the first address and the last one")
            return 0, 0
        first, last = (self.address(text, "range") for text in self.settings.range)
        if last < first:
            self.complain("range", text="the last address is before the first one")
        elif last - first >= MOST_ADDRESSES:
            self.complain("range", text=f"more than {MOST_ADDRESSES} addresses")
        return first, last

    def reserved(self) -> dict[bytes, int]:
        reserved: dict[bytes, int] = {}
        for station, text in self.settings.static.items():
            mac, address = parse_mac(station), self.address(text, "static", station)
            if mac is None or not is_valid_unicast(mac):
                self.complain("static", station, text="no hardware address of a station")
            elif mac in reserved:
                self.complain("static", station, text="has an address already")
            elif address in reserved.values():
                self.complain("static", station, text=f"{text} is another one's already")
            else:
                reserved[mac] = address
        return reserved

    def check_limits(self) -> None:
        settings = self.settings
        if settings.lease_time not in LEASE_TIMES:
            self.complain("lease_time", text=f"{LEASE_TIMES[0]} to {LEASE_TIMES[-1]} seconds")
        if len(settings.dns) > MOST_DNS:
            self.complain("dns", text=f"{MOST_DNS} servers at most")
        if len(settings.domain) > LONGEST_DOMAIN or not settings.domain.isascii():
            self.complain("domain", text=f"{LONGEST_DOMAIN} ASCII characters at most")
