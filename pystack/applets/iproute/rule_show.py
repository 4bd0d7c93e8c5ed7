"""`ip rule show` and `ip rule flush`: which rules, and how one is written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.applets.iproute.names import (
    GROUPS,
    PROTOCOLS,
    ROUTE_TYPES,
    TABLES,
    dsfield,
    dsfield_name,
    ip_protocol_name,
)
from pystack.applets.iproute.numbers import Prefix, format_ipv4, prefix, unsigned
from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import CYAN, MAGENTA, PLAIN, Printer
from pystack.applets.iproute.rule_request import KNOWN, mark_and_mask, ports, protocol, uids
from pystack.applets.iproute.words import Words, matches, wrong
from pystack.applets.session import Session
from pystack.errors import NotModelled
from pystack.l3.fib_types import RTPROT_KERNEL
from pystack.l3.rules import DETACHED, FR_ACT_GOTO, FR_ACT_NOP, FR_ACT_TO_TBL, FibRule, Range

_HOST_LENGTH: Final = 32


@dataclass(slots=True)
class _Filter:
    """Linux: iproute2 ip/iprule.c filter"""

    priority: int | None = None
    inverted: bool = False
    source: Prefix | None = None
    destination: Prefix | None = None
    tos: int | None = None
    mark: int = 0
    mark_mask: int = 0
    iif: str = ""
    oif: str = ""
    uids: Range | None = None
    ip_proto: int = 0
    sports: Range | None = None
    dports: Range | None = None
    table: int = 0
    protocol: int | None = None  # only heeded by flush

    def takes(self, rule: FibRule) -> bool:
        """Linux: iproute2 ip/iprule.c filter_nlmsg()"""
        if self.priority is not None and self.priority != rule.priority:
            return False
        if self.inverted and not rule.inverted:
            return False
        if not _holds(self.source, rule.source, rule.source_length):
            return False
        if not _holds(self.destination, rule.destination, rule.destination_length):
            return False
        if self.tos is not None and self.tos != rule.tos:
            return False
        asked = (
            (self.mark, rule.mark),
            (self.mark_mask, rule.mark_mask),
            (self.iif, rule.iif),
            (self.oif, rule.oif),
            (self.uids, rule.uids),
            (self.ip_proto, rule.ip_proto),
            (self.table, rule.table),
        )
        if any(wanted and wanted != actual for wanted, actual in asked):
            return False
        ranges = ((self.sports, rule.sports), (self.dports, rule.dports))
        return not any(wanted and wanted[0] and wanted != actual for wanted, actual in ranges)


def _holds(wanted: Prefix | None, address: int, length: int) -> bool:
    if wanted is None or wanted.is_any:
        return True
    return wanted.length <= length and wanted.holds(address)


def show(words: Words, options: Options, session: Session) -> int:
    """`ip rule show`"""
    found = _parse(words)
    printer = options.printer(session.io)
    printer.begin()
    for rule in session.netns.ipv4.fib.rules:
        if found.takes(rule):
            print_rule(printer, options, rule)
    printer.end()
    return 0


def flush(words: Words, options: Options, session: Session) -> int:
    """Linux: iproute2 ip/iprule.c flush_rule()"""
    found = _parse(words)
    printer = options.printer(session.io)
    printer.begin()
    fib = session.netns.ipv4.fib
    for rule in list(fib.rules):
        by_wanted = found.protocol is None or found.protocol == rule.protocol
        if rule.priority and found.takes(rule) and by_wanted:  # what stands at 0 has no number to name
            fib.remove_rule(rule)
    printer.end()
    return 0


def _parse(words: Words) -> _Filter:
    """Linux: iproute2 ip/iprule.c iprule_list_flush_or_save()"""
    found = _Filter()
    while words:
        word = words.take()
        if any(matches(word, name) for name in ("preference", "order", "priority")):
            found.priority = _required(unsigned, words, "preference value is invalid\n")
        elif word == "not":
            found.inverted = True
        elif word in ("tos", "dsfield"):
            found.tos = _required(dsfield, words, "TOS value is invalid\n")
        elif word == "fwmark":
            mark, mask = mark_and_mask(words.take())
            found.mark, found.mark_mask = mark, mask or 0
        elif word in ("dev", "iif"):
            found.iif = words.take()
        elif word == "oif":
            found.oif = words.take()
        elif word == "l3mdev" or matches(word, "tun_id"):
            raise NotModelled(f"ip rule show {word}", KNOWN)
        elif word == "uidrange":
            found.uids = uids(words.take())
        elif matches(word, "lookup") or matches(word, "table"):
            found.table = _required(TABLES.number, words, "table id value is invalid\n")
        elif matches(word, "from") or matches(word, "src"):
            found.source = prefix(words.take(), "inet")
        elif matches(word, "protocol"):
            found.protocol = _protocol_or_all(words.take())
        elif word == "ipproto":
            found.ip_proto = protocol(words.take())
        elif word == "sport":
            found.sports = ports(words.take(), "invalid port range\n")
        elif word == "dport":
            found.dports = ports(words.take(), "invalid dport range\n")
        else:
            named = matches(word, "dst") or matches(word, "to")
            found.destination = prefix(words.take() if named else word, "inet")
    return found


def _protocol_or_all(word: str) -> int | None:
    number = PROTOCOLS.number(word)
    if number is None and word != "all":
        raise wrong('invalid "protocol"\n', word)
    return number


def _required(parse: Callable[[str], int | None], words: Words, said: str) -> int:
    word = words.take()
    value = parse(word)
    if value is None:
        raise wrong(said, word)
    return value


def print_rule(printer: Printer, options: Options, rule: FibRule) -> None:
    """Linux: iproute2 ip/iprule.c print_rule()"""
    printer.open_object()
    printer.put("priority", rule.priority, f"{rule.priority}:\t")
    if rule.inverted:
        printer.put("not", None, "not ")
    printer.text("from ")
    if rule.source_length:
        _print_end(printer, "src", rule.source, rule.source_length)
    else:
        printer.put("src", "all", "all")
    if rule.destination_length:
        printer.text(" to ")
        _print_end(printer, "dst", rule.destination, rule.destination_length)
    if rule.tos:
        printer.put("tos", dsfield_name(rule.tos), f" tos {dsfield_name(rule.tos)}")
    if rule.mark or rule.mark_mask:
        _print_mark(printer, rule)
    _print_device(printer, "iif", rule.iif, rule.iifindex)
    _print_device(printer, "oif", rule.oif, rule.oifindex)
    _print_sender(printer, options, rule)
    _print_action(printer, options, rule)
    if rule.protocol not in (0, RTPROT_KERNEL) or options.details:
        name = str(rule.protocol) if options.numeric else PROTOCOLS.name(rule.protocol)
        printer.put("protocol", name, f" proto {name}")
    printer.text("\n")
    printer.close_object()


def _print_end(printer: Printer, key: str, address: int, length: int) -> None:
    printer.put(key, format_ipv4(address), format_ipv4(address), MAGENTA)
    if length != _HOST_LENGTH:
        printer.put(f"{key}len", length, f"/{length}")


def _print_mark(printer: Printer, rule: FibRule) -> None:
    mark = f"{rule.mark:#x}" if rule.mark else "0"
    printer.put("fwmark", mark, f" fwmark {mark}")
    if rule.mark_mask != 0xFFFFFFFF:
        mask = f"{rule.mark_mask:#x}" if rule.mark_mask else "0"
        printer.put("fwmask", mask, f"/{mask}")


def _print_device(printer: Printer, key: str, name: str, ifindex: int) -> None:
    if not name:
        return
    printer.text(f" {key} ")
    printer.put(key, name, name, CYAN)
    if ifindex == DETACHED:
        printer.put(f"{key}_detached", None, " [detached]", PLAIN)


def _print_sender(printer: Printer, options: Options, rule: FibRule) -> None:
    if rule.uids is not None:
        printer.put("uid_start", rule.uids[0], f" uidrange {rule.uids[0]}")
        printer.put("uid_end", rule.uids[1], f"-{rule.uids[1]}")
    if rule.ip_proto:
        name = f"ipproto-{rule.ip_proto}" if options.numeric else ip_protocol_name(rule.ip_proto)
        printer.put("ipproto", name, f" ipproto {name}")
    for key, found in (("sport", rule.sports), ("dport", rule.dports)):
        if found is None:
            continue
        first, last = found
        if first == last:
            printer.put(key, first, f" {key} {first}")
        else:
            printer.put(f"{key}_start", first, f" {key} {first}")
            printer.put(f"{key}_end", last, f"-{last}")


def _print_action(printer: Printer, options: Options, rule: FibRule) -> None:
    if rule.table:
        name = str(rule.table) if options.numeric else TABLES.name(rule.table)
        printer.put("table", name, f" lookup {name}")
        if rule.suppress_prefixlength >= 0:
            length = rule.suppress_prefixlength
            printer.put("suppress_prefixlen", length, f" suppress_prefixlength {length}")
        if rule.suppress_ifgroup >= 0:
            group = str(rule.suppress_ifgroup) if options.numeric else GROUPS.name(rule.suppress_ifgroup)
            printer.put("suppress_ifgroup", group, f" suppress_ifgroup {group}")
    if rule.action == FR_ACT_GOTO:
        printer.put("goto", rule.target, f" goto {rule.target}")
        if rule.aim is None:
            printer.put("unresolved", None, " [unresolved]")
    elif rule.action == FR_ACT_NOP:
        printer.put("nop", None, " nop")
    elif rule.action != FR_ACT_TO_TBL:
        kind = str(rule.action) if options.numeric else ROUTE_TYPES.name(rule.action)
        printer.put("action", kind, f" {kind}")
