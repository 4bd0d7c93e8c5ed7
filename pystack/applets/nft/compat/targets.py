"""Targets of iptables, ip6tables and arptables in nft's words; None for what libxtables cannot say.

Linux: libxtables' extensions, .xlate
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.iptables.extensions.connections import copy_of, masks_of, shift_of
from pystack.applets.iptables.extensions.log import FLAGS
from pystack.applets.iptables.extensions.mangle import mark_and_mask, tos_and_mask
from pystack.applets.iptables.family import IPV6, Family
from pystack.applets.iptables.option import U32, Values
from pystack.applets.nft.compat.words import bits_set, span
from pystack.netfilter.nat.ranges import NatRange

Translate = Callable[[Values, Family], str | None]

LEVELS: Final = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug")
_USUAL_LEVEL: Final = 4
_ALL_TOS: Final = (0x3F, 0xFF)
_REJECT_WORDS: Final = {"proto-unreachable": "prot-unreachable", "adm-prohibited": "admin-prohibited"}
_NAT_FLAGS: Final = {"random": "random", "random-fully": "fully-random", "persistent": "persistent"}
_LOG_WORDS: Final = ("tcp sequence", "tcp options", "ip options", "skuid", "ether")


# --- what is done with the packet ---------------------------------------------------------------------------


def _log(values: Values, family: Family) -> str:
    words = ["log"]
    if "log-prefix" in values:
        words.append(f'prefix "{values["log-prefix"].value}"')
    level = values["log-level"].value if "log-level" in values else _USUAL_LEVEL
    words += [f"level {LEVELS[level]}"] if level != _USUAL_LEVEL else []
    flags = [word for word, name in zip(_LOG_WORDS, FLAGS, strict=True) if name in values]
    if len(flags) == len(FLAGS):
        return " ".join([*words, "flags all"])
    tcp = [flag.removeprefix("tcp ") for flag in flags if flag.startswith("tcp ")]
    words += [f"flags tcp {','.join(tcp)}"] if tcp else []
    return " ".join([*words, *(f"flags {flag}" for flag in flags if not flag.startswith("tcp "))])


def _reject(values: Values, family: Family) -> str:
    kind = values["reject-with"].value if "reject-with" in values else ""
    if kind == "tcp-reset":
        return "reject with tcp reset"
    protocol = "icmpv6" if family is IPV6 else "icmp"
    name = kind.removeprefix("icmp6-" if family is IPV6 else "icmp-")
    if name in ("", "port-unreachable"):
        return "reject"
    return f"reject with {protocol} type {_REJECT_WORDS.get(name, name)}"


def _queue(values: Values, family: Family) -> str:
    low, high = values["queue-balance"].value if "queue-balance" in values else (0, 0)
    if "queue-num" in values:
        low = high = values["queue-num"].value
    flags = [name for name in ("bypass", "cpu-fanout") if f"queue-{name}" in values]
    tail = f" {','.join(flags).replace('cpu-', '')}" if flags else ""
    return f"queue num {span(low, high)}{tail}"


def _tee(values: Values, family: Family) -> str:
    device = f" device {values['oif'].value}" if "oif" in values else ""
    return f"dup to {family.address_text(values['gateway'].value)}{device}"


# --- translation --------------------------------------------------------------------------------------------


def _nat(word: str, option: str) -> Translate:
    def translate(values: Values, family: Family) -> str | None:
        to = _destination(values[option].value, family) if option in values else ""
        if to is None:
            return None
        flags = [said for name, said in _NAT_FLAGS.items() if name in values]
        return f"{word}{' to ' if to else ''}{to}{' ' if flags else ''}{','.join(flags)}"

    return translate


def _destination(wanted: NatRange, family: Family) -> str | None:
    if wanted.base_port is not None:
        return None
    show, text = family.address_text, ""
    if wanted.addresses is not None:
        low, high = wanted.addresses
        text = span(show(low), show(high))
    if wanted.ports is None:
        return text
    return f"{f'[{text}]' if text and family is IPV6 else text}:{span(*wanted.ports)}"


# --- what is changed ----------------------------------------------------------------------------------------


def _mark(values: Values, family: Family) -> str:
    value, mask = mark_and_mask(values)
    words = bits_set("mark", value, mask, whole=U32)
    return f"meta mark set {words or f'mark and {~mask & U32:#x} xor {value:#x}'}"


def _connmark(values: Values, family: Family) -> str | None:
    """Linux: libxt_CONNMARK.c connmark_tg_xlate()"""
    copy, shift = copy_of(values), shift_of(values)
    if copy is None:
        value, mask = mark_and_mask(values)
        words = bits_set("ct mark", value, mask, whole=U32)
        words = words or f"ct mark xor {value:#x} and {~mask & U32:#x}"
        words += " " * (mask == U32 and bool(shift))  # as the tool has it
    else:
        connection, packet = masks_of(values)
        if connection != packet:
            return None
        words = "mark" if copy == "save-mark" else "ct mark"
        words += f" and {packet:#x}" if packet != U32 else ""
    target = "meta mark" if copy == "restore-mark" else "ct mark"
    if not shift:
        return f"{target} set {words}"
    return f"{target} set ( {words} ) {'<<' if shift > 0 else '>>'} {abs(shift)}"


def _tos(values: Values, family: Family) -> str:
    """Of both families alike. Linux: libxt_TOS.c tos_xlate()"""
    value, mask = tos_and_mask(values)
    if mask in _ALL_TOS:
        words = f"0x{value >> 2:02x}"
    elif not value:
        words = f"ip6 dscp and 0x{(~mask & 0xFF) >> 2:02x}"
    elif value == mask:
        words = f"ip6 dscp or 0x{value >> 2:02x}"
    elif not mask:
        words = f"ip6 dscp xor 0x{value >> 2:02x}"
    else:
        words = f"ip6 dscp and 0x{(~mask & 0xFF) >> 2:02x} xor 0x{value >> 2:02x}"
    return f"ip6 dscp set {words}"


def _dscp(values: Values, family: Family) -> str:
    ((_, given),) = values.items()
    return f"{'ip6' if family is IPV6 else 'ip'} dscp set 0x{given.value:02x}"


def _classify(values: Values, family: Family) -> str:
    number = values["set-class"].value
    known = {0: "none", U32: "root"}
    return f"meta priority set {known.get(number) or f'{number >> 16:x}:{number & 0xFFFF:x}'}"


def _tcpmss(values: Values, family: Family) -> str:
    size = values["set-mss"].value if "set-mss" in values else "rt mtu"
    return f"tcp option maxseg size set {size}"


def _ct(values: Values, family: Family) -> str | None:
    return "notrack" if "notrack" in values else None


TARGETS: Final[Mapping[str, Translate]] = {
    "CLASSIFY": _classify,
    "CONNMARK": _connmark,
    "CT": _ct,
    "DNAT": _nat("dnat", "to-destination"),
    "DSCP": _dscp,
    "LOG": _log,
    "MARK": _mark,
    "MASQUERADE": _nat("masquerade", "to-ports"),
    "NFQUEUE": _queue,
    "NOTRACK": lambda values, family: "notrack",
    "REDIRECT": _nat("redirect", "to-ports"),
    "REJECT": _reject,
    "SNAT": _nat("snat", "to-source"),
    "TCPMSS": _tcpmss,
    "TEE": _tee,
    "TOS": _tos,
}
