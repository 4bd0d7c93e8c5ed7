"""Fields of headers, and of the options and chunks in them."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import natural32
from pystack.applets.nft.lexer import COMMA, NUMBER, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import (
    Expression,
    ExtensionHeader,
    IpOption,
    Payload,
    RawPayload,
    SctpChunk,
    TcpOption,
)

# A header's word: the scope that it opens, and its fields.
FIELDS: Final = {
    "ether": ("eth", "saddr daddr type"),
    "vlan": ("vlan", "id cfi dei pcp type"),
    "arp": ("arp", "htype ptype hlen plen operation saddr daddr"),
    "ip": ("ip", "version hdrlength dscp ecn length id frag-off ttl protocol checksum saddr daddr option"),
    "icmp": ("icmp", "type code checksum id seq gateway mtu"),
    "igmp": ("igmp", "type checksum mrt group"),
    "ip6": ("ip6", "version dscp ecn flowlabel length nexthdr hoplimit saddr daddr"),
    "icmpv6": ("icmp", "type code checksum param-problem mtu id seq max-delay"),
    "ah": ("ah", "nexthdr hdrlength reserved spi seq"),
    "esp": ("esp", "spi seq"),
    "comp": ("comp", "nexthdr flags cpi"),
    "udp": ("udp", "sport dport length checksum"),
    "udplite": ("udplite", "sport dport csumcov checksum"),
    "tcp": ("tcp", "sport dport seq ackseq doff reserved flags window checksum urgptr option"),
    "dccp": ("dccp", "sport dport type"),
    "sctp": ("sctp", "sport dport vtag checksum chunk"),
    "th": ("th", "sport dport"),
}
EXTENSIONS: Final = {
    "hbh": ("hbh", "nexthdr hdrlength"),
    "rt0": ("rt", "addr"),
    "rt2": ("rt", "addr"),
    "srh": ("rt", "last-entry flags tag sid"),
    "frag": ("frag", "nexthdr reserved frag-off reserved2 more-fragments id"),
    "dst": ("dst", "nexthdr hdrlength"),
    "mh": ("mh", "nexthdr hdrlength type reserved checksum"),
}
ROUTING_FIELDS: Final = ("nexthdr", "hdrlength", "type", "seg-left")
EXTENSION_SCOPES: Final = {"hbh": "hbh", "rt": "rt", "frag": "frag", "dst": "dst", "mh": "mh"}
# How fields are named elsewhere, where that is not the word's kind.
NAMES: Final = {"seq": "sequence", "param-problem": "parameter-problem"}

IP_OPTIONS: Final = ("lsrr", "rr", "ssrr", "ra")
IP_OPTION_FIELDS: Final = ("type", "length", "value", "ptr", "addr")
SACKS: Final = ("sack", "sack0", "sack1", "sack2", "sack3")
TCP_OPTIONS: Final = (
    *("echo", "eol", "fastopen", "md5sig", "mptcp", "mss", "nop", "sack-permitted", "timestamp", "window"),
    *SACKS,
)
TCP_OPTION_FIELDS: Final = {
    "mss": ("size",),
    "window": ("count",),
    "timestamp": ("tsval", "tsecr"),
    "mptcp": ("subtype",),
} | dict.fromkeys(SACKS, ("left", "right"))
TCP_OPTION_NAMES: Final = {"mss": "maxseg", "sack-permitted": "sack-perm"}
OPTION_KIND_MAX: Final = 255

CHUNK_FIELDS: Final = ("type", "flags", "length")
_INIT: Final = ("init-tag", "a-rwnd", "num-outbound-streams", "num-inbound-streams", "initial-tsn")
CHUNKS: Final[dict[str, tuple[str, ...]]] = {
    "data": ("tsn", "stream", "ssn", "ppid"),
    "init": _INIT,
    "init-ack": _INIT,
    "sack": ("cum-tsn-ack", "a-rwnd", "num-gap-ack-blocks", "num-dup-tsns"),
    "shutdown": ("cum-tsn-ack",),
    "ecne": ("lowest-tsn",),
    "cwr": ("lowest-tsn",),
    "asconf-ack": ("seqno",),
    "forward-tsn": ("new-cum-tsn",),
    "asconf": ("seqno",),
} | dict.fromkeys(
    ("heartbeat", "heartbeat-ack", "abort", "shutdown-ack", "error", "cookie-echo", "cookie-ack"), ()
) | {"shutdown-complete": ()}  # fmt: skip
BASES: Final = ("ll", "nh", "th")


def field(p: Parser) -> Expression:
    """`HEADER FIELD`; `ip option …`, `tcp option …`, `sctp chunk …`."""
    header = p.take()
    return field_of(p, header.kind, header.at)


def field_of(p: Parser, header: str, start: Place) -> Expression:
    """What is behind the header's word."""
    scope, names = FIELDS[header]
    token = p.expect(*names.split())
    if token.kind == "option":
        return _ip_option(p, start) if header == "ip" else _tcp_option(p, start)
    if token.kind == "chunk":
        return _chunk(p, start)
    name = NAMES.get(token.kind, token.kind)
    if header == "arp" and token.kind in ("saddr", "daddr"):
        of = p.expect("ether", "ip")
        p.close("eth" if of.kind == "ether" else "ip")
        name = f"{name} {of.kind}"
    if token.kind == "type":
        p.close("type")
    p.close(scope)
    return Payload(header, name, at=p.since(start))


