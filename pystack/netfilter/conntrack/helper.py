"""Who reads along what the ends of a connection say, because they agree on further ones there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pystack.netfilter.conntrack.conn import Conn, Helping
from pystack.netfilter.conntrack.expectation import Expectation
from pystack.netfilter.conntrack.info import IPS_HELPER
from pystack.netfilter.conntrack.needs import ForHelpers
from pystack.packet import Packet


@dataclass(frozen=True, slots=True)
class Policy:
    """Linux: struct nf_conntrack_expect_policy"""

    most: int  # expectations at a time; 0: any number
    timeout: int  # of each, in seconds


class Helper:
    """Linux: struct nf_conntrack_helper"""

    name: ClassVar[str]
    protocol: ClassVar[int]  # IPPROTO_*
    policy: ClassVar[Policy]

    def memory(self) -> object:
        """What it remembers of a connection at first. Linux: nfct_help_data()"""
        return None

    def help(self, pkt: Packet, transport: int, conn: Conn, context: ForHelpers) -> int:
        """Read one packet; the verdict about it. Linux: nf_conntrack_helper.help"""
        raise NotImplementedError


class Help(Helping):
    """A helper at work for one connection. Linux: struct nf_conn_help"""

    __slots__ = ("expectations", "helper", "memory")

    def __init__(self, helper: Helper) -> None:
        self.helper = helper
        self.memory = helper.memory()
        self.expectations: list[Expectation] = []  # the youngest first


def help_of(conn: Conn) -> Help | None:
    """Linux: include/net/netfilter/nf_conntrack_helper.h nfct_help()"""
    helping = None if conn.extension is None else conn.extension.help
    return helping if isinstance(helping, Help) else None


def helper_name(conn: Conn) -> str:
    """Who helps it; empty: nobody."""
    help_ = help_of(conn)
    return "" if help_ is None else help_.helper.name


def give_helper(conn: Conn, helper: Helper) -> None:
    """Let somebody read along. Linux: net/netfilter/nf_conntrack_helper.c nf_ct_helper_ext_add()"""
    conn.extended().help = Help(helper)
    conn.status |= IPS_HELPER
