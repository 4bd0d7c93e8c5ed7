"""`pystack explain PACKET`: reads the words, has the packet followed, prints.

The host belongs to this command alone: whoever calls made it for this, or copied the one that runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.errors import NetError
from pystack.explain.journey import Explanation, Journey, NoWay, ends_of
from pystack.explain.stage import Json
from pystack.explain.text import lines, pictures, reason_lines
from pystack.explain.words import Made, NotAPacket, packet_of
from pystack.host import Host
from pystack.l2.devices import Link
from pystack.netns import Netns
from pystack.wire.ethernet import ETH_HLEN

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
HELP: Final = """\
usage: pystack explain PACKET [--in DEV | --out [--dev DEV] [--mark N] [--uid N]] [--reply]
                       [--setup FILE | --host [NETNS]] [--detailed | --path | --json]

What would happen to this packet, stage by stage, and why. Nothing is sent, nothing is changed: it is asked of
a copy of the running stack, of one that is made from --setup FILE alone, or of a namespace of the kernel
(--host). A path x-ns leads into another namespace, where the packet goes on under another number.

  PACKET      as tcpdump prints one: "10.0.0.2 > 10.0.0.1: ICMP echo request", "A.port > B.port: UDP",
              "… : Flags [S]", "… : ICMP B udp port 53 unreachable", "ARP, Request who-has A tell B", with
              what -e and -v print, or without; or in scapy's notation:
              "Ether(src=…, dst=…)/IP(src=…, dst=…)/UDP(dport=53)"
  --in DEV    it enters by this device (the only one that is up, if there is just one)
  --out       a local socket sends it; with the source 0.0.0.0 the stack chooses one
  --dev DEV   … a socket that is bound to this device (ping -I DEV)
  --mark N    … whose packets have this mark (ping -m N)
  --uid N     … of this user
  --host [NETNS]  ask a copy of that namespace of the kernel: a name or a path; without: where you are
  --reply     then follow the answer of whoever got it; if it waits for a neighbour, one is assumed
  --detailed  also what changed nothing, and where Linux decides
  --path      only the way, in the numbers of the README's picture, with the fields of a LOG line at each hook
  --json      one object a line: packets, their stages, their outcomes
