"""What can be listened on, in the order in which libpcap offers it."""

from __future__ import annotations

from typing import Final

from pystack.device import IFF_LOOPBACK
from pystack.l2.devices import Link
from pystack.netns import Netns

ANY: Final = "any"
ANY_LINE: Final = "any (Pseudo-device that captures on all interfaces) [Up, Running]"


def listing(netns: Netns) -> list[str]:
    """What -D prints, without the numbers. libpcap: pcap.c add_dev(), get_figure_of_merit()"""
    entries = [
        (_merit(dev), dev.name, _line(dev)) for dev in sorted(netns.devices, key=lambda dev: dev.ifindex)
    ]
    entries.append((0x08000000, ANY, ANY_LINE))
    return [line for _, _, line in sorted(entries, key=lambda entry: entry[0])]


def first_name(netns: Netns) -> str:
    """Where a tcpdump without -i listens."""
    return listing(netns)[0].partition(" ")[0]


def _merit(dev: Link) -> int:
    """The smaller, the earlier."""
    is_loopback = bool(dev.flags & IFF_LOOPBACK)
    merit = 0 if dev.running else 0x80000000
    merit |= 0 if dev.up else 0x40000000
    merit |= 0x20000000 if not is_loopback and not dev.running else 0
    return merit | (0x10000000 if is_loopback else 0)


def _line(dev: Link) -> str:
    is_loopback = bool(dev.flags & IFF_LOOPBACK)
    states = [
        name for name, is_so in (("Up", dev.up), ("Running", dev.running), ("Loopback", is_loopback)) if is_so
    ]
    text = ", ".join(states) or "none"
    if not is_loopback:
        text += ", Connected" if dev.running else ", Disconnected"
    return f"{dev.name} [{text}]"
