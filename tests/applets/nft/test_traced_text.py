"""What `nft monitor trace` says of a packet, held against what nft 1.0.6 said of packets like these."""

import pytest

from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.traced_text import FAMILIES, traced_text
from pystack.applets.tcpdump.names import Names
from pystack.device import ARPHRD_ETHER, ARPHRD_LOOPBACK
from pystack.events import Traced, TracedPacket
from pystack.netfilter.rule import Rule

NAMES = Names(protocols={"icmp": 1, "udp": 17, "sctp": 132, "ipv6-icmp": 58})
PAGE = Page(around=Surroundings(NAMES, {"lo": 1, "br0": 3}))
NUMBERS = {name: number for number, name in FAMILIES.items()}

LINK = "02000000000a02000000000b0800"
LINK6 = "02000000000a02000000000b86dd"
LINK_ARP = "ffffffffffff02000000000b0806"
LOOPED = "0000000000000000000000000800"
IP = "45{tos}{length:04x}30d4000040{protocol:02x}00007f0000017f000001"
IP_WORDS = "ip saddr 127.0.0.1 ip daddr 127.0.0.1 ip dscp {dscp} ip ecn not-ect ip ttl 64 ip id 12500 "
IP6 = "600f2c27{length:04x}{protocol:02x}40fd000000000000000000000000000002fd000000000000000000000000000001"
IP6_WORDS = (
    "ip6 saddr fd00::2 ip6 daddr fd00::1 ip6 dscp cs0 ip6 ecn not-ect ip6 hoplimit 64 ip6 flowlabel 994343 "
)
ETHER = "ether saddr 02:00:00:00:00:0b ether daddr 02:00:00:00:00:0a "

ECHO = "0800f672480100015c42006b0000000002ad0500"
ECHO_WORDS = "icmp type echo-request icmp code net-unreachable icmp id 18433 icmp sequence 1 "
ECHO_WORDS += "@th,64,96 0x5c42006b0000000002ad0500 "
ECHO6 = "8000f672480b00015d42006b00000000b7d20500"
ECHO6_WORDS = "icmpv6 type echo-request icmpv6 code no-route icmpv6 parameter-problem 1208680449 "
ECHO6_WORDS += "@th,64,96 0x5d42006b00000000b7d20500 "
UDP = "d8f30035000afe1d6869"
UDP_WORDS = "udp sport 55539 udp dport 53 udp length 10 @th,64,16 0x6869 "
SYN = "9bba0050c0ffee0000000000a002ffd7fe300000"
SYN_WORDS = "tcp sport 39866 tcp dport 80 tcp flags == syn tcp window 65495 "
RESET = "00509bba00000000c0ffee015014000004160000"
RESET_WORDS = "tcp sport 80 tcp dport 39866 tcp flags == 0x14 tcp window 0 "
SCTP = "0102030405060708090a0b0c0d0e0f1011121314"
SCTP_WORDS = "sctp sport 258 sctp dport 772 sctp vtag 84281096 @th,96,64 0xd0e0f1011121314 "
ARP = "000108000604000102000000000b0a0900020000000000000a090001"


def ip(protocol: int, length: int, tos: int = 0) -> str:
    return IP.format(tos=f"{tos:02x}", length=length, protocol=protocol)


def ip_words(rest: str, dscp: str = "cs0") -> str:
    return IP_WORDS.format(dscp=dscp) + rest


def told(family: str, packet: TracedPacket) -> str:
    event = Traced("", NUMBERS[family], 0x1DE7BADC, packet, "t", "c", None, "accept", 0)
    first, second = traced_text(event, {}, PAGE).splitlines()
    assert second == f"trace id 1de7badc {family} t c policy accept "
    head = f"trace id 1de7badc {family} t c packet: "
    assert first.startswith(head)
    return first.removeprefix(head)