def _ip_option(p: Parser, start: Place) -> IpOption:
    option = p.expect(*IP_OPTIONS).kind
    part = p.take_if(*IP_OPTION_FIELDS)
    if part is not None and part.kind == "type":
        p.close("type")
    p.close("ip")
    return IpOption(option, part.kind if part else "", at=p.since(start))


def _tcp_option(p: Parser, start: Place) -> TcpOption:
    if p.take_if("@"):
        return _raw_tcp_option(p, start)
    kind = tcp_option_name(p)
    part = p.take_if("length", *TCP_OPTION_FIELDS.get(p.last.kind, ()))
    p.close("tcp")
    name = part.kind if part else ""
    if name in ("left", "right") and kind == "sack0":
        kind = "sack"
    return TcpOption(kind, name, at=p.since(start))


def tcp_option_name(p: Parser) -> str:
    """An option by its name or number."""
    token = p.expect(*TCP_OPTIONS, NUMBER)
    if token.kind == NUMBER and int(token.text) > OPTION_KIND_MAX:
        raise NftError(token.at, "value too large")
    return TCP_OPTION_NAMES.get(token.kind, token.text if token.kind == NUMBER else token.kind)


def _raw_tcp_option(p: Parser, start: Place) -> TcpOption:
    p.close("at")
    option = tcp_option_name(p)
    p.expect(COMMA)
    offset = natural32(p)
    p.expect(COMMA)
    length = natural32(p)
    p.close("tcp")
    kind = int(option) if option.isdigit() else -1
    return TcpOption(option, raw=(kind, offset, length), at=p.since(start))


def _chunk(p: Parser, start: Place) -> SctpChunk:
    chunk = p.expect(*CHUNKS).kind
    part = p.take_if(*CHUNK_FIELDS, *CHUNKS[chunk])
    if part is not None and part.kind == "type":
        p.close("type")
    p.close("chunk")
    p.close("sctp")
    return SctpChunk(chunk, part.kind if part else "", at=p.since(start))


def raw(p: Parser) -> RawPayload:
    """`@th,16,16`."""
    start = p.take().at
    base = p.expect(*BASES, STRING)
    if base.kind == "th":
        p.close("th")
    if base.kind == STRING and base.text != "ih":
        raise NftError(base.at, "unknown raw payload base")
    p.expect(COMMA)
    offset = natural32(p)
    p.expect(COMMA)
    length = natural32(p)
    p.close("at")
    return RawPayload(base.text, offset, length, at=p.since(start))


_IN_FRONT: Final = {"addr": "reserved", "sid": "tag"}  # of the first address: so nft counts


def extension(p: Parser) -> ExtensionHeader:
    """`HEADER FIELD` of IPv6's extension headers; `rt` has its own place, since it is a route, too."""
    header = p.take()
    scope, names = EXTENSIONS[header.kind]
    token = p.expect(*names.split())
    name = token.kind
    if (header.kind, name) in (("rt0", "addr"), ("srh", "sid")):
        p.expect("'['")
        number = natural32(p)
        name = f"{name}[{number}]" if number else _IN_FRONT[name]
        p.expect("']'")
    if token.kind == "type":
        p.close("type")
    p.close(scope)
    return ExtensionHeader(header.kind, name, at=p.since(header.at))


def extension_exists(p: Parser) -> ExtensionHeader:
    """`exthdr NAME`."""
    start = p.take().at
    header = p.expect(*EXTENSION_SCOPES)
    p.close(EXTENSION_SCOPES[header.kind])
    return ExtensionHeader(header.kind, at=p.since(start))
