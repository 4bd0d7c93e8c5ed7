"""The words that nft has for numbers. Where several stand for one number, the first is printed.

Linux: nftables src/datatype.c, src/proto.c, src/ct.c, src/meta.c
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

Words = Mapping[str, int]

ETHER_TYPES: Final[Words] = {
    "ip": 0x0800,
    "arp": 0x0806,
    "ip6": 0x86DD,
    "8021q": 0x8100,
    "8021ad": 0x88A8,
    "vlan": 0x8100,
}
ARP_OPERATIONS: Final[Words] = {
    "request": 1,
    "reply": 2,
    "rrequest": 3,
    "rreply": 4,
    "inrequest": 8,
    "inreply": 9,
    "nak": 10,
}
DEVICE_TYPES: Final[Words] = {
    "ether": 1,
    "ppp": 512,
    "ipip": 768,
    "ipip6": 769,
    "loopback": 772,
    "sit": 776,
    "ipgre": 778,
}
DSCPS: Final[Words] = {
    **{f"cs{number}": number << 3 for number in range(8)},
    "df": 0,
    "be": 0,
    "lephb": 1,
    **{f"af{group}{drop}": group << 3 | drop << 1 for group in range(1, 5) for drop in range(1, 4)},
    "va": 0x2C,
    "ef": 0x2E,
}
ADDRESS_TYPES: Final[Words] = {
    word: number
    for number, word in enumerate(
        "unspec unicast local broadcast anycast multicast blackhole unreachable prohibit".split()
    )
}
MOBILITY_TYPES: Final[Words] = {
    word: number
    for number, word in enumerate(
        (
            *("binding-refresh-request", "home-test-init", "careof-test-init", "home-test", "careof-test"),
            *("binding-update", "binding-acknowledgement", "binding-error", "fast-binding-update"),
            *("fast-binding-acknowledgement", "fast-binding-advertisement"),
            *("experimental-mobility-header", "home-agent-switch-message"),
        )
    )
}
TCP_FLAGS: Final[Words] = {
    word: 1 << bit for bit, word in enumerate("fin syn rst psh ack urg ecn cwr".split())
}
DCCP_TYPES: Final[Words] = {
    word: number
    for number, word in enumerate(
        "request response data ack dataack closereq close reset sync syncack".split()
    )
}
ICMP_TYPES: Final[Words] = {
    "echo-reply": 0,
    "destination-unreachable": 3,
    "source-quench": 4,
    "redirect": 5,
    "echo-request": 8,
    "router-advertisement": 9,
    "router-solicitation": 10,
    "time-exceeded": 11,
    "parameter-problem": 12,
    "timestamp-request": 13,
    "timestamp-reply": 14,
    "info-request": 15,
    "info-reply": 16,
    "address-mask-request": 17,
    "address-mask-reply": 18,
}
ICMP_CODES: Final[Words] = {
    "net-unreachable": 0,
    "host-unreachable": 1,
    "prot-unreachable": 2,
    "port-unreachable": 3,
    "net-prohibited": 9,
    "host-prohibited": 10,
    "admin-prohibited": 13,
    "frag-needed": 4,
}
ICMPV6_TYPES: Final[Words] = {
    "destination-unreachable": 1,
    "packet-too-big": 2,
    "time-exceeded": 3,
    "parameter-problem": 4,
    "echo-request": 128,
    "echo-reply": 129,
    "mld-listener-query": 130,
    "mld-listener-report": 131,
    "mld-listener-done": 132,
    "mld-listener-reduction": 132,
    "nd-router-solicit": 133,
    "nd-router-advert": 134,
    "nd-neighbor-solicit": 135,
    "nd-neighbor-advert": 136,
    "nd-redirect": 137,
    "router-renumbering": 138,
    "ind-neighbor-solicit": 141,
    "ind-neighbor-advert": 142,
    "mld2-listener-report": 143,
}
ICMPV6_CODES: Final[Words] = {
    "no-route": 0,
    "admin-prohibited": 1,
    "addr-unreachable": 3,
    "port-unreachable": 4,
    "policy-fail": 5,
    "reject-route": 6,
}
# Of `reject with icmpx`, which becomes one of either family.
ICMPX_CODES: Final[Words] = {
    "port-unreachable": 1,
    "admin-prohibited": 3,
    "no-route": 0,
    "host-unreachable": 2,
}
IGMP_TYPES: Final[Words] = {
    "membership-query": 0x11,
    "membership-report-v1": 0x12,
    "membership-report-v2": 0x16,
    "membership-report-v3": 0x22,
    "leave-group": 0x17,
}
CT_STATES: Final[Words] = {
    "invalid": 0x01,
    "new": 0x08,
    "established": 0x02,
    "related": 0x04,
    "untracked": 0x40,
}
CT_STATUSES: Final[Words] = {
    "expected": 0x01,
    "seen-reply": 0x02,
    "assured": 0x04,
    "confirmed": 0x08,
    "snat": 0x10,
    "dnat": 0x20,
    "dying": 0x200,
}
CT_EVENTS: Final[Words] = {
    word: 1 << bit
    for bit, word in enumerate(
        "new related destroy reply assured protoinfo helper mark seqadj secmark label".split()
    )
}
PACKET_TYPES: Final[Words] = {"host": 0, "unicast": 0, "broadcast": 1, "multicast": 2, "other": 3}
DAYS: Final[Words] = {
    day: number
    for number, day in enumerate("Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split())
}
