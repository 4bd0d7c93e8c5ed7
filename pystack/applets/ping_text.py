"""What `ping` says of ICMP messages: one line each, with -v the quoted header below it."""

from __future__ import annotations

from typing import Final

from pystack.wire import icmp, ipv4
from pystack.wire.ipv4 import HEADER_LENGTH, address_text

ICMP_SOURCE_QUENCH: Final = 4

# Linux: ping/ping.c pr_icmph()
UNREACHABLE: Final = (
    "Destination Net Unreachable",
    "Destination Host Unreachable",
    "Destination Protocol Unreachable",
    "Destination Port Unreachable",
    "Frag needed and DF set (mtu = {info})",
    "Source Route Failed",
    "Destination Net Unknown",
    "Destination Host Unknown",
    "Source Host Isolated",
    "Destination Net Prohibited",
    "Destination Host Prohibited",
    "Destination Net Unreachable for Type of Service",
    "Destination Host Unreachable for Type of Service",
    "Packet filtered",
    "Precedence Violation",
    "Precedence Cutoff",
)
REDIRECT: Final = (
    "Redirect Network",
    "Redirect Host",
    "Redirect Type of Service and Network",
    "Redirect Type of Service and Host",
)
TIME_EXCEEDED: Final = ("Time to live exceeded", "Frag reassembly time exceeded")
OTHERS: Final = {
    icmp.ICMP_ECHOREPLY: "Echo Reply",
    icmp.ICMP_ECHO: "Echo Request",
    ICMP_SOURCE_QUENCH: "Source Quench",
    icmp.ICMP_TIMESTAMP: "Timestamp",
    icmp.ICMP_TIMESTAMPREPLY: "Timestamp Reply",
    15: "Information Request",
    16: "Information Reply",
    17: "Address Mask Request",
    18: "Address Mask Reply",
}


def describe(type_: int, code: int, info: int) -> str:
    """The line of one ICMP message; `info` is what an error queue says: an MTU, a gateway, a pointer."""
    if type_ == icmp.ICMP_DEST_UNREACH:
        if code < len(UNREACHABLE):
            return UNREACHABLE[code].format(info=info)
        return f"Dest Unreachable, Bad Code: {code}"
    if type_ == icmp.ICMP_REDIRECT:
        what = REDIRECT[code] if code < len(REDIRECT) else f"Redirect, Bad Code: {code}"
        return f"{what}(New nexthop: {address_text(info)})"
    if type_ == icmp.ICMP_TIME_EXCEEDED:
        return TIME_EXCEEDED[code] if code < 2 else f"Time exceeded, Bad Code: {code}"
    if type_ == icmp.ICMP_PARAMETERPROB:
        return f"Parameter problem: pointer = {info}"
    return OTHERS.get(type_, f"Bad ICMP type: {type_}")


def quoted_header(quote: bytes) -> str:
    """The header of the packet that an ICMP message complains about, as -v shows it.

    iputils prints these fields as they lie in memory: numbers of two octets come out swapped on the machines
    that Debian runs on, and so they do here.
    Linux: ping/ping.c pr_iph()
    """
    if len(quote) < HEADER_LENGTH:
        return ""
    first, tos, tot_len, id_, frag_off, ttl, protocol, check, saddr, daddr = ipv4.HEADER.unpack_from(quote)
    frag_off = _swapped(frag_off)
    return (
        "Vr HL TOS  Len   ID Flg  off TTL Pro  cks      Src      Dst Data\n"
        f" {first >> 4:1x}  {first & 15:1x}  {tos:02x} {_swapped(tot_len):04x} {_swapped(id_):04x}"
        f"   {frag_off >> 13:1x} {frag_off & 0x1FFF:04x}"
        f"  {ttl:02x}  {protocol:02x} {_swapped(check):04x}"
        f" {address_text(saddr)}  {address_text(daddr)} \n"
    )


def _swapped(word: int) -> int:
    return (word & 0xFF) << 8 | word >> 8


def milliseconds(micro: int) -> str:
    """A round trip with as many digits as it deserves. Linux: ping/ping_common.c gather_statistics()"""
    if micro >= 100_000 - 50:
        return f"{(micro + 500) // 1000}"
    if micro >= 10_000 - 5:
        return f"{(micro + 50) // 1000}.{(micro + 50) % 1000 // 100}"
    if micro >= 1000:
        return f"{(micro + 5) // 1000}.{(micro + 5) % 1000 // 10:02d}"
    return f"{micro // 1000}.{micro % 1000:03d}"


def thousandths(micro: int) -> str:
    """`1.234` of 1234."""
    return f"{micro // 1000}.{micro % 1000:03d}"


USAGE: Final = """
Usage
  ping [options] <destination>

Options:
  <destination>      dns name or ip address
  -a                 use audible ping
  -A                 use adaptive ping
  -B                 sticky source address
  -c <count>         stop after <count> replies
  -C                 call connect() syscall on socket creation
  -D                 print timestamps
  -d                 use SO_DEBUG socket option
  -e <identifier>    define identifier for ping session, default is random for
                     SOCK_RAW and kernel defined for SOCK_DGRAM
                     Imply using SOCK_RAW (for IPv4 only for identifier 0)
  -f                 flood ping
  -h                 print help and exit
  -I <interface>     either interface name or address
  -i <interval>      seconds between sending each packet
  -L                 suppress loopback of multicast packets
  -l <preload>       send <preload> number of packages while waiting replies
  -m <mark>          tag the packets going out
  -M <pmtud opt>     define mtu discovery, can be one of <do|dont|want>
  -n                 no dns name resolution
  -O                 report outstanding replies
  -p <pattern>       contents of padding byte
  -q                 quiet output
  -Q <tclass>        use quality of service <tclass> bits
  -s <size>          use <size> as number of data bytes to be sent
  -S <size>          use <size> as SO_SNDBUF socket option value
  -t <ttl>           define time to live
  -U                 print user-to-user latency
  -v                 verbose output
  -V                 print version and exit
  -w <deadline>      reply wait <deadline> in seconds
  -W <timeout>       time to wait for response

IPv4 options:
  -4                 use IPv4
  -b                 allow pinging broadcast
  -R                 record route
  -T <timestamp>     define timestamp, can be one of <tsonly|tsandaddr|tsprespec>

IPv6 options:
  -6                 use IPv6
  -F <flowlabel>     define flow label, default is random
  -N <nodeinfo opt>  use icmp6 node info query, try <help> as argument

For more details see ping(8).
"""
