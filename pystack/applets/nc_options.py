"""The command line of `nc`, in the words of Debian's netcat-openbsd 1.219."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iputils import INT_MAX, UINT_MAX
from pystack.errors import NotModelled

SHORT: Final = "46bCDdFhI:i:klM:m:NnO:P:p:q:rSs:T:tUuV:vW:w:X:x:Zz"
KNOWN: Final = tuple(f"-{letter}" for letter in "4bCdhIiklMNnOpqsTuvWwz")

_FLAGS: Final = {
    "b": "broadcast",
    "C": "crlf",
    "d": "detached",
    "h": "help",
    "k": "keep",
    "l": "listen",
    "N": "shuts",
    "n": "numeric",
    "u": "udp",
    "v": "verbose",
    "z": "scan",
}
# Linux: include/uapi/linux/ip.h, RFC 2474, RFC 3246
TOS_WORDS: Final = {
    **{f"af{group}{drop}": group << 5 | drop << 3 for group in (1, 2, 3, 4) for drop in (1, 2, 3)},
    **{f"cs{number}": number << 5 for number in range(8)},
    "critical": 0xA0,
    "ef": 0xB8,
    "inetcontrol": 0xC0,
    "lowcost": 0x02,
    "lowdelay": 0x10,
    "netcontrol": 0xE0,
    "reliability": 0x04,
    "throughput": 0x08,
}

USAGE: Final = """\
usage: nc [-46CDdFhklNnrStUuvZz] [-I length] [-i interval] [-M ttl]
\t  [-m minttl] [-O length] [-P proxy_username] [-p source_port]
\t  [-q seconds] [-s sourceaddr] [-T keyword] [-V rtable] [-W recvlimit]
\t  [-w timeout] [-X proxy_protocol] [-x proxy_address[:port]]
\t  [destination] [port]
"""
HELP: Final = (
    "OpenBSD netcat (Debian patchlevel 1.219-1)\n"
    + USAGE
    + """\
\tCommand Summary:
\t\t-4		Use IPv4
\t\t-6		Use IPv6
\t\t-b		Allow broadcast
\t\t-C		Send CRLF as line-ending
\t\t-D		Enable the debug socket option
\t\t-d		Detach from stdin
\t\t-F		Pass socket fd
\t\t-h		This help text
\t\t-I length	TCP receive buffer length
\t\t-i interval	Delay interval for lines sent, ports scanned
\t\t-k		Keep inbound sockets open for multiple connects
\t\t-l		Listen mode, for inbound connects
\t\t-M ttl		Outgoing TTL / Hop Limit
\t\t-m minttl	Minimum incoming TTL / Hop Limit
\t\t-N		Shutdown the network socket after EOF on stdin
\t\t-n		Suppress name/port resolutions
\t\t-O length	TCP send buffer length
\t\t-P proxyuser	Username for proxy authentication
\t\t-p port		Specify local port for remote connects
\t\t-q secs		quit after EOF on stdin and delay of secs
\t\t-r		Randomize remote ports
\t\t-S		Enable the TCP MD5 signature option
\t\t-s sourceaddr	Local source address
\t\t-T keyword	TOS value
\t\t-t		Answer TELNET negotiation
\t\t-U		Use UNIX domain socket
\t\t-u		UDP mode
\t\t-V rtable	Specify alternate routing table
\t\t-v		Verbose
\t\t-W recvlimit	Terminate after receiving a number of packets
\t\t-w timeout	Timeout for connects and final net reads
\t\t-X proto	Proxy protocol: "4", "5" (SOCKS) or "connect"
\t\t-x addr[:port]	Specify proxy address and port
\t\t-Z		DCCP mode
\t\t-z		Zero-I/O mode [used for scanning]
	Port numbers can be individual or ranges: lo-hi [inclusive]
"""
)


class Fault(Exception):
    """errx(1): the program says this, with its name in front, and ends with 1."""


class Usage(Exception):
    """The program says how it is used and ends with 1; the text is getopt's line before that."""


