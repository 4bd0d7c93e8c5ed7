"""What a scenario's setup makes of the first namespace's devices, asked from pystack: it costs two
milliseconds.
"""

from __future__ import annotations

from dataclasses import replace

from pystack.compare.lab.side import SideError
from pystack.compare.lab.virtual_lab import VirtualLab
from pystack.compare.scenario import Scenario
from pystack.explain import path_kind
from pystack.explain.path_kind import Wiring
from pystack.host import Host


def wiring_of(scenario: Scenario) -> Wiring:
    """The devices after the setup; of one that pystack cannot do, what its `ip` commands alone would make."""
    topology = scenario.topology
    host = _host(scenario, topology.setup) or _host(scenario, _ip_commands(topology.setup))
    if host is None:
        return Wiring(ports=frozenset(topology.ports))
    return path_kind.wiring_of(host, host.init, topology.ports)


def _host(scenario: Scenario, setup: str) -> Host | None:
    try:
        return VirtualLab(replace(scenario.topology, setup=setup), {}, scenario.file, 1).host
    except SideError:
        return None


def _ip_commands(setup: str) -> str:
    return "\n".join(line for line in setup.splitlines() if line.startswith("ip "))
