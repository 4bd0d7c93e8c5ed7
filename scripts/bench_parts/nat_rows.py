"""Routers that masquerade: pystack and the kernel, with twenty rules on the way, beside the bare relay.

[ NAME-a: eth0 10.8.0.2 ] -- 10.8.0.1 the router 10.9.0.1 -- [ NAME-b: eth0 10.9.0.2 ]

The far end has no way back to the near one, so that nothing comes back unless it was masqueraded.
"""

from __future__ import annotations

import sys
from typing import Final

from scripts.bench_parts.contestant import FAR, IFNAME, Contestant, write
from scripts.bench_parts.contestants import PystackBridge, RelayPeer
from scripts.bench_parts.results import PYSTACK

KERNEL_ROUTER: Final = "kernel router"
NEAR: Final = "10.8.0.2"
_GATEWAY: Final = "10.8.0.1"
_OUTSIDE: Final = "10.9.0.1"

# As people write them: by address, by port, by several ports; at last what decides for nearly every packet.
_RULES: Final = (
    *(f"-s 198.51.100.{number} -j DROP" for number in range(8)),
    *(f"-p tcp --dport {port} -j DROP" for port in (23, 135, 139, 445, 3389, 5900)),
    *(f"-p udp -m multiport --dports {port},{port + 1} -j DROP" for port in (1900, 5353, 11211)),
    "-m conntrack --ctstate INVALID -j DROP",
    "-p icmp -m icmp --icmp-type 8 -m limit --limit 1000/sec -j ACCEPT",
    "-m conntrack --ctstate NEW,ESTABLISHED,RELATED -j ACCEPT",
)
RULES: Final = (
    *(f"iptables -A FORWARD {rule}" for rule in _RULES),
    "iptables -P FORWARD DROP",
    "iptables -t nat -A POSTROUTING -s 10.8.0.0/24 -j MASQUERADE",
)
assert len(_RULES) == 20, "the rows are named after them"

_CONFIGURATION: Final = """\
name = "bench"
setup_text = \"\"\"
ip link set port1 up
ip link set port2 up
ip addr add {gateway}/24 dev port1
ip addr add {outside}/24 dev port2
sysctl -w net.ipv4.ip_forward=1
{rules}
\"\"\"

[port.port1]
driver = "tap"
ifname = "{ifname}"
netns = "{near}"

[port.port2]
driver = "tap"
ifname = "{ifname}"
netns = "{far}"

[daemon]
socket = "{socket}"
"""


class PystackRouter(PystackBridge):
    """The daemon between two networks."""

    name = PYSTACK

    def start(self) -> None:
        text = _CONFIGURATION.format(
            gateway=_GATEWAY,
            outside=_OUTSIDE,
            rules="\n".join(RULES),
            ifname=IFNAME,
            near=self.near,
            far=self.far,
            socket=self.socket,
        )
        path = write(self.folder / "router.toml", text)
        self.spawn_until_ready([sys.executable, "-m", "pystack", "run", "-c", path])

    def configure_ends(self) -> None:
        configure(self)


class KernelRouter(Contestant):
    """A namespace of the kernel's, with the same rules."""

    name = KERNEL_ROUTER
    programs = (("iptables", "iptables"),)

    @property
    def middle(self) -> str:
        """The router's namespace."""
        return f"{self.tag}-r"

    def start(self) -> None:
        lab, middle = self.lab, self.middle
        lab.add_netns(middle)
        for port, netns, address in (("p1", self.near, _GATEWAY), ("p2", self.far, _OUTSIDE)):
            peer = ["type", "veth", "peer", "name", IFNAME, "netns", netns]
            lab.run(["ip", "-n", middle, "link", "add", port, *peer])
            lab.run(["ip", "-n", middle, "addr", "add", f"{address}/24", "dev", port])
            lab.run(["ip", "-n", middle, "link", "set", port, "up"])
        for line in ("sysctl -qw net.ipv4.ip_forward=1", *RULES):
            lab.run(line.split(), netns=middle)

    def configure_ends(self) -> None:
        configure(self)

    def stop(self) -> None:
        super().stop()
        self.lab.del_netns(self.middle)


def configure(contestant: Contestant) -> None:
    """Addresses in two networks, and the near end's way out."""
    run = contestant.lab.run
    for netns, address in ((contestant.near, NEAR), (contestant.far, FAR)):
        run(["ip", "-n", netns, "address", "add", f"{address}/24", "dev", IFNAME])
        run(["ip", "-n", netns, "link", "set", IFNAME, "up"])
    run(["ip", "-n", contestant.near, "route", "add", "default", "via", _GATEWAY])


ROUTERS: Final[tuple[type[Contestant], ...]] = (PystackRouter, RelayPeer, KernelRouter)
