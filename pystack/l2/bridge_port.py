"""What a bridge notes about one of its ports."""

from __future__ import annotations

from typing import Final

from pystack.l2.devices import Link
from pystack.l2.vlan_device import VlanDevice

# Linux: include/uapi/linux/if_bridge.h
BR_STATE_DISABLED: Final = 0
BR_STATE_LISTENING: Final = 1
BR_STATE_LEARNING: Final = 2
BR_STATE_FORWARDING: Final = 3
BR_STATE_BLOCKING: Final = 4

STATE_NAMES: Final = ("disabled", "listening", "learning", "forwarding", "blocking")

PORT_BITS: Final = 10
MAX_PORTS: Final = 1 << PORT_BITS
DEFAULT_PRIORITY: Final = 0x8000 >> PORT_BITS

# By what a device says of its speed; TAP and veth say 10 Gbit/s. Linux: net/bridge/br_if.c port_cost()
COST_BY_KIND: Final = {"tun": 2, "veth": 2}
COST_UNKNOWN: Final = 100


def port_cost(dev: Link) -> int:
    """Linux: net/bridge/br_if.c port_cost()"""
    while isinstance(dev, VlanDevice):
        dev = dev.real
    return COST_BY_KIND.get(dev.kind, COST_UNKNOWN)


class BridgePort:
    """Linux: net/bridge/br_private.h struct net_bridge_port"""

    __slots__ = (
        "admin_cost",
        "bcast_flood",
        "dev",
        "flood",
        "group_fwd_mask",
        "hairpin",
        "isolated",
        "learning",
        "locked",
        "mcast_flood",
        "number",
        "path_cost",
        "priority",
        "state",
    )

    def __init__(self, dev: Link, number: int) -> None:
        self.dev = dev
        self.number = number
        self.priority = DEFAULT_PRIORITY
        self.path_cost = port_cost(dev)
        self.admin_cost = False  # set by a user
        self.state = BR_STATE_DISABLED
        self.learning = True
        self.flood = True  # unicast to nobody known
        self.mcast_flood = True
        self.bcast_flood = True
        self.hairpin = False
        self.isolated = False
        self.locked = False
        self.group_fwd_mask = 0

    def __repr__(self) -> str:
        return f"<port {self.number}({self.dev.name}): {STATE_NAMES[self.state]}>"

    @property
    def port_id(self) -> int:
        """Priority and number in one, as `ip -d link` shows it. Linux: br_make_port_id()"""
        return self.priority << PORT_BITS | self.number

    @property
    def may_learn(self) -> bool:
        """Linux: nbp_state_should_learn()"""
        return self.state in (BR_STATE_LEARNING, BR_STATE_FORWARDING)
