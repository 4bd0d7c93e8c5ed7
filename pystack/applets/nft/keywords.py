"""The words of nft's language, and where each of them is one.

A kind of token is named as errors name it: mostly the word itself.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
    vmap include define redefine undefine describe hook device devices table chain rule set element map
    flowtable handle ruleset socket tproxy accept drop continue jump goto return inet netdev add replace
    update create insert delete get list reset flush rename import export monitor position index comment
    constant interval dynamic auto-merge timeout gc-interval elements expires policy size flow offload
    meter counter log queue limit quota hour day reject snat dnat masquerade redirect random th bridge
    ether type typeof vlan arp ip ecn time icmp icmpv6 igmp ip6 priority ah esp comp flags udp udplite tcp
    dccp sctp rt rt0 rt2 srh hbh frag dst mh meta mark iif iifname iiftype oif oifname oiftype skuid skgid
    nftrace rtclassid ibriport ibrname obriport obrname pkttype cpu iifgroup oifgroup cgroup ct numgen
    jhash symhash dup fwd fib osf synproxy notrack all exists missing exthdr ipsec secmark xt == != <= <
    >= > . << >> ^ & ! / - * @ +
"""
_OTHER_SPELLINGS: Final = {
    "eq": "==", "ne": "!=", "le": "<=", "lt": "<", "ge": ">=", "gt": ">", "lshift": "<<", "rshift": ">>",
    "xor": "^", "and": "&", "or": "'|'", "not": "!",
}  # fmt: skip

ALWAYS: Final[dict[str, str]] = {word: word for word in _WORDS.split()} | _OTHER_SPELLINGS

# Which scope a word opens, by its kind.
OPENS: Final[dict[str, str]] = {
    word: scope
    for scope, words in {
        "socket": "socket", "tproxy": "tproxy", "list": "list", "reset": "reset", "import": "import",
        "export": "export", "monitor": "monitor", "policy": "policy", "counter": "counter", "log": "log",
        "queue": "queue", "limit": "limit", "quota": "quota", "reject": "reject",
        "nat": "snat dnat masquerade redirect", "th": "th", "eth": "ether", "type": "type", "vlan": "vlan",
        "arp": "arp", "ip": "ip", "icmp": "icmp icmpv6", "igmp": "igmp", "ip6": "ip6", "ah": "ah",
        "esp": "esp",
        "comp": "comp", "udp": "udp", "udplite": "udplite", "tcp": "tcp", "dccp": "dccp", "sctp": "sctp",
        "chunk": "chunk", "rt": "rt rt0 rt2 srh", "hbh": "hbh", "frag": "frag", "dst": "dst", "mh": "mh",
        "meta": "meta", "ct": "ct", "numgen": "numgen", "hash": "jhash symhash", "dup": "dup", "fwd": "fwd",
        "fib": "fib", "osf": "osf", "synproxy": "synproxy", "ipsec": "ipsec", "secmark": "secmark",
        "xt": "xt",
        "at": "@",
    }.items()
    for word in words.split()
}  # fmt: skip

# Words that only some scopes know.
_SCOPED: Final = {
    "list monitor": "chains sets tables",
    "monitor": "rules trace",
    "socket": "transparent wildcard cgroupv2 level",
    "queue dup fwd nat tproxy ip ip6": "to",
    "policy": "performance memory",
    "list": "meters flowtables limits maps secmarks synproxys hooks",
    "counter limit quota synproxy osf": "name",
    "counter ct limit": "packets",
    "counter ct limit quota": "bytes",
    "list reset": "counters quotas",
    "log nat ip ip6": "prefix",
    "log": "snaplen queue-threshold level group",
    "queue": "num bypass fanout",
    "limit": "rate burst second minute week",
    "ct limit quota": "over",
    "quota": "used until",
    "reject": "with icmpx",
    "nat": "fully-random persistent port",
    "at": "ll nh",
    "arp ct eth ip ip6 fib ipsec": "saddr daddr",
    "ct frag vlan ip icmp": "id",
    "vlan": "cfi dei pcp",
    "arp": "htype ptype hlen plen operation",
    "ip ip6 osf": "version",
    "ah dst hbh mh rt ip": "hdrlength",
    "ip ip6 type": "dscp",
    "udp ip ip6 meta tcp sctp chunk": "length",
    "frag ip": "frag-off",
    "osf ip": "ttl",
    "ct ip meta type": "protocol",
    "mh udp udplite icmp igmp ip sctp tcp": "checksum",
    "ip": "lsrr rr ssrr ra ptr value option options",
    "tcp": "ackseq doff window urgptr echo eol maxseg=mss mss nop noop=nop sack sack0 sack1 sack2 sack3 "
    "sack-permitted sack-perm=sack-permitted timestamp fastopen mptcp md5sig left right count tsval tsecr "
    "subtype options option",
    "icmp": "gateway code param-problem max-delay mtu",
    "ah esp icmp tcp": "sequence=seq",
    "igmp": "mrt group",
    "ip6": "flowlabel hoplimit",
    "ah comp dst frag hbh mh rt ip6": "nexthdr",
    "ah frag mh tcp": "reserved",
    "ah esp ipsec": "spi",
    "comp": "cpi",
    "udplite": "csumcov",
    "dccp sctp tcp th udp udplite": "sport",
    "ct dccp sctp tcp th udp udplite": "dport",
    "sctp": "chunk vtag",
    "chunk": "data init init-ack heartbeat heartbeat-ack abort shutdown shutdown-ack error cookie-echo "
    "cookie-ack ecne cwr shutdown-complete asconf-ack forward-tsn asconf tsn sack stream ssn ppid init-tag "
    "a-rwnd num-outbound-streams num-inbound-streams initial-tsn cum-tsn-ack num-gap-ack-blocks num-dup-tsns "
    "lowest-tsn seqno new-cum-tsn",
    "rt nat ip ip6": "addr",
    "frag": "reserved2 more-fragments",
    "rt": "nexthop seg-left mtu last-entry tag sid",
    "rt type": "classid",
    "ct": "avgpkt l3proto proto-src proto-dst zone original reply direction event expectation expiration "
    "helper helpers label state status count",
    "numgen": "inc",
    "hash": "seed",
    "hash numgen": "mod offset",
    "synproxy": "wscale maxseg=mss mss timestamp sack-permitted sack-perm=sack-permitted",
    "export import monitor": "xml json vm",
    "ipsec": "reqid spnum in out",
}  # fmt: skip


