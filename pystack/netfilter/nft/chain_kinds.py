"""At which hooks chains of each type hang, in each family."""

from __future__ import annotations

from typing import Final

from pystack.errors import ENOENT, EOPNOTSUPP
from pystack.netfilter.hooks import (
    ARP_FORWARD,
    ARP_IN,
    ARP_OUT,
    FORWARD,
    INPUT,
    NETDEV_EGRESS,
    NETDEV_INGRESS,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
)
from pystack.netfilter.nft.editor import TYPE, Rejected
from pystack.netfilter.nft.table import ARP, BRIDGE, INET, IP, IP6, NETDEV

INET_INGRESS: Final = 5  # Linux: include/uapi/linux/netfilter.h NF_INET_INGRESS

_IP: Final = {
    "prerouting": PREROUTING,
    "input": INPUT,
    "forward": FORWARD,
    "output": OUTPUT,
    "postrouting": POSTROUTING,
}
_HOOKS: Final = {
    IP: _IP,
    IP6: _IP,
    INET: {**_IP, "ingress": INET_INGRESS},
    BRIDGE: _IP,
    ARP: {"input": ARP_IN, "forward": ARP_FORWARD, "output": ARP_OUT},
    NETDEV: {"ingress": NETDEV_INGRESS, "egress": NETDEV_EGRESS},
}
_ARP_HOOKS: Final = ("input", "output")
_NAT_HOOKS: Final = ("prerouting", "input", "output", "postrouting")
_ROUTE_HOOKS: Final = ("output",)
_CONNTRACK_PRIORITY: Final = -200


def hook_number(family: str, hook: str) -> int:
    """Of a hook by the name that nft gives it."""
    return _HOOKS[family][hook]


def check_kind(family: str, kind: str, hook: str, priority: int) -> None:
    """Raises Rejected. Linux: net/netfilter/nf_tables_api.c nft_chain_parse_hook()"""
    if kind != "filter" and family not in (IP, IP6, INET):
        raise Rejected(ENOENT, TYPE)
    hooks = _ARP_HOOKS if family == ARP else tuple(_HOOKS[family])
    hooks = {"nat": _NAT_HOOKS, "route": _ROUTE_HOOKS}.get(kind, hooks)
    if hook not in hooks or (kind == "nat" and priority <= _CONNTRACK_PRIORITY):
        raise Rejected(EOPNOTSUPP)
