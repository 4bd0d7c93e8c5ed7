"""Statements: what a rule is made of, in the order written."""

from __future__ import annotations

from dataclasses import dataclass, field

from pystack.applets.nft.place import NOWHERE, Place
from pystack.applets.nft.tree.expressions import Expression


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Something that a packet must be like, or that is done with it."""

    at: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Match(Statement):
    """`tcp dport 22`. Evaluation sets `implied` on those that it put in front of another."""

    left: Expression
    right: Expression
    operator: str = ""  # as written; "" == != < > <= >=; "" of types of bits: any of them is set
    mask: Expression | None = None  # of `tcp flags syn,ack / syn,ack`
    implied: bool = False
    idle: bool = False  # the opposite: it is listed, and others that are not are what is tested
    whole: Place = field(default=NOWHERE, compare=False, repr=False)  # `at` is the operator's, if it has one


@dataclass(frozen=True, slots=True)
class Decide(Statement):
    """A verdict, or a verdict map."""

    verdict: Expression  # Verdict or Lookup


@dataclass(frozen=True, slots=True)
class Counter(Statement):
    """`counter packets 3 bytes 180`; named: ObjectUse."""

    packets: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Limit(Statement):
    """`limit rate over 10 mbytes/second burst 5 packets`."""

    rate: int
    unit: str  # second minute hour day week
    burst: int | None = None  # None: not written
    over: bool = False
    octets: bool = False  # counts octets, not packets


@dataclass(frozen=True, slots=True)
class Quota(Statement):
    """`quota over 25 mbytes used 3 bytes`."""

    octets: int
    used: int = 0
    over: bool = False


@dataclass(frozen=True, slots=True)
class ConnLimit(Statement):
    """`ct count over 20`."""

    count: int
    over: bool = False


@dataclass(frozen=True, slots=True)
class ObjectUse(Statement):
    """`counter name "http"`, `ct helper set "ftp"`; the name may come out of a map."""

    kind: str  # counter, quota, limit, "ct helper", "ct timeout", "ct expectation", synproxy, secmark
    name: Expression


@dataclass(frozen=True, slots=True)
class Log(Statement):
    """None is what was not written."""

    prefix: str | None = None
    level: str | None = None
    flags: tuple[str, ...] = ()  # "tcp sequence" "tcp options" "ip options" skuid ether all
    group: int | None = None
    snaplen: int | None = None
    threshold: int | None = None


@dataclass(frozen=True, slots=True)
class Reject(Statement):
    """`reject with icmpx type port-unreachable`."""

    kind: str = ""  # "" icmp icmpv6 icmpx "tcp reset"
    code: Expression | None = None
    is_bare: bool = False  # a listing leaves out with what


@dataclass(frozen=True, slots=True)
class Nat(Statement):
    """snat, dnat, masquerade, redirect, tproxy."""

    kind: str
    address: Expression | None = None  # may be a Range, a Lookup, a Concatenation out of a map
    port: Expression | None = None
    flags: tuple[str, ...] = ()  # random fully-random persistent
    family: str = ""  # ip, ip6, where written or needed
    prefix: bool = False  # `snat ip prefix to`
    interval: bool = False
    with_port: bool = False  # the map gives `addr . port`


@dataclass(frozen=True, slots=True)
class Notrack(Statement):
    """No connection for this packet."""


@dataclass(frozen=True, slots=True)
class Assign(Statement):
    """`meta mark set 1`, `ct mark set meta mark`, `ip ttl set 3`, `tcp option maxseg size set rt mtu`."""

    target: Expression  # Meta, Ct, Payload, RawPayload, TcpOption
    value: Expression


@dataclass(frozen=True, slots=True)
class Reset(Statement):
    """`reset tcp option sack-perm`."""

    option: Expression


@dataclass(frozen=True, slots=True)
class Dup(Statement):
    """`dup to 10.0.0.2 device eth1`."""

    to: Expression | None
    device: Expression | None = None


@dataclass(frozen=True, slots=True)
class Forward(Statement):
    """`fwd to eth1`, `fwd ip to 10.0.0.2 device eth1`."""

    device: Expression
    family: str = ""
    address: Expression | None = None


@dataclass(frozen=True, slots=True)
class Queue(Statement):
    """`queue flags bypass to 1-3`."""

    to: Expression | None = None
    flags: tuple[str, ...] = ()  # bypass fanout


@dataclass(frozen=True, slots=True)
class SetUpdate(Statement):
    """`update @set { ip saddr timeout 1m : 5 limit rate 3/second }`."""

    operation: str  # add update delete
    name: str
    element: Expression  # Element
    name_at: Place = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Meter(Statement):
    """`meter NAME { KEY STATEMENT }`, the old spelling of an update."""

    name: str
    element: Expression
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Refusal(Statement):
    """A statement of nft's that is not modelled: flow add, synproxy."""

    words: str


@dataclass(frozen=True, slots=True)
class Xt(Statement):
    """What the kernel asks an xtables module about; only tables of iptables-nft and its kin have it."""

    kind: str  # match, watcher, target
    name: str
    words: str | None  # in which libxtables translates it, if it can
