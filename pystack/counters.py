"""Counters by Linux's names: `/proc/net/snmp`, `/proc/net/netstat`, `ip -s link`.

The attribute is the name that users grep, in the file's own order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from typing import Final


@dataclass(slots=True)
class IpStats:
    """Ip: of /proc/net/snmp. Linux: net/ipv4/proc.c snmp4_ipstats_list"""

    Forwarding: int = 2
    DefaultTTL: int = 64
    InReceives: int = 0
    InHdrErrors: int = 0
    InAddrErrors: int = 0
    ForwDatagrams: int = 0
    InUnknownProtos: int = 0
    InDiscards: int = 0
    InDelivers: int = 0
    OutRequests: int = 0
    OutDiscards: int = 0
    OutNoRoutes: int = 0
    ReasmTimeout: int = 0
    ReasmReqds: int = 0
    ReasmOKs: int = 0
    ReasmFails: int = 0
    FragOKs: int = 0
    FragFails: int = 0
    FragCreates: int = 0


@dataclass(slots=True)
class IcmpStats:
    """Icmp: of /proc/net/snmp."""

    InMsgs: int = 0
    InErrors: int = 0
    InCsumErrors: int = 0
    InDestUnreachs: int = 0
    InTimeExcds: int = 0
    InParmProbs: int = 0
    InSrcQuenchs: int = 0
    InRedirects: int = 0
    InEchos: int = 0
    InEchoReps: int = 0
    InTimestamps: int = 0
    InTimestampReps: int = 0
    InAddrMasks: int = 0
    InAddrMaskReps: int = 0
    OutMsgs: int = 0
    OutErrors: int = 0
    OutRateLimitGlobal: int = 0
    OutRateLimitHost: int = 0
    OutDestUnreachs: int = 0
    OutTimeExcds: int = 0
    OutParmProbs: int = 0
    OutSrcQuenchs: int = 0
    OutRedirects: int = 0
    OutEchos: int = 0
    OutEchoReps: int = 0
    OutTimestamps: int = 0
    OutTimestampReps: int = 0
    OutAddrMasks: int = 0
    OutAddrMaskReps: int = 0


# What In… and Out… of Icmp: count. Linux: net/ipv4/proc.c icmpmibmap
_ICMP_NAMES: Final = {
    0: "EchoReps",
    3: "DestUnreachs",
    4: "SrcQuenchs",
    5: "Redirects",
    8: "Echos",
    11: "TimeExcds",
    12: "ParmProbs",
    13: "Timestamps",
    14: "TimestampReps",
    17: "AddrMasks",
    18: "AddrMaskReps",
}


@dataclass(slots=True)
class TcpStats:
    """Tcp: of /proc/net/snmp."""

    RtoAlgorithm: int = 1
    RtoMin: int = 200
    RtoMax: int = 120_000
    MaxConn: int = -1
    ActiveOpens: int = 0
    PassiveOpens: int = 0
    AttemptFails: int = 0
    EstabResets: int = 0
    CurrEstab: int = 0
    InSegs: int = 0
    OutSegs: int = 0
    RetransSegs: int = 0
    InErrs: int = 0
    OutRsts: int = 0
    InCsumErrors: int = 0


@dataclass(slots=True)
class UdpStats:
    """Udp: of /proc/net/snmp."""

    InDatagrams: int = 0
    NoPorts: int = 0
    InErrors: int = 0
    OutDatagrams: int = 0
    RcvbufErrors: int = 0
    SndbufErrors: int = 0
    InCsumErrors: int = 0
    IgnoredMulti: int = 0
    MemErrors: int = 0


@dataclass(slots=True)
class IpExtStats:
    """IpExt: of /proc/net/netstat. Linux: net/ipv4/proc.c snmp4_ipextstats_list"""

    InNoRoutes: int = 0
    InTruncatedPkts: int = 0
    InMcastPkts: int = 0
    OutMcastPkts: int = 0
    InBcastPkts: int = 0
    OutBcastPkts: int = 0
    InOctets: int = 0
    OutOctets: int = 0
    InMcastOctets: int = 0
    OutMcastOctets: int = 0
    InBcastOctets: int = 0
    OutBcastOctets: int = 0
    InCsumErrors: int = 0
    InNoECTPkts: int = 0
    InECT1Pkts: int = 0
    InECT0Pkts: int = 0
    InCEPkts: int = 0
    ReasmOverlaps: int = 0


@dataclass(slots=True)
class Snmp:
    """The counters of one namespace."""

    Ip: IpStats = field(default_factory=IpStats)
    Icmp: IcmpStats = field(default_factory=IcmpStats)
    Tcp: TcpStats = field(default_factory=TcpStats)
    Udp: UdpStats = field(default_factory=UdpStats)
    IpExt: IpExtStats = field(default_factory=IpExtStats)
    IcmpMsg: Counter[str] = field(default_factory=Counter)  # InType8, OutType0, …: listed once seen

    def add(self, name: str) -> None:
        """Count one under a dotted name, `Ip.InHdrErrors`; for paths that are not hot."""
        group, _, counter = name.partition(".")
        stats = getattr(self, group)
        setattr(stats, counter, getattr(stats, counter) + 1)

    def icmp_in(self, type_: int) -> None:
        """Count a message by its type. Linux: net/ipv4/icmp.c ICMPMSGIN_INC_STATS, proc.c icmp_put()"""
        self.IcmpMsg[f"InType{type_}"] += 1
        if type_ in _ICMP_NAMES:
            self.add(f"Icmp.In{_ICMP_NAMES[type_]}")

    def icmp_out(self, type_: int) -> None:
        """Count a message that leaves. Linux: net/ipv4/icmp.c icmp_out_count()"""
        self.Icmp.OutMsgs += 1
        self.IcmpMsg[f"OutType{type_}"] += 1
        if type_ in _ICMP_NAMES:
            self.add(f"Icmp.Out{_ICMP_NAMES[type_]}")

    def snmp_text(self) -> str:
        """/proc/net/snmp of what is counted here."""
        groups = [_group_text("Ip", self.Ip), _group_text("Icmp", self.Icmp)]
        if self.IcmpMsg:
            names = sorted(self.IcmpMsg, key=lambda name: (name[0] != "I", int(name.partition("Type")[2])))
            groups.append(f"IcmpMsg: {' '.join(names)}\nIcmpMsg: {_values(self.IcmpMsg[n] for n in names)}\n")
        groups += [_group_text("Tcp", self.Tcp), _group_text("Udp", self.Udp)]
        return "".join(groups)

    def netstat_text(self) -> str:
        """/proc/net/netstat of what is counted here."""
        return _group_text("IpExt", self.IpExt)


@dataclass(slots=True)
class DeviceStats:
    """What `ip -s link` shows. Linux: struct rtnl_link_stats64"""

    rx_packets: int = 0
    rx_bytes: int = 0
    rx_errors: int = 0
    rx_dropped: int = 0
    rx_missed: int = 0
    multicast: int = 0
    rx_frame_errors: int = 0
    tx_packets: int = 0
    tx_bytes: int = 0
    tx_errors: int = 0
    tx_dropped: int = 0
    tx_carrier_errors: int = 0
    collisions: int = 0


def _values(numbers: Iterable[int]) -> str:
    return " ".join(str(number) for number in numbers)


def _group_text(title: str, stats: IpStats | IcmpStats | TcpStats | UdpStats | IpExtStats) -> str:
    names = [entry.name for entry in fields(stats)]
    return f"{title}: {' '.join(names)}\n{title}: {_values(getattr(stats, name) for name in names)}\n"
