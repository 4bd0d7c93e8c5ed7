"""A VLAN as a device of its own: what is sent by it leaves by another device with a tag, and what that one
receives with this tag is received here without it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pystack.device import (
    ARPHRD_ETHER,
    IFF_ALLMULTI,
    IFF_LOOPBACK,
    IFF_MASTER,
    IFF_PROMISC,
    IFF_SLAVE,
    IFF_UP,
    NetDevice,
)
from pystack.drop import DEV_READY
from pystack.errors import (
    EEXIST,
    EINVAL,
    EMLINK,
    ENETDOWN,
    EOPNOTSUPP,
    EPROTONOSUPPORT,
    ERANGE,
    NetError,
    NotModelled,
)
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l2.tags import put_tag_back, put_tag_on
from pystack.packet import PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Packet
from pystack.wire.ethernet import ETH_ALEN, ETH_P_8021Q
from pystack.wire.vlan import PRIO_SHIFT, TAGGED, VID_MASK

# include/uapi/linux/if_vlan.h enum vlan_flags
VLAN_FLAG_REORDER_HDR: Final = 1
VLAN_FLAG_GVRP: Final = 2
VLAN_FLAG_LOOSE_BINDING: Final = 4
VLAN_FLAG_MVRP: Final = 8
VLAN_FLAG_BRIDGE_BINDING: Final = 16

_NOT_MODELLED: Final = {
    VLAN_FLAG_GVRP: "gvrp on",
    VLAN_FLAG_MVRP: "mvrp on",
    VLAN_FLAG_BRIDGE_BINDING: "bridge_binding on",
}
_NOT_INHERITED: Final = IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_MASTER | IFF_SLAVE
_EGRESS_BUCKETS: Final = 16
_MAX_NEST_DEV: Final = 8  # devices on top of each other


@dataclass(slots=True)
class VlanOptions:
    """What follows `type vlan`; None where nothing was said."""

    vid: int | None = None
    protocol: int | None = None
    flags: int = 0
    mask: int = 0  # which of the flags were named
    ingress: list[tuple[int, int]] = field(default_factory=list)  # priority of a tag to that of a packet
    egress: list[tuple[int, int]] = field(default_factory=list)  # and the other way round


class VlanDevice(Link):
    """Linux: net/8021q/vlan_dev.c"""

    kind = "vlan"
    min_mtu = 0
    filters_unicast = True
    has_own_header = True

    def __init__(
        self, name: str, real: Link, vid: int, protocol: int = ETH_P_8021Q, address: bytes | None = None
    ) -> None:
        super().__init__(name, real.address if address is None else address, real.mtu)
        self.real = real
        self.vid = vid
        self.protocol = protocol
        self.vlan_flags = VLAN_FLAG_REORDER_HDR
        self.flags = real.flags & ~_NOT_INHERITED
        self.carrier = real.carrier
        self.broadcast = real.broadcast
        self.ingress_priorities: dict[int, int] = {}
        self.egress_priorities: dict[int, int] = {}  # the newest last
        self._real_address = real.address  # as it was when we last looked
        self._synced: set[bytes] = set()  # unicast addresses that the real device hears for us

    def join(self) -> None:
        """From now on the real device hands over what carries our tag. Linux: register_vlan_dev()"""
        if self.level > _MAX_NEST_DEV:
            raise NetError(EMLINK)
        self.real.vlans[self.protocol, self.vid] = self

    @property
    def lower_devices(self) -> tuple[Link]:
        """The one real device."""
        return (self.real,)

    @property
    def is_loose(self) -> bool:
        """Whether it does not go up and down with its real device."""
        return bool(self.vlan_flags & VLAN_FLAG_LOOSE_BINDING)

    @property
    def lower_is_down(self) -> bool:
        """Whether that is why there is no carrier."""
        return self.real.net is self.net and not self.real.carrier

    def finish_header(self, pkt: Packet) -> None:
        """The tag is a part of our link header, if frames are not to be reordered.

        Linux: net/8021q/vlan_dev.c vlan_dev_hard_header()
        """
        if not self.vlan_flags & VLAN_FLAG_REORDER_HDR:
            put_tag_on(pkt, self.protocol, self._tci(pkt))

    def _tci(self, pkt: Packet) -> int:
        return self.egress_priorities.get(pkt.priority, 0) << PRIO_SHIFT | self.vid

    @property
    def operstate(self) -> str:
        """Linux works it out when the device is made: it never says UNKNOWN."""
        state = super().operstate
        return "UP" if state == "UNKNOWN" else state

    # --- frames -----------------------------------------------------------------------------------------

    def transmit(self, pkt: Packet) -> None:
        """Linux: net/8021q/vlan_dev.c vlan_dev_hard_start_xmit()"""
        self.stats.tx_packets += 1
        self.stats.tx_bytes += len(pkt)
        if self.vlan_flags & VLAN_FLAG_REORDER_HDR or pkt.protocol != self.protocol:
            put_tag_on(pkt, self.protocol, self._tci(pkt))
        pkt.dev = self.real
        self.real.net.egress.dev_queue_xmit(pkt)

    def take_in(self, pkt: Packet, tci: int) -> None:
        """Receive what the real device did, its tag taken off.

        Linux: net/8021q/vlan_core.c vlan_do_receive()
        """
        if not self.flags & IFF_UP:
            return self.real.net.drop(pkt, DEV_READY)
        pkt.dev = self
        at = pkt.mac_header
        if pkt.pkt_type == PACKET_OTHERHOST and pkt.data[at : at + ETH_ALEN] == self.address:
            pkt.pkt_type = PACKET_HOST  # an address of our own, which the real device does not know
        if not self.vlan_flags & VLAN_FLAG_REORDER_HDR and self.master is None:
            put_tag_back(pkt, self.protocol, tci)
        pkt.priority = self.ingress_priorities.get(tci >> PRIO_SHIFT, 0)
        stats = self.stats
        stats.rx_packets += 1
        stats.rx_bytes += len(pkt.data) - pkt.network_header
        stats.multicast += pkt.pkt_type == PACKET_MULTICAST
        self.netif_receive_skb(pkt)

    # --- what a user changes ----------------------------------------------------------------------------

    def open(self) -> None:
        """Linux: net/8021q/vlan_dev.c vlan_dev_open()"""
        real = self.real
        if not real.up and not self.is_loose:
            raise NetError(ENETDOWN)
        if self.address != real.address and not self._inherit():
            real.devices.hear(real, self.address, 1)
        self._real_address = real.address
        if real.carrier:
            self.devices.set_carrier(self, True)

    def stop(self) -> None:
        """Linux: net/8021q/vlan_dev.c vlan_dev_stop()"""
        self._sync(set())
        if self.address != self.real.address:
            self.real.devices.hear(self.real, self.address, -1)
        self.devices.set_carrier(self, False)

    def dellink(self) -> None:
        """Linux: net/8021q/vlan.c unregister_vlan_dev()"""
        self.real.vlans.pop((self.protocol, self.vid), None)

    def change_mtu(self, mtu: int) -> None:
        """The tag is not counted, so any MTU of the real device's will do.

        Linux: net/8021q/vlan_dev.c vlan_dev_change_mtu()
        """
        if mtu > self.real.mtu:
            raise NetError(ERANGE)
        self.mtu = mtu

    def set_mac_address(self, address: bytes) -> None:
        """Linux: net/8021q/vlan_dev.c vlan_dev_set_mac_address()"""
        real = self.real
        if self.up and address != real.address:
            real.devices.hear(real, address, 1)
        if self.up and self.address != real.address:
            real.devices.hear(real, self.address, -1)
        self.address = address

    def change_rx_flags(self, flag: int, reasons: int) -> None:
        """Linux: net/8021q/vlan_dev.c vlan_dev_change_rx_flags()"""
        real = self.real
        count = real.devices.set_promiscuity if flag == IFF_PROMISC else real.devices.set_allmulti
        count(real, 1 if reasons else -1)

    def sync_unicast(self) -> None:
        """Linux: net/8021q/vlan_dev.c vlan_dev_set_rx_mode()"""
        self._sync(set(self.unicast_addresses))

    def _sync(self, wanted: set[bytes]) -> None:
        """What we want to hear beside our own address, the real device has to."""
        for address in sorted(wanted ^ self._synced):
            self.real.devices.hear(self.real, address, 1 if address in wanted else -1)
        self._synced = wanted

    def borrowed(self) -> set[bytes]:
        """The addresses that the real device hears because of us."""
        own = {self.address} if self.up and self.address != self.real.address else set()
        return own | self._synced

    def change(self, options: VlanOptions) -> None:
        """`ip link set … type vlan …`; the id stays what it is.

        Linux: net/8021q/vlan_netlink.c vlan_changelink()
        """
        self.vlan_flags = self.vlan_flags & ~options.mask | options.flags & options.mask
        for tagged, priority in options.ingress:
            self.ingress_priorities[tagged & 7] = priority
        for priority, tagged in options.egress:
            self.egress_priorities[priority] = tagged & 7

    def egress_map(self) -> list[tuple[int, int]]:
        """In the order of Linux's listing: by bucket, and there the newest first."""
        newest_first = reversed(self.egress_priorities.items())
        return sorted((pair for pair in newest_first if pair[1]), key=lambda pair: pair[0] % _EGRESS_BUCKETS)

    def ingress_map(self) -> list[tuple[int, int]]:
        """Without what became nothing again."""
        return sorted(pair for pair in self.ingress_priorities.items() if pair[1])

    # --- what becomes of the real device ----------------------------------------------------------------

    def _inherit(self) -> bool:
        """Take the real device's address, unless a user gave us one. Linux: vlan_dev_inherit_address()"""
        if self.address_assigned:
            return False
        self.address = self.real.address
        self.devices.notify(LinkEvent.CHANGEADDR, self)
        return True

    def sync_address(self) -> None:
        """The real device has another address, perhaps. Linux: net/8021q/vlan.c vlan_sync_address()"""
        real, before = self.real, self._real_address
        if before == real.address:
            return
        if not self._inherit():
            if before != self.address == real.address:
                real.devices.hear(real, self.address, -1)
            elif before == self.address != real.address:
                real.devices.hear(real, self.address, 1)
        self._real_address = real.address

    def sync_carrier(self) -> None:
        """Linux: net/core/dev.c netif_stacked_transfer_operstate()"""
        self.devices.set_carrier(self, self.real.carrier)


