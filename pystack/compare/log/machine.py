"""The machine of a setup, made ready for the packets of a log: its ports, and the link addresses that the log
knows and the setup does not say.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from pystack.applets.lexer import parse
from pystack.applets.virtual import Outside, run, run_setup
from pystack.compare.log.passage import Passage
from pystack.device import IFF_LOOPBACK, IFF_NOARP
from pystack.explain.bridging import bridge_of
from pystack.explain.link_header import SOMEBODY
from pystack.host import Host
from pystack.l2.bridge_state import BridgeState
from pystack.l2.devices import Link, is_valid_name
from pystack.l3.fib_types import Flow
from pystack.l3.route import Rtable
from pystack.netns import Netns
from pystack.wire import ipv4
from pystack.wire.ethernet import is_valid_unicast, mac_text

_PATIENCE: Final = 60.0  # virtual seconds for a setup that waits
_SEED: Final = 1
_USES: Final = frozenset(("dev", "set"))
_MAKES: Final = frozenset(("add", "name"))


class SetupFailed(Exception):
    """The setup cannot be built; the text says why, a complaint a line."""


def build(text: str, file: str, outside: Outside) -> Host:
    """The host that a setup makes; devices that it uses and does not make are ports. Raises SetupFailed."""
    host = Host(seed=_SEED)
    for name in ports_of(text):
        host.init.add_port(name)
    try:
        complaints = run_setup(host, text, file, outside=outside, patience=_PATIENCE)
    except TimeoutError as error:
        raise SetupFailed(f"{file}: {error}") from None
    if complaints:
        raise SetupFailed("\n".join(line.removeprefix("pystack: ") for line in complaints))
    return host


def ports_of(text: str) -> list[str]:
    """Devices of the first namespace that commands of a setup use, and none of them makes."""
    used: dict[str, None] = {}
    made = {"lo", "all", "default"}
    for command in parse(text)[0]:
        words = command.words
        if words[:1] not in (["ip"], ["bridge"]):
            continue
        is_elsewhere = any(word in ("-n", "-netns", "netns") for word in words[1:3])
        for before, word in pairwise(words):
            if "add" in words and "link" in words and before in _MAKES and is_valid_name(word):
                made.add(word)
            elif before in _USES and not is_elsewhere and is_valid_name(word) and word not in ("dev", "name"):
                used.setdefault(word)
    return [name for name in used if name not in made]


class Machine:
    """A host of a setup on which packets of a log are played again."""

    def __init__(self, host: Host, setup: str) -> None:
        self.host = host
        self.netns = host.init
        self._setup = setup.lower()

    def find(self, device: str) -> tuple[Netns, Link] | None:
        """A device, in the first namespace rather than in another."""
        for netns in (self.netns, *self.host.namespaces.values()):
            dev = netns.devices.get(device)
            if dev is not None:
                return netns, dev
        return None

    def entrance(self, passage: Passage) -> tuple[Netns, Link] | None:
        """By which device a packet came; where the lines name only the bridge, one of its ports."""
        found = self.find(passage.port_in or passage.entered_by)
        bridge = None if found is None else found[1]
        if found is None or not isinstance(bridge, BridgeState):
            return found
        known = None if passage.link_in is None else bridge.fdb.get(passage.link_in.source)
        if known is not None and known.port is not None:
            return found[0], known.port.dev
        return next(((found[0], dev) for dev in bridge.port_of if isinstance(dev, Link)), found)

    def adopt(self, passages: Sequence[Passage]) -> None:
        """Link addresses of its own devices, as frames for them show."""
        for passage in passages:
            link = passage.link_in
            if (
                link is not None
                and passage.entered_by
                and not any(line.message.physout for line in passage.lines)
            ):
                self._own_address(passage.entered_by, link.destination)
            if passage.link_out is not None and not passage.port_in and passage.left_by:
                self._own_address(passage.left_by, passage.link_out.source)

    def _own_address(self, device: str, address: bytes) -> None:
        found = self.find(device)
        if found is None or not is_valid_unicast(address) or mac_text(address) in self._setup:
            return
        netns, dev = found
        if dev.address != address:
            run(["ip", "link", "set", "dev", device, "address", mac_text(address)], self.host, netns)

    def teach(self, passage: Passage) -> None:
        """Who is where, as the lines show it: behind which port, and with which link address."""
        link, entered = passage.link_in, passage.port_in or passage.entered_by
        if link is not None and passage.port_in:
            self._behind_port(passage.port_in, link.source)
        ports = passage.ports_out
        target = passage.link_out or link
        if target is not None and len(ports) == 1 and passage.port_in != ports[0]:
            self._behind_port(ports[0], target.destination)
        told = list(passage.datagrams)
        if not told:
            return
        if link is not None and entered:
            self._neighbour(passage.entered_by or entered, told[0].source, link.source)
        given = passage.link_out
        self._next_hop(told[-1].destination, SOMEBODY if given is None else given.destination)
        self._next_hop(told[0].source, SOMEBODY if link is None else link.source)

    def _behind_port(self, port: str, address: bytes) -> None:
        found = self.find(port)
        bridge = None if found is None else bridge_of(found[1])
        if found is None or bridge is None or not is_valid_unicast(address) or bridge.fdb.get(address):
            return
        words = ["bridge", "fdb", "add", mac_text(address), "dev", port, "master", "dynamic"]
        run(words, self.host, found[0])

    def _neighbour(self, device: str, address: str, link: bytes) -> None:
        """Of the sender, if it is on that link."""
        number, found = ipv4.parse_address(address), self.find(device)
        if number is None or found is None:
            return
        route = found[0].ipv4.router.route_output(Flow(number))
        if isinstance(route, Rtable) and route.dev is found[1] and route.nexthop(number) == number:
            self._know(found[0], found[1], number, link)

    def _next_hop(self, address: str, link: bytes) -> None:
        number = ipv4.parse_address(address)
        if number is None:
            return
        route = self.netns.ipv4.router.route_output(Flow(number))
        if isinstance(route, Rtable):
            self._know(self.netns, route.dev, route.nexthop(number), link)

    def _know(self, netns: Netns, dev: Link, address: int, link: bytes) -> None:
        is_known = netns.ipv4.neighbours.lookup(dev, address) is not None
        if is_known or not is_valid_unicast(link) or dev.flags & (IFF_LOOPBACK | IFF_NOARP):
            return
        words = ["neigh", "add", ipv4.address_text(address), "lladdr", mac_text(link), "dev", dev.name]
        run(["ip", *words], self.host, netns)


def mentions(text: str, prefix: str) -> bool:
    """Whether a setup has a rule that prints this prefix."""
    return re.sub(r"\s+", " ", prefix).strip() in re.sub(r"\s+", " ", text)
