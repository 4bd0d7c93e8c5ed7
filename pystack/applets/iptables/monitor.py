"""`xtables-monitor --trace`: which rules of nft tables the packets meet that TRACE marked, as it happens."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.refused import OTHER_PROBLEM, PARAMETER_PROBLEM, VERSION
from pystack.applets.iptables.spec import RuleSpec
from pystack.applets.iptables.traced_packet import packet_words
from pystack.applets.requests import Steps, Wait
from pystack.applets.session import Session
from pystack.errors import NotModelled
from pystack.events import Event, Traced
from pystack.netfilter.rule import Rule

PROGRAM: Final = "xtables-monitor"
_RETURN_CODE: Final = "0xfffffffb"
_LONG: Final = {"trace": 0, "event": 0, "ipv4": 0, "ipv6": 0, "counters": 0, "version": 0, "help": 0}
_NAMES: Final = {"t": "trace", "e": "event", "4": "ipv4", "6": "ipv6", "c": "counters"}
USAGE: Final = f"""\
{PROGRAM} {VERSION} (nf_tables)
Usage: {PROGRAM} [ -t | -e ]
        --trace    -t    trace ruleset traversal of packets tagged via -j TRACE rule
        --event    -e    show events that modify the ruleset
Optional arguments:
        --ipv4     -4    only monitor IPv4
        --ipv6     -6    only monitor IPv6
\t--counters -c    show counters in rules
"""


def run(args: Sequence[str], session: Session) -> Steps:
    """Until the user ends it; the exit code."""
    out, err = session.io.out, session.io.err
    try:
        given = {_NAMES.get(name, name) for name, _ in Getopt(args, "ceht46V", _LONG)}
    except BadOption:
        err.write(f"{PROGRAM} {VERSION}: Bad argument.\nTry `{PROGRAM} -h' for more information.")
        return PARAMETER_PROBLEM
    if given & {"V", "version"}:
        out.line(f"{PROGRAM} {VERSION}")
        return 0
    if given & {"h", "help"} or not given & {"trace", "event"}:
        out.write(USAGE)
        return 0 if given & {"h", "help"} else OTHER_PROBLEM
    for name in ("event", "counters"):
        if name in given:
            raise NotModelled(f"{PROGRAM} --{name}", ("--trace", "--ipv4", "--ipv6"))
    families = [family.number for family, name in ((IPV4, "ipv4"), (IPV6, "ipv6")) if name in given]
    return (yield from _watch(session, families or [IPV4.number, IPV6.number]))


def _watch(session: Session, families: list[int]) -> Steps:
    waiting: deque[str] = deque()

    def name_of(index: int) -> str:
        dev = session.netns.devices.by_index(index)
        return "" if dev is None else dev.name

    def hear(event: Event) -> None:
        if isinstance(event, Traced) and event.netns == session.netns.name and event.family in families:
            waiting.append(traced_text(event, name_of))

    stop = session.netns.events.subscribe(hear)
    try:
        while True:
            yield Wait(lambda: bool(waiting))
            while waiting:
                session.io.out.write(waiting.popleft())
    finally:  # it knows no signal, so the first one ends it
        stop()


def traced_text(event: Traced, name_of: Callable[[int], str]) -> str:
    """One or two lines. Linux: iptables/xtables-monitor.c trace_cb()"""
    head = f"{event.family} {event.id:08x}"
    text = ""
    if event.packet is not None:
        text = f"PACKET: {head} {packet_words(event.packet, event.mark, name_of)}\n"
    place = f" TRACE: {head} {event.table}:{event.chain}"
    word, _, chain = event.verdict.partition(" ")
    # The tool has no word for RETURN.
    verdict = _RETURN_CODE if word == "return" else f"{word.upper()}:{chain}" if chain else word.upper()
    rule = event.rule
    if not isinstance(rule, Rule) or not isinstance(rule.spec, RuleSpec):
        return f"{text}{place}:policy:{verdict} \n"
    words = f"{rule.spec.save()}{rule.spec.save_target(rule)}"
    letter = "4" if event.family == IPV4.number else "6"
    written = f"-{letter} -t {event.table} -A {event.chain}{words}"
    return f"{text}{place}:rule:0x{rule.handle:x}:{verdict}  {written}\n"
