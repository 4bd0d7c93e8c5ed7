"""Values for options of iptables: of each kind those that the tool takes, and some that it mostly refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Values:
    """Of one kind: those that the tool takes, and those that it mostly does not."""

    good: tuple[str, ...]
    odd: tuple[str, ...] = ("", "nosuch")


_NUMBERS: Final = ("", "-1", "0x", "08", "1e3", "1:2:3", ":", "5 ", "nosuch", "18446744073709551616")
VALUES: Final[Mapping[str, Values]] = {
    "address": Values(
        ("10.0.0.1", "10.0.0.0", "192.168.1.255", "0.0.0.0", "255.255.255.255", "127.0.0.1"),
        ("10.0.0", "0x0a000001", "", "10.0.0.1/24"),
    ),
    "network": Values(
        ("10.0.0.1", "10.0.0.0/8", "10.1.2.3/255.255.0.0", "0/0", "130.9.8.7/1", "10.0.0.1,10.0.0.2/31"),
        (
            "10.0.0.0/33",
            "10/8",
            "1.2.3.4/0",
            "1.2.3.4/255.0.255.0",
            "10.0.0.1,",
            "300.1.1.1",
            "",
            "/8",
            "1.2.3.4/",
        ),
    ),
    "addresses": Values(
        ("10.0.0.1-10.0.0.9", "10.0.0.1", "0.0.0.0-255.255.255.255", "10.0.0.9-10.0.0.1"),
        ("10.0.0.1-", "-10.0.0.1", "10.0.0.1-10.0.0.2-10.0.0.3", "10.0.0.0/8", ""),
    ),
    "device": Values(
        ("eth0", "eth+", "+", "lo", "fifteen_letters", "a.b@c"),
        ("", "sixteen__letters", "sixteen_letter+", "a/b", "a b", "*"),
    ),
    "protocol": Values(
        ("tcp", "udp", "icmp", "sctp", "esp", "ah", "6", "all", "0", "TCP", "gre", "47", "255", "udplite"),
        ("256", "-1", "", "nosuch", "0x6"),
    ),
    "port": Values(("0", "80", "65535", "http", "0x50", "0120"), ("65536", *_NUMBERS)),
    "ports": Values(
        ("80", "0:65535", "1024:", ":53", "22:80", "http", "ftp:http", "domain", "7:7", "0"),
        ("80:22", "65536", "1,2", "http:nosuch", *_NUMBERS),
    ),
    "portlist": Values(
        ("80", "22,80,443", "1:5,7", "http,53", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15", "1:2,3:4", "0:65535"),
        ("", ",", "1,", "1,,2", "5:1", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16", "65536", "nosuch", "1:2:3"),
    ),
    "u8": Values(("0", "1", "64", "255", "0xff", "017"), ("256", "-5", *_NUMBERS)),
    "u16": Values(("0", "1", "1500", "65535"), ("65536", *_NUMBERS)),
    "u32": Values(("0", "1", "100", "4294967295", "0xdeadbeef"), ("4294967296", *_NUMBERS)),
    "u64": Values(("0", "5000", "18446744073709551615"), ("18446744073709551616", "-1", "", "5k")),
    "u32range": Values(("0", "500", "1:4294967295", "7:7", ":5", "5:"), ("9:5", "4294967296", *_NUMBERS)),
    "u64range": Values(("0", "1000", "1000:", "5:10", ":9"), ("9:5", *_NUMBERS)),
    "u16range": Values(("0", "1500", "40:1500", ":100", "100:"), ("9:5", "65536", "1:65536", *_NUMBERS)),
    "mark": Values(
        ("0", "1", "0x1/0xff", "255/0", "0xffffffff", "1/1", "0x10/0x0f", "4294967295/4294967295"),
        ("4294967296", "1/", "/1", "1/2/3", "0x1/4294967296", *_NUMBERS),
    ),
    "tos": Values(
        (
            "0",
            "0x10",
            "0xff/0x0f",
            "Minimize-Delay",
            "minimize-cost",
            "Normal-Service",
            "0x10/0x3f",
            "16/255",
        ),
        ("256", "0x10/256", "Minimize", "/1", "1/", *_NUMBERS),
    ),
    "tosbyte": Values(("0", "0x10", "255", "4"), ("256", "0x10/0x3f", "Minimize-Delay", *_NUMBERS)),
    "dscp": Values(("0", "1", "0x3f", "63"), ("64", *_NUMBERS)),
    "class": Values(("BE", "EF", "CS0", "cs7", "AF11", "AF43", "af12"), ("AF44", "CS8", "", "nosuch")),
    "classid": Values(("1:1", "ffff:ffff", "0:0", "abc:def"), ("1", "1:", ":1", "10000:1", "", "x:y")),
    "icmp": Values(
        ("any", "8", "echo-request", "3/1", "host-unreachable", "redirect", "0/0", "255", "255/255", "ping"),
        ("256", "3/", "3/256", "/1", "nosuch", "", "-1", "echo", "3/1/1", "time"),
    ),
    "flags": Values(
        ("SYN", "ALL", "NONE", "SYN,ACK", "FIN,SYN,RST,ACK", "URG,PSH", "syn", "ACK,ACK"),
        ("", "SYN,", "SIN", "SYN ACK", "ALL,SYN"),
    ),
    "chunks": Values(
        (
            "DATA",
            "INIT,INIT_ACK",
            "ALL",
            "NONE",
            "DATA:UB",
            "ABORT:T",
            "SHUTDOWN",
            "ASCONF,ASCONF_ACK",
            "data:b",
        ),
        ("", "NOSUCH", "DATA:X", "INIT:U", "DATA,", "ALL,DATA"),
    ),
    "rate": Values(
        (
            "1/s",
            "5/sec",
            "10/minute",
            "100/hour",
            "3/day",
            "512kb/s",
            "1mb/s",
            "500b/s",
            "1000/second",
            "7",
            "6/min",
            "1/d",
        ),
        ("0/s", "1/x", "/s", "10001/s", "-1/s", "1/", "", "1.5/s", "nosuch", "1/seconds"),
    ),
    "hashrate": Values(  # without those of 4 GiB and more, by which iptables 1.8.9 crashes
        ("1/s", "5/sec", "10/minute", "100/hour", "3/day", "512kb/s", "1mb/s", "500b/s", "1000/second", "7"),
        ("0/s", "1/x", "/s", "1000001/s", "-1/s", "0b/s", "", "nosuch", "1kb/min"),
    ),
    "burst": Values(("1", "5", "100", "10000"), ("0", "10001", *_NUMBERS)),
    "modes": Values(
        ("srcip", "dstip", "srcip,dstport", "srcip,srcport,dstip,dstport", "dstport"),
        ("", "srcip,", "nosuch", "SRCIP"),
    ),
    "name": Values(("one", "a-b_c", "DEFAULT", "UPPER"), ("", "a/b", "x" * 300, "a b", ".")),
    "text": Values(
        (
            "plain",
            "two words",
            "it's",
            'a "quote"',
            "back\\slash",
            "tab\there",
            "a,b;c",
            "|",
            "ünï",
            "x" * 20,
        ),
        ("", "x" * 257, "-dash", "!"),
    ),
    "prefix": Values(
        ("plain", "two words: ", "it's ", 'a "quote"', "back\\slash", "x" * 29, "tab\t"),
        ("", "x" * 30, "x" * 128, "line\nfeed", "-dash"),
    ),
    "hex": Values(
        ("|0a0b|", "GET |20|/", "|41 42|", "plain", "a|00|b|ff|", "||", "|DEADbeef|"),
        ("|0|", "|0a", "|xx|", "", "|0a0|", "x" * 129),
    ),
    "algo": Values(("bm", "kmp"), ("wrong", "", "BM", "other")),
    "probability": Values(("0", "1", "0.5", "0.0001", ".25", "1e-3"), ("1.1", "-0.1", "", "half", "0.5x")),
    "level": Values(
        ("0", "4", "7", "debug", "warning", "emerg", "err", "ERROR", "panic", "not"), ("8", "", "x")
    ),
    "mac": Values(
        ("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff", "0:1:2:3:4:5", "AA:BB:CC:DD:EE:FF"),
        ("02:00:00:00:00", "02:00:00:00:00:01:02", "gg:00:00:00:00:00", "", "020000000001"),
    ),
    "pkttype": Values(("unicast", "broadcast", "multicast", "host", "uni", "MULTICAST"), ("", "nosuch", "b")),
    "addrtype": Values(
        ("LOCAL", "UNICAST,LOCAL", "BROADCAST", "UNSPEC", "local", "BLACKHOLE,THROW", "XRESOLVE"),
        ("", "NOSUCH", "LOCAL,", "LOC", ",LOCAL"),
    ),
    "ctstate": Values(
        (
            "NEW",
            "ESTABLISHED,RELATED",
            "INVALID",
            "UNTRACKED",
            "SNAT",
            "NEW,DNAT",
            "new",
            "est",
            "RELATED,NEW",
        ),
        ("", "NOSUCH", "NEW,", ",NEW"),
    ),
    "state": Values(
        ("NEW", "ESTABLISHED,RELATED", "INVALID", "UNTRACKED", "new", "rel", "INVALID,NEW,RELATED"),
        ("", "NOSUCH", "NEW,", "SNAT"),
    ),
    "ctstatus": Values(
        ("NONE", "EXPECTED", "SEEN_REPLY,ASSURED", "CONFIRMED", "assured"),
        ("", "NOSUCH", "NONE,", "NONE,ASSURED"),
    ),
    "ctdir": Values(("ORIGINAL", "REPLY", "reply"), ("", "BOTH", "orig")),
    "way": Values(("original", "reply", "both"), ("", "nosuch", "ORIGINAL")),
    "amount": Values(("packets", "bytes", "avgpkt"), ("", "nosuch", "PACKETS")),
    "user": Values(("0", "root", "1000", "0-5", "4294967294"), ("nosuch", "5-1", "", "-1", "1-", "root-1")),
    "reject": Values(
        (
            "icmp-net-unreachable",
            "icmp-host-unreachable",
            "icmp-port-unreachable",
            "icmp-proto-unreachable",
            "icmp-net-prohibited",
            "icmp-host-prohibited",
            "icmp-admin-prohibited",
            "tcp-reset",
            "host-unreach",
            "icmp-net-unreach",
        ),
        ("nosuch", "", "echo-reply", "icmp-"),
    ),
    "mss": Values(("500", "0", "500:1500", "65535"), ("65536", "1500:500", ":", *_NUMBERS)),
    "setmss": Values(("500", "1460", "0", "65495"), ("65496", *_NUMBERS)),
    "time": Values(
        ("00:00", "23:59:59", "08:30", "1:2", "12:00:00"), ("24:00", "12:60", "12", "", "nosuch", "12:00:60")
    ),
    "date": Values(
        (
            "2020-01-01",
            "2038-01-19T03:14:07",
            "2026-11-20T08",
            "1999",
            "2024-02",
            "2026-11-20T08:30",
            "1970-01-01",
        ),
        ("2020-13-01", "2039-01-01", "1969-01-01", "", "20200101", "2020-01-01T25", "2020-01-32"),
    ),
    "days": Values(
        ("Mon", "Mon,Tue,Wed", "Sat,Sun", "1", "7,6", "mo,Fr", "Sun,Mon"),
        ("0", "8", "Day", "", "Mon,", "Mo-Fr"),
    ),
    "monthdays": Values(("1", "31", "1,15,31", "5,4"), ("0", "32", "", "1,", "1-5", "nosuch")),
    "u32tests": Values(
        (
            "0=0",
            "6&0xFF=1",
            "0>>22&0x3C@0>>16=0:500",
            "4&0x3FFF=0&&6&0xFF=6,17",
            "0&0xFFFF=0x100:0xFFFF",
            "12 = 5 ",
        ),
        ("", "0", "0=", "=0", "0=1&&", "0>>33=0", "x=1", "0=5:1", "0=0&&0", "0&=1", "0=1,"),
    ),
    "bytecode": Values(
        ("1,6 0 0 0", "4,48 0 0 9,21 0 1 6,6 0 0 1,6 0 0 0", "1,6 0 0 4294967295"),
        ("", "0", "1", "2,6 0 0 0", "1,6 0 0", "65,6 0 0 0", "1,999 0 0 0", "x,6 0 0 0"),
    ),
    "queue": Values(("0", "5", "65535"), ("65536", *_NUMBERS)),
    "queues": Values(("0:3", "5:5", "0:65534"), ("3:0", "5", "0:65535", "0:65536", "", "-1:5")),
    "zone": Values(("0", "1", "65535", "mark"), ("65536", "", "nosuch", "-1")),
    "mask": Values(("255.255.255.0", "255.255.255.255", "0.0.0.0", "255.0.255.0"), ("24", "", "255.255.255")),
    "bits": Values(("0", "24", "32", "16"), ("33", *_NUMBERS)),
    "shift": Values(("0", "5", "31"), ("32", "33", "", "x")),
    "hitcount": Values(("1", "20", "255"), ("0", "256", "65536", "65537", "", "x")),
    "protocols": Values(("tcp", "17", "all", "icmp"), ("", "nosuch", "256")),
}