@dataclass(slots=True)
class Options:
    """What was asked for; seconds, -1 where nothing was said."""

    host: str | None = None
    ports: list[str] = field(default_factory=list)
    broadcast: bool = False
    crlf: bool = False
    detached: bool = False
    help: bool = False
    keep: bool = False
    listen: bool = False
    numeric: bool = False
    udp: bool = False
    verbose: bool = False
    scan: bool = False
    shuts: bool = False  # tells the peer when the input has ended
    interval: int = 0
    limit: int = 0  # datagrams to receive
    port: str | None = None  # our own
    quit: int = -1
    receive_buffer: int = 0
    send_buffer: int = 0
    source: str | None = None
    timeout: int = -1
    tos: int = -1
    ttl: int = -1


def parse(args: Sequence[str]) -> Options:
    """What the words say. Raises Fault, Usage, NotModelled."""
    options, words = Options(), Getopt(args, SHORT)
    try:
        for letter, argument in words:
            _take(options, letter, argument)
            if options.help:
                return options
    except BadOption as bad:
        raise Usage(f"nc: {bad}\n") from None
    _take_operands(options, words.operands)
    if options.listen and options.scan:
        raise Fault("cannot use -z and -l")
    if options.keep and not options.listen:
        raise Fault("must use -l with -k")
    return options


def _take_operands(options: Options, operands: list[str]) -> None:
    listen = options.listen
    if not operands and listen:
        options.host, options.ports = options.source, [options.port] if options.port else []
    elif len(operands) == 1 and not options.port and not options.source:
        options.ports = operands if listen else []
    elif len(operands) >= 2:
        if listen and (options.port or options.source or len(operands) > 2):
            raise Usage
        options.host, options.ports = operands[0], operands[1:]
    else:
        raise Usage
    if not options.ports:
        raise Fault("missing port number")


def _take(options: Options, letter: str, argument: str) -> None:
    if letter == "V":
        raise Fault("no alternate routing table support available")
    if letter != "4" and f"-{letter}" not in KNOWN:
        raise NotModelled(f"nc -{letter}", KNOWN)
    if letter in _FLAGS:
        setattr(options, _FLAGS[letter], True)
    elif letter == "I":
        options.receive_buffer = _number(argument, 1, 65536 << 14, "TCP receive window {}: {}")
    elif letter == "i":
        options.interval = _number(argument, 0, UINT_MAX, "interval {}: {}")
    elif letter == "M":
        options.ttl = _number(argument, 0, 255, "ttl is {}")
    elif letter == "O":
        options.send_buffer = _number(argument, 1, 65536 << 14, "TCP send window {}: {}")
    elif letter == "p":
        options.port = argument
    elif letter == "q":
        options.quit = _number(argument, -INT_MAX - 1, INT_MAX, "quit timer {}: {}")
    elif letter == "s":
        options.source = argument
    elif letter == "T":
        options.tos = _tos(argument)
    elif letter == "W":
        options.limit = _number(argument, 1, INT_MAX, "receive limit {}: {}")
    elif letter == "w":
        options.timeout = _number(argument, 0, INT_MAX // 1000, "timeout {}: {}")


def _number(text: str, low: int, high: int, complaint: str) -> int:
    """strtonum(3)"""
    if not re.fullmatch(r"\s*[+-]?[0-9]+", text):
        raise Fault(complaint.format("invalid", text))
    value = int(text)
    if not low <= value <= high:
        raise Fault(complaint.format("too small" if value < low else "too large", text))
    return value


def _tos(text: str) -> int:
    if text in TOS_WORDS:
        return TOS_WORDS[text]
    digits = re.match("0x([0-9a-fA-F]*)", text)
    if digits is None:
        return _number(text, 0, 255, f"illegal tos value {text}")
    value = int(digits[1] or "0", 16)
    if value > 255:
        raise Fault(f"illegal tos value {text}")
    return value


def port_range(word: str) -> list[int]:
    """The ports that `53` or `20-30` means."""
    low, dash, high = word.partition("-")
    if not dash or not low[:1].isdigit():
        return [_port(word)]
    ends = sorted((_port(high), _port(low)))
    return list(range(ends[0], ends[1] + 1))


def _port(word: str) -> int:
    return _number(word, 1, 65535, "port number {}: {}")
