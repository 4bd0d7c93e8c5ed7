"""[uplink]: the port that it stands for, and what makes it a way out inside pystack."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Network, NetmaskValueError
from typing import Final

from pystack.daemon.names import TAKEN, is_device_name, is_netns_name
from pystack.daemon.settings import UPLINK, Complaint, Port, SetupText, UplinkSettings

SETUP: Final = """\
sysctl -qw net.ipv4.ip_forward=1
ip address add {own} dev {device}
ip link set {device} up
ip route add default via {kernel} dev {device} metric 4096
"""
# Networks that the kernel is not told of it cannot route back to: they go out as this stack.
HIDE: Final = "iptables -t nat -A POSTROUTING -o {device} -j MASQUERADE\n"


def read_uplink(settings: UplinkSettings, place: str) -> tuple[Port, SetupText, list[Complaint]]:
    """The port and the commands of a section; worth something only if there is no complaint."""
    complaints: list[Complaint] = []
    if not is_device_name(settings.ifname) or settings.ifname in TAKEN:
        complaints.append(("ifname", "not a device name"))
    if not is_netns_name(settings.netns):
        complaints.append(("netns", "neither a name nor a path of a network namespace"))
    strange = [text for text in settings.networks if _network(text) is None]
    complaints += [("networks", f"{text!r} is no network (such as 10.0.0.0/24)") for text in strange]
    link = _network(settings.link)
    if link is None or link.prefixlen > 30:
        complaints.append(("link", f"{settings.link!r} is no network with room for two (such as a /30)"))
        link = IPv4Network("0.0.0.0/30")
    kernel, own = link[1], link[2]
    commands = SETUP if settings.networks else SETUP + HIDE
    text = commands.format(device=UPLINK, kernel=kernel, own=f"{own}/{link.prefixlen}")
    return Port(UPLINK, "uplink", settings, place), SetupText("[uplink]", text), complaints


def _network(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text)
    except (AddressValueError, NetmaskValueError, ValueError):
        return None
