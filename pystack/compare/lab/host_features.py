"""Which features of features.py this kernel and its tools have: tried, in a namespace of their own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Final

from pystack.compare.lab.errors import LabUnavailable
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.side import SideError

_BRIDGE_CHAIN: Final = (
    "nft add table bridge trial; nft 'add chain bridge trial c { type filter hook input priority 0; }'"
)

# What succeeds where the feature is there, both in the kernel and as a tool.
TRIALS: Final[Mapping[str, str]] = {
    "arptables": "arptables -A INPUT -j ACCEPT",
    "arptables-legacy": "arptables-legacy -L",
    "br_netfilter": "sysctl -n net.bridge.bridge-nf-call-iptables",
    "conntrack": "conntrack -L",
    "dummy": "ip link add trial type dummy",
    "ebtables": "ebtables -A INPUT -j ACCEPT",
    "ebtables-broute": "ebtables-legacy -t broute -L",
    "ebtables-legacy": "ebtables-legacy -L",
    "ipset": "ipset create trial hash:ip",
    "iptables-legacy": "iptables-legacy -L",
    "iptables-nft": "iptables-nft -A INPUT -j ACCEPT",
    "nft": "nft add table ip trial",
    "nft-bridge-reject": f"{_BRIDGE_CHAIN}; nft add rule bridge trial c reject",
    "nft-bridges": f"{_BRIDGE_CHAIN}; nft add rule bridge trial c meta ibrname trial",
    "nft-netdev-reject": (
        "ip link add trial type bridge; nft add table netdev trial; "
        "nft 'add chain netdev trial c { type filter hook ingress device trial priority 0; }'; "
        "nft add rule netdev trial c reject"
    ),
    "nft-queue": "nft add table ip trial; nft add chain ip trial c; nft add rule ip trial c queue",
    "traceroute": "traceroute --version",
    "vlan": "ip link add trial type bridge; ip link add link trial name trial.5 type vlan id 5",
    "vrf": "ip link add trial type vrf table 10",
}


def missing_here(needs: Collection[str]) -> list[str]:
    """Those of them that cannot be had here. Raises SideError where nothing can be tried at all."""
    try:
        return [name for name in needs if not _is_here(name)]
    except LabUnavailable as error:
        raise SideError([str(error)], missing=True) from error


@cache  # a kernel and its tools stay what they are for as long as we run
def _is_here(name: str) -> bool:
    with KernelNetns() as kernel:
        return kernel.run(TRIALS[name]).rc == 0
