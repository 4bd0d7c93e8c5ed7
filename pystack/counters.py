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
    OutTransmits: int = 0


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
class TcpExtStats:
    """TcpExt: of /proc/net/netstat. Linux: net/ipv4/proc.c snmp4_net_list"""

    SyncookiesSent: int = 0
    SyncookiesRecv: int = 0
    SyncookiesFailed: int = 0
    EmbryonicRsts: int = 0
    PruneCalled: int = 0
    RcvPruned: int = 0
    OfoPruned: int = 0
    OutOfWindowIcmps: int = 0
    LockDroppedIcmps: int = 0
    ArpFilter: int = 0
    TW: int = 0
    TWRecycled: int = 0
    TWKilled: int = 0
    PAWSActive: int = 0
    PAWSEstab: int = 0
    BeyondWindow: int = 0
    TSEcrRejected: int = 0
    PAWSOldAck: int = 0
    PAWSTimewait: int = 0
    DelayedACKs: int = 0
    DelayedACKLocked: int = 0
    DelayedACKLost: int = 0
    ListenOverflows: int = 0
    ListenDrops: int = 0
    TCPHPHits: int = 0
    TCPPureAcks: int = 0
    TCPHPAcks: int = 0
    TCPRenoRecovery: int = 0
    TCPSackRecovery: int = 0
    TCPSACKReneging: int = 0
    TCPSACKReorder: int = 0
    TCPRenoReorder: int = 0
    TCPTSReorder: int = 0
    TCPFullUndo: int = 0
    TCPPartialUndo: int = 0
    TCPDSACKUndo: int = 0
    TCPLossUndo: int = 0
    TCPLostRetransmit: int = 0
    TCPRenoFailures: int = 0
    TCPSackFailures: int = 0
    TCPLossFailures: int = 0
    TCPFastRetrans: int = 0
    TCPSlowStartRetrans: int = 0
    TCPTimeouts: int = 0
    TCPLossProbes: int = 0
    TCPLossProbeRecovery: int = 0
    TCPRenoRecoveryFail: int = 0
    TCPSackRecoveryFail: int = 0
    TCPRcvCollapsed: int = 0
    TCPBacklogCoalesce: int = 0
    TCPDSACKOldSent: int = 0
    TCPDSACKOfoSent: int = 0
    TCPDSACKRecv: int = 0
    TCPDSACKOfoRecv: int = 0
    TCPAbortOnData: int = 0
    TCPAbortOnClose: int = 0
    TCPAbortOnMemory: int = 0
    TCPAbortOnTimeout: int = 0
    TCPAbortOnLinger: int = 0
    TCPAbortFailed: int = 0
    TCPMemoryPressures: int = 0
    TCPMemoryPressuresChrono: int = 0
    TCPSACKDiscard: int = 0
    TCPDSACKIgnoredOld: int = 0
    TCPDSACKIgnoredNoUndo: int = 0
    TCPSpuriousRTOs: int = 0
    TCPMD5NotFound: int = 0
    TCPMD5Unexpected: int = 0
    TCPMD5Failure: int = 0
    TCPSackShifted: int = 0
    TCPSackMerged: int = 0
    TCPSackShiftFallback: int = 0
    TCPBacklogDrop: int = 0
    PFMemallocDrop: int = 0
    TCPMinTTLDrop: int = 0
    TCPDeferAcceptDrop: int = 0
    IPReversePathFilter: int = 0
    TCPTimeWaitOverflow: int = 0
    TCPReqQFullDoCookies: int = 0
    TCPReqQFullDrop: int = 0
    TCPRetransFail: int = 0
    TCPRcvCoalesce: int = 0
    TCPOFOQueue: int = 0
    TCPOFODrop: int = 0
    TCPOFOMerge: int = 0
    TCPChallengeACK: int = 0
    TCPSYNChallenge: int = 0
    TCPFastOpenActive: int = 0
    TCPFastOpenActiveFail: int = 0
    TCPFastOpenPassive: int = 0
    TCPFastOpenPassiveFail: int = 0
    TCPFastOpenListenOverflow: int = 0
    TCPFastOpenCookieReqd: int = 0
    TCPFastOpenBlackhole: int = 0
    TCPSpuriousRtxHostQueues: int = 0
    BusyPollRxPackets: int = 0
    TCPAutoCorking: int = 0
    TCPFromZeroWindowAdv: int = 0
    TCPToZeroWindowAdv: int = 0
    TCPWantZeroWindowAdv: int = 0
    TCPSynRetrans: int = 0
    TCPOrigDataSent: int = 0
    TCPHystartTrainDetect: int = 0
    TCPHystartTrainCwnd: int = 0
    TCPHystartDelayDetect: int = 0
    TCPHystartDelayCwnd: int = 0
    TCPACKSkippedSynRecv: int = 0
    TCPACKSkippedPAWS: int = 0
    TCPACKSkippedSeq: int = 0
    TCPACKSkippedFinWait2: int = 0
    TCPACKSkippedTimeWait: int = 0
    TCPACKSkippedChallenge: int = 0
    TCPWinProbe: int = 0
    TCPKeepAlive: int = 0
    TCPMTUPFail: int = 0
    TCPMTUPSuccess: int = 0
    TCPDelivered: int = 0
    TCPDeliveredCE: int = 0
    TCPAckCompressed: int = 0
    TCPZeroWindowDrop: int = 0
    TCPRcvQDrop: int = 0
    TCPWqueueTooBig: int = 0
    TCPFastOpenPassiveAltKey: int = 0
    TcpTimeoutRehash: int = 0
    TcpDuplicateDataRehash: int = 0
    TCPDSACKRecvSegs: int = 0
    TCPDSACKIgnoredDubious: int = 0
    TCPMigrateReqSuccess: int = 0
    TCPMigrateReqFailure: int = 0
    TCPPLBRehash: int = 0
    TCPAORequired: int = 0
    TCPAOBad: int = 0
    TCPAOKeyNotFound: int = 0
    TCPAOGood: int = 0
    TCPAODroppedIcmps: int = 0


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


