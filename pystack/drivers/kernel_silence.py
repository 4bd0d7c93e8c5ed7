"""Keeping the kernel silent on a device behind which pystack stands, and saying what talks there all the
same.

Two stacks behind one cable both answer. The kernel's has no switch of its own, so it is told, for this device
alone, not to answer ARP (it would, for any address of the machine), not to forward what comes in there, and
not to speak IPv6. What it still does with a frame, and what other programs do, `what_still_talks` says.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final

from pystack.drivers import kernel_link
from pystack.drivers.kernel_link import Change
from pystack.drivers.kernel_netns import in_netns

SILENT: Final = (
    ("net/ipv4/conf/{}/arp_ignore", "8", "answers ARP on it"),
    ("net/ipv4/conf/{}/forwarding", "0", "forwards the IPv4 packets that arrive there"),
    ("net/ipv6/conf/{}/disable_ipv6", "1", "speaks IPv6 on it"),
)
ETH_P_LLDP: Final = 0x88CC


def keep_silent(ifname: str, changes: list[Change]) -> None:
    """Silence the kernel on a device of the calling thread's namespace; what was changed is noted as it is
    done.
    """
    for template, value, _ in SILENT:
        if change := kernel_link.set_sysctl(ifname, template.format(ifname), value):
            changes.append(change)


def what_still_talks(ifname: str, netns: str = "") -> list[str]:
    """One sentence for everything besides pystack that may answer on a device; raises PortUnavailable."""
    return in_netns(netns, lambda: list(_talkers(ifname)))


def _talkers(ifname: str) -> Iterator[str]:
    if not kernel_link.exists(ifname):
        return
    for template, silent, sentence in SILENT:
        if kernel_link.read_sysctl(template.format(ifname)) not in (silent, None):
            yield f"the kernel {sentence}"
    index = socket.if_nametoindex(ifname)
    yield from _addresses_and_master(index)
    yield from _lldp_listeners(index)


def _addresses_and_master(index: int) -> Iterator[str]:
    from pyroute2 import IPRoute  # a tenth of a second, and only doctor asks

    with IPRoute() as netlink:
        for message in netlink.get_addr(index=index):
            address = message.get_attr("IFA_LOCAL") or message.get_attr("IFA_ADDRESS")
            yield f"the kernel has the address {address}/{message['prefixlen']} on it"
        (link,) = netlink.get_links(index)
        if master := link.get_attr("IFLA_MASTER"):
            (upper,) = netlink.get_links(master)
            yield f"it is a port of the kernel's {upper.get_attr('IFLA_IFNAME')}, which takes its frames too"


def _lldp_listeners(index: int) -> Iterator[str]:
    with open("/proc/thread-self/net/packet") as table:
        next(table)
        for line in table:
            _, _, _, protocol, ifindex, *_ = line.split()
            if int(protocol, 16) == ETH_P_LLDP and int(ifindex) in (0, index):
                yield "a program speaks LLDP on it"
                return
