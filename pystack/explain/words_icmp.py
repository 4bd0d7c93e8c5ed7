"""ICMP errors in tcpdump's words, made into messages.

10.0.0.1 > 10.0.0.2: ICMP 10.9.9.9 udp port 53 unreachable, length 36
10.0.0.1 > 10.0.0.2: ICMP 10.9.9.9 unreachable - need to frag (mtu 1400), length 556
10.0.0.1 > 10.0.0.2: ICMP redirect 10.9.9.9 to host 10.0.0.3, length 36
10.0.0.1 > 10.0.0.2: ICMP time exceeded in-transit, length 36

Which packet is quoted tcpdump tells only with -v, on the lines below. Without them it is made up, as a
datagram from whom the error is told to the host that is named.
"""

from __future__ import annotations

import re
from typing import Final

from pystack.wire import icmp, ipv4, udp
from pystack.wire.ipv4 import IPPROTO_UDP, Ipv4Header, parse_address

_ADDRESS: Final = r"(?P<host>[0-9.]+)"
_UNREACHABLE: Final = (
    (rf"net {_ADDRESS} unreachable", icmp.ICMP_NET_UNREACH),
    (rf"host {_ADDRESS} unreachable - admin prohibited(?: filter)?", 13),
    (rf"host {_ADDRESS} unreachable", icmp.ICMP_HOST_UNREACH),
    (rf"{_ADDRESS} protocol (?P<protocol>\d+) unreachable", icmp.ICMP_PROT_UNREACH),
    (rf"{_ADDRESS} (?:udp|tcp) port (?P<port>\d+) unreachable", icmp.ICMP_PORT_UNREACH),
    (rf"{_ADDRESS} unreachable - need to frag \(mtu (?P<mtu>\d+)\)", icmp.ICMP_FRAG_NEEDED),
)
_FORMS: Final = (
    *((re.compile(form), icmp.ICMP_DEST_UNREACH, code) for form, code in _UNREACHABLE),
    (re.compile(r"time exceeded in-transit"), icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL),
    (re.compile(r"ip reassembly time exceeded"), icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_FRAGTIME),
    (re.compile(rf"redirect {_ADDRESS} to host (?P<gateway>[0-9.]+)"), icmp.ICMP_REDIRECT, 1),
    (re.compile(rf"redirect {_ADDRESS} to net (?P<gateway>[0-9.]+)"), icmp.ICMP_REDIRECT, 0),
)
_TAIL: Final = re.compile(r"(?:, length \d+)?(?: \(.*\))?")
_QUOTED: Final = 28  # octets of a header without options, and eight behind it
_HIGHEST: Final = 0xFFFF


def error(text: str, told: int, quote: bytes) -> bytes | str | None:
    """The message, which `told` is told; why there can be none; None if the words are about no error."""
    for form, kind, code in _FORMS:
        found = form.match(text)
        if found is None:
            continue
        if not _TAIL.fullmatch(text[found.end() :]):
            return f"not understood behind it: {text[found.end() :].strip(' ,')!r}"
        named = found.groupdict()
        quoted = quote[:_QUOTED] or _made_up(named, told)
        if not quoted:
            return "which packet it is about, the words do not say (tcpdump -v does, on the lines below)"
        high, low = 0, int(named.get("mtu") or 0)
        if kind == icmp.ICMP_REDIRECT:
            high, low = divmod(parse_address(named["gateway"] or "") or 0, 1 << 16)
        return icmp.build(kind, code, high, min(low, _HIGHEST), quoted)
    return None


def _made_up(named: dict[str, str | None], source: int) -> bytes:
    host = parse_address(named.get("host") or "")
    if host is None:
        return b""
    port = min(int(named.get("port") or 0), _HIGHEST)
    protocol = min(int(named.get("protocol") or IPPROTO_UDP), 0xFF)
    segment = udp.HEADER.pack(0, port, udp.HEADER_LENGTH, 0)
    return ipv4.build(Ipv4Header(source, host, protocol), len(segment)) + segment