def _scoped() -> dict[str, dict[str, str]]:
    """Of each word the scopes that know it, and its kind there."""
    table: dict[str, dict[str, str]] = {}
    for scopes, words in _SCOPED.items():
        for word in words.split():
            spelling, _, kind = word.partition("=")
            table.setdefault(spelling, {}).update(dict.fromkeys(scopes.split(), kind or spelling))
    return table


SCOPED: Final[dict[str, dict[str, str]]] = _scoped()

# Errors name the tokens that they expect in this order; a word that has a blank in it is written with _ here.
_ORDER: Final = """
    end_of_file junk newline colon semicolon comma . == != < > >= <= << >> & ^ ! / * - @ vmap + include
    define redefine undefine fib socket transparent wildcard cgroupv2 tproxy osf synproxy mss wscale typeof
    hook hooks device devices table tables chain chains rule rules sets set element map maps flowtable
    handle ruleset trace inet netdev add update replace create insert delete get list reset flush rename
    describe import export monitor all accept drop continue jump goto return to constant interval dynamic
    auto-merge timeout gc-interval elements expires policy memory performance size flow offload meter meters
    flowtables number string quoted_string string_with_a_trailing_asterisk ll nh th bridge ether saddr daddr
    type vlan id cfi dei pcp arp htype ptype hlen plen operation ip version hdrlength dscp ecn length
    frag-off ttl protocol checksum ptr value lsrr rr ssrr ra icmp code seq gateway mtu igmp mrt options ip6
    priority flowlabel nexthdr hoplimit icmpv6 param-problem max-delay ah reserved spi esp comp flags cpi
    port udp sport dport udplite csumcov tcp ackseq doff window urgptr option echo eol mptcp nop sack sack0
    sack1 sack2 sack3 sack-permitted fastopen md5sig timestamp count left right tsval tsecr subtype dccp
    sctp chunk data init init-ack heartbeat heartbeat-ack abort shutdown shutdown-ack error cookie-echo
    cookie-ack ecne cwr shutdown-complete asconf-ack forward-tsn asconf tsn stream ssn ppid init-tag a-rwnd
    num-outbound-streams num-inbound-streams initial-tsn cum-tsn-ack num-gap-ack-blocks num-dup-tsns
    lowest-tsn seqno new-cum-tsn vtag rt rt0 rt2 srh seg-left addr last-entry tag sid hbh frag reserved2
    more-fragments dst mh meta mark iif iifname iiftype oif oifname oiftype skuid skgid nftrace rtclassid
    ibriport obriport ibrname obrname pkttype cpu iifgroup oifgroup cgroup time classid nexthop ct l3proto
    proto-src proto-dst zone direction event expectation expiration helper label state status original reply
    counter name packets bytes avgpkt counters quotas limits synproxys helpers log prefix group snaplen
    queue-threshold level limit rate burst over until quota used secmark secmarks second minute hour day
    week reject with icmpx snat dnat masquerade redirect random fully-random persistent queue num bypass
    fanout dup fwd numgen inc mod offset jhash symhash seed position index comment xml json vm notrack
    exists missing exthdr ipsec reqid spnum in out xt
    '=' '{' '}' '$' '(' ')' '|' '[' ']'
"""
TOKEN_ORDER: Final[tuple[str, ...]] = tuple(word.replace("_", " ") for word in _ORDER.split())
