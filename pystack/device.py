"""NetDevice, the base of everything a packet can enter or leave by, and the bases of what a packet points at.

A device knows nothing of namespaces: `netif_receive_skb` is handed to it when it is registered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

from pystack.counters import DeviceStats
from pystack.errors import EOPNOTSUPP, NetError
from pystack.wire.ethernet import BROADCAST, ETH_HLEN, ZERO

if TYPE_CHECKING:  # a packet and its device know each other
    from pystack.packet import Packet

# include/uapi/linux/if.h
IFF_UP: Final = 0x1
IFF_BROADCAST: Final = 0x2
IFF_LOOPBACK: Final = 0x8
IFF_POINTOPOINT: Final = 0x10
IFF_RUNNING: Final = 0x40
IFF_NOARP: Final = 0x80
IFF_PROMISC: Final = 0x100
IFF_ALLMULTI: Final = 0x200
IFF_MASTER: Final = 0x400
IFF_SLAVE: Final = 0x800
IFF_MULTICAST: Final = 0x1000
IFF_LOWER_UP: Final = 0x10000

ARPHRD_ETHER: Final = 1
ARPHRD_LOOPBACK: Final = 772
ARPHRD_NONE: Final = 0xFFFE

# What a device can do itself to a frame it sends; the rest is done in software before.
FEATURE_CSUM: Final = 1
FEATURE_TSO4: Final = 2
FEATURE_TSO6: Final = 4
FEATURE_USO: Final = 8
FEATURE_ALL: Final = FEATURE_CSUM | FEATURE_TSO4 | FEATURE_TSO6 | FEATURE_USO

DEFAULT_TX_QUEUE_LEN: Final = 1000

RxHandler = Callable[["Packet"], bool]  # whether the packet was taken
Tap = Callable[["Packet", bool], None]  # the packet, and whether it is leaving


class Route:
    """Base of what `Packet.route` points at: where the packet goes. Linux: struct dst_entry"""

    __slots__ = ()


class Connection:
    """Base of what `Packet.ct` points at: the flow the packet belongs to. Linux: struct nf_conn"""

    __slots__ = ()


class Socket:
    """Base of what `Packet.sock` points at: the local sender. Linux: struct sock"""

    __slots__ = ()

    mc_loop: bool = True  # IP_MULTICAST_LOOP: what is sent to a group of ours comes back
    ifindex: int = 0  # SO_BINDTODEVICE
    uid: int = 0  # whose program opened it: those that run inside the stack are root's
    gid: int = 0
    has_owner: bool = True  # a program's; the stack's own for ICMP belongs to none


class OwnSocket(Socket):
    """The stack's own: what it sends by itself, such as ICMP. Linux: net/ipv4/icmp.c icmp_sk()"""

    __slots__ = ()

    has_owner = False


