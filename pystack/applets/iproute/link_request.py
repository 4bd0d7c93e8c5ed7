"""`ip link add` and `ip link set`, read from the command line before anything is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.iproute.known_device import known_device
from pystack.applets.iproute.names import GROUPS
from pystack.applets.iproute.numbers import hardware_address, integer, leading_integer
from pystack.applets.iproute.usage_of_objects import LINK_USAGE, explained
from pystack.applets.iproute.words import ToolExit, Words, duplicate, garbage, parse_on_off, wrong
from pystack.applets.session import Session
from pystack.device import IFF_ALLMULTI, IFF_MULTICAST, IFF_NOARP, IFF_PROMISC, IFF_UP
from pystack.errors import NotModelled
from pystack.l2.devices import Link
from pystack.netns import Netns

IFNAMSIZ: Final = 16
IFALIASZ: Final = 256

# What `ip link` of Linux takes and the stack has no model of.
_NOT_MODELLED: Final = frozenset(
    "xdp xdpgeneric xdpdrv xdpoffload vf vrf trailers dynamic mode state addrgenmode link-netns link-netnsid "
    "protodown protodown_reason gso_max_size gso_max_segs gro_max_size parentdev "
    "numtxqueues numrxqueues".split()
)

KNOWN: Final = (
    "up",
    "down",
    "name",
    "index",
    "link",
    "address",
    "broadcast",
    "txqueuelen",
    "mtu",
    "netns",
    "multicast",
    "allmulticast",
    "promisc",
    "arp",
    "carrier",
    "master",
    "nomaster",
    "alias",
    "group",
    "type",
)


@dataclass(slots=True)
class LinkRequest:
    """What one command says of one link; None where it says nothing."""

    name: str | None = None
    dev: str | None = None
    index: int = 0
    link: str | None = None
    flags: int = 0
    change: int = 0  # which of the flags were named
    address: bytes | None = None
    broadcast: bytes | None = None
    txqueuelen: int | None = None
    mtu: int | None = None
    netns: Netns | None = None
    carrier: bool | None = None
    master: Link | None = None
    nomaster: bool = False
    alias: str | None = None
    group: int | None = None
    kind: str | None = None
    rest: list[str] = field(default_factory=list)  # what follows `type KIND`


class LinkParser:
    """Linux: iproute2 ip/iplink.c iplink_parse()"""

    def __init__(self, words: Words, session: Session, *, creates: bool) -> None:
        self.words = words
        self.session = session
        self.creates = creates
        self.request = LinkRequest()

    def parse(self) -> LinkRequest:
        """The whole line, up to the options of a kind."""
        words, request = self.words, self.request
        while words:
            option = self._option(words.word)
            if option is None:
                self._device()
                continue
            words.take()
            if option in _NOT_MODELLED:
                raise NotModelled(f"ip link … {option}", KNOWN)
            if option == "type":
                request.kind = words.take()
                request.rest = words.rest()
                break
            _HANDLERS[option](self)
        self._settle_names()
        return request

    def _option(self, word: str) -> str | None:
        """The option that a word means: first the ones that must be spelled out, then in iproute2's order."""
        for option, shortest in _ORDER:
            if word == option or (shortest and len(word) >= shortest and option.startswith(word)):
                return _ALIASES.get(option, option)
        return None

    def _device(self) -> None:
        words, request = self.words, self.request
        if words.begins("help"):
            raise explained(LINK_USAGE)
        if words.is_now("dev"):
            words.take()
        name = words.take()
        if request.dev != request.name:
            raise garbage("dev", name)
        if not name or any(character == "/" or character.isspace() for character in name):
            raise wrong('"dev" not a valid ifname', name)
        request.dev = name

    def _settle_names(self) -> None:
        request = self.request
        if request.name is None:
            request.name = request.dev
        elif request.dev is None:
            request.dev = request.name
        if request.index and not self.creates and request.netns is None:
            text = "index can be used only when creating devices or when moving device to another netns.\n"
            raise ToolExit(255, text)
        if request.group is not None and request.dev is None:
            if self.creates:
                raise ToolExit(255, "group cannot be used when creating devices.\n")
            raise NotModelled("ip link set group … without a device", ("ip link set DEVICE group …",))
        if self.creates and request.name != request.dev:
            text = 'both "name" and "dev" cannot be used when creating devices.\n'
            raise ToolExit(255, text)
        if not self.creates and request.dev is None:
            raise ToolExit(255, 'Not enough information: "dev" argument is required.\n')

    # --- one option each --------------------------------------------------------------------------------

    def flag(self, bit: int, value: bool) -> None:
        """Note a flag that the user named."""
        self.request.change |= bit
        self.request.flags = self.request.flags | bit if value else self.request.flags & ~bit

    def on_off(self, key: str, bit: int, *, inverted: bool = False) -> None:
        """Linux: iproute2 ip/iplink.c on_off()"""
        word = self.words.take()
        if word not in ("on", "off"):
            text = f'Error: argument of "{key}" must be "on" or "off", not "{word}"\n'
            raise ToolExit(1, text)
        self.flag(bit, (word == "on") != inverted)

    def name(self) -> None:
        word = self.words.take()
        if self.request.name is not None:
            raise duplicate("name", word)
        too_long = len(word.encode()) >= IFNAMSIZ
        if not word or too_long or any(character == "/" or character.isspace() for character in word):
            raise wrong('"name" not a valid ifname', word)
        self.request.name = word
        if self.request.dev is None:
            self.request.dev = word

    def index(self) -> None:
        word = self.words.take()
        if self.request.index:
            raise duplicate("index", word)
        self.request.index = leading_integer(word)
        if self.request.index <= 0:
            raise wrong('Invalid "index" value', word)

    def link(self) -> None:
        self.request.link = self.words.take()
        if not self.creates:
            raise NotModelled("ip link set … link", ("ip link add link …",))

    def address(self) -> None:
        self.request.address = hardware_address(self.words.take())

    def broadcast(self) -> None:
        self.request.broadcast = hardware_address(self.words.take())

    def txqueuelen(self) -> None:
        self.request.txqueuelen = self._number("txqueuelen", self.request.txqueuelen)

    def mtu(self) -> None:
        self.request.mtu = self._number("mtu", self.request.mtu)

    def _number(self, key: str, before: int | None) -> int:
        word = self.words.take()
        if before is not None and before != -1:
            raise duplicate(key, word)
        value = integer(word)
        if value is None:
            raise wrong(f'Invalid "{key}" value\n', word)
        return value

    def netns(self) -> None:
        word = self.words.take()
        if self.request.netns is not None:
            raise duplicate("netns", word)
        found = self.session.host.namespaces.get(word) if word else None
        if found is None and integer(word) is not None:
            raise NotModelled(f"a namespace by process number ({word})", ("names of ip netns",))
        if found is None:
            raise wrong('Invalid "netns" value\n', word)
        self.request.netns = found

    def carrier(self) -> None:
        self.request.carrier = parse_on_off("carrier", self.words.take(), 22)

    def master(self) -> None:
        found = known_device(self.words.take(), self.session)
        self.request.master, self.request.nomaster = found, False

    def nomaster(self) -> None:
        self.request.master, self.request.nomaster = None, True

    def alias(self) -> None:
        word = self.words.take()
        if len(word.encode()) >= IFALIASZ:
            raise wrong("alias too long\n", word)
        self.request.alias = word

    def group(self) -> None:
        word = self.words.take()
        if self.request.group is not None:
            raise duplicate("group", word)
        self.request.group = GROUPS.number(word)
        if self.request.group is None:
            raise wrong('Invalid "group" value\n', word)


