"""Which options go with which command, and which it cannot do without.

Linux: conntrack-tools src/conntrack.c commands_v_options, generic_opt_check(); extensions/libct_proto_*.c
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from pystack.applets.conntrack.bad_usage import BadUsage
from pystack.applets.conntrack.text import PROTOCOLS

# In the order in which they are looked at: names as the complaints have them.
_NAMES: Final = (
    "src dst reply-src reply-dst protonum timeout status zero event-mask tuple-src tuple-dst mask-src "
    "mask-dst mark id family src-nat dst-nat output secmark buffer-size any-nat "
    "zone label orig-zone reply-zone".split()
)
_FLOW: Final = "src dst reply-src reply-dst protonum"
_ZONES: Final = "zone orig-zone reply-zone"
_NATS: Final = "src-nat dst-nat"

# By command and table: what must be there, what may be there besides.
_OF_COMMANDS: Final[dict[tuple[str, str], tuple[str, str]]] = {
    ("L", "conntrack"): (
        "",
        f"{_FLOW} status zero mask-src mask-dst mark family {_NATS} output secmark any-nat label {_ZONES}",
    ),
    ("I", "conntrack"): ("protonum timeout", f"{_FLOW} status mark {_NATS} label {_ZONES}"),
    ("U", "conntrack"): (
        "",
        f"{_FLOW} timeout status mask-src mask-dst mark id family {_NATS} output label",
    ),
    ("D", "conntrack"): (
        "",
        f"{_FLOW} timeout status mask-src mask-dst mark id family {_NATS} output label {_ZONES}",
    ),
    ("G", "conntrack"): ("protonum", f"{_FLOW} id output"),
    ("F", "conntrack"): ("", "family"),
    ("E", "conntrack"): (
        "",
        f"{_FLOW} event-mask mask-src mask-dst mark family {_NATS} output secmark buffer-size any-nat label "
        f"{_ZONES}",
    ),
    ("h", "conntrack"): ("", "protonum"),
    ("L", "expect"): ("", "family output"),
    ("I", "expect"): (
        "src dst protonum timeout tuple-src tuple-dst mask-src mask-dst",
        "reply-src reply-dst status",
    ),
    ("D", "expect"): ("src dst protonum", "reply-src reply-dst"),
    ("G", "expect"): ("src dst protonum", "reply-src reply-dst"),
    ("E", "expect"): ("", "output"),
}
_WITH_WHOLE_FLOW: Final = (("I", "conntrack"), ("G", "conntrack"))

_PORTS: Final = "sport dport reply-port-src reply-port-dst"
_KEYS: Final = "srckey dstkey reply-key-src reply-key-dst"
_OF_PROTOCOLS: Final[dict[str, list[str]]] = {
    **dict.fromkeys(
        ("tcp", "sctp", "dccp"),
        f"{_PORTS} mask-port-src mask-port-dst state tuple-port-src tuple-port-dst".split(),
    ),
    **dict.fromkeys(
        ("udp", "udplite"), f"{_PORTS} mask-port-src mask-port-dst tuple-port-src tuple-port-dst".split()
    ),
    "icmp": "icmp-type icmp-code icmp-id".split(),
    "icmpv6": "icmpv6-type icmpv6-code icmpv6-id".split(),
    "gre": f"{_KEYS} mask-key-src mask-key-dst tuple-key-src tuple-key-dst".split(),
}


def check(command: str, table: str, given: Collection[str]) -> None:
    """The options that all protocols have. Raises BadUsage."""
    command = "I" if command == "A" else command
    required, optional = _OF_COMMANDS.get((command, table), ("", ""))
    _check(_NAMES, required.split(), [*required.split(), *optional.split()], given)
    if (command, table) in _WITH_WHOLE_FLOW:
        _check_pairs(given, ("src", "dst"), ("reply-src", "reply-dst"), ("--reply-src", "--reply-dst"))


def check_protocol(command: str, table: str, protocol: int | None, given: Collection[str]) -> None:
    """Those that only one protocol has. Raises BadUsage."""
    command = "I" if command == "A" else command
    names = _OF_PROTOCOLS.get(PROTOCOLS.get(protocol or 0, ""), [])
    pairs = names[:4]
    if table == "expect":
        to_create = [name for name in names if name != "state" and not name.startswith("reply")]
        required = {"I": to_create, "D": pairs, "G": pairs}.get(command, [])
        _check(names, required, required, given)
        return
    optional = [name for name in names if not name.startswith(("mask", "tuple"))]
    of_icmp = [name for name in names if name.endswith(("-type", "-code"))]
    required = of_icmp if command in ("I", "G") else []
    required += ["state"] if "state" in names and command == "I" else []
    _check(names, required, optional, given)
    if command in ("I", "G") and len(pairs) == 4:
        kind = "port" if "sport" in names else "key"
        reply = f"--reply-src-{kind}", f"--reply-dst-{kind}"
        _check_pairs(given, (pairs[0], pairs[1]), (pairs[2], pairs[3]), reply)


def _check(
    names: Collection[str], required: Collection[str], legal: Collection[str], given: Collection[str]
) -> None:
    for name in names:
        if name in required and name not in given:
            raise BadUsage(f"You need to supply the `--{name}' option for this command")
        if name in given and name not in legal:
            raise BadUsage(f"Illegal option `--{name}' with this command")


Pair = tuple[str, str]


def _check_pairs(given: Collection[str], first: Pair, second: Pair, second_named: Pair) -> None:
    """One of both has to be whole, and a half one is none."""
    halves = [sum(name in given for name in pair) for pair in (first, second)]
    if 2 in halves:
        return
    if halves[0] == 0 and halves[1] == 1:
        raise BadUsage(f"you have to specify `{second_named[0]}' and `{second_named[1]}'")
    raise BadUsage(f"you have to specify `--{first[0]}' and `--{first[1]}'")
