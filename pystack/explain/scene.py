"""Where something happens, for those who tell of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from pystack.l2.devices import Link
from pystack.l3.address_routes import implied_by
from pystack.l3.fib_types import LOOPBACK_IFINDEX, FibRoute
from pystack.netns import Netns

ConfigOf = Callable[[object], str]  # FILE:LINE of what a setup made


class Setting(NamedTuple):
    """A sysctl of a device, or of all."""

    value: int
    name: str  # `eth0.rp_filter`
    config: str

    @property
    def text(self) -> str:
        """`eth0.rp_filter is 1`"""
        return f"{self.name} is {self.value}"


class Scene(NamedTuple):
    """A namespace, and which line of configuration made what is in it."""

    netns: Netns
    config_of: ConfigOf

    def device(self, ifindex: int) -> str:
        """Its name."""
        dev = self.netns.devices.by_index(ifindex)
        return f"device {ifindex}" if dev is None else dev.name

    def line_of_route(self, route: FibRoute) -> str:
        """The line that made a route, or else the address that implies it."""
        if line := self.config_of(route):
            return line
        book, dev = self.netns.ipv4.addresses, route.info.nexthops[0].dev if route.info.nexthops else None
        implied = route.info.type, route.prefix, route.prefixlen
        for held in book.of(dev) if dev is not None else ():
            made = implied_by(held, book.primary_for(held))
            if implied in ((one.type, one.prefix, one.prefixlen) for one in made):
                return self.config_of(held)
        return ""

    def setting(self, name: str, dev: Link) -> Setting:
        """What net.ipv4.conf.DEV says, or `all` where that says more."""
        confs = self.netns.ipv4.confs
        everywhere, here = getattr(confs.all, name), getattr(confs.of(dev), name)
        place = "all" if everywhere > here else dev.name
        line = self.line_of_sysctl("conf", place, name)
        return Setting(max(everywhere, here), f"{place}.{name}", line)

    def line_of_forwarding(self, dev: Link) -> str:
        """The line that made a device a router's, or not; ip_forward is about all of them."""
        return self.line_of_sysctl("conf", dev.name, "forwarding") or self.line_of_sysctl("ip_forward")

    def line_of_sysctl(self, *path: str) -> str:
        """The line that wrote a sysctl below net.ipv4."""
        knob = self.netns.sysctls.get(("net", "ipv4", *path))
        return "" if knob is None else self.config_of(knob)


def arrived_by(scene: Scene, iif: int) -> str:
    """In which way a packet came, as rules see it."""
    return "it is made here" if iif == LOOPBACK_IFINDEX else f"it came by {scene.device(iif)}"