# Every option in the order in which iproute2 tries them, and how few letters it takes: 0, all of them.
_ORDER: Final = (
    ("up", 0),
    ("down", 0),
    ("name", 0),
    ("index", 0),
    ("link", 1),
    ("address", 1),
    ("broadcast", 1),
    ("brd", 0),
    ("txqueuelen", 1),
    ("qlen", 0),
    ("txqlen", 1),
    ("mtu", 0),
    ("xdpgeneric", 0),
    ("xdpdrv", 0),
    ("xdpoffload", 0),
    ("xdp", 0),
    ("netns", 0),
    ("multicast", 0),
    ("allmulticast", 0),
    ("promisc", 0),
    ("trailers", 0),
    ("arp", 0),
    ("carrier", 0),
    ("vf", 0),
    ("master", 1),
    ("vrf", 0),
    ("nomaster", 1),
    ("dynamic", 1),
    ("type", 1),
    ("alias", 1),
    ("group", 0),
    ("mode", 0),
    ("state", 0),
    ("numtxqueues", 1),
    ("numrxqueues", 1),
    ("addrgenmode", 1),
    ("link-netns", 1),
    ("link-netnsid", 1),
    ("protodown", 0),
    ("protodown_reason", 0),
    ("gso_max_size", 0),
    ("gso_max_segs", 0),
    ("gro_max_size", 0),
    ("parentdev", 0),
)

_ALIASES: Final = {"brd": "broadcast", "qlen": "txqueuelen", "txqlen": "txqueuelen"}

_HANDLERS: Final[dict[str, Callable[[LinkParser], None]]] = {
    "up": lambda parser: parser.flag(IFF_UP, True),
    "down": lambda parser: parser.flag(IFF_UP, False),
    "multicast": lambda parser: parser.on_off("multicast", IFF_MULTICAST),
    "allmulticast": lambda parser: parser.on_off("allmulticast", IFF_ALLMULTI),
    "promisc": lambda parser: parser.on_off("promisc", IFF_PROMISC),
    "arp": lambda parser: parser.on_off("arp", IFF_NOARP, inverted=True),
    "name": LinkParser.name,
    "index": LinkParser.index,
    "link": LinkParser.link,
    "address": LinkParser.address,
    "broadcast": LinkParser.broadcast,
    "txqueuelen": LinkParser.txqueuelen,
    "mtu": LinkParser.mtu,
    "netns": LinkParser.netns,
    "carrier": LinkParser.carrier,
    "master": LinkParser.master,
    "nomaster": LinkParser.nomaster,
    "alias": LinkParser.alias,
    "group": LinkParser.group,
}
