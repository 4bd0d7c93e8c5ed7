"""Words of a filter expression, split as libpcap's scanner.l does: the longest match, then the first rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import AddressValueError, IPv6Address
from typing import Final

from pystack.applets.tcpdump.filter.errors import FilterError, syntax_error


class Kind(Enum):
    """What a word is to the grammar."""

    WORD = auto()  # a keyword
    NUMBER = auto()
    NAME = auto()  # of a host, a port, a protocol
    DOTTED = auto()  # 10.1, 10.1.2, 10.1.2.3
    IP6 = auto()
    MAC = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """One word; `value` is a NUMBER's."""

    kind: Kind
    text: str
    value: int = 0


LINK_WORDS: Final = frozenset("link ether ppp slip fddi tr wlan".split())
PROTOCOL_WORDS: Final = LINK_WORDS | frozenset(
    "arp rarp ip sctp tcp udp icmp igmp igrp pim vrrp carp ip6 icmp6 ah esp decnet lat sca moprc mopdl stp "
    "netbeui".split()
)
GRAMMAR_WORDS: Final = frozenset(
    "dst src host net mask port portrange proto less greater broadcast multicast and or not len length "
    "inbound outbound ifindex vlan".split()
)
# Understood by libpcap, not here.
FOREIGN_WORDS: Final = frozenset(
    "radio atalk aarp iso esis es-is isis is-is l1 l2 iih lsp snp csnp psnp clnp ipx protochain gateway "
    "type subtype direction dir address1 addr1 address2 addr2 address3 addr3 address4 addr4 ra ta byte "
    "mpls pppoed pppoes geneve lane llc metac bcc oam oamf4 oamf4ec oamf4sc sc ilmic vpi vci connectmsg "
    "metaconnect on ifname rset ruleset rnr rulenum srnr subrulenum reason action fisu lssu lsu msu hfisu "
    "hlssu hmsu sio opc dpc sls hsio hopc hdpc hsls".split()
)
KEYWORDS: Final = PROTOCOL_WORDS | GRAMMAR_WORDS | FOREIGN_WORDS

_ICMP: Final = {
    "echoreply": 0, "unreach": 3, "sourcequench": 4, "redirect": 5, "echo": 8, "routeradvert": 9,
    "routersolicit": 10, "timxceed": 11, "paramprob": 12, "tstamp": 13, "tstampreply": 14, "ireq": 15,
    "ireqreply": 16, "maskreq": 17, "maskreply": 18,
}  # fmt: skip
_ICMP6: Final = {
    "destinationunreach": 1, "packettoobig": 2, "timeexceeded": 3, "parameterproblem": 4, "echo": 128,
    "echoreply": 129, "multicastlistenerquery": 130, "multicastlistenerreportv1": 131,
    "multicastlistenerdone": 132, "routersolicit": 133, "routeradvert": 134, "neighborsolicit": 135,
    "neighboradvert": 136, "redirect": 137, "routerrenum": 138, "nodeinformationquery": 139,
    "nodeinformationresponse": 140, "ineighbordiscoverysolicit": 141, "ineighbordiscoveryadvert": 142,
    "multicastlistenerreportv2": 143, "homeagentdiscoveryrequest": 144, "homeagentdiscoveryreply": 145,
    "mobileprefixsolicit": 146, "mobileprefixadvert": 147, "certpathsolicit": 148, "certpathadvert": 149,
    "multicastrouteradvert": 151, "multicastroutersolicit": 152, "multicastrouterterm": 153,
}  # fmt: skip
_TCP: Final = {"fin": 1, "syn": 2, "rst": 4, "push": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128}
NUMBERS: Final = {
    "icmptype": 0,
    "icmpcode": 1,
    "icmp6type": 0,
    "icmp6code": 1,
    "tcpflags": 13,
    **{f"icmp-{name}": value for name, value in _ICMP.items()},
    **{f"icmp6-{name}": value for name, value in _ICMP6.items()},
    **{f"tcp-{name}": value for name, value in _TCP.items()},
}
SYNONYMS: Final = {"&&": "and", "||": "or", "!": "not", "==": "=", "length": "len"}

_N = r"(?:0[xX][0-9A-Fa-f]+|[0-9]+)"
_B = r"[0-9A-Fa-f]{1,2}"
_B2 = r"[0-9A-Fa-f]{4}"
# In the scanner's order: of matches of equal length the first counts.
_RULES: Final = tuple(
    (name, re.compile(pattern))
    for name, pattern in (
        ("space", r"[ \r\n\t]"),
        ("sign", r"&&|\|\||>=|<=|!=|==|<<|>>|[+\-*/%:\[\]!<>()&|^=]"),
        ("arcnet", rf"\${_B}"),
        (
            "mac",
            rf"{_B}(?::{_B}){{5}}|{_B}(?:-{_B}){{5}}|{_B}(?:\.{_B}){{5}}|{_B2}\.{_B2}\.{_B2}|[0-9A-Fa-f]{{12}}",
        ),
        ("number", _N),
        ("dotted", rf"{_N}(?:\.{_N}){{1,3}}"),
        ("ip6", r"[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}(?:\.[0-9]+){0,3}"),
        ("bogus", rf"{_B}:+(?:{_B}:+)+"),
        ("word", r"[A-Za-z0-9](?:[-_.A-Za-z0-9]*[.A-Za-z0-9])?"),
        ("escaped", r"\\[^ !()\n\t]+"),
    )
)


def tokens(text: str) -> Iterator[Token]:
    """The words one by one, END last. Raises FilterError at the word that is none."""
    at = 0
    while at < len(text):
        name, word = _longest(text, at)
        at += len(word)
        if name != "space":
            yield _token(name, word)
    yield Token(Kind.END, "")


def _longest(text: str, at: int) -> tuple[str, str]:
    best_name, best = "", ""
    for name, pattern in _RULES:
        found = pattern.match(text, at)
        if found and len(found.group()) > len(best) and (name != "ip6" or _is_ip6(found.group())):
            best_name, best = name, found.group()
    if not best:
        raise syntax_error()
    return best_name, best


def _is_ip6(word: str) -> bool:
    try:
        IPv6Address(word)
    except AddressValueError:
        return False
    return True


def _token(name: str, word: str) -> Token:
    if name == "sign":
        return Token(Kind.SIGN, SYNONYMS.get(word, word))
    if name == "number":
        return Token(Kind.NUMBER, word, _number(word))
    if name == "word":
        if word in NUMBERS:
            return Token(Kind.NUMBER, word, NUMBERS[word])
        if word in KEYWORDS:
            kind = Kind.SIGN if word in ("and", "or", "not") else Kind.WORD
            return Token(kind, SYNONYMS.get(word, word))
        return Token(Kind.NAME, word)
    if name == "bogus":
        raise FilterError(f"bogus ethernet address {word}")
    if name == "arcnet":
        raise FilterError("aid supported only on ARCnet")
    kinds = {"mac": Kind.MAC, "dotted": Kind.DOTTED, "ip6": Kind.IP6, "escaped": Kind.NAME}
    return Token(kinds[name], word.removeprefix("\\"))


def _number(word: str) -> int:
    """libpcap: scanner.l stou()"""
    if word[:2] in ("0x", "0X"):
        value = int(word, 16)
    elif word.startswith("0"):
        if set(word) & set("89"):
            raise FilterError(f"number {word} contains non-octal digit")
        value = int(word, 8)
    else:
        value = int(word)
    if value > 0xFFFFFFFF:
        raise FilterError(f"number {word} overflows 32 bits")
    return value
