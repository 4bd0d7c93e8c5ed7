"""The command line of `arping`, refused in the words of iputils 20221126."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from pystack.applets.getopt import BadOption, Getopt
from pystack.applets.iputils import INT_MAX, Usage, number, parse_aton, refuse_name

SHORT: Final = "h?bfDUAqc:w:i:s:I:V"

_FLAGS: Final = {
    "b": "broadcast_only",
    "f": "quit_on_reply",
    "q": "quiet",
    "U": "unsolicited",
    "V": "version",
}


@dataclass(slots=True)
class Options:
    """What was asked for; times in seconds, 0 where there is no end."""

    address: int = 0
    advert: bool = False
    bad_source: str | None = None  # refused only after the device was found fit
    broadcast_only: bool = False
    count: int = -1
    dad: bool = False
    device: str = ""
    interval: int = 1
    quiet: bool = False
    quit_on_reply: bool = False
    source: int | None = None
    timeout: int = 0
    unsolicited: bool = False
    version: bool = False


def parse(args: Sequence[str]) -> Options:
    """Raises Failure, Usage, NotModelled."""
    options = Options()
    words = Getopt(args, SHORT)
    source = None
    try:
        for letter, argument in words:
            if letter in "h?":
                raise Usage
            if letter == "s":
                source = argument
            else:
                _take(options, letter, argument)
            if options.version:
                return options
    except BadOption as bad:
        raise Usage(str(bad)) from None
    if len(words.operands) != 1:
        raise Usage
    address = parse_aton(words.operands[0])
    if address is None:
        refuse_name("arping", words.operands[0])
    options.address = address
    options.source = None if source is None else parse_aton(source)
    if options.source is None:
        options.bad_source = source
    return options


def _take(options: Options, letter: str, argument: str) -> None:
    if letter in _FLAGS:
        setattr(options, _FLAGS[letter], True)
    elif letter == "A":
        options.advert = options.unsolicited = True
    elif letter == "D":
        options.dad = options.quit_on_reply = True
    elif letter == "I":
        options.device = argument
    elif letter == "c":
        options.count = number(argument, 1, INT_MAX)
    elif letter == "w":
        options.timeout = number(argument, 0, INT_MAX)
    else:
        options.interval = number(argument, 0, INT_MAX)


USAGE: Final = """
Usage:
  arping [options] <destination>

Options:
  -f            quit on first reply
  -q            be quiet
  -b            keep on broadcasting, do not unicast
  -D            duplicate address detection mode
  -U            unsolicited ARP mode, update your neighbours
  -A            ARP answer mode, update your neighbours
  -V            print version and exit
  -c <count>    how many packets to send
  -w <timeout>  how long to wait for a reply
  -i <interval> set interval between packets (default: 1 second)
  -I <device>   which ethernet device to use
  -s <source>   source ip address
  <destination> dns name or ip address

For more details see arping(8).
"""