# --- making one ------------------------------------------------------------------------------------------


def validate(options: VlanOptions | None) -> VlanOptions:
    """What is wrong whatever devices there are. Linux: net/8021q/vlan_netlink.c vlan_validate()"""
    if options is None:
        raise NetError(EINVAL, "8021q: VLAN properties not specified")
    if options.protocol not in (None, *TAGGED):
        raise NetError(EPROTONOSUPPORT, "8021q: Invalid VLAN protocol")
    if options.vid is not None and options.vid >= VID_MASK:
        raise NetError(ERANGE, "8021q: Invalid VLAN id")
    for flag, words in _NOT_MODELLED.items():
        if options.flags & flag:
            raise NotModelled(f"vlan option {words}", ("reorder_hdr", "loose_binding"))
    return options


def new_vlan(
    name: str, real: Link | None, options: VlanOptions, address: bytes | None, mtu: int | None
) -> VlanDevice:
    """Linux: net/8021q/vlan_netlink.c vlan_newlink()"""
    if options.vid is None:
        raise NetError(EINVAL, "8021q: VLAN id not specified")
    if real is None:
        raise NetError(EINVAL, "8021q: link not specified")
    if mtu is not None:
        DeviceTable.check_mtu(VlanDevice(name, real, options.vid), mtu)
    protocol = ETH_P_8021Q if options.protocol is None else options.protocol
    if real.flags & IFF_LOOPBACK or real.type != ARPHRD_ETHER:
        real.net.printk(f"8021q: VLANs not supported on {real.name}")
        raise NetError(EOPNOTSUPP, "8021q: VLANs not supported on device")
    if (protocol, options.vid) in real.vlans:
        raise NetError(EEXIST, "8021q: VLAN device already exists")
    if mtu is not None and mtu > real.mtu:
        raise NetError(EINVAL)
    dev = VlanDevice(name, real, options.vid, protocol, address)
    dev.change(options)
    return dev