"""
_VALUES: Final = ("in", "dev", "mark", "uid")
_SWITCHES: Final = ("out", "reply", "detailed", "path", "json", "hex", "host", "help")
_LONG: Final = {**dict.fromkeys(_VALUES, 1), **dict.fromkeys(_SWITCHES, 0)}
_NUMBER: Final = re.compile(r"0x[0-9a-fA-F]{1,8}|[0-9]{1,10}")


@dataclass(slots=True)
class Answer:
    """What the command printed, and how it ended."""

    rc: int
    out: str = ""
    err: str = ""
    json: tuple[Json, ...] = ()


@dataclass(slots=True)
class Question:
    """What was asked."""

    packet: str = ""
    entry: str = ""
    out: bool = False
    bound_to: str = ""
    mark: str = ""
    uid: str = ""
    reply: bool = False
    detailed: bool = False
    path: bool = False
    json: bool = False
    host: bool = False
    is_hex: bool = False  # the packet is a frame in hexadecimal digits
    help: bool = False


class Refused(Exception):
    """The question makes no sense; the text says why."""


def read(args: Sequence[str]) -> Question:
    """The command line. Raises Refused."""
    question, options = Question(), Getopt(args, "h", _LONG)
    names = {"in": "entry", "dev": "bound_to", "hex": "is_hex", "h": "help"}
    try:
        for option, value in options:
            setattr(question, names.get(option, option), value if _LONG.get(option) else True)
    except BadOption as error:
        raise Refused(f"explain: {error}") from None
    if question.help:
        return question
    if len(options.operands) != 1:
        raise Refused("explain: one packet, in quotes (pystack explain --help)")
    question.packet = options.operands[0]
    if question.entry and question.out:
        raise Refused("explain: --in or --out, not both")
    if question.host:
        raise Refused("explain: --host: the client takes the kernel's state over, a daemon has its own")
    for name, value in (("dev", question.bound_to), ("mark", question.mark), ("uid", question.uid)):
        if value and not question.out:
            raise Refused(f"explain: --{name} is about the socket that sends: it goes with --out")
    if question.path + question.json + question.detailed > 1:
        raise Refused("explain: one of --detailed, --path and --json")
    return question


def _number(name: str, text: str) -> int:
    if text and not _NUMBER.fullmatch(text):
        raise Refused(f"explain: --{name} {text}: not a number")
    return int(text or "0", 0) & 0xFFFFFFFF


def answer(args: Sequence[str], host: Host, netns: Netns) -> Answer:
    """Follow the packet. Uses the host up: it is not as it was afterwards."""
    try:
        question = read(args)
        if question.help:
            return Answer(DONE, HELP)
        explanation = _explain(question, host, netns)
    except (Refused, NotAPacket) as error:
        return Answer(USAGE, err=f"pystack: {error}\n")
    except NetError as error:
        why = reason_lines(error.reasons) if isinstance(error, NoWay) else ()
        err = f"pystack: explain: the socket that sends it gets: {error.text}\n"
        return Answer(FAILED, "".join(f"{line}\n" for line in why), err)
    rc = FAILED if explanation.is_dropped else DONE
    if question.json:
        return Answer(rc, json=tuple(_objects(explanation)))
    told = pictures(explanation) if question.path else lines(explanation, detailed=question.detailed)
    return Answer(rc, "".join(f"{line}\n" for line in told))


def _explain(question: Question, host: Host, netns: Netns) -> Explanation:
    made = _from_hex(question.packet) if question.is_hex else packet_of(question.packet)
    entry = None if question.out else _entry(question, host, netns)
    journey = Journey(host, netns)
    if entry is None:
        mark, uid = _number("mark", question.mark), _number("uid", question.uid)
        journey.leave(made, bound_to=question.bound_to, mark=mark, uid=uid)
    else:
        journey.enter(entry, made)
    if question.reply:
        journey.reply()
    return journey.close()


def _entry(question: Question, host: Host, netns: Netns) -> Link:
    name = question.entry
    if name:
        dev = netns.devices.get(name)
        if dev is None:
            others = [other.name for other in host.namespaces.values() if other.devices.get(name) is not None]
            where = f"; namespace {others[0]} has one: pystack -n {others[0]} explain" if any(others) else ""
            raise Refused(f"explain: there is no device {name} (known: {_names(netns)}){where}")
        return dev
    ports = [dev for dev in netns.devices if dev.kind == "tun" and dev.up]
    if len(ports) != 1:
        raise Refused(f"explain: by which device does it enter? --in DEV (known: {_names(netns)}), or --out")
    return ports[0]


def _names(netns: Netns) -> str:
    return ", ".join(dev.name for dev in netns.devices)


def _from_hex(text: str) -> Made:
    """A whole frame; link addresses of zero were not told."""
    try:
        frame = bytes.fromhex(text)
    except ValueError:
        raise NotAPacket("not hexadecimal digits") from None
    if len(frame) < ETH_HLEN:
        raise NotAPacket("shorter than an Ethernet header")
    told = any(frame[:12])
    protocol = int.from_bytes(frame[12:14], "big")
    return Made(protocol, frame[14:], frame[6:12] if told else None, frame[:6] if told else None)


def _objects(explanation: Explanation) -> Iterator[Json]:
    for traveller in explanation.travellers:
        yield traveller.to_json()
        yield from (stage.to_json() for stage in explanation.stages if stage.packet == traveller.number)
        yield from traveller.logged()
        yield {
            "v": 1,
            "type": "outcome",
            "packet": traveller.number,
            "path": traveller.path,
            "ends": ends_of(traveller),
            "caused": [other.number for other in explanation.travellers if other.cause == traveller.number],
        }
    if explanation.is_cut_short:
        yield {"v": 1, "type": "cut", "packets": len(explanation.travellers)}
