"""One tracked connection."""

from __future__ import annotations

from typing import Final
from zlib import crc32

from pystack.device import Connection
from pystack.netfilter.conntrack.info import (
    IP_CT_IS_REPLY,
    IP_CT_RELATED,
    IP_CT_RELATED_REPLY,
    IPS_CONFIRMED,
    IPS_TEMPLATE,
)
from pystack.netfilter.conntrack.tuples import Tuple, read
from pystack.packet import Packet

# In which direction a zone counts. Linux: include/net/netfilter/nf_conntrack_zones.h
ZONE_DIR_ORIGINAL: Final = 1
ZONE_DIR_REPLY: Final = 2
ZONE_DIR_BOTH: Final = 3
_U16: Final = 0xFFFF


class Zone:
    """A number that keeps equal tuples apart. Linux: struct nf_conntrack_zone"""

    __slots__ = ("by_mark", "dirs", "number")

    def __init__(self, number: int = 0, dirs: int = ZONE_DIR_BOTH, *, by_mark: bool = False) -> None:
        self.number = number
        self.dirs = dirs
        self.by_mark = by_mark  # the number is the packet's mark

    def for_packet(self, pkt: Packet) -> Zone:
        """The zone of one packet. Linux: nf_ct_zone_tmpl()"""
        return Zone(pkt.mark & _U16, self.dirs) if self.by_mark else self

    def of(self, direction: int) -> int:
        """The zone's number as tuples of one direction have it. Linux: nf_ct_zone_id()"""
        return self.number if self.dirs & 1 << direction else 0


DEFAULT_ZONE: Final = Zone()


class Helping:
    """A helper at work, as far as a connection knows it: helper.py knows the rest."""

    __slots__ = ()


class Shifting:
    """How sequence numbers are moved, as far as a connection knows it: nat/sequence.py knows the rest."""

    __slots__ = ()


class Lifetimes:
    """How long connections live on, as far as one knows it: conf.py knows the rest."""

    __slots__ = ()


class Extension:
    """What only few connections have. Linux: struct nf_ct_ext"""

    __slots__ = (
        "accounted",
        "help",
        "master",
        "noted",
        "octets",
        "packets",
        "shifting",
        "started",
        "times",
        "told",
        "told_expected",
        "zone",
    )

    def __init__(self) -> None:
        self.zone = DEFAULT_ZONE
        self.help: Helping | None = None  # who reads along what its ends say to each other
        self.master: Conn | None = None  # the connection on which this one was agreed
        self.shifting: Shifting | None = None
        self.told = 0  # which events of it are told, as bits of Event, and which of what it expects
        self.told_expected = 0
        self.noted = 0  # events that are told once the packet has got through
        self.accounted = False
        self.packets = [0, 0]  # by direction
        self.octets = [0, 0]
        self.times: Lifetimes | None = None  # None: those that all have
        self.started: float | None = None  # on the calendar, with nf_conntrack_timestamp


class Unpacked:
    """What a protocol keeps of a connection, taken out of its octets: tcp_track.py knows the rest."""

    __slots__ = ()

    def pack(self) -> bytes:
        """As octets."""
        raise NotImplementedError


class Conn(Connection):
    """Linux: struct nf_conn

    There may be a million: what most of them do not need lies in `extension`, and what its protocol keeps in
    `proto` is a number, or octets. Of a few that are busy the octets are kept unpacked.
    """

    __slots__ = ("expires", "extension", "kept", "mark", "masq_index", "original", "reply", "status")

    def __init__(self, original: bytes, reply: bytes) -> None:
        self.original = original  # keys, as tuples.py has them
        self.reply = reply
        self.status = 0
        self.expires = 0  # in jiffies; until confirmed, how many from then on
        self.mark = 0
        self.masq_index = 0  # the device whose address it was masqueraded with
        self.kept: int | bytes | Unpacked = 0
        self.extension: Extension | None = None

    @property
    def proto(self) -> int | bytes:
        """What its protocol keeps, for everybody but its tracker."""
        kept = self.kept
        return kept.pack() if isinstance(kept, Unpacked) else kept

    @proto.setter
    def proto(self, value: int | bytes) -> None:
        self.kept = value

    @property
    def protocol(self) -> int:
        """IPPROTO_*"""
        return self.original[1]

    @property
    def family(self) -> int:
        """NFPROTO_*"""
        return self.original[0]

    @property
    def is_confirmed(self) -> bool:
        """In the table."""
        return bool(self.status & IPS_CONFIRMED)

    @property
    def is_template(self) -> bool:
        """Only a rule's wishes for the connection to come."""
        return bool(self.status & IPS_TEMPLATE)

    @property
    def zone(self) -> Zone:
        """Linux: nf_ct_zone()"""
        return DEFAULT_ZONE if self.extension is None else self.extension.zone

    @property
    def master(self) -> Conn | None:
        """The connection on which this one was agreed."""
        return None if self.extension is None else self.extension.master

    @property
    def id(self) -> int:
        """A number to tell it by. Linux differs: it hides where the entry lies in memory behind a secret."""
        return crc32(self.original + self.reply)

    def tuple(self, direction: int) -> Tuple:
        """One direction, to be read."""
        return read(self.reply if direction else self.original)

    def extended(self) -> Extension:
        """The extension, made if there is none yet."""
        if self.extension is None:
            self.extension = Extension()
        return self.extension


def tracked(pkt: Packet) -> Conn | None:
    """The connection of a packet; None without one, or with no more than a rule's wishes.

    Linux: nf_ct_get()
    """
    conn = pkt.ct
    return conn if isinstance(conn, Conn) and not conn.status & IPS_TEMPLATE else None


def attach(new: Packet, cause: Packet) -> None:
    """Let a packet of ours belong to the connection of the one that it answers.

    Linux: net/netfilter/nf_conntrack_core.c nf_conntrack_attach()
    """
    if cause.ct is not None:
        new.ct = cause.ct
        new.ctinfo = IP_CT_RELATED if cause.ctinfo >= IP_CT_IS_REPLY else IP_CT_RELATED_REPLY
