"""A connection as the command that would make it: `conntrack -o save`.

Linux: conntrack-tools src/conntrack.c ct_save_snprintf()
"""

from __future__ import annotations

from typing import Final

from pystack.applets.conntrack.selection import has_nat
from pystack.applets.conntrack.text import PROTOCOLS, address_text
from pystack.netfilter.conntrack.info import (
    IPS_ASSURED,
    IPS_DST_NAT,
    IPS_FIXED_TIMEOUT,
    IPS_SEEN_REPLY,
    IPS_SRC_NAT,
)
from pystack.netfilter.conntrack.sctp_states import State as SctpState
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tcp_states import State as TcpState
from pystack.netfilter.conntrack.tuples import IPPROTO_GRE, IPPROTO_SCTP, IPPROTO_UDPLITE, WITH_ID, Tuple
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

_STATUS: Final = {IPS_ASSURED: "ASSURED", IPS_SEEN_REPLY: "SEEN_REPLY", IPS_FIXED_TIMEOUT: "FIXED_TIMEOUT"}
_ORDER: Final = (IPS_SEEN_REPLY, IPS_ASSURED, IPS_FIXED_TIMEOUT)
_WITH_PORTS: Final = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP, IPPROTO_UDPLITE)


def save_line(flow: Snapshot, letter: str = "A") -> str:
    """Without the newline, and without the mark."""
    original, reply = flow.original, flow.reply
    words = [f"-{letter} -t {flow.timeout} -u {_status(flow.status)}"]
    words += [f"-w {flow.zone}"] if flow.zone else []
    words += [f"--orig-zone {original.zone}"] if original.zone else []
    words += [f"--reply-zone {reply.zone}"] if reply.zone else []
    saddr, daddr = _addresses(original)
    words += [f"-s {saddr} -d {daddr}"]
    source = "-g" if has_nat(flow, IPS_DST_NAT, reply.saddr) else "-r"
    destination = "-n" if has_nat(flow, IPS_SRC_NAT, reply.daddr) else "-q"
    saddr, daddr = _addresses(reply)
    words += [f"{source} {saddr} {destination} {daddr}"]
    words += [f"-p {PROTOCOLS.get(original.protocol, original.protocol)}"]
    return " ".join(words + _of_protocol(flow))


def _addresses(flow: Tuple) -> tuple[str, str]:
    return address_text(flow.family, flow.saddr), address_text(flow.family, flow.daddr)


def _status(status: int) -> str:
    return ",".join(_STATUS[bit] for bit in _ORDER if status & bit) or "UNSET"


def _of_protocol(flow: Snapshot) -> list[str]:
    original, reply = flow.original, flow.reply
    if original.protocol in WITH_ID:
        name, kind, code = PROTOCOLS[original.protocol], original.dport >> 8, original.dport & 255
        return [f"--{name}-type {kind} --{name}-code {code} --{name}-id {original.sport}"]
    if original.protocol == IPPROTO_GRE:
        keys = f"--srckey {original.sport} --dstkey {original.dport}"
        return [f"{keys} --reply-key-src {reply.sport} --reply-key-dst {reply.dport}"]
    if original.protocol not in _WITH_PORTS:
        return []
    ports = f"--sport {original.sport} --dport {original.dport}"
    words = [f"{ports} --reply-port-src {reply.sport} --reply-port-dst {reply.dport}"]
    if flow.state is not None:
        states = TcpState if original.protocol == IPPROTO_TCP else SctpState
        words.append(f"--state {states(flow.state).name}")
    return words
