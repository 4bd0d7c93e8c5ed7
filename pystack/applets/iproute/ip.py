"""The `ip` command: options, then an object, each of which may be abbreviated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from pystack.applets.iproute import address, link, maddr, neigh, netns, nexthop, route, rule
from pystack.applets.iproute.batch import run_batch
from pystack.applets.iproute.numbers import unsigned
from pystack.applets.iproute.options import Options, read_options
from pystack.applets.iproute.usage import IP_USAGE
from pystack.applets.iproute.words import USAGE_CODE, ToolExit, Words, matches, wrong
from pystack.applets.requests import Steps
from pystack.applets.session import Session
from pystack.errors import NotModelled

VERSION: Final = "ip utility, iproute2-6.1.0, libbpf 1.1.2\n"

FAMILIES: Final = {"inet": "inet", "inet6": "inet6", "link": "link", "bridge": "bridge"}

Command = Callable[[Words, Options, Session], int]

# In iproute2's order, which decides what an abbreviation means; None is refused by name.
OBJECTS: Final[tuple[tuple[str, Command | None], ...]] = (
    ("address", address.run),
    ("addrlabel", None),
    ("maddress", maddr.run),
    ("route", route.run),
    ("rule", rule.run),
    ("neighbor", neigh.run),
    ("neighbour", neigh.run),
    ("ntable", None),
    ("ntbl", None),
    ("link", link.run),
    ("l2tp", None),
    ("fou", None),
    ("ila", None),
    ("macsec", None),
    ("tunnel", None),
    ("tunl", None),
    ("tuntap", None),
    ("tap", None),
    ("token", None),
    ("tcpmetrics", None),
    ("tcp_metrics", None),
    ("monitor", None),
    ("xfrm", None),
    ("mroute", None),
    ("mrule", None),
    ("netns", None),  # by itself: it may run other commands
    ("netconf", None),
    ("vrf", None),
    ("sr", None),
    ("nexthop", nexthop.run),
    ("mptcp", None),
    ("ioam", None),
    ("help", None),
    ("stats", None),
)
KNOWN: Final = ("address", "link", "maddress", "neighbour", "netns", "nexthop", "route", "rule")


def run(args: Sequence[str], session: Session) -> Steps:
    """Linux: iproute2 ip/ip.c main()"""
    words = Words(args)
    try:
        options, session = read_options(words, session, _parse_option)
        if options.batch_file is not None:
            return (yield from run_batch(options.batch_file, options, session, _batch_line))
        if not words:
            raise ToolExit(USAGE_CODE, IP_USAGE)
        return (yield from _command(words, options, session))
    except ToolExit as end:
        session.io.err.write(end.text)
        return end.code


def _command(words: Words, options: Options, session: Session) -> Steps:
    """Linux: iproute2 ip/ip.c do_cmd()"""
    word = words.take()
    for name, command in OBJECTS:
        if not matches(word, name):
            continue
        if name == "netns":
            return (yield from netns.run(words, options, session))
        if name == "help":
            raise ToolExit(USAGE_CODE, IP_USAGE)
        if command is None:
            raise NotModelled(f"ip {name}", KNOWN)
        if name == "route" and words and route.reads_dump(words.word):
            return (yield from route.read_dump(words, options, session))
        return command(words, options, session)
    raise ToolExit(1, f'Object "{word}" is unknown, try "ip help".\n')


def _batch_line(words: Words, options: Options, session: Session) -> Steps:
    family = options.family
    try:
        return (yield from _command(words, options, session))
    finally:
        options.family = family  # which a line may narrow for itself


def _parse_option(option: str, words: Words, options: Options, session: Session) -> Session:
    if option in _FAMILY_OPTIONS:
        options.family = _FAMILY_OPTIONS[option]
        return session
    color = color_choice(option)
    for name in _OPTION_ORDER:
        if name == "-color" and color is not None:
            options.color = color
            return session
        if matches(option, name) and name != "-color":
            return _take_option(name, words, options, session)
    raise ToolExit(USAGE_CODE, f'Option "{option}" is unknown, try "ip -help".\n')


def _take_option(name: str, words: Words, options: Options, session: Session) -> Session:
    if name in _SWITCHES:
        setattr(options, _SWITCHES[name], True)
    elif name in ("-stats", "-statistics"):
        options.stats += 1
    elif name == "-family":
        options.family = _family(_value(words))
    elif name == "-loops":
        value = _value(words)
        options.max_flush_loops = int(value) if value.isdigit() else 0
    elif name == "-batch":
        options.batch_file = _value(words)
    elif name == "-netns":
        return enter(session, words.take())
    elif name == "-rcvbuf":
        _receive_buffer(_value(words))
    elif name == "-Version":
        session.io.out.write(VERSION)
        raise ToolExit(0)
    elif name == "-help":
        raise ToolExit(USAGE_CODE, IP_USAGE)
    elif name not in ("-timestamp", "-tshort"):  # which only `ip monitor` shows
        raise NotModelled(f"ip {name}", tuple(_SWITCHES))
    return session


def _receive_buffer(word: str) -> None:
    """Of the netlink socket, which is not there: only what is no number is told."""
    if unsigned(word) is None:
        raise ToolExit(USAGE_CODE, f"Invalid rcvbuf size '{word}'\n")


def enter(session: Session, name: str) -> Session:
    """`-n NAME`. Linux: iproute2 lib/namespace.c netns_switch()"""
    target = netns.find(session, name)
    if target is None:
        text = f'Cannot open network namespace "{name}": No such file or directory\n'
        raise ToolExit(USAGE_CODE, text)
    return session.within(target)


def _value(words: Words) -> str:
    if not words:
        raise ToolExit(USAGE_CODE, IP_USAGE)
    return words.take()


def _family(word: str) -> str:
    if word == "mpls":
        raise NotModelled("family mpls", tuple(FAMILIES))
    if word not in FAMILIES:
        raise wrong("invalid protocol family", word)
    return FAMILIES[word]


def color_choice(option: str) -> str | None:
    """Linux: iproute2 lib/color.c matches_color()"""
    head, equals, value = option.partition("=")
    if not matches(head, "-color") or len(head) < 2:
        return None
    if not equals:
        return "always"
    return value if value in ("always", "auto", "never") else None


_FAMILY_OPTIONS: Final = {"-4": "inet", "-6": "inet6", "-0": "link", "-B": "bridge"}

_SWITCHES: Final = {
    "-human": "human",
    "-human-readable": "human",
    "-iec": "iec",
    "-details": "details",
    "-oneline": "oneline",
    "-force": "force",
    "-brief": "brief",
    "-json": "json",
    "-pretty": "pretty",
    "-Numeric": "numeric",
    "-all": "all",
}

_OPTION_ORDER: Final = (
    "-loops",
    "-family",
    "-M",
    "-human",
    "-human-readable",
    "-iec",
    "-stats",
    "-statistics",
    "-details",
    "-resolve",
    "-oneline",
    "-timestamp",
    "-tshort",
    "-Version",
    "-force",
    "-batch",
    "-brief",
    "-json",
    "-pretty",
    "-rcvbuf",
    "-color",
    "-help",
    "-netns",
    "-Numeric",
    "-all",
    "-echo",
)
