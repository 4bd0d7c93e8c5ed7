"""Which devices and addresses `ip link show` and `ip addr show` are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.applets.glob import glob_matches
from pystack.applets.iproute.known_device import known_device
from pystack.applets.iproute.names import GROUPS, SCOPES
from pystack.applets.iproute.numbers import Prefix, prefix
from pystack.applets.iproute.usage_of_objects import ADDRESS_USAGE, explained
from pystack.applets.iproute.words import ToolExit, Words, garbage, wrong
from pystack.applets.session import Session
from pystack.errors import NotModelled
from pystack.l2.bridge_port import BridgePort
from pystack.l2.devices import Link
from pystack.l3.addresses import (
    IFA_F_DEPRECATED,
    IFA_F_NOPREFIXROUTE,
    IFA_F_PERMANENT,
    IFA_F_SECONDARY,
    Address,
)

IFA_F_MCAUTOJOIN: Final = 0x400

# Linux: iproute2 ip/ipaddress.c ifa_flag_data
FLAG_BITS: Final = {
    "secondary": IFA_F_SECONDARY,
    "temporary": IFA_F_SECONDARY,
    "nodad": 0x02,
    "optimistic": 0x04,
    "dadfailed": 0x08,
    "home": 0x10,
    "deprecated": IFA_F_DEPRECATED,
    "tentative": 0x40,
    "permanent": IFA_F_PERMANENT,
    "mngtmpaddr": 0x100,
    "noprefixroute": IFA_F_NOPREFIXROUTE,
    "autojoin": IFA_F_MCAUTOJOIN,
    "stable-privacy": 0x800,
}


@dataclass(slots=True)
class LinkFilter:
    """Linux: iproute2 ip/ip_common.h struct link_filter"""

    family: str = ""
    dev: Link | None = None
    up: bool = False
    group: int | None = None
    master: Link | None = None
    nomaster: bool = False
    kind: str = ""
    slave_kind: str = ""
    label: str = ""
    scope: int | None = None
    flags: int = 0
    flagmask: int = 0
    to: Prefix | None = None

    def dumps(self, dev: Link) -> bool:
        """Whether the kernel lists the device at all. Linux: net/core/rtnetlink.c link_dump_filtered()"""
        if self.master is not None and dev.master is not self.master:
            return False
        if self.nomaster and dev.master is not None:
            return False
        return not self.kind or dev.kind == self.kind

    def shows(self, dev: Link) -> bool:
        """Whether `ip` prints it. Linux: iproute2 ip/ipaddress.c print_linkinfo()"""
        if self.up and not dev.up:
            return False
        if self.group is not None and dev.group != self.group:
            return False
        if not self.slave_kind:
            return True
        return self.slave_kind == ("bridge" if isinstance(dev.port, BridgePort) else "")

    def takes(self, address: Address) -> bool:
        """Linux: iproute2 ip/ipaddress.c print_addrinfo()"""
        if self.family not in ("", "inet"):
            return False
        if self.scope is not None and address.scope != self.scope:
            return False
        if (self.flags ^ address.flags) & self.flagmask:
            return False
        if self.label and not glob_matches(self.label, address.label):
            return False
        return self.to is None or self.to.is_any or self.to.holds(address.local)


def parse_filter(words: Words, family: str, session: Session, usage: str = ADDRESS_USAGE) -> LinkFilter:
    """Linux: iproute2 ip/ipaddress.c ipaddr_list_flush_or_save()"""
    found = LinkFilter(family=family)
    dev_name = ""
    while words:
        word = words.take()
        if word == "to":
            found.to = prefix(words.take(), found.family)
            found.family = found.family or found.to.family
        elif word == "scope":
            found.scope = _scope_of(words.take())
        elif word == "up":
            found.up = True
        elif _note_flag(word, found):
            continue
        elif word == "label":
            found.label = words.take()
        elif word == "group":
            found.group = _group_of(words.take())
        elif word == "master":
            found.master, found.nomaster = known_device(words.take(), session), False
        elif word == "vrf":
            raise NotModelled("vrf", ("master", "nomaster"))
        elif word == "nomaster":
            found.master, found.nomaster = None, True
        elif word == "type":
            _note_kind(words.take(), found)
        else:
            if word == "dev":
                word = words.take()
            elif word and "help".startswith(word):
                raise explained(usage)
            if dev_name:
                raise garbage("dev", word)
            dev_name = word
    if dev_name:
        found.dev = session.netns.devices.get(dev_name)
        if found.dev is None:
            raise ToolExit(1, f'Device "{dev_name}" does not exist.\n')
    return found


def _scope_of(word: str) -> int | None:
    scope = SCOPES.number(word)
    if scope is None and word != "all":
        raise wrong('invalid "scope"\n', word)
    return scope


def _group_of(word: str) -> int:
    group = GROUPS.number(word)
    if group is None:
        raise wrong('Invalid "group" value\n', word)
    return group


def _note_kind(word: str, found: LinkFilter) -> None:
    if word.endswith("_slave"):
        found.slave_kind = word.removesuffix("_slave")
    else:
        found.kind = word


def _note_flag(word: str, found: LinkFilter) -> bool:
    """Linux: iproute2 ip/ipaddress.c get_filter()"""
    inverted = word.startswith("-")
    name = word[1:] if inverted else word
    opposite = {"dynamic": "permanent", "primary": "secondary"}.get(name)
    if opposite is not None:
        name, inverted = opposite, not inverted
    bit = FLAG_BITS.get(name)
    if bit is None:
        return False
    found.flags = found.flags & ~bit if inverted else found.flags | bit
    found.flagmask |= bit
    return True