# --- the devices of one real device ----------------------------------------------------------------------


def vlans_of(dev: NetDevice) -> list[VlanDevice]:
    """In Linux's order. Linux: vlan_group_for_each_dev()"""
    vlans = [vlan for _, vlan in sorted(dev.vlans.items(), key=lambda item: item[0])]
    return [vlan for vlan in vlans if isinstance(vlan, VlanDevice)]


def follow_real_device(event: LinkEvent, dev: Link) -> None:
    """What happens to a device happens to its VLANs. Linux: net/8021q/vlan.c vlan_device_event()"""
    if not dev.vlans:
        return
    vlans = vlans_of(dev)
    if event is LinkEvent.UP:
        _set_up(vlans)
    elif event is LinkEvent.DOWN:
        for vlan in vlans:
            if vlan.up and not vlan.is_loose:
                vlan.devices.set_down(vlan)
                vlan.sync_carrier()
    elif event is LinkEvent.CHANGE:
        for vlan in vlans:
            vlan.sync_carrier()
    elif event is LinkEvent.CHANGEADDR:
        for vlan in vlans:
            if vlan.up:
                vlan.sync_address()
    elif event is LinkEvent.CHANGEMTU:
        for vlan in vlans:
            if vlan.mtu > dev.mtu:
                vlan.devices.set_mtu(vlan, dev.mtu)
    elif event is LinkEvent.UNREGISTER and dev.devices.is_unregistering(dev):
        for vlan in vlans:
            vlan.devices.unregister(vlan)


def _set_up(vlans: list[VlanDevice]) -> None:
    for vlan in vlans:
        if vlan.up:
            continue
        if not vlan.is_loose:
            vlan.devices.set_up(vlan)
        vlan.sync_carrier()
