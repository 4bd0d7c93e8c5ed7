"""What a scenario's setup makes of the first namespace's devices, asked from pystack: it costs two
milliseconds.
"""

from __future__ import annotations

from dataclasses import replace

from pystack.compare.lab.side import SideError
from pystack.compare.lab.virtual_lab import VirtualLab
from pystack.compare.path import Wiring
from pystack.compare.scenario import Scenario
from pystack.host import Host
from pystack.l2.bridge import Bridge
from pystack.l2.veth import Veth


def wiring_of(scenario: Scenario) -> Wiring:
    """The devices after the setup; of one that pystack cannot do, what its `ip` commands alone would make."""
    topology = scenario.topology
    host = _host(scenario, topology.setup) or _host(scenario, _ip_commands(topology.setup))
    if host is None:
        return Wiring(ports=frozenset(topology.ports))
    home = {dev: netns.name for netns in host.namespaces.values() for dev in netns.devices}
    pairs = [(dev.name, home[dev.peer]) for dev in host.init.devices if isinstance(dev, Veth) and dev.peer]
    return Wiring(
        ports=frozenset(topology.ports),
        bridges=frozenset(dev.name for dev in host.init.devices if isinstance(dev, Bridge)),
        leads_into={name: netns for name, netns in pairs if netns},
        addresses={address.local: address.dev.name for address in host.init.ipv4.addresses},
    )


def _host(scenario: Scenario, setup: str) -> Host | None:
    try:
        return VirtualLab(replace(scenario.topology, setup=setup), {}, scenario.file, 1).host
    except SideError:
        return None


def _ip_commands(setup: str) -> str:
    return "\n".join(line for line in setup.splitlines() if line.startswith("ip "))