# Multipath TCP, which is not modelled: what /proc/net/netstat lists of it, all zeros.
_MPTCP_EXT: Final = """
MPCapableSYNRX MPCapableSYNTX MPCapableSYNACKRX MPCapableACKRX MPCapableFallbackACK
MPCapableFallbackSYNACK MPCapableSYNTXDrop MPCapableSYNTXDisabled MPCapableEndpAttempt MPFallbackTokenInit
MPTCPRetrans MPJoinNoTokenFound MPJoinSynRx MPJoinSynBackupRx MPJoinSynAckRx MPJoinSynAckBackupRx
MPJoinSynAckHMacFailure MPJoinAckRx MPJoinAckHMacFailure MPJoinRejected MPJoinSynTx MPJoinSynTxCreatSkErr
MPJoinSynTxBindErr MPJoinSynTxConnectErr DSSNotMatching DSSCorruptionFallback DSSCorruptionReset
InfiniteMapTx InfiniteMapRx DSSNoMatchTCP DataCsumErr OFOQueueTail OFOQueue OFOMerge NoDSSInWindow
DuplicateData AddAddr AddAddrTx AddAddrTxDrop EchoAdd EchoAddTx EchoAddTxDrop PortAdd AddAddrDrop
MPJoinPortSynRx MPJoinPortSynAckRx MPJoinPortAckRx MismatchPortSynRx MismatchPortAckRx RmAddr RmAddrDrop
RmAddrTx RmAddrTxDrop RmSubflow MPPrioTx MPPrioRx MPFailTx MPFailRx MPFastcloseTx MPFastcloseRx MPRstTx
MPRstRx SubflowStale SubflowRecover SndWndShared RcvWndShared RcvWndConflictUpdate RcvWndConflict
MPCurrEstab Blackhole MPCapableDataFallback MD5SigFallback DssFallback SimultConnectFallback
FallbackFailed WinProbe
""".split()


@dataclass(slots=True)
class Snmp:
    """The counters of one namespace."""

    Ip: IpStats = field(default_factory=IpStats)
    Icmp: IcmpStats = field(default_factory=IcmpStats)
    Tcp: TcpStats = field(default_factory=TcpStats)
    Udp: UdpStats = field(default_factory=UdpStats)
    UdpLite: UdpStats = field(default_factory=UdpStats)  # not modelled: all zeros
    TcpExt: TcpExtStats = field(default_factory=TcpExtStats)
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
        return "".join([*groups, _group_text("UdpLite", self.UdpLite)])

    def netstat_text(self) -> str:
        """/proc/net/netstat of what is counted here."""
        multipath = f"MPTcpExt: {' '.join(_MPTCP_EXT)}\nMPTcpExt: {_values([0] * len(_MPTCP_EXT))}\n"
        return _group_text("TcpExt", self.TcpExt) + _group_text("IpExt", self.IpExt) + multipath


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


_Stats = IpStats | IcmpStats | TcpStats | UdpStats | TcpExtStats | IpExtStats


def _group_text(title: str, stats: _Stats) -> str:
    names = [entry.name for entry in fields(stats)]
    return f"{title}: {' '.join(names)}\n{title}: {_values(getattr(stats, name) for name in names)}\n"
