"""A namespace of the kernel's as one of the daemon's host: every command works on it, and packets are judged.

It is read before any setup runs, so that setups may add to it. While nobody adds to it, it is read again when
the kernel's changes; neighbours are taken over one by one, whoever added what.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from math import inf
from typing import NamedTuple

from pystack.applets.running_setup import setup_lines
from pystack.compare.live.neighbours import Neighbours, settle_neighbours
from pystack.daemon.hooks_section import HooksFailed, namespace_of
from pystack.daemon.inherit import inherit_connections
from pystack.daemon.settings import HookSettings
from pystack.drivers.mute import MuteDriver
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.changes import Neighbour
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import Unreadable, read
from pystack.hooks.imported.seen import Seen
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.netns import Netns
from pystack.profile import Profile


class Reading(NamedTuple):
    """The kernel's namespace, and what a setup would say of it."""

    seen: Seen
    lines: Counter[str]


class KernelCopy:
    """One reading of it."""

    def __init__(self, name: str, building: Building, born_as: Counter[str] | None = None) -> None:
        """`born_as`: what a setup would say of it, where that is known already."""
        self.name = name
        self.building = building
        ports = (port for port in building.ports.values() if isinstance(port, PortDevice))
        self.drivers = [MuteDriver(port, carrier=port.carrier) for port in ports]
        self._neighbours = Neighbours()
        settle_neighbours(building)
        self.born_as = self._lines() if born_as is None else born_as

    @property
    def netns(self) -> Netns:
        """Of the daemon's."""
        return self.building.netns

    @property
    def was_changed(self) -> bool:
        """Whether somebody here has changed it."""
        return self._lines() != self.born_as

    def heir(self) -> Building:
        """Where another reading is built, which nobody finds before this copy gives way to it."""
        host = self.building.host
        return Building(host, host.spare_netns(self.name))

    def give_way(self, heir: Building, born_as: Counter[str]) -> KernelCopy:
        """Another reading takes the place of this one, with its connections; what is left is to be closed."""
        new = KernelCopy(self.name, heir, born_as)
        self.building.host.replace_netns(new.netns)
        inherit_connections(new.netns, self.netns)
        return new

    def beyond(self, lines: Iterable[str]) -> list[str]:
        """Of a setup, what does not come with the copy by itself."""
        own = Counter(self.born_as)
        kept = []
        for line in lines:
            if own[line] > 0:
                own[line] -= 1
            elif not self._is_the_kernels(line):
                kept.append(line)
        return kept

    def _is_the_kernels(self, line: str) -> bool:
        """The namespace itself, and its neighbours, of which the kernel tells."""
        begins = f"ip netns add {self.name}", f"ip -n {self.name} neighbour add "
        return line == begins[0] or line.startswith(begins[1])

    def meet(self, neighbours: Iterable[Neighbour]) -> None:
        """The kernel knows others from now on."""
        self._neighbours.hear(neighbours, 0.0)
        self._neighbours.give(self.building, inf)

    def _lines(self) -> Counter[str]:
        """What a setup would say of it, but for neighbours, which the kernel tells of."""
        lines = setup_lines(self.building.host, {})
        return Counter(line for line in lines if f" {self.name} " in line and not self._is_the_kernels(line))


def read_kernel(netns: str) -> Seen:
    """As it is now. Raises HooksFailed."""
    try:
        return read(netns)
    except (PortUnavailable, Unreadable) as error:
        raise HooksFailed(f"hooks: {error}") from None


def read_again(netns: str, name: str, profile: Profile) -> Reading:
    """For a copy of this name; may be called in a thread, for it touches nothing else. Raises HooksFailed."""
    seen = read_kernel(netns)
    scratch = take_over(replace(seen, connections=[]), Host(profile=profile), name)
    return Reading(seen, scratch.born_as)


def take_over(seen: Seen, host: Host, name: str) -> KernelCopy:
    """Under a name that the host does not know."""
    return KernelCopy(name, build(seen, host, host.add_netns(name)))


def take_over_configured(hooks: HookSettings, host: Host) -> KernelCopy:
    """As a configuration wants it. Raises HooksFailed."""
    return take_over(read_kernel(hooks.netns), host, namespace_of(hooks))
