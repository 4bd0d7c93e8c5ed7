"""What a scenario's setup makes of the first namespace's devices, asked from pystack: it costs two
milliseconds.
"""

from __future__ import annotations

from pystack.compare.lab.side import SideError
from pystack.compare.lab.virtual_lab import VirtualLab
from pystack.compare.path import Wiring
from pystack.compare.scenario import Scenario
from pystack.l2.bridge import Bridge
from pystack.l2.veth import Veth


def wiring_of(scenario: Scenario) -> Wiring:
    """The devices after the setup; of a setup that pystack cannot do, the ports alone."""
    topology = scenario.topology
    try:
        host = VirtualLab(topology, {}, scenario.file, scenario.setup_line).host
    except SideError:
        return Wiring(ports=frozenset(topology.ports))
    home = {dev: netns.name for netns in host.namespaces.values() for dev in netns.devices}
    pairs = [(dev.name, home[dev.peer]) for dev in host.init.devices if isinstance(dev, Veth) and dev.peer]
    return Wiring(
        ports=frozenset(topology.ports),
        bridges=frozenset(dev.name for dev in host.init.devices if isinstance(dev, Bridge)),
        leads_into={name: netns for name, netns in pairs if netns},
        addresses={address.local: address.dev.name for address in host.init.ipv4.addresses},
    )