def packet(
    link: str, network: str, transport: str, *, nfproto: int = 2, kind: int = ARPHRD_ETHER
) -> TracedPacket:
    came = bool(link)
    octets = [bytes.fromhex(header) for header in (link, network, transport)]
    return TracedPacket(nfproto, 1 if came else 0, 0 if came else 1, kind if came else 0, *octets)


@pytest.mark.parametrize(
    ("family", "seen", "words"),
    [
        (
            "inet",
            packet("", ip(1, 84), ECHO),
            'oif "lo" ' + ip_words("ip protocol icmp ip length 84 " + ECHO_WORDS),
        ),
        (
            "ip",
            packet(LOOPED, ip(1, 84), ECHO, kind=ARPHRD_LOOPBACK),
            'iif "lo" @ll,0,112 0x800 ' + ip_words("ip length 84 " + ECHO_WORDS),
        ),
        ("ip", packet(LINK, ip(17, 30), UDP), 'iif "lo" ' + ETHER + ip_words("ip length 30 " + UDP_WORDS)),
        (
            "bridge",
            packet(LINK, ip(17, 30), UDP, nfproto=7),
            'iif "lo" ' + ETHER + ip_words("ip protocol udp ip length 30 " + UDP_WORDS),
        ),
        (
            "netdev",
            packet(LINK, ip(132, 49), SCTP, nfproto=5),
            'iif "lo" ' + ETHER + ip_words("ip protocol sctp ip length 49 " + SCTP_WORDS),
        ),
        ("ip", packet("", ip(6, 60), SYN), 'oif "lo" ' + ip_words("ip length 60 " + SYN_WORDS)),
        (
            "ip",
            packet("", ip(6, 40, 0xC0), RESET),
            'oif "lo" ' + ip_words("ip length 40 " + RESET_WORDS, "cs6"),
        ),
        (
            "ip6",
            packet(LINK6, IP6.format(length=64, protocol=58), ECHO6, nfproto=10),
            'iif "lo" ' + ETHER + IP6_WORDS + "ip6 length 64 " + ECHO6_WORDS,
        ),
        (
            "inet",
            packet("", IP6.format(length=64, protocol=58), ECHO6, nfproto=10),
            'oif "lo" ' + IP6_WORDS + "ip6 nexthdr ipv6-icmp ip6 length 64 " + ECHO6_WORDS,
        ),
        (
            "arp",
            packet(LINK_ARP, ARP, "", nfproto=3),
            'iif "lo" ether saddr 02:00:00:00:00:0b ether daddr ff:ff:ff:ff:ff:ff arp operation request ',
        ),
        (
            "netdev",
            packet("", ip(1, 84), ECHO, nfproto=5),
            f'oif "lo" @nh,0,160 0x{ip(1, 84)} @th,0,160 0x{ECHO[1:]} ',
        ),
    ],
)
def test_headers_are_told_field_by_field(family: str, seen: TracedPacket, words: str) -> None:
    assert told(family, seen) == words


def test_a_rule_is_told_with_its_text_and_its_verdict() -> None:
    rule = Rule((), None, None)
    event = Traced("", NUMBERS["inet"], 7, None, "t", "out", rule, "jump other", 0)
    assert (
        traced_text(event, {rule: "counter"}, PAGE)
        == "trace id 00000007 inet t out rule counter (verdict jump other)\n"
    )


def test_a_rule_that_came_later_is_told_by_its_handle() -> None:
    rule = Rule((), None, None)
    rule.handle = 9
    event = Traced("", NUMBERS["ip"], 7, None, "t", "out", rule, "accept", 0)
    assert (
        traced_text(event, {}, PAGE) == "trace id 00000007 ip t out unknown rule handle 9 (verdict accept)\n"
    )


def test_a_policy_is_told_with_the_mark() -> None:
    event = Traced("", NUMBERS["ip"], 7, None, "t", "out", None, "drop", 5)
    assert traced_text(event, {}, PAGE) == "trace id 00000007 ip t out policy drop meta mark 0x00000005 \n"
