"""Asks a namespace of the kernel for its state. Nothing in it changes, no table comes into being."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.ctnetlink import ConnReader
from pystack.hooks.imported.seen import Row, Seen
from pystack.hooks.nfnetlink import NfnetlinkSocket, open_socket
from pystack.hooks.tools import ToolFailed, ToolMissing, output
from pystack.netfilter.conntrack.snapshot import Snapshot

_SYSCTLS: Final = Path("/proc/sys/net")
_LONGEST: Final = 4096
_LEGACY_TABLES: Final = {  # who lists the legacy tables that exist: the tools would make those that do not
    "/proc/thread-self/net/ip_tables_names": "iptables-legacy-save",
    "/proc/thread-self/net/ip6_tables_names": "ip6tables-legacy-save",
}
_NFT_SAVERS: Final[dict[str, tuple[str, ...]]] = {  # with counters, where the other end takes them
    "iptables-nft-save": ("-c",),
    "ip6tables-nft-save": ("-c",),
    "ebtables-nft-save": (),
    "arptables-nft-save": (),
}


class Unreadable(Exception):
    """A namespace cannot be read; the text says why."""


def read(netns: str) -> Seen:
    """All of it, from a thread inside. Raises Unreadable, and PortUnavailable if there is none."""
    return in_netns(netns, _Reader().read)


def read_links(netns: str) -> Seen:
    """Its devices alone. Raises the same."""
    return in_netns(netns, _Reader().read_links)


class _Reader:
    """Its methods run inside the namespace."""

    def __init__(self) -> None:
        self.seen = Seen()

    def read_links(self) -> Seen:
        seen = self.seen
        seen.links = self._rows("ip", "-j", "-d", "link")
        if not seen.links:
            raise Unreadable("`ip -j link` says nothing (Debian package iproute2)")
        return seen

    def read(self) -> Seen:
        seen = self.read_links()
        seen.addresses = self._rows("ip", "-j", "-4", "address")
        seen.other_addresses = self._rows("ip", "-j", "-6", "address")
        seen.routes = self._text("ip", "-4", "-N", "route", "show", "table", "all")
        seen.rules = self._text("ip", "-4", "-N", "rule")
        seen.nexthops = self._rows("ip", "-j", "nexthop")
        seen.neighbours = self._rows("ip", "-j", "-4", "neigh")
        seen.proxies = self._rows("ip", "-j", "-4", "neigh", "show", "proxy")
        seen.fdb = self._rows("bridge", "-j", "fdb")
        seen.sysctls = dict(_sysctls())
        seen.ipsets = self._text("ipset", "save")
        seen.firewalls = dict(self._firewalls())
        seen.nft = self._text("nft", "list", "ruleset")
        if any(
            seen.firewalls.get(saver) for saver in _NFT_SAVERS
        ):  # whose tables nft's users may have changed
            seen.nft_plain = self._text("nft", "-n", "-s", "list", "ruleset")
            seen.nft_things = self._things("nft", "-j", "list", "ruleset")
        seen.sockets = self._text("ss", "-Htulnp")
        seen.connections = _connections()
        return seen

    def _firewalls(self) -> Iterator[tuple[str, str]]:
        for saver, table in legacy_tables():
            yield f"{saver} {table}", self._text(saver, "-c", "-t", table)
        for saver, options in _NFT_SAVERS.items():
            yield saver, self._text(saver, *options)

    def _rows(self, *argv: str) -> list[Row]:
        text = self._text(*argv)
        rows = json.loads(text) if text.strip() else []
        return [row for row in rows if row]  # ip prints {} for what its filter leaves out

    def _things(self, *argv: str) -> list[Row]:
        text = self._text(*argv)
        things: list[Row] = json.loads(text)["nftables"] if text.strip() else []
        return things

    def _text(self, *argv: str) -> str:
        try:
            return output(*argv)
        except ToolMissing:
            if argv[0] not in self.seen.missing:
                self.seen.missing.append(argv[0])
            return ""
        except ToolFailed as error:
            raise Unreadable(str(error)) from None


def legacy_tables() -> Iterator[tuple[str, str]]:
    """Those that exist, behind the name of the program that lists them."""
    for names, saver in _LEGACY_TABLES.items():
        for table in _lines_of(names):
            yield saver, table


def _lines_of(path: str) -> list[str]:
    try:
        return Path(path).read_text().split()
    except OSError:
        return []


def _sysctls() -> Iterator[tuple[tuple[str, ...], str]]:
    """Those that can be read; what only root of the whole machine sees is not of a namespace."""
    for folder, _, names in os.walk(_SYSCTLS):
        words = ("net", *Path(folder).relative_to(_SYSCTLS).parts)
        for name in names:
            try:
                with open(os.path.join(folder, name), "rb") as file:
                    value = file.read(_LONGEST)
            except OSError:
                continue
            yield (*words, name), value.decode(errors="replace").rstrip("\n")


def _connections() -> list[Snapshot]:
    sock = open_socket()
    netlink = NfnetlinkSocket(sock.detach())
    try:
        return ConnReader(netlink).all()
    except OSError as error:
        raise Unreadable(f"connections: {error.strerror}") from None
    finally:
        netlink.close()