class NetDevice:
    """Linux: include/linux/netdevice.h struct net_device"""

    kind: str = ""  # what `ip -d link` calls it, empty for a plain device
    type: int = ARPHRD_ETHER
    hard_header_len: int = ETH_HLEN
    features: int = FEATURE_ALL
    min_mtu: int = 68
    max_mtu: int = 65535
    netns_local: bool = False  # may not move to another namespace
    filters_unicast: bool = False  # by more than its own address, so that others need no promiscuity
    has_own_header: bool = False  # finish_header() wants to be asked
    default_qdisc: str = "noqueue"  # what it queues with once it has been up

    def __init__(self, name: str, address: bytes = ZERO, mtu: int = 1500) -> None:
        self.name = name
        self.ifindex = 0  # given when registered
        self.address = address
        self.perm_address = address
        self.address_assigned = False  # set by a user, so the bridge must not choose another
        self.broadcast = BROADCAST
        self.mtu = mtu
        self.flags = IFF_BROADCAST | IFF_MULTICAST
        self.gflags = 0  # PROMISC and ALLMULTI as a user asked for them; a bridge or a tap asks otherwise
        self.carrier = True
        self.carrier_changes = 0
        self.promiscuity = 0
        self.allmulti = 0
        self.group = 0
        self.alias = ""
        self.tx_queue_len = DEFAULT_TX_QUEUE_LEN
        self.qdisc = "noop"  # as `ip link` shows it
        self.master: NetDevice | None = None
        self.port: object | None = None  # the master's notes about this device (bridge port)
        self.vlans: dict[tuple[int, int], NetDevice] = {}  # VLAN devices on this one, by protocol and number
        self.rx_handler: RxHandler | None = None
        self.taps: tuple[Tap, ...] = ()
        self.watchers: dict[int, tuple[Tap, ...]] = {}  # taps behind the rx_handler, by EtherType
        self.unicast_addresses: dict[bytes, int] = {}  # besides its own, which it takes in as well
        self.promiscuous_for_them = False
        self.multicast_addresses: dict[bytes, int] = {}
        self.stats = DeviceStats()
        self.netif_receive_skb: Callable[[Packet], None] = _not_registered

    def __repr__(self) -> str:
        return f"<{self.kind or 'device'} {self.ifindex}: {self.name}>"

    @property
    def up(self) -> bool:
        """The user wants it up."""
        return bool(self.flags & IFF_UP)

    @property
    def running(self) -> bool:
        """Up, and something is plugged in. Linux: netif_oper_up()"""
        return bool(self.flags & IFF_UP) and self.carrier

    @property
    def operstate(self) -> str:
        """RFC 2863 state as `ip link` prints it; a device whose carrier never changed says UNKNOWN.

        Linux: net/core/link_watch.c default_operstate()
        """
        if not self.flags & IFF_UP:
            return "DOWN"
        if not self.carrier:
            return "LOWERLAYERDOWN" if self.lower_is_down else "DOWN"
        return "UP" if self.carrier_changes else "UNKNOWN"

    @property
    def lower_is_down(self) -> bool:
        """Whether a device of this namespace that this one stands on has no carrier itself."""
        return False

    @property
    def lower_devices(self) -> Sequence[NetDevice]:
        """Those that it sends and receives by. Linux: netdev_for_each_lower_dev()"""
        return ()

    @property
    def level(self) -> int:
        """How many devices are stacked, with this one on top. Linux: dev->lower_level"""
        return 1 + max((dev.level for dev in self.lower_devices), default=0)

    def stands_on(self, other: NetDevice) -> bool:
        """Whether the other is this one, or anywhere below it. Linux: netdev_has_upper_dev()"""
        return self is other or any(dev.stands_on(other) for dev in self.lower_devices)

    def transmit(self, pkt: Packet) -> None:
        """Send a frame whose mac_header is set; accounts for the packet. Linux: ndo_start_xmit"""
        raise AssertionError(f"{self.name} cannot send")

    def finish_header(self, pkt: Packet) -> None:
        """The link header is in place; add to it what this kind of device puts there. Linux: header_ops"""

    def take_in(self, pkt: Packet, tci: int) -> None:
        """Receive a frame that another device had for this one, by the tag that was taken off it."""
        raise AssertionError(f"{self.name} is no VLAN")

    def open(self) -> None:
        """Called when the device is set up; NetError if it cannot be. Linux: ndo_open"""

    def stop(self) -> None:
        """Called when the device is set down. Linux: ndo_stop"""

    def dellink(self) -> None:
        """Called first when the device is deleted, still in its place. Linux: rtnl_link_ops.dellink"""

    def change_mtu(self, mtu: int) -> None:
        """Take an MTU that was found valid. Linux: ndo_change_mtu"""
        self.mtu = mtu

    def set_mac_address(self, address: bytes) -> None:
        """Take a station address that was found valid. Linux: ndo_set_mac_address"""
        self.address = address

    def change_rx_flags(self, flag: int, reasons: int) -> None:
        """PROMISC or ALLMULTI came or went. Linux: ndo_change_rx_flags"""

    def sync_unicast(self) -> None:
        """Other unicast addresses are to be heard. Linux: ndo_set_rx_mode"""

    def add_slave(self, dev: NetDevice) -> None:
        """Take `dev` as a port. Linux: ndo_add_slave"""
        raise NetError(EOPNOTSUPP)

    def del_slave(self, dev: NetDevice) -> None:
        """Let a port go. Linux: ndo_del_slave"""
        raise NetError(EOPNOTSUPP)

    def uninit(self) -> None:
        """Called when the device leaves its namespace for ever. Linux: ndo_uninit"""

    def add_tap(self, tap: Tap) -> None:
        """Show every frame that enters or leaves to `tap`, before anything else sees it.

        Linux: dev_add_pack(ETH_P_ALL)
        """
        self.taps = (*self.taps, tap)

    def add_watcher(self, protocol: int, tap: Tap) -> None:
        """Show frames of one EtherType that no rx_handler took, before the protocol gets them.

        Linux: dev_add_pack() for one protocol
        """
        self.watchers[protocol] = (tap, *self.watchers.get(protocol, ()))

    def remove_watcher(self, protocol: int, tap: Tap) -> None:
        """Stop showing."""
        left = tuple(known for known in self.watchers.get(protocol, ()) if known != tap)
        if left:
            self.watchers[protocol] = left
        else:
            self.watchers.pop(protocol, None)

    def remove_tap(self, tap: Tap) -> None:
        """Stop showing."""
        self.taps = tuple(known for known in self.taps if known != tap)


def _not_registered(pkt: Packet) -> None:
    raise AssertionError(f"{pkt.dev.name} is in no namespace")
