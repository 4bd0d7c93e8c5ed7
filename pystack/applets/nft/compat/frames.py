"""Matches, watchers and targets of ebtables in nft's words; None for what libxtables cannot say.

Linux: libxtables' extensions libebt_*.c, .xlate
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from pystack.applets.iptables.network import Network
from pystack.applets.iptables.option import U32, Given, Values
from pystack.applets.nft.compat.targets import LEVELS
from pystack.applets.nft.compat.words import but, span

Translate = Callable[[Values], str | None]
_Range = tuple[int, int]

_NOTICE: Final = 5
_GROUP: Final = 1
_DSCP: Final = 0x3F
_EVERY_CODE: Final = (0, 0xFF)
_PACKET_TYPES: Final = {0: "host", 1: "broadcast", 2: "multicast", 3: "other"}
_IPV6: Final = "ether type ip6"


# --- IP inside of frames ------------------------------------------------------------------------------------


def _network(network: Network) -> str:
    text = str(network)
    return text.removesuffix(f"/{network.family.bits}")


def _ends(values: Values, prefix: str) -> Iterator[str]:
    for end in ("src", "dst"):
        if (given := values.get(f"{prefix}-{end}")) is not None:
            yield f"{prefix} {end[0]}addr {but(given)}{_network(given.value)}"


def _ports(values: Values, prefix: str, protocol: str) -> Iterator[str]:
    for port in ("sport", "dport"):
        if (given := values.get(f"{prefix}-{port}")) is not None:
            yield f"{protocol} {port} {but(given)}{span(*given.value)}"


def _icmp(given: Given, protocol: str) -> Iterator[str]:
    types, codes = given.value
    yield f"{protocol} type {but(given)}{span(*types)}"
    if codes != _EVERY_CODE:
        yield f"{protocol} code {but(given)}{span(*codes)}"


def _ip(values: Values) -> str:
    """Linux: libebt_ip.c brip_xlate()"""
    words = list(_ends(values, "ip"))
    if "ip-tos" in values:
        words.append(f"ip dscp {but(values['ip-tos'])}0x{values['ip-tos'].value & _DSCP:02x}")
    if "ip-proto" not in values:
        return " ".join(words)
    protocol = values["ip-proto"].value[1]
    if "ip-icmp-type" in values:
        words += _icmp(values["ip-icmp-type"], "icmp")
    elif "ip-igmp-type" in values:
        types, _ = values["ip-igmp-type"].value
        words.append(f"ip protocol igmp @th,0,8 {but(values['ip-igmp-type'])}{span(*types)}")
    elif values.keys() & {"ip-sport", "ip-dport"}:
        words += _ports(values, "ip", protocol)
    else:
        words.append(f"ip protocol {but(values['ip-proto'])}{protocol}")
    return " ".join(words)


def _ip6(values: Values) -> str:
    """What is IPv6 is said where nothing else says so. Linux: libebt_ip6.c brip6_xlate()"""
    words = list(_ends(values, "ip6"))
    if "ip6-tclass" in values:
        given = values["ip6-tclass"]
        words.append(f"ip6 dscp {but(given)}0x{given.value & _DSCP:02x}")
    is_said = bool(words)
    if "ip6-proto" not in values:
        return " ".join(words)
    protocol = values["ip6-proto"].value[1]
    if "ip6-icmp-type" in values:
        return " ".join([*words, *_icmp(values["ip6-icmp-type"], "icmpv6")])
    words += [] if is_said else [_IPV6]
    if values.keys() & {"ip6-sport", "ip6-dport"}:
        words += _ports(values, "ip6", protocol)
    else:
        words.append(f"meta l4proto {but(values['ip6-proto'])}{protocol}")
    return " ".join(words)


# --- the frame ----------------------------------------------------------------------------------------------


def _mark(values: Values) -> str:
    """`/3` asks for any of the bits. Linux: libebt_mark_m.c brmark_m_xlate()"""
    given = values["mark"]
    value, mask = given.value
    if value is None:
        return f"meta mark and {mask:#x} {'' if given.inverted else '!= '}0"
    masked = "" if mask == U32 else f"and {mask:#x} "
    return f"meta mark {masked}{but(given)}{value:#x}"


def _pkttype(values: Values) -> str:
    given = values["pkttype-type"]
    return f"meta pkttype {but(given)}{_PACKET_TYPES.get(given.value, given.value)}"


def _vlan(values: Values) -> str:
    words = []
    for option, field in (("vlan-id", "id"), ("vlan-prio", "pcp"), ("vlan-encap", "type")):
        if option in values:
            value = values[option].value
            shown = f"0x{value:04x}" if field == "type" else str(value)
            words.append(f"vlan {field} {but(values[option])}{shown}")
    return " ".join(words)


def _log(values: Values) -> str:
    prefix = f' prefix "{values["log-prefix"].value}"' if "log-prefix" in values else ""
    level = values["log-level"].value if "log-level" in values else _NOTICE
    return f"log{prefix} level {LEVELS[level]} flags ether"


def _nflog(values: Values) -> str:
    words = ["log"]
    if "nflog-prefix" in values:
        words.append(f'prefix "{values["nflog-prefix"].value}"')
    words.append(f"group {values['nflog-group'].value if 'nflog-group' in values else _GROUP}")
    for option, word in (("nflog-range", "snaplen"), ("nflog-threshold", "queue-threshold")):
        words += [f"{word} {values[option].value}"] if option in values else []
    return " ".join(words)


# --- targets ------------------------------------------------------------------------------------------------


def _address(end: str, option: str, verdict: str) -> Translate:
    def translate(values: Values) -> str:
        octets = ":".join(f"{octet:x}" for octet in values[option].value)
        return f"ether {end} set {octets} {_verdict(values, verdict)}"

    return translate


def _verdict(values: Values, option: str) -> str:
    return str(values[option].value).lower() if option in values else "accept"


def _snat(values: Values) -> str | None:
    return None if "snat-arp" in values else _address("saddr", "to-src", "snat-target")(values)


def _redirect(values: Values) -> str:
    """What is usual is not said."""
    verdict = _verdict(values, "redirect-target")
    return "meta set pkttype host" + (f" {verdict}" if verdict != "accept" else "")


def _set_mark(values: Values) -> str:
    """Linux: libebt_mark.c brmark_xlate()"""
    name = next(name for name in values if name != "mark-target")
    how = name.removeprefix("mark-")
    former = "" if how == "set" else f"meta mark {how} "
    return f"meta mark set {former}{values[name].value:#x} {_verdict(values, 'mark-target')}"


FRAME_MATCHES: Final[Mapping[str, Translate]] = {
    "ip": _ip,
    "ip6": _ip6,
    "log": _log,
    "mark_m": _mark,
    "nflog": _nflog,
    "pkttype": _pkttype,
    "vlan": _vlan,
}
FRAME_TARGETS: Final[Mapping[str, Translate]] = {
    "dnat": _address("daddr", "to-dst", "dnat-target"),
    "mark": _set_mark,
    "redirect": _redirect,
    "snat": _snat,
}
