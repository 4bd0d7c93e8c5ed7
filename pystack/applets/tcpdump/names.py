"""Names for numbers, from the user's own /etc: used where -n is not given, and for words in filters.

Linux differs: the name service is not asked, so hosts that no file names stay numbers.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

from pystack.applets.name_files import GROUPS, HOSTS, NETWORKS, PROTOCOLS, SERVICES, USERS
from pystack.applets.requests import Answer, FileRefused, Request, read_file
from pystack.wire import ipv6
from pystack.wire.ipv4 import parse_address


def _root() -> dict[str, int]:
    """Who is there wherever Linux is, without a file that says so."""
    return {"root": 0}


@dataclass(slots=True)
class Names:
    """Both ways: the first name of a number, and every name's number."""

    tcp: dict[int, str] = field(default_factory=dict)
    udp: dict[int, str] = field(default_factory=dict)
    services: dict[int, str] = field(default_factory=dict)  # of whatever protocol
    hosts: dict[int, str] = field(default_factory=dict)
    devices: dict[int, str] = field(default_factory=dict)  # by ifindex, for frames of several devices
    ports: dict[tuple[str, str], int] = field(default_factory=dict)  # by protocol and name
    addresses: dict[str, list[int]] = field(default_factory=dict)
    hosts6: dict[int, str] = field(default_factory=dict)
    addresses6: dict[str, list[int]] = field(default_factory=dict)
    networks: dict[str, int] = field(default_factory=dict)
    protocols: dict[str, int] = field(default_factory=dict)
    users: dict[str, int] = field(default_factory=_root)
    groups: dict[str, int] = field(default_factory=_root)

    def read_services(self, text: str) -> None:
        """Lines like `http 80/tcp www`."""
        for words in _lines(text):
            number, slash, protocol = words[1].partition("/") if len(words) > 1 else ("", "", "")
            if not slash or not number.isdigit():
                continue
            self.services.setdefault(int(number), words[0])
            by_number = {"tcp": self.tcp, "udp": self.udp}.get(protocol)
            if by_number is not None:
                by_number.setdefault(int(number), words[0])
            for name in (words[0], *words[2:]):
                self.ports.setdefault((protocol, name), int(number))

    def read_hosts(self, text: str) -> None:
        """Lines like `127.0.0.1 localhost`, of both families."""
        families = (
            (parse_address, self.hosts, self.addresses),
            (ipv6.parse_address, self.hosts6, self.addresses6),
        )
        for words in _lines(text):
            for parse, hosts, addresses in families:
                address = parse(words[0])
                if address is None or len(words) < 2:
                    continue
                hosts.setdefault(address, words[1])
                for name in words[1:]:
                    addresses.setdefault(name.lower(), []).append(address)

    def read_networks(self, text: str) -> None:
        """Lines like `loopback 127.0.0.0`; zeros at the end may be missing."""
        for words in _lines(text):
            parts = words[1].split(".") if len(words) > 1 else []
            address = parse_address(".".join((*parts, *["0"] * (4 - len(parts)))))
            if address is not None:
                for name in (words[0], *words[2:]):
                    self.networks.setdefault(name.lower(), address)

    def read_protocols(self, text: str) -> None:
        """Lines like `tcp 6 TCP`."""
        for words in _lines(text):
            if len(words) > 1 and words[1].isdigit():
                for name in (words[0], *words[2:]):
                    self.protocols.setdefault(name, int(words[1]))

    def read_users(self, text: str) -> None:
        """Lines like `root:x:0:0:root:/root:/bin/sh`."""
        _read_ids(text, self.users)

    def read_groups(self, text: str) -> None:
        """Lines like `root:x:0:`."""
        _read_ids(text, self.groups)


def load_names() -> Generator[Request, Answer, Names]:
    """Read what the user's machine knows; a file that cannot be read names nothing."""
    names = Names()
    for path, take in (
        (SERVICES, names.read_services),
        (HOSTS, names.read_hosts),
        (NETWORKS, names.read_networks),
        (PROTOCOLS, names.read_protocols),
        (USERS, names.read_users),
        (GROUPS, names.read_groups),
    ):
        try:
            take((yield from read_file(path)).decode(errors="replace"))
        except FileRefused:
            continue
    return names


def _read_ids(text: str, ids: dict[str, int]) -> None:
    """Name, password, number: of several lines for a name, the first counts."""
    for line in text.splitlines():
        parts = line.split(":")
        if len(parts) > 2 and parts[2].isdecimal():
            ids.setdefault(parts[0], int(parts[2]))


def _lines(text: str) -> list[list[str]]:
    split = (line.partition("#")[0].split() for line in text.splitlines())
    return [words for words in split if words]
